/**
 * The double of Google is itself tested: what it lets through, no contract test would notice.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { Google, SignInPageError, type User } from "../support/google.ts";
import { type RunningGoogle, startGoogle } from "./server.ts";

const REDIRECT = "http://app.test/auth/callback";
const GMAIL_SCOPE = "https://www.googleapis.com/auth/gmail.readonly";
const VERIFIER = "v".repeat(43);

let running: RunningGoogle;
let google: Google;
let user: User;

beforeAll(async () => {
  running = await startGoogle();
  google = new Google(running.origin);
  await google.configure({ clients: [{ id: "client", secret: "secret" }], redirectUris: [REDIRECT] });
  user = await google.addUser({ mailbox: { messages: 1234 } });
});
afterAll(() => running.close());

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return Buffer.from(digest).toString("base64url");
}

async function authorizationUrl(changes: Record<string, string | null> = {}): Promise<string> {
  const url = new URL(`${google.origin}/o/oauth2/v2/auth`);
  const parameters: Record<string, string | null> = {
    client_id: "client",
    redirect_uri: REDIRECT,
    response_type: "code",
    scope: `openid email profile ${GMAIL_SCOPE}`,
    access_type: "offline",
    state: crypto.randomUUID(),
    nonce: crypto.randomUUID(),
    code_challenge: await challengeOf(VERIFIER),
    code_challenge_method: "S256",
    ...changes,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== null) url.searchParams.set(name, value);
  return url.href;
}

async function newCode(changes: Record<string, string | null> = {}): Promise<string> {
  const callback = new URL(await google.consent(await authorizationUrl(changes), { user: user.email }));
  return callback.searchParams.get("code") ?? "";
}

async function post(
  path: string,
  form: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(google.origin + path, { method: "POST", body: new URLSearchParams(form) });
  return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) };
}

async function exchange(code: string, changes: Record<string, string> = {}): Promise<Awaited<ReturnType<typeof post>>> {
  return post("/token", {
    grant_type: "authorization_code",
    client_id: "client",
    client_secret: "secret",
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    code,
    ...changes,
  });
}

const pageSchema = z.object({
  messages: z.array(z.object({ id: z.string() })).optional(),
  nextPageToken: z.string().optional(),
});
type Page = z.infer<typeof pageSchema>;

async function list(accessToken: string, query: string): Promise<{ status: number; page: Page }> {
  const response = await fetch(`${google.origin}/gmail/v1/users/me/messages?${query}`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  return { status: response.status, page: pageSchema.parse(await response.json()) };
}

describe("authorization endpoint", () => {
  test.each([
    ["an unregistered redirect URI", { redirect_uri: `${REDIRECT}/` }, "redirect_uri_mismatch"],
    ["an unknown client", { client_id: "x" }, "invalid_client"],
    ["a plain challenge", { code_challenge_method: null }, "invalid_request"],
    ["a challenge of the wrong length", { code_challenge: "abc" }, "invalid_request"],
    ["no state", { state: null }, "invalid_request"],
    ["no nonce", { nonce: null }, "invalid_request"],
    ["prompt=none with another", { prompt: "none consent" }, "invalid_request"],
    ["online access", { access_type: "online" }, "invalid_request"],
  ])("refuses %s on its own page and notes a violation", async (_what, changes, error) => {
    const before = (await google.snapshot()).violations.length;
    await expect(google.consent(await authorizationUrl(changes))).rejects.toMatchObject({
      name: SignInPageError.name,
      error,
    });
    expect((await google.snapshot()).violations.length).toBe(before + 1);
  });

  test("answers a denial, with issuer and state", async () => {
    const url = await authorizationUrl({ state: "a-state-of-some-length" });
    const callback = new URL(await google.consent(url, { user: user.email, deny: true }));
    expect(Object.fromEntries(callback.searchParams)).toEqual({
      state: "a-state-of-some-length",
      iss: "https://accounts.google.com",
      error: "access_denied",
    });
  });
});

describe("token endpoint", () => {
  test("narrows a refresh to the scopes that it asks for, and refuses what was not granted (RFC 6749 §6)", async () => {
    const issued = (await exchange(await newCode({ prompt: "consent" }))).body;
    const refresh = (scope: string) =>
      post("/token", {
        grant_type: "refresh_token",
        client_id: "client",
        client_secret: "secret",
        refresh_token: String(issued["refresh_token"]),
        scope,
      });
    const narrow = await refresh("openid email");
    expect(narrow.body["scope"]).toBe("openid https://www.googleapis.com/auth/userinfo.email");
    const headers = { authorization: `Bearer ${String(narrow.body["access_token"])}` };
    expect((await fetch(`${google.origin}/gmail/v1/users/me/messages`, { headers })).status).toBe(403);
    const wide = await refresh("openid https://mail.google.com/");
    expect([wide.status, wide.body["error"]]).toEqual([400, "invalid_scope"]);
  });

  test("gives a refresh token only when the consent page was shown", async () => {
    await google.act({ action: "revokeGrant", email: user.email });
    expect((await exchange(await newCode())).body).toHaveProperty("refresh_token");
    expect((await exchange(await newCode())).body).not.toHaveProperty("refresh_token");
    const last = (await exchange(await newCode({ prompt: "consent" }))).body;
    expect(last["refresh_token"]).toBe(await google.refreshToken(user));
  });

  test("takes a code once, and ends what its first use issued", async () => {
    const code = await newCode();
    const first = await exchange(code);
    expect(first.status).toBe(200);
    expect((await exchange(code)).body["error"]).toBe("invalid_grant");
    expect((await list(String(first.body["access_token"]), "")).status).toBe(401);
  });

  test.each([
    ["a wrong secret", { client_secret: "x" }, 401, "invalid_client"],
    ["a wrong verifier", { code_verifier: "w".repeat(43) }, 400, "invalid_grant"],
    ["another redirect URI", { redirect_uri: "http://app.test/" }, 400, "redirect_uri_mismatch"],
  ])("refuses %s", async (_what, changes, status, error) => {
    const answer = await exchange(await newCode(), changes);
    expect([answer.status, answer.body["error"]]).toEqual([status, error]);
  });

  test("ends the whole grant when any of its tokens is revoked", async () => {
    const issued = (await exchange(await newCode({ prompt: "consent" }))).body;
    expect((await post("/revoke", { token: String(issued["access_token"]) })).status).toBe(200);
    const refreshed = await post("/token", {
      grant_type: "refresh_token",
      client_id: "client",
      client_secret: "secret",
      refresh_token: String(issued["refresh_token"]),
    });
    expect(refreshed.body["error"]).toBe("invalid_grant");
    await expect(google.refreshToken(user)).rejects.toThrow("no live refresh token");
    expect((await post("/revoke", { token: "unknown" })).status).toBe(400);
  });
});

describe("messages.list", () => {
  test("pages through a mailbox, newest first, whatever its oddities", async () => {
    const accessToken = String((await exchange(await newCode())).body["access_token"]);
    const plain = await allIds(accessToken, "maxResults=500");
    expect(plain.length).toBe(1234);
    expect(plain).toEqual(plain.toSorted().toReversed());
    await google.configure({ listing: { emptyPages: [0, 2], shortBy: 3 } });
    expect(await allIds(accessToken, "maxResults=200")).toEqual(plain);
    await google.configure({ listing: { emptyPages: [], shortBy: 0, overlap: 2 } });
    const overlapping = await allIds(accessToken, "maxResults=100");
    expect(overlapping.length).toBeGreaterThan(1234);
    expect([...new Set(overlapping)]).toEqual(plain);
    await google.configure({ listing: { overlap: 0 } });
  });

  test("refuses a page token with other filters, and more than 500 a page", async () => {
    const accessToken = String((await exchange(await newCode())).body["access_token"]);
    const token = encodeURIComponent((await list(accessToken, "q=subject:report")).page.nextPageToken ?? "");
    expect((await list(accessToken, `q=subject:report&pageToken=${token}`)).status).toBe(200);
    expect((await list(accessToken, `q=subject:lunch&pageToken=${token}`)).status).toBe(400);
    expect((await list(accessToken, "maxResults=501")).status).toBe(400);
  });

  test("fails on demand, as often as it is told", async () => {
    const accessToken = String((await exchange(await newCode())).body["access_token"]);
    await google.fault("list", { named: "tooManyRequests", detail: "7", times: 2, after: 1 });
    const statuses = [];
    for (let n = 0; n < 4; n += 1) statuses.push((await list(accessToken, "")).status);
    expect(statuses).toEqual([200, 429, 429, 200]);
    await google.fault("list", { disconnect: true });
    await expect(list(accessToken, "")).rejects.toThrow();
    await google.fault("list", { truncated: true });
    await expect(list(accessToken, "")).rejects.toThrow();
  });
});

test("a batch answers each part under its Content-ID, in another order", async () => {
  const accessToken = String((await exchange(await newCode())).body["access_token"]);
  const [first, second] = (await list(accessToken, "maxResults=2")).page.messages ?? [];
  await google.fault("part", { named: "tooManyRequests", match: second?.id ?? "" });
  const response = await fetch(`${google.origin}/batch/gmail/v1`, {
    method: "POST",
    headers: { authorization: `Bearer ${accessToken}`, "content-type": "multipart/mixed; boundary=b" },
    body: `${part(first?.id)}${part(second?.id)}--b--`,
  });
  const text = await response.text();
  const replies = text.split(/--batch_[^\r]*/).filter((piece) => piece.includes("HTTP/1.1"));
  expect(replies.map((piece) => [/response-(\w+)/.exec(piece)?.[1], /HTTP\/1.1 (\d+)/.exec(piece)?.[1]])).toEqual([
    [second?.id, "429"],
    [first?.id, "200"],
  ]);
});

async function allIds(accessToken: string, query: string): Promise<string[]> {
  const ids: string[] = [];
  let token = "";
  do {
    const { page } = await list(accessToken, query + token);
    ids.push(...(page.messages ?? []).map(({ id }) => id));
    token = page.nextPageToken === undefined ? "" : `&pageToken=${encodeURIComponent(page.nextPageToken)}`;
  } while (token !== "");
  return ids;
}

/** One part of a batch, with the boundary `b`. */
function part(id: string | undefined): string {
  return `--b\r\nContent-Type: application/http\r\nContent-ID: <${id}>\r\n\r\nGET /gmail/v1/users/me/messages/${id}?format=minimal\r\n\r\n`;
}
