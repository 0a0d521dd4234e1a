/** Requests as Google's clients write them: long GETs as POST, gzip, whole URLs in batches. What is not honoured is refused by its name. */
import { parseBatch } from "../../src/gmail/batch.ts";
import { makeToken, withToken } from "../support/api-tokens.ts";
import type { Outgoing } from "../support/browser.ts";
import {
  type ClientBatch,
  dotnetBatch,
  javaBatch,
  javaLongGet,
  phpBatch,
  rubyBatch,
} from "../support/client-batches.ts";
import { describe, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { queryOf } from "../support/google.ts";
import { GMAIL_READONLY, signedIn } from "../support/scenes.ts";

const MESSAGES = "/gmail/v1/users/me/messages";
const FORM = "application/x-www-form-urlencoded";
const SCOPES = `openid email profile ${GMAIL_READONLY} https://www.googleapis.com/auth/gmail.modify`;

async function scene(open: Parameters<typeof signedIn>[0], access = "full") {
  const signed = await signedIn(open, { vars: { GOOGLE_SCOPES: SCOPES } });
  const { token } = await makeToken(signed.browser, { name: "script", access });
  const listed = await withToken(signed.stage, token, { path: `${MESSAGES}?maxResults=2` });
  const { messages }: { messages: { id: string }[] } = await listed.json();
  await signed.google.forgetCalls();
  const send = (request: Outgoing) => withToken(signed.stage, token, request);
  return { ...signed, send, ids: messages.map(({ id }) => id) };
}

async function gzip(text: string): Promise<Uint8Array> {
  const zipped = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(zipped).arrayBuffer());
}

/** Not text(): the runtime warns of that for a batch. */
async function textOf(response: Response): Promise<string> {
  return new TextDecoder().decode(await response.arrayBuffer());
}

/** A search that no client would put into a URL. */
const LONG_SEARCH = Array.from({ length: 60 }, (_, index) => `rfc822msgid:${index}.é@mail.test`).join(" OR ");
const LONG_QUERY = new URLSearchParams([
  ["q", LONG_SEARCH],
  ["labelIds", "INBOX"],
  ["labelIds", "UNREAD"],
  ["maxResults", "5"],
]).toString();

function longGet(headers: Record<string, string> = {}, body: string | Uint8Array = LONG_QUERY): Outgoing {
  const own = { "content-type": FORM, "x-http-method-override": "GET" };
  return { method: "POST", path: MESSAGES, headers: { ...own, ...headers }, body };
}

describe("a POST with X-HTTP-Method-Override: GET", () => {
  test.for<[client: string, headers: Record<string, string>]>([
    ["Python", { accept: "application/json", "accept-encoding": "gzip, deflate", "user-agent": "(gzip)" }],
    [".NET", { "content-type": FORM, "x-goog-api-client": "gl-dotnet/8.0.0 gdcl/1.68.0" }],
    ["Java", { "content-type": `${FORM}; charset=UTF-8` }],
    ["in small letters", { "x-http-method-override": "get" }],
  ])("is the GET that is meant: %s", async ([, headers], { open }) => {
    const { google, send } = await scene(open);
    const response = await send(longGet(headers));
    expect(response.status, await response.clone().text()).toBe(200);
    expect(response.headers.get("x-gmail-quota-units")).toBe("5");
    const [list] = await google.calls("list");
    expect(list?.method).toBe("GET");
    expect([...(list === undefined ? [] : queryOf(list))]).toEqual([...new URLSearchParams(LONG_QUERY)]);
    expect(list?.headers).not.toHaveProperty("x-http-method-override");
    expect(list?.headers).not.toHaveProperty("content-type");
  });

  test("may come as gzip, as Java's client sends it", async ({ open }) => {
    const { google, send } = await scene(open);
    const response = await send(longGet({ "content-encoding": "gzip" }, await gzip(LONG_QUERY)));
    expect(response.status, await response.clone().text()).toBe(200);
    const [list] = await google.calls("list");
    expect([...(list === undefined ? [] : queryOf(list))]).toEqual([...new URLSearchParams(LONG_QUERY)]);
  });

  test("adds its form to the query that the URL has", async ({ open }) => {
    const { google, send } = await scene(open);
    const response = await send({ ...longGet({}, "q=ana"), path: `${MESSAGES}?maxResults=1` });
    expect(response.status).toBe(200);
    const [list] = await google.calls("list");
    expect(Object.fromEntries(list === undefined ? [] : queryOf(list))).toEqual({ maxResults: "1", q: "ana" });
  });

  test("needs the access of the GET", async ({ open }) => {
    const list = await scene(open, "list");
    expect((await list.send(longGet())).status).toBe(200);
    const get = { ...longGet({}, "format=minimal"), path: `${MESSAGES}/${list.ids[0]}` };
    await expectError(await list.send(get), 403, "PERMISSION_DENIED");
    expect(await list.google.count("get")).toBe(0);
  });

  test.for<[title: string, request: Outgoing, parameter: string]>([
    ["with a parameter twice", longGet({}, "q=a&q=b"), "q"],
    ["with a parameter in the URL and in the form", { ...longGet({}, "q=a"), path: `${MESSAGES}?q=b` }, "q"],
    ["with a parameter that is not Gmail's", longGet({}, "callback=f"), "callback"],
    ["with JSON", longGet({ "content-type": "application/json" }, "{}"), "Content-Type"],
    ["with a form that is no UTF-8", longGet({}, "q=%ff"), "q"],
  ])("%s is refused by the name", async ([, request, parameter], { open }) => {
    const { google, send } = await scene(open);
    expect((await expectError(await send(request), 400, "INVALID_ARGUMENT")).metadata["parameter"]).toBe(parameter);
    expect(await google.count()).toBe(0);
  });

  test("goes to Google as a form again where a URL would be too long", async ({ open }) => {
    const { google, send } = await scene(open);
    const words = Array.from({ length: 2_000 }, (_, index) => `word${index}`).join(" OR ");
    const query = new URLSearchParams({ q: `subject:"nothing like it" (${words})`, maxResults: "5" }).toString();
    expect(query.length).toBeGreaterThan(20_000);
    const response = await send(longGet({}, query));
    expect(await response.json()).not.toHaveProperty("messages");
    const [list] = await google.calls("list");
    expect(list).toMatchObject({ method: "POST", body: query });
    expect(list?.headers).toMatchObject({ "x-http-method-override": "GET", "content-type": FORM });
    expect(response.headers.get("x-gmail-quota-units")).toBe("5");
  });

  test("with more than a URL may hold is refused", async ({ open }) => {
    const { google, send } = await scene(open);
    await expectError(await send(longGet({}, `q=${"x".repeat(40_000)}`)), 413, "INVALID_ARGUMENT");
    expect(await google.count()).toBe(0);
  });
});

describe("a header that changes what a request means is refused by its name, and Google is not called:", () => {
  const GET: Outgoing = { path: `${MESSAGES}?maxResults=1` };
  const POST: Outgoing = { method: "POST", path: `${MESSAGES}/0/modify`, body: "{}" };
  test.for<[name: string, value: string, request: Outgoing]>([
    ["X-HTTP-Method-Override", "DELETE", POST],
    ["X-HTTP-Method-Override", "PATCH", POST],
    ["X-HTTP-Method-Override", "HEAD", POST],
    ["X-HTTP-Method-Override", "GET, GET", POST],
    ["X-HTTP-Method-Override", "DELETE", GET],
    ["X-HTTP-Method-Override", "POST", GET],
    ["X-HTTP-Method-Override", "GET", { method: "DELETE", path: `${MESSAGES}/0` }],
    ["X-HTTP-Method-Override", "GET", { method: "POST", path: "/api/tokens", body: "{}" }],
    ["X-HTTP-Method-Override", "GET", { method: "POST", path: "/batch/gmail/v1", body: "" }],
    ["X-HTTP-Method", "GET", POST],
    ["X-HTTP-Method", "MERGE", POST],
    ["X-Method-Override", "DELETE", { path: "/api/me" }],
    ["X-Goog-FieldMask", "messages.id", GET],
    ["X-Goog-FieldMask", "*", { method: "POST", path: "/batch/gmail/v1", body: "" }],
    ["X-Goog-Api-Key", "AIzaOther", GET],
    ["X-Goog-Upload-Protocol", "resumable", POST],
    ["X-Upload-Content-Type", "message/rfc822", POST],
    ["Content-Range", "bytes 0-9/20", POST],
    ["Expect", "200-ok", GET],
  ])("%s: %s", async ([name, value, request], { open }) => {
    const { google, send } = await scene(open);
    const response = await send({ ...request, headers: { ...request.headers, [name]: value } });
    const { message, metadata } = await expectError(response, 400, "INVALID_ARGUMENT");
    expect(metadata["parameter"]).toBe(name);
    expect(message).toContain(name);
    expect(await google.count()).toBe(0);
  });

  test("what changes nothing is let through", async ({ open }) => {
    const { send } = await scene(open);
    for (const headers of [
      { "x-http-method-override": "GET" },
      { "x-goog-user-project": "p" },
      { "content-encoding": "identity" },
    ]) {
      expect((await send({ ...GET, headers })).status).toBe(200);
    }
  });

  test.for(["If-Modified-Since", "If-Range", "If-Unmodified-Since", "Range", "X-Goog-Quota-User"])(
    "%s reaches Google",
    async (name, { open }) => {
      const { google, send } = await scene(open);
      await send({ ...GET, headers: { [name]: "bytes=0-1" } });
      expect((await google.calls("list"))[0]?.headers[name.toLowerCase()]).toBe("bytes=0-1");
    },
  );

  test.for(["/upload/gmail/v1/users/me/messages/send?uploadType=media", "/resumable/upload/gmail/v1/users/me/drafts"])(
    "an upload says what to do instead: %s",
    async (path, { open }) => {
      const { google, send } = await scene(open);
      const headers = { "content-type": "message/rfc822" };
      const { message } = await expectError(await send({ method: "POST", path, headers, body: "a" }), 404, "NOT_FOUND");
      expect(message).toMatch(/upload.* raw/);
      expect(await google.count()).toBe(0);
    },
  );
});

describe("a body with Content-Encoding: gzip", () => {
  const JSON_TYPE = { "content-type": "application/json; charset=UTF-8" };

  test.for(["gzip", "x-gzip", "GZIP"])(
    "is inflated, and reaches Google as it is meant: %s",
    async (coding, { open }) => {
      const { google, ids, send } = await scene(open);
      const body = JSON.stringify({ addLabelIds: ["STARRED"] });
      const request = { method: "POST", path: `${MESSAGES}/${ids[0]}/modify`, body: await gzip(body) };
      const response = await send({ ...request, headers: { ...JSON_TYPE, "content-encoding": coding } });
      expect(response.status, await response.clone().text()).toBe(200);
      const [modify] = await google.calls("modify");
      expect(modify?.body).toBe(body);
      expect(modify?.headers).not.toHaveProperty("content-encoding");
    },
  );

  test("that holds nothing is no body, as Java's client sends a POST without one", async ({ open }) => {
    const { google, ids, send } = await scene(open);
    const headers = { "content-encoding": "gzip" };
    for (const body of [await gzip(""), new Uint8Array()]) {
      const response = await send({ method: "POST", path: `${MESSAGES}/${ids[0]}/trash`, headers, body });
      expect(response.status, await response.clone().text()).toBe(200);
    }
    expect((await google.calls("modify")).map(({ body }) => body)).toEqual(["", ""]);
  });

  test("is read by every address that reads a body", async ({ open }) => {
    const { browser } = await scene(open);
    const headers = { ...JSON_TYPE, accept: "application/json", "content-encoding": "gzip" };
    const body = await gzip('{"name":"zipped"}');
    const response = await browser.fetch("/api/tokens", { method: "POST", headers, body });
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject({ name: "zipped" });
  });

  test("may be a batch", async ({ open }) => {
    const { ids, send, stage } = await scene(open);
    const { type, body } = javaBatch(stage.origin, [{ method: "GET", path: `${MESSAGES}/${ids[0]}?format=minimal` }]);
    const headers = { "content-type": type, "content-encoding": "gzip" };
    const response = await send({ method: "POST", path: "/batch/gmail/v1", headers, body: await gzip(body) });
    expect(response.status).toBe(200);
    expect(await textOf(response)).toContain(`"id": "${ids[0]}"`);
  });

  test.for<[title: string, spoil: (zipped: Uint8Array) => Uint8Array]>([
    ["is not gzip", () => new TextEncoder().encode("{}")],
    ["is cut off", (zipped) => zipped.slice(0, -3)],
    ["goes on behind its end", (zipped) => new Uint8Array([...zipped, 0x7b])],
    ["has a wrong checksum", (zipped) => zipped.map((byte, index) => (index === zipped.length - 6 ? byte ^ 1 : byte))],
  ])("that %s is refused", async ([, spoil], { open }) => {
    const { google, send } = await scene(open);
    const headers = { ...JSON_TYPE, "content-encoding": "gzip" };
    const body = spoil(await gzip('{"addLabelIds":["STARRED"]}'));
    const response = await send({ method: "POST", path: `${MESSAGES}/0/modify`, headers, body });
    expect((await expectError(response, 400, "INVALID_ARGUMENT")).metadata["parameter"]).toBe("Content-Encoding");
    expect(await google.count()).toBe(0);
  });

  test.for(["br", "deflate", "zstd", "gzip, gzip", "compress"])(
    "of another coding is 415: %s",
    async (coding, { open }) => {
      const { google, send } = await scene(open);
      const headers = { ...JSON_TYPE, "content-encoding": coding };
      const response = await send({ method: "POST", path: `${MESSAGES}/0/modify`, headers, body: "{}" });
      expect(response.headers.get("accept-encoding")).toBe("gzip");
      expect((await expectError(response, 415, "INVALID_ARGUMENT")).metadata["parameter"]).toBe("Content-Encoding");
      expect(await google.count()).toBe(0);
    },
  );

  test("may become no longer than any other body", async ({ open }) => {
    const { browser, google } = await scene(open);
    const headers = { ...JSON_TYPE, accept: "application/json", "content-encoding": "gzip" };
    const body = await gzip(`{"name":"${" ".repeat(5_000_000)}"}`);
    expect(body.byteLength).toBeLessThan(6_000);
    await expectError(await browser.fetch("/api/tokens", { method: "POST", headers, body }), 413, "INVALID_ARGUMENT");
    expect(await google.count()).toBe(0);
  });
});

describe("a batch of a client of Google's", () => {
  type Write = (origin: string, calls: Parameters<typeof javaBatch>[1]) => ClientBatch;
  test.for<[client: string, write: Write]>([
    ["Java", javaBatch],
    [".NET", dotnetBatch],
    ["PHP", (origin, calls) => phpBatch(new URL(origin).host, calls)],
    ["Ruby", (origin, calls) => rubyBatch(new URL(origin).host, calls)],
  ])("%s does what it is meant to do", async ([, write], { open }) => {
    const { google, ids, send, stage } = await scene(open);
    const body = '{"addLabelIds":["STARRED"]}';
    const batch = write(stage.origin, [
      { method: "GET", path: `${MESSAGES}/${ids[0]}?format=minimal` },
      { method: "POST", path: `${MESSAGES}/${ids[1]}/modify`, body },
    ]);
    const headers = { "content-type": batch.type };
    const response = await send({ method: "POST", path: "/batch/gmail/v1", headers, body: batch.body });
    const text = await textOf(response);
    expect(response.status, text).toBe(200);
    expect(response.headers.get("x-gmail-quota-units")).toBe("25");
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    const [sent] = await google.calls("batch");
    expect(sent?.body).toMatch(/\r\nGET \/gmail\/v1\/users\/me\/messages\/\w+\?format=minimal HTTP\/1\.1\r\n/);
    expect(sent?.body).not.toMatch(/https?:|of-the-whole/);
    expect(sent?.body).toContain(body);
  });

  test("Java's may hold a long search", async ({ open }) => {
    const { google, send, stage } = await scene(open);
    const batch = javaLongGet(stage.origin, MESSAGES, LONG_QUERY);
    const headers = { "content-type": batch.type };
    const response = await send({ method: "POST", path: "/batch/gmail/v1", headers, body: batch.body });
    expect(response.headers.get("x-gmail-quota-units")).toBe("5");
    const replies = parseBatch(response.headers.get("content-type"), await textOf(response));
    expect(replies?.get("1")?.status).toBe(200);
    const [sent] = await google.calls("batch");
    const [, target = ""] = /\r\nGET (\S+) HTTP\/1\.1\r\n/.exec(sent?.body ?? "") ?? [];
    expect([...new URL(target, "https://google.test").searchParams]).toEqual([...new URLSearchParams(LONG_QUERY)]);
  });

  test.for([
    "https://gmail.googleapis.com",
    "https://www.googleapis.com",
    "http://mail.localhost:1",
    "https://evil.test",
  ])("with a URL of another server is refused with its part: %s", async (origin, { open }) => {
    const { google, ids, send, stage } = await scene(open);
    const own = { method: "GET", path: `${MESSAGES}/${ids[0]}` };
    const { type, body } = javaBatch(stage.origin, [own, own]);
    const second = body.lastIndexOf(`GET ${stage.origin}`);
    const mixed = body.slice(0, second) + body.slice(second).replace(stage.origin, origin);
    const headers = { "content-type": type };
    const response = await send({ method: "POST", path: "/batch/gmail/v1", headers, body: mixed });
    const { message } = await expectError(response, 400, "INVALID_ARGUMENT");
    expect(message).toContain("Part 2 of the batch has the URL of another server");
    expect(message).toContain(stage.origin);
    expect(await google.count()).toBe(0);
  });
});
