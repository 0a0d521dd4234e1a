/**
 * What this Google refuses, and what it does that few tests ask for. All contract tests run on it, so most of it is tested
 * there; what it wrongly lets through, none of them would notice.
 */
import { createRemoteJWKSet, decodeProtectedHeader, importPKCS8, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { Google, type User } from "../support/google.ts";
import { about, issSub } from "../support/security-events.ts";
import { type MadeServiceAccount, makeServiceAccount } from "../support/service-account.ts";
import { messageId } from "./mail/numbered.ts";
import { type RunningGoogle, startGoogle } from "./server.ts";
import { toBase64Url } from "./text.ts";

const REDIRECT = "http://app.test/back";
const GMAIL = "https://www.googleapis.com/auth/gmail.";
const VERIFIER = "v".repeat(43);
type Changes = Readonly<Record<string, string | null>>;

let running: RunningGoogle;
let google: Google;
let ada: User;
/** The authorization header of Ada, who may do everything. */
let login: string;

beforeAll(async () => {
  running = await startGoogle();
  google = new Google(running.origin);
  const clients = [{ id: "client", secret: "secret" }];
  await google.configure({ clients, redirectUris: [REDIRECT], quotaUnitsPerMinute: null, shuffleBatchParts: false });
  ada = await google.addUser({ mailbox: { messages: 1234, spamEvery: 50 } });
  login = await signIn(ada, "https://mail.google.com/");
});
afterAll(() => running.close());

async function authorizationUrl(changes: Changes): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(VERIFIER));
  const url = new URL(`${google.origin}/o/oauth2/v2/auth`);
  const right = { client_id: "client", redirect_uri: REDIRECT, response_type: "code", access_type: "offline" };
  const fresh = { state: crypto.randomUUID(), nonce: crypto.randomUUID(), prompt: "consent", scope: "openid" };
  const pkce = { code_challenge: toBase64Url(new Uint8Array(digest)), code_challenge_method: "S256" };
  for (const [name, value] of Object.entries({ ...right, ...fresh, ...pkce, ...changes }))
    if (value !== null) url.searchParams.set(name, value);
  return url.href;
}

const answerSchema = z.record(z.string(), z.unknown());

async function post(path: string, form: Readonly<Record<string, string>>) {
  const response = await fetch(google.origin + path, { method: "POST", body: new URLSearchParams(form) });
  return { status: response.status, body: answerSchema.parse(await response.json()) };
}

function token(form: Readonly<Record<string, string>>) {
  return post("/token", { client_id: "client", client_secret: "secret", ...form });
}

function presentAssertion(jwt: string, more: Readonly<Record<string, string>> = {}) {
  return post("/token", { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: jwt, ...more });
}

async function exchange(user: User, scope: string, changes: Readonly<Record<string, string>> = {}) {
  const back = new URL(
    await google.consent(await authorizationUrl({ scope: `openid ${scope}` }), { user: user.email }),
  );
  const form = {
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    code: back.searchParams.get("code") ?? "",
    ...changes,
  };
  return { form, ...(await token({ grant_type: "authorization_code", ...form })) };
}

async function signIn(user: User, scope: string): Promise<string> {
  return `Bearer ${String((await exchange(user, scope)).body["access_token"])}`;
}

async function gmail(path: string, { as = login, send }: { as?: string; send?: object } = {}) {
  const init = send === undefined ? {} : { method: "POST", body: JSON.stringify(send) };
  const response = await fetch(`${google.origin}/gmail/v1/users/me/${path}`, {
    ...init,
    headers: { authorization: as },
  });
  // oxlint-disable-next-line typescript/no-explicit-any -- each test knows what it asked for, and fails where it is not there
  return { status: response.status, body: (await response.json().catch(() => null)) as any };
}

describe("the authorization endpoint refuses on its own page", () => {
  test.each<[string, Changes, string]>([
    ["an unregistered redirect URI", { redirect_uri: `${REDIRECT}/` }, "redirect_uri_mismatch"],
    ["an unknown client", { client_id: "x" }, "invalid_client"],
    ["a plain challenge", { code_challenge_method: null }, "invalid_request"],
    ["a challenge of the wrong length", { code_challenge: "abc" }, "invalid_request"],
    ["no state", { state: null }, "invalid_request"],
    ["no nonce", { nonce: null }, "invalid_request"],
    ["prompt=none with another", { prompt: "none consent" }, "invalid_request"],
    ["online access", { access_type: "online" }, "invalid_request"],
  ])("%s, and notes a violation", async (_what, changes, error) => {
    const before = (await google.snapshot()).violations.length;
    await expect(google.consent(await authorizationUrl(changes))).rejects.toMatchObject({ error });
    expect((await google.snapshot()).violations.length).toBe(before + 1);
  });
});

describe("the token endpoint", () => {
  test.each([
    ["a wrong secret", { client_secret: "x" }, "invalid_client"],
    ["a wrong verifier", { code_verifier: "w".repeat(43) }, "invalid_grant"],
    ["another redirect URI", { redirect_uri: "http://app.test/" }, "redirect_uri_mismatch"],
  ])("refuses %s", async (_what, changes, error) => {
    expect((await exchange(ada, "", changes)).body["error"]).toBe(error);
  });

  test("takes a code once, and ends what its first use issued", async () => {
    const first = await exchange(ada, `${GMAIL}readonly`);
    expect((await token({ grant_type: "authorization_code", ...first.form })).body["error"]).toBe("invalid_grant");
    expect((await gmail("profile", { as: `Bearer ${String(first.body["access_token"])}` })).status).toBe(401);
  });

  test("refreshes no scope that was not granted, and nothing after any token was revoked", async () => {
    const user = await google.addUser();
    const { body } = await exchange(user, `${GMAIL}metadata`);
    const refresh = { grant_type: "refresh_token", refresh_token: await google.refreshToken(user) };
    expect((await token({ ...refresh, scope: `${GMAIL}modify` })).body["error"]).toBe("invalid_scope");
    expect((await token(refresh)).body).not.toHaveProperty("refresh_token");
    expect((await post("/revoke", { token: String(body["access_token"]) })).status).toBe(200);
    expect((await token(refresh)).body["error"]).toBe("invalid_grant");
  });
});

describe("an assertion of a service account", () => {
  let account: MadeServiceAccount;
  let noor: User;
  /** A minute ago, in seconds. */
  const issuedAt = Math.floor(Date.now() / 1000) - 60;

  beforeAll(async () => {
    account = await makeServiceAccount();
    noor = await google.addUser({ email: "noor@studio.test", hd: "studio.test" });
    const grant = { scopes: [`${GMAIL}readonly`, `${GMAIL}send`], domains: ["studio.test"] };
    await google.configure({ serviceAccounts: [account.registered(grant)] });
  });

  async function assertion(changes: JWTPayload = {}, { kid = "", pem = "" } = {}): Promise<string> {
    const { private_key = "", private_key_id = "", client_email = "" } = account.file;
    const right = { iss: client_email, aud: `${google.origin}/token`, sub: noor.email, scope: `${GMAIL}readonly` };
    return new SignJWT({ ...right, iat: issuedAt, exp: issuedAt + 3600, ...changes })
      .setProtectedHeader({ alg: "RS256", kid: kid || private_key_id })
      .sign(await importPKCS8(pem || private_key, "RS256"));
  }

  test("opens the user's Gmail, as far as its scopes go, and brings no refresh token", async () => {
    const { status, body } = await presentAssertion(await assertion());
    expect([status, Object.keys(body)]).toEqual([200, ["access_token", "expires_in", "token_type"]]);
    const as = `Bearer ${String(body["access_token"])}`;
    expect((await gmail("profile", { as })).body.emailAddress).toBe(noor.email);
    expect((await gmail(`messages/${messageId(2)}/trash`, { as, send: {} })).status).toBe(403);
    expect(await google.count("token:assertion")).toBe(1);
  });

  test.each<[string, JWTPayload, string, string]>([
    [
      "of an unknown account",
      { iss: "x@y.iam.gserviceaccount.com" },
      "invalid_grant",
      "Invalid grant: account not found",
    ],
    [
      "for another audience",
      { aud: "https://example.com/token" },
      "invalid_grant",
      "Invalid JWT: Failed audience check.",
    ],
    [
      "that has expired",
      { iat: issuedAt - 3600, exp: issuedAt },
      "invalid_grant",
      "Invalid JWT: Token must be a short",
    ],
    ["that lives too long", { exp: issuedAt + 3601 }, "invalid_grant", "Invalid JWT: Token must be a short"],
    ["from the future", { iat: issuedAt + 600 }, "invalid_grant", "Invalid JWT: Token must be a short"],
    ["for a time without end", { exp: 1e15 }, "invalid_grant", "Invalid JWT: "],
    ["for nobody", { sub: "" }, "invalid_grant", "Invalid email or User ID"],
    ["for an unknown user", { sub: "nobody@studio.test" }, "invalid_grant", "Invalid email or User ID"],
    ["without a scope", { scope: "" }, "invalid_scope", "Invalid OAuth scope"],
    [
      "with more scopes than granted",
      { scope: `${GMAIL}readonly ${GMAIL}modify` },
      "unauthorized_client",
      "Client is un",
    ],
  ])("%s is refused", async (_what, claims, error, description) => {
    const { status, body } = await presentAssertion(await assertion(claims));
    expect([status, body["error"]]).toEqual([error === "unauthorized_client" ? 401 : 400, error]);
    expect(body["error_description"]).toContain(description);
  });

  test("for a user of another domain is refused", async () => {
    expect((await presentAssertion(await assertion({ sub: ada.email }))).body["error"]).toBe("unauthorized_client");
  });

  test("by another key, under another kid, or that is none, is refused", async () => {
    const other = await makeServiceAccount();
    const signed = [
      await assertion({}, { pem: other.file["private_key"] ?? "" }),
      await assertion({}, { kid: "another" }),
    ];
    for (const jwt of signed) {
      const { body } = await presentAssertion(jwt);
      expect(body).toEqual({ error: "invalid_grant", error_description: "Invalid JWT Signature." });
    }
    expect((await presentAssertion("no-jwt")).body["error"]).toBe("invalid_grant");
  });

  test("beside a client is refused, and noted as a violation", async () => {
    const before = (await google.snapshot()).violations.length;
    const { body } = await presentAssertion(await assertion(), { client_id: "client", client_secret: "secret" });
    expect(body["error"]).toBe("invalid_request");
    expect((await google.snapshot()).violations.length).toBe(before + 1);
  });

  test("that the administrator no longer allows is refused, and the faults of its endpoint hit it", async () => {
    await google.fault("token:assertion", "internal_failure");
    expect((await presentAssertion(await assertion())).status).toBe(500);
    await google.clearFaults();
    await google.configure({ serviceAccounts: [account.registered({ scopes: [], domains: ["studio.test"] })] });
    expect((await presentAssertion(await assertion())).body["error"]).toBe("unauthorized_client");
  });
});

describe("Gmail", () => {
  test("binds page tokens to their filters, and checks sizes, masks, labels and what scopes allow", async () => {
    const pageToken = (await gmail("messages?q=report")).body.nextPageToken;
    const reader = await signIn(await google.addUser(), `${GMAIL}metadata`);
    const statuses = [];
    for (const [path, as = login, send] of [
      [`messages?q=report&pageToken=${encodeURIComponent(pageToken)}`],
      [`messages?q=lunch&pageToken=${encodeURIComponent(pageToken)}`],
      ["messages?maxResults=501"],
      ["messages?fields=messages/idd"],
      [`messages/${messageId(2)}/modify`, login, { addLabelIds: ["Label_404"] }],
      ["messages?q=report", reader],
      [`messages/${messageId(2)}`, reader],
      [`messages/${messageId(2)}/trash`, reader, {}],
    ] as [string, string?, object?][])
      statuses.push((await gmail(path, { as, ...(send === undefined ? {} : { send }) })).status);
    expect(statuses).toEqual([200, 400, 400, 400, 400, 403, 403, 403]);
  });

  test("searches by the operators that people use, in whole words", async () => {
    const busy = await signIn(await google.addUser({ mailbox: { kind: "busy" } }), `${GMAIL}readonly`);
    const count = async (q: string): Promise<number> => {
      const query = new URLSearchParams({ q, maxResults: "500" }).toString();
      return (await gmail(`messages?${query}`, { as: busy })).body.messages?.length ?? 0;
    };
    for (const q of ["has:attachment", "newer_than:7d is:unread", "older_than:1y", "in:spam", "from:(maya whitfield)"])
      expect(await count(q), q).toBeGreaterThan(0);
    expect(await count("{from:ana from:maya}")).toBe((await count("from:ana")) + (await count("from:maya")));
    expect(await count("from:ana OR from:maya")).toBe(await count("{from:ana from:maya}"));
    expect(await count('"exact words"')).toBeGreaterThan(0);
    for (const q of ['"words exact"', "from:may", "from:ana -from:ana", "invoice in:spam -in:spam"])
      expect(await count(q), q).toBe(0);
    expect(await count("from:lefevre")).toBeGreaterThan(0);
    expect(await count("subject:来週の")).toBeGreaterThan(0);
  });

  test("takes apart what is sent: text, and files that are fetched by an ID of theirs; raw gives it back", async () => {
    const mime = `To: a@example.com\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=
Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: quoted-printable
Content-Type: text/plain; charset=utf-8\r\n\r\nGr=C3=BC=C3=9Fe\r\n--b
Content-Type: text/plain; name=a.txt\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nattached\r\n--b--\r\n`;
    const { body: sent } = await gmail("messages/send", { send: { raw: toBase64Url(mime) } });
    const { body: message } = await gmail(`messages/${sent.id}`);
    const [said, file] = message.payload.parts;
    expect([message.snippet, said.mimeType, file.filename]).toEqual(["Grüße", "text/plain", "a.txt"]);
    const { body: data } = await gmail(`messages/${sent.id}/attachments/${file.body.attachmentId}`);
    expect(Buffer.from(data.data, "base64url").toString().trim()).toBe("attached");
    const other = `messages/${messageId(7)}/attachments/${file.body.attachmentId}`;
    expect((await gmail(other)).status).toBe(400);
    const { raw } = (await gmail(`messages/${sent.id}?format=raw`)).body;
    expect(Buffer.from(raw, "base64url").toString()).toMatch(/^[\x20-\x7e\r\n]*Subject: =\?UTF-8\?B\?/);
  });

  test("tells each change once in its history, and pushes signed notifications where it is watched", async () => {
    const { historyId: start } = (await gmail("profile")).body;
    await google.configure({ push: { audience: "https://mail.test/push" } });
    await gmail("watch", { send: { topicName: "projects/p/topics/t" } });
    await gmail(`messages/${messageId(30)}/modify`, {
      send: { addLabelIds: ["IMPORTANT"], removeLabelIds: ["INBOX"] },
    });
    await google.act({ action: "receiveMail", email: ada.email });
    await google.act({ action: "deleteMail", email: ada.email, id: messageId(31) });
    const { history, historyId } = (await gmail(`history?startHistoryId=${start}`)).body;
    expect(history.map((record: object) => Object.keys(record).at(-1))).toEqual([
      "labelsAdded",
      "labelsRemoved",
      "messagesAdded",
      "messagesDeleted",
    ]);
    expect((await gmail(`history?startHistoryId=${historyId}`)).body.history).toBeUndefined();
    await google.act({ action: "forgetHistory", email: ada.email });
    expect((await gmail(`history?startHistoryId=${start}`)).status).toBe(404);
    // The first of a watch, and none within the same second.
    await expect.poll(() => running.instance.pushes.length).toBe(1);
    const keys = createRemoteJWKSet(new URL(google.vars["GOOGLE_JWKS_URI"] ?? ""));
    const options = { audience: "https://mail.test/push", issuer: "https://accounts.google.com" };
    const [push] = await google.takePushes();
    await jwtVerify(push?.authorization.slice(7) ?? "", keys, options);
    const forged = await google.push(ada, { isForged: true });
    await expect(jwtVerify(forged.authorization.slice(7), keys, options)).rejects.toThrow("signature");
  });

  test.each([
    ["no closing delimiter", "multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\nGET /a\r\n"],
    ["a part of another type", "multipart/mixed; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\nGET /a\r\n--b--"],
    ["no request line", "multipart/mixed; boundary=b", "--b\r\nContent-Type: application/http\r\n\r\nhello\r\n--b--"],
    ["no boundary", "multipart/mixed", "--b--"],
    ["no part", "multipart/mixed; boundary=b", "--b\r\n--b--".slice(5)],
    [
      "a whole URL",
      "multipart/mixed; boundary=b",
      "--b\r\nContent-Type: application/http\r\n\r\nGET http://a/b\r\n--b--",
    ],
  ])("refuses a batch with %s", async (_what, type, body) => {
    const headers = { authorization: login, "content-type": type };
    const response = await fetch(`${google.origin}/batch/gmail/v1`, { method: "POST", headers, body });
    expect(response.status).toBe(400);
  });
});

/** Of forty reads. */
async function readForty(): Promise<number[]> {
  const all = [];
  for (let n = 1; n <= 40; n += 1) all.push((await gmail(`messages/${messageId(n)}?format=minimal`)).status);
  return all;
}

test("a user's minute of quota is enforced where it is limited, and what is above is refused and metered", async () => {
  await google.configure({ quotaUnitsPerMinute: 12 });
  const user = await google.addUser();
  const as = await signIn(user, `${GMAIL}readonly`);
  const before = (await google.snapshot()).meters.overQuota;
  const statuses = [];
  for (const path of ["messages", "messages", "messages", "history?startHistoryId=1025", "profile"])
    statuses.push((await gmail(path, { as })).status);
  expect(statuses).toEqual([200, 200, 403, 200, 403]);
  expect((await google.snapshot()).meters.overQuota).toBe(before + 2);
  await google.configure({ quotaUnitsPerMinute: null });
});

test("faults hit a share of the calls by the seed, so many, or those above a number; what makes no sense is refused", async () => {
  const form = "action=fault&endpoint=get&named=unavailable&share=0.3&times=always";
  const control = (body: string): Promise<Response> =>
    fetch(`${google.origin}/_control`, { method: "POST", body: new URLSearchParams(body) });
  const draws = [];
  for (const seed of [1, 1, 2]) {
    await google.configure({ seed });
    expect((await control(form)).status).toBe(200);
    draws.push((await readForty()).join());
    await google.clearFaults();
  }
  expect(draws[0]).toContain("503");
  expect([draws[0] === draws[1], draws[0] === draws[2]]).toEqual([true, false]);
  await google.fault("get", { maxConcurrent: 1, delayMs: 0, times: "always" });
  await google.fault("get", { delayMs: 300 });
  const both = await Promise.all([1, 2].map((n) => gmail(`messages/${messageId(n)}`)));
  expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 429]));
  await google.clearFaults();
  for (const wrong of ["endpoint=nowhere&status=503", "endpoint=list&named=unheardOf", "endpoint=list&sharee=1"])
    expect((await control(`action=fault&${wrong}`)).status, wrong).toBe(400);
  const rebound = { host: "elsewhere.test", "sec-fetch-site": "cross-site" };
  expect((await fetch(`${google.origin}/_control`, { headers: rebound })).status).toBe(403);
});

test("a security event that is right verifies by its own keys, and is signed by a new one after their rotation", async () => {
  const { jwks_uri: uri } = answerSchema.parse(
    await (await fetch(google.vars["GOOGLE_RISC_CONFIGURATION"] ?? "")).json(),
  );
  const keys = createRemoteJWKSet(new URL(String(uri)));
  const events = about("sessions-revoked", issSub(ada));
  const right = await google.securityEvent({ events });
  expect((await jwtVerify(right, keys, { audience: "client" })).payload["events"]).toEqual(events);
  for (const flaw of ["wrong-key", "unknown-kid", "no-kid", "id-token-key", "tampered", "hs256-public-key"] as const)
    await expect(jwtVerify(await google.securityEvent({ events, flaw }), keys), flaw).rejects.toThrow();
  await google.act({ action: "rotateKeys", of: "security-event" });
  const rotated = await google.securityEvent({ events });
  expect(decodeProtectedHeader(rotated).kid).not.toBe(decodeProtectedHeader(right).kid);
});
