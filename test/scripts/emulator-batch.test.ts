/** The emulated batch endpoint: `POST /batch/gmail/v1`. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGoogleEmulator, type GoogleEmulator } from "../../scripts/emulator/start.ts";
import { BUSY_USER, EMPTY_USER, SMALL_USER } from "../../scripts/emulator/users.ts";
import { composeParts, postBatch, read, readReplies, sendBatch, statuses, type BatchStyle } from "./batch-client.ts";
import { authorizationRequest, CLIENT, decide, exchange, signIn } from "./emulated-sign-in.ts";

const MODIFY_SCOPE = "https://www.googleapis.com/auth/gmail.modify";

let google: GoogleEmulator;
let mine: string;
let theirs: string;
let unscoped: string;
let ids: string[];

beforeAll(async () => {
  google = await startGoogleEmulator(CLIENT);
  mine = (await signIn(google, BUSY_USER.email)).access_token;
  theirs = (await signIn(google, SMALL_USER.email)).access_token;
  const denied = await decide(google, { email: EMPTY_USER.email, decision: "allow", granted: [] });
  unscoped = (await exchange(google, denied)).access_token;
  ids = google.mailOf(BUSY_USER.email).map(({ id }) => id);
});
afterAll(() => google.close());

describe("a batch", () => {
  it("answers each part for itself, with its own status", async () => {
    const replies = await sendBatch(google, mine, [
      read("found", `messages/${ids[0]}?format=minimal`),
      read("missing", "messages/ffffffffffffffff"),
      read("bad-token", "profile", "Authorization: Bearer made-up"),
      read("no-scope", "profile", `Authorization: Bearer ${unscoped}`),
      read("may-not-write", "profile"),
      { contentId: "<write>", head: [`POST /gmail/v1/users/me/messages/${ids[0]}/trash HTTP/1.1`] },
      { contentId: "<other-api>", head: ["GET /oauth2/v2/userinfo"] },
      { contentId: "<nested>", head: ["POST /batch/gmail/v1"] },
    ]);
    expect(statuses(replies)).toEqual({
      "<response-found>": 200,
      "<response-missing>": 404,
      "<response-bad-token>": 401,
      "<response-no-scope>": 403,
      "<response-may-not-write>": 200,
      "<response-write>": 403,
      "<response-other-api>": 404,
      "<response-nested>": 404,
    });
    const found = replies.find(({ status, body }) => status === 200 && body.includes("snippet"));
    expect(JSON.parse(found?.body ?? "")).toMatchObject({ id: ids[0] });
    expect(found?.headers.get("Content-Type")).toContain("application/json");
    expect(Number(found?.headers.get("Content-Length"))).toBe(Buffer.byteLength(found?.body ?? ""));
  });

  it("serves a part with its own token for that token's account", async () => {
    const replies = await sendBatch(google, mine, [
      read("mine", "profile"),
      read("theirs", "profile", `Authorization: Bearer ${theirs}`),
    ]);
    const addresses = replies.map(({ contentId, body }) => [
      contentId,
      (JSON.parse(body) as { emailAddress: string }).emailAddress,
    ]);
    expect(Object.fromEntries(addresses)).toEqual({
      "<response-mine>": BUSY_USER.email,
      "<response-theirs>": SMALL_USER.email,
    });
  });

  it("answers a part without Content-ID by one without", async () => {
    const [reply] = await sendBatch(google, mine, [{ head: ["GET /gmail/v1/users/me/profile"] }]);
    expect([reply?.contentId, reply?.status]).toEqual([null, 200]);
  });

  it("writes, with the body and headers of the part", async () => {
    const params = authorizationRequest({ scope: `openid email profile ${MODIFY_SCOPE}` });
    const callback = await decide(google, {
      email: SMALL_USER.email,
      decision: "allow",
      granted: [MODIFY_SCOPE],
      params,
    });
    const writer = (await exchange(google, callback)).access_token;
    const id = google.mailOf(SMALL_USER.email)[0]?.id;
    const part = {
      contentId: "<write>",
      head: [`POST /gmail/v1/users/me/messages/${id}/modify HTTP/1.1`, "Content-Type: application/json"],
      body: JSON.stringify({ addLabelIds: ["STARRED"], removeLabelIds: [] }),
    };
    const [reply] = await sendBatch(google, writer, [part]);
    expect(reply?.status).toBe(200);
    expect(JSON.parse(reply?.body ?? "")).toMatchObject({ id, labelIds: expect.arrayContaining(["STARRED"]) });
  });

  it("takes 100 parts", async () => {
    const parts = ids.slice(0, 100).map((id) => read(id, `messages/${id}?format=minimal`));
    const replies = await sendBatch(google, mine, parts);
    expect(new Set(replies.map(({ contentId }) => contentId)).size).toBe(100);
    expect(replies.every(({ status }) => status === 200)).toBe(true);
  });

  it.each<[string, BatchStyle]>([
    ["CRLF", { eol: "\r\n" }],
    ["LF", { eol: "\n" }],
    [
      "a quoted boundary",
      { boundary: "=?+(b): /1'", contentType: `Multipart/Mixed; charset=utf-8; boundary="=?+(b): /1'"` },
    ],
  ])("is read with %s", async (_, style) => {
    const body = composeParts([read("1", "profile", "X-Note: --b"), read("2", "messages?maxResults=1")], style);
    const preamble = `To be ignored${style.eol ?? "\r\n"}--bb${style.eol ?? "\r\n"}`;
    const request = {
      accessToken: mine,
      body: preamble + body,
      contentType: style.contentType ?? "multipart/mixed; boundary=b",
    };
    const replies = await readReplies(await postBatch(google, request));
    expect(statuses(replies)).toEqual({ "<response-1>": 200, "<response-2>": 200 });
  });
});

describe("a batch is refused as a whole", () => {
  it("with 401 for a token of the whole that is not live, and parts may bring their own where there is none", async () => {
    const body = composeParts([read("1", "profile", `Authorization: Bearer ${mine}`), read("2", "profile")]);
    const refused = await postBatch(google, { accessToken: "made-up", body });
    expect([refused.status, await refused.json()]).toEqual([
      401,
      {
        error: expect.objectContaining({
          status: "UNAUTHENTICATED",
          errors: [expect.objectContaining({ reason: "authError" })],
        }),
      },
    ]);
    const without = await readReplies(await postBatch(google, { accessToken: null, body }));
    expect(statuses(without)).toEqual({ "<response-1>": 200, "<response-2>": 401 });
  });

  const profile = [read("1", "profile")];
  const whole = composeParts(profile);
  it.each([
    ["more than 100 parts", composeParts(Array.from({ length: 101 }, (_, index) => read(String(index), "profile")))],
    ["no parts", composeParts([])],
    ["another boundary", composeParts(profile, { boundary: "other" })],
    ["no boundary", whole, "multipart/mixed"],
    ["another type", whole, "multipart/form-data; boundary=b"],
    ["no type", whole, "nonsense"],
    ["no end", whole.replace("--b--", "")],
    ["a part of another type", whole.replace("application/http", "application/json")],
    ["a part without a request line", composeParts([{ head: ["Accept: */*"] }])],
    ["a part with a malformed header", composeParts([{ head: ["GET /gmail/v1/users/me/profile", "no colon"] }])],
    [
      "a part with a whole URL",
      composeParts([{ head: ["GET https://gmail.googleapis.com/gmail/v1/users/me/profile"] }]),
    ],
    ["a part with a host", composeParts([{ head: ["GET //other.example/gmail/v1/users/me/profile"] }])],
  ])("with 400 for %s", async (_, body, contentType = "multipart/mixed; boundary=b") => {
    const response = await postBatch(google, { accessToken: mine, body, contentType });
    expect([response.status, await response.json()]).toEqual([
      400,
      {
        error: expect.objectContaining({
          code: 400,
          status: "INVALID_ARGUMENT",
          message: expect.stringContaining("batch"),
        }),
      },
    ]);
  });
});

describe("fields", () => {
  it.each<[string, object]>([
    ["messages/ID?fields=id", { id: "ID" }],
    ["messages/ID?format=minimal&fields=*", { id: "ID", snippet: expect.any(String) }],
    [
      "messages/ID?format=metadata&metadataHeaders=Subject&fields=id,payload/headers(name)",
      { id: "ID", payload: { headers: [{ name: "Subject" }] } },
    ],
    [
      "messages/ID?fields=payload(mimeType),payload/filename",
      { payload: { mimeType: expect.any(String), filename: "" } },
    ],
    ["messages?maxResults=1&fields=messages/id", { messages: [{ id: expect.any(String) }] }],
    [
      "messages?maxResults=1&fields=messages(id),nextPageToken",
      { messages: [{ id: expect.any(String) }], nextPageToken: "1" },
    ],
  ])("cut an answer down: %s", async (path, expected) => {
    const id = ids[0] ?? "";
    const [reply] = await sendBatch(google, mine, [read("1", path.replace("ID", id))]);
    const text = JSON.stringify(JSON.parse(reply?.body ?? "")).replace(id, "ID");
    const answer: unknown = JSON.parse(text);
    expect([reply?.status, answer]).toEqual([200, path.includes("*") ? expect.objectContaining(expected) : expected]);
  });

  it.each(["messages(id", "a,,b", "a b", "id)", "/id", "payload/"])(
    "that are not a mask get 400: %s",
    async (fields) => {
      const [reply] = await sendBatch(google, mine, [read("1", `messages?fields=${encodeURIComponent(fields)}`)]);
      expect(reply?.status).toBe(400);
      expect(reply?.body).toContain("invalidParameter");
    },
  );

  it("leave errors whole", async () => {
    const [reply] = await sendBatch(google, mine, [read("1", "messages/nope?fields=id")]);
    expect(reply?.body).toContain("NOT_FOUND");
  });
});
