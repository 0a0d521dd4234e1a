/** `POST /batch/gmail/v1`: Gmail's batch endpoint for the caller's own mailbox, each part checked as a call of its own. */
import { parseBatch } from "../../src/gmail/batch.ts";
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import type { Outgoing } from "../support/browser.ts";
import { call, GMAIL_READONLY, type Scene, signedIn } from "../support/scenes.ts";

const FULL_SCOPES = `openid email profile ${GMAIL_READONLY} https://mail.google.com/`;
const TYPE = 'multipart/mixed; boundary="===============123=="';

interface Part {
  readonly id?: string;
  readonly line: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A batch as Google's Python client writes it. */
function batchOf(parts: readonly Part[]): string {
  const lines = parts.flatMap(({ id, line, headers = [], body }) => [
    "--===============123==",
    "Content-Type: application/http",
    "MIME-Version: 1.0",
    "Content-Transfer-Encoding: binary",
    ...(id === undefined ? [] : [`Content-ID: <7b841d0c-dc9a-44d8-8078-471346bea451 + ${id}>`]),
    "",
    line,
    ...headers,
    "",
    ...(body === undefined ? [] : [body]),
    "",
  ]);
  return [...lines, "--===============123==--", ""].join("\n");
}

function batchRequest(parts: readonly Part[], headers: Record<string, string> = {}): Outgoing & { method: string } {
  return {
    method: "POST",
    path: "/batch/gmail/v1",
    body: batchOf(parts),
    headers: { "content-type": TYPE, ...headers },
  };
}

/** Status and body of each reply, by the number of its part. */
async function repliesOf(response: Response): Promise<Record<string, [number, unknown]>> {
  const text = new TextDecoder().decode(await response.arrayBuffer());
  expect(response.status, text).toBe(200);
  const replies = parseBatch(response.headers.get("content-type"), text) ?? new Map();
  const read = [...replies].map(([id, { status, body }]) => [
    id.replace(/^.* \+ /, ""),
    [status, body === "" ? null : JSON.parse(body)],
  ]);
  return Object.fromEntries(read);
}

async function scene(open: Parameters<typeof signedIn>[0], scopes?: string, access = "full") {
  const signed = await signedIn(open, scopes === undefined ? {} : { vars: { GOOGLE_SCOPES: scopes } });
  const listing: { messages: { id: string }[] } = await (await call(signed.browser, "/api/messages?limit=3")).json();
  const { token } = await makeToken(signed.browser, { name: "script", access });
  await signed.google.forgetCalls();
  const [one = "", two = "", three = ""] = listing.messages.map(({ id }) => id);
  const send = (parts: readonly Part[], headers?: Record<string, string>) =>
    withToken(signed.stage, token, batchRequest(parts, headers));
  return { ...signed, token, ids: [one, two, three] as const, send };
}

/** What Google was sent as one batch. */
async function sentBatch({ google }: Pick<Scene, "google">) {
  const calls = await google.calls("batch");
  expect(calls).toHaveLength(1);
  return { body: calls[0]?.body ?? "", headers: calls[0]?.headers ?? {} };
}

describe("a batch", () => {
  test("with an API token gives Gmail's answer to each part", { tags: ["process"] }, async ({ open }) => {
    const { google, ids, send, user } = await scene(open);
    const response = await send([
      { id: "1", line: `GET /gmail/v1/users/me/messages/${ids[0]}?format=minimal HTTP/1.1` },
      { id: "2", line: `GET /gmail/v1/users/${user.sub}/messages/${ids[1]}?format=minimal HTTP/1.1` },
      { id: "3", line: `GET /gmail/v1/users/${user.email}/profile` },
      { id: "4", line: "GET /gmail/v1/users/me/messages/0 HTTP/1.1" },
    ]);
    expect(response.headers.get("cache-control")).toContain("no-store");
    expect(response.headers.get("x-gmail-quota-units")).toBe("61");
    expect(await repliesOf(response)).toMatchObject({
      1: [200, { id: ids[0] }],
      2: [200, { id: ids[1] }],
      3: [200, { emailAddress: user.email }],
      4: [404, { error: { code: 404 } }],
    });
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["batch"]);
  });

  test("changes what it is asked to change, bodies and all", async ({ open }) => {
    const setting = await scene(open, FULL_SCOPES);
    const json = ["Content-Type: application/json", "If-Match: etag-1"];
    const name = "Büro – משרד";
    const response = await setting.send([
      {
        id: "1",
        line: `POST /gmail/v1/users/me/messages/${setting.ids[0]}/modify HTTP/1.1`,
        headers: json,
        body: '{"addLabelIds": ["STARRED"]}',
      },
      { id: "2", line: "PATCH /gmail/v1/users/me/labels/Label_1", headers: json, body: JSON.stringify({ name }) },
      { id: "3", line: `DELETE /gmail/v1/users/me/messages/${setting.ids[2]} HTTP/1.1` },
    ]);
    expect(await repliesOf(response)).toMatchObject({
      1: [200, { id: setting.ids[0] }],
      2: [200, { name }],
      3: [204, null],
    });
    const { body } = await sentBatch(setting);
    expect(body.match(/^If-Match: etag-1\r$/gm)).toHaveLength(2);
  });

  test(
    "reaches Google as the calls that were checked, and nothing else of it",
    { tags: ["process"] },
    async ({ open }) => {
      const setting = await scene(open);
      const hidden = [
        "Authorization: Bearer ya29.inner",
        "Cookie: a=b",
        "Host: evil.test",
        "X-Goog-User-Project: other",
      ];
      const own = { "x-forwarded-for": "203.0.113.9", referer: "https://private.test/" };
      await setting.send([{ id: "1", line: `GET /gmail/v1/users/${setting.user.sub}/profile`, headers: hidden }], own);
      const { body, headers } = await sentBatch(setting);
      const [, boundary = ""] = /^multipart\/mixed; boundary=(.+)$/.exec(headers["content-type"] ?? "") ?? [];
      expect(boundary).toMatch(/^batch_[\da-f-]{36}$/);
      expect(body.split("\r\n")).toEqual([
        `--${boundary}`,
        "Content-Type: application/http",
        "Content-ID: <7b841d0c-dc9a-44d8-8078-471346bea451 + 1>",
        "",
        "GET /gmail/v1/users/me/profile HTTP/1.1",
        "",
        "",
        `--${boundary}--`,
        "",
      ]);
      expect(headers["authorization"]).toMatch(/^Bearer ya29\./);
      for (const name of ["cookie", "referer", "x-forwarded-for"]) expect(headers).not.toHaveProperty(name);
    },
  );

  test("refused with 401 as a whole is sent again once, after a refresh", async ({ open }) => {
    const { google, send, user } = await scene(open);
    await google.fault("batch", "authError");
    const replies = await repliesOf(await send([{ id: "1", line: "GET /gmail/v1/users/me/profile" }]));
    expect(replies).toMatchObject({ 1: [200, { emailAddress: user.email }] });
    expect(await google.count("batch")).toBe(2);
  });

  test("that Gmail refuses keeps Gmail's answer", async ({ open }) => {
    const { google, send } = await scene(open);
    await google.fault("batch", { named: "tooManyRequests", headers: { "retry-after": "7" } });
    const response = await send([{ id: "1", line: "GET /gmail/v1/users/me/profile" }]);
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "7"]);
    expect(await response.text()).not.toContain("gmail-edge");
  });
});

describe("a batch with one bad part is refused as a whole, without a call to Google", () => {
  test.for<[number, string]>([
    [403, "GET /gmail/v1/users/other@example.com/messages HTTP/1.1"],
    [403, "DELETE /gmail/v1/users/1/messages/1 HTTP/1.1"],
    [400, "GET /gmail/v1/users/me/../other/messages HTTP/1.1"],
    [400, "GET /gmail/v1/users/me/%2e%2e/other/messages HTTP/1.1"],
    [400, "GET /gmail/v1/users/me/messages%2f1 HTTP/1.1"],
    [400, "GET //evil.test/gmail/v1/users/me/messages HTTP/1.1"],
    [400, "GET https://gmail.googleapis.com/gmail/v1/users/me/messages HTTP/1.1"],
    [400, "POST /batch/gmail/v1 HTTP/1.1"],
    [400, "POST /upload/gmail/v1/users/me/messages/send HTTP/1.1"],
    [400, "GET /drive/v3/files HTTP/1.1"],
    [400, "TRACE /gmail/v1/users/me/messages HTTP/1.1"],
    [400, "nonsense"],
  ])("%d: %s", async ([status, line], { open }) => {
    const { google, send } = await scene(open);
    const response = await send([
      { id: "1", line: "GET /gmail/v1/users/me/profile" },
      { id: "2", line },
    ]);
    await expectError(response, status, status === 403 ? "PERMISSION_DENIED" : "INVALID_ARGUMENT");
    expect(await google.count()).toBe(0);
  });

  test("of 101 parts, of none, and of another type", async ({ open }) => {
    const { google, send } = await scene(open);
    const part = { id: "1", line: "GET /gmail/v1/users/me/profile" };
    await expectError(await send(Array.from({ length: 101 }, () => part)), 400, "INVALID_ARGUMENT");
    await expectError(await send([]), 400, "INVALID_ARGUMENT");
    for (const type of ["application/json", "multipart/form-data; boundary================123==", "multipart/mixed"]) {
      await expectError(await send([part], { "content-type": type }), 400, "INVALID_ARGUMENT");
    }
    expect(await google.count()).toBe(0);
  });
});

describe("who may send a batch", () => {
  const part = { id: "1", line: "GET /gmail/v1/users/me/profile" };

  test("a session from our own pages only", async ({ open }) => {
    const { browser, google, stage } = await scene(open);
    const allowed = await browser.fetch("/batch/gmail/v1", batchRequest([part], { origin: stage.origin }));
    expect(await repliesOf(allowed)).toMatchObject({ 1: [200, {}] });
    await google.forgetCalls();
    const cookie = browser.jar.header() ?? "";
    for (const headers of [
      {},
      { origin: "https://evil.test" },
      { origin: "null" },
      { origin: stage.origin, "sec-fetch-site": "same-site" },
    ]) {
      const request = batchRequest([part], { cookie, ...headers });
      await expectError(await stage.send(request), 403, "PERMISSION_DENIED");
    }
    expect(await google.count()).toBe(0);
  });

  test("nobody without either: 401", async ({ open }) => {
    const stage = await open();
    await expectError(await stage.send(batchRequest([part])), 401, "SIGN_IN_REQUIRED");
    await expectError(await withToken(stage, "gmedge_x", batchRequest([part])), 401, "SIGN_IN_REQUIRED");
  });

  test("by POST only", async ({ open }) => {
    const { stage, token } = await scene(open);
    for (const method of ["GET", "PUT", "DELETE"]) {
      const response = await withToken(stage, token, { method, path: "/batch/gmail/v1" });
      await expectError(response, 405, "METHOD_NOT_ALLOWED");
      expect(response.headers.get("allow")).toBe("POST");
    }
  });
});

describeInside("a batch whose token was revoked elsewhere", () => {
  test("is not sent to Google, although the isolate remembers the token", async ({ open }) => {
    const { browser, google, send, stage } = await scene(open, FULL_SCOPES);
    const line = "DELETE /gmail/v1/users/me/messages/1";
    expect((await send([{ id: "1", line }])).status).toBe(200);
    await google.forgetCalls();
    const elsewhere = inside(stage).redeploy({});
    await elsewhere.send({
      method: "POST",
      path: "/auth/logout?everywhere=true",
      headers: { cookie: browser.jar.header() ?? "", origin: stage.origin },
    });
    await expectError(await send([{ id: "1", line }]), 401, "SIGN_IN_REQUIRED");
    expect(await google.count()).toBe(0);
  });
});
