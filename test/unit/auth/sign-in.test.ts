/** What becomes of a trip to Google, decided without HTTP of ours: real storage, and a Google that answers as told. */
import { at } from "../object/fixtures.ts";
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Credential } from "../../../src/kv-store.ts";
import type { RequestScope } from "../../../src/context.ts";
import type { Session } from "../../../src/auth/session.ts";
import type { TripOutcome } from "../../../src/auth/sign-in.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { openTransaction, type Transaction } from "../../../src/auth/transaction.ts";
import { appErrorOf, CLIENT_ID, CLIENT_SECRET, KEY_B, START_MS } from "../fixtures.ts";
import { CREDENTIAL, failAt, failRead } from "./fixtures-grant.ts";
import {
  type Answers,
  MODIFY,
  READONLY,
  record,
  returning,
  storage,
  TRANSACTION,
  trial,
  USER,
} from "./fixtures-sign-in.ts";

async function addresses(): Promise<number> {
  return (await env.CREDENTIALS.list({ prefix: "address:" })).keys.length;
}

/** The purpose of the trip that has to be made once more. */
async function onceMore(
  scope: RequestScope,
  outcome: TripOutcome,
): Promise<{ url: URL; transaction: Transaction | null }> {
  if (outcome.kind !== "once-more") return expect.fail(`It ended: ${outcome.kind}`);
  const { state, sealedTransaction: value, authorizationUrl } = outcome.trip;
  const transaction = await openTransaction(scope.keyRing, { state, value, nowMs: START_MS });
  return { url: new URL(authorizationUrl), transaction };
}

function sessionOf(outcome: TripOutcome): Session {
  return outcome.kind === "signed-in" ? outcome.session : expect.fail("It was to be signed in");
}

const AGAIN = { returnTo: "/inbox", loginHint: "hint@example.test" };
const CONSENT = { returnTo: "/inbox", loginHint: "ann@example.test", prompt: "consent" };

beforeEach(async () => {
  await reset();
});

describe("a refresh token came", () => {
  test("the user is signed in, and the grant is stored with the address", async () => {
    const { finish } = await trial({ claims: { hd: "example.test" } });
    const outcome = await finish();
    expect(outcome).toMatchObject({ kind: "signed-in", returnTo: "/inbox" });
    expect(outcome).toHaveProperty("session.identity", {
      sub: "1",
      email: USER.email,
      name: USER.name,
      picture: USER.picture,
    });
    expect(outcome).toHaveProperty("session.scopes", ["openid", READONLY]);
    expect(outcome).toHaveProperty("session.accessToken", { value: "at", expiresAtMs: START_MS + 3_600_000 });
    expect(await record()).toEqual({
      ...CREDENTIAL,
      hostedDomain: "example.test",
      refreshToken: "rt",
      scopes: ["openid", READONLY],
    });
    expect(await storage().readAddress(USER.email)).toBe("1");
  });

  test("the object has the session, and where it came from", async () => {
    const { scope, finish } = await trial();
    const { id } = sessionOf(await finish());
    const mailbox = scope.mailboxes.of("1");
    expect(await mailbox.ask("checkSession", id)).toBe(true);
    const device = { device: "Firefox on Linux", place: "Bern, CH" };
    const times = { createdAtMs: START_MS, lastUsedAtMs: START_MS };
    expect(await mailbox.ask("listSessions")).toEqual([{ id, ...device, ...times }]);
  });

  test.each([
    ["the same user's: it has ended", "1", false],
    ["another user's: theirs is no matter of this object", "2", true],
  ])("the session that the browser had was %s", async (_, sub, isInForce) => {
    const { scope, finish } = await trial();
    const first = sessionOf(await finish());
    const previous = { ...first, identity: { ...first.identity, sub } };
    await finish({}, { device: "", place: null, previous });
    expect(await scope.mailboxes.of("1").ask("checkSession", first.id)).toBe(isInForce);
  });

  test("a newer one keeps when the first one came", async () => {
    const { finish } = await returning({ createdAtMs: 7, updatedAtMs: 7 }, { token: { refresh_token: "newer" } });
    await finish();
    await expect.poll(record).toMatchObject({ refreshToken: "newer", createdAtMs: 7, updatedAtMs: START_MS });
  });

  test.each<[string, Answers]>([
    ["is not verified", { claims: { email_verified: false } }],
    ["is missing", { claims: { email: undefined, email_verified: undefined }, userinfo: { email: null } }],
  ])("an address that %s leads to nobody", async (_, answers) => {
    await (await trial(answers)).finish();
    await expect.poll(record).toMatchObject({ emailVerified: answers.userinfo !== undefined });
    expect(await addresses()).toBe(0);
  });

  test.each([true, false])(
    "an address that only userinfo tells is as verified as userinfo says: %j",
    async (verified) => {
      const claims = { email: undefined, email_verified: undefined };
      await (await trial({ claims, userinfo: { email: "b@example.test", email_verified: verified } })).finish();
      await expect.poll(record).toMatchObject({ email: "b@example.test", emailVerified: verified });
      await expect.poll(addresses).toBe(verified ? 1 : 0);
    },
  );

  test("the ID token's address counts before that of userinfo", async () => {
    await (await trial({ userinfo: { email: "other@example.test" } })).finish();
    expect(await record()).toMatchObject({ email: USER.email });
  });
});

describe("no refresh token came", () => {
  test("the stored one will do: the user is signed in, and nothing is written", async () => {
    const { finish } = await returning({ refreshToken: "stored" });
    expect(await finish()).toMatchObject({ kind: "signed-in" });
    expect(await record()).toMatchObject({ refreshToken: "stored" });
    expect((await env.CREDENTIALS.list()).keys).toHaveLength(1);
  });

  test.each<[string, Partial<Credential>]>([
    ["was made for another client", { clientId: "another" }],
    ["covers less than is granted now", { scopes: ["openid"] }],
  ])("the stored one %s: one trip for consent", async (_, changes) => {
    const { scope, finish } = await returning(changes);
    const { url, transaction } = await onceMore(scope, await finish());
    expect(url.searchParams.get("prompt")).toBe("consent");
    expect(url.searchParams.get("login_hint")).toBe(USER.email);
    expect(transaction).toMatchObject({ returnTo: "/inbox", consentForced: true, codeRetried: false });
  });

  test("the stored one is dead, or does not open, or there is none: one trip for consent", async () => {
    const dead = await returning();
    await dead.scope.store.markIdentifierDead("prefix", CREDENTIAL.refreshToken.slice(0, 16));
    expect(await dead.finish()).toMatchObject({ kind: "once-more" });
    await env.CREDENTIALS.put(storageKeys.credential("1"), "rubbish");
    expect(await dead.finish()).toMatchObject({ kind: "once-more" });
    await reset();
    expect(await dead.finish()).toMatchObject({ kind: "once-more" });
  });

  test("the stored one is under a key that is gone: one trip for consent, and the operator is told", async () => {
    using warn = vi.spyOn(console, "warn").mockReturnValue();
    await storage([KEY_B]).writeCredential(CREDENTIAL);
    expect(await (await trial({ token: { refresh_token: undefined } })).finish()).toMatchObject({ kind: "once-more" });
    expect(warn.mock.calls.join()).toMatch(/A credential is sealed under kid b/);
    await env.CREDENTIALS.put(storageKeys.credential("1"), "rubbish");
    await (await trial({ token: { refresh_token: undefined } })).finish();
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test("nor after consent: 403 NO_REFRESH_TOKEN, with the way to try again", async () => {
    const { finish } = await trial({ token: { refresh_token: undefined } });
    const error = await appErrorOf(finish({ consentForced: true }));
    expect(error).toMatchObject({ reason: "NO_REFRESH_TOKEN", code: 403, signInAgain: CONSENT });
  });

  test("storage is down: STORAGE_UNAVAILABLE, and not one more trip", async () => {
    const down = await trial(
      { token: { refresh_token: undefined } },
      { CREDENTIALS: new Proxy(env.CREDENTIALS, { get: failRead }) },
    );
    expect(await appErrorOf(down.finish())).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
  });
});

describe("a new grant does not wait for KV:", () => {
  test.each<[string, string]>([
    ["it cannot be read", "get"],
    ["it takes no writes", "put"],
  ])("%s, and the user is signed in, with a grant that the object keeps", async (_, operation) => {
    const { finish, scope } = await trial({}, { CREDENTIALS: failAt(operation, "credential:") });
    const { id } = sessionOf(await finish());
    const mailbox = scope.mailboxes.of("1");
    expect(await mailbox.ask("checkSession", id)).toBe(true);
    expect(await mailbox.ask("consentedAt", "1")).toBe(START_MS);
  });
});

describe("an outage is told as what it is, and changes nothing:", () => {
  test.each([true, false])("the token endpoint is down, when the code was tried before: %j", async (codeRetried) => {
    const { finish } = await trial({ tokenStatus: 503, token: { error: undefined } });
    expect(await appErrorOf(finish({ codeRetried }))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect(await record()).toBeNull();
  });
});

test("the code is exchanged with what proves that this trip began here (RFC 7636 §4.5)", async () => {
  const { asked, finish } = await trial();
  await finish();
  expect(asked.map((request) => Object.fromEntries(request))).toEqual([
    {
      grant_type: "authorization_code",
      code: "the-code",
      code_verifier: TRANSACTION.codeVerifier,
      redirect_uri: "https://mail.example.test/auth/callback",
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    },
  ]);
});

describe("the code is refused", () => {
  const refused: Answers = { token: { error: "invalid_grant" }, tokenStatus: 400 };

  test("once: the same trip once more, with a new state, nonce and verifier", async () => {
    const { scope, finish } = await trial(refused);
    const { url, transaction } = await onceMore(scope, await finish());
    expect(transaction).toMatchObject({ ...AGAIN, codeRetried: true, consentForced: false });
    expect(transaction?.nonce).not.toBe(TRANSACTION.nonce);
    expect(transaction?.codeVerifier).not.toBe(TRANSACTION.codeVerifier);
    expect(url.searchParams.get("redirect_uri")).toBe("https://mail.example.test/auth/callback");
    expect(url.searchParams.get("login_hint")).toBe(AGAIN.loginHint);
  });

  test("twice: 400 CODE_EXCHANGE_FAILED, Google's code in the log, and the way to try again", async () => {
    const error = await appErrorOf((await trial(refused)).finish({ codeRetried: true }));
    expect(error).toMatchObject({ reason: "CODE_EXCHANGE_FAILED", code: 400, signInAgain: AGAIN });
    expect(error.logDetail).toBe("code exchange: invalid_grant");
    expect(error.cause).toMatchObject({ code: "invalid_grant" });
  });
});

test("everything is ended while Google is asked: SIGN_IN_REQUIRED, with the way to begin again", async () => {
  const { scope, finish } = await trial();
  await scope.mailboxes.of("1").ask("endAll");
  expect(await appErrorOf(finish())).toMatchObject({ reason: "SIGN_IN_REQUIRED", code: 401, signInAgain: AGAIN });
  expect(await record()).toBeNull();
});

describe("who came", () => {
  test.each([{ sub: undefined }, { sub: "2" }])("userinfo says %j: 400 NO_USER_ID", async (userinfo) => {
    const error = await appErrorOf((await trial({ userinfo })).finish());
    expect(error).toMatchObject({ reason: "NO_USER_ID", code: 400, signInAgain: AGAIN });
    expect(await record()).toBeNull();
  });

  test("is disabled by a security event of Google's: 403 ACCOUNT_NOT_ALLOWED, and nothing is stored", async () => {
    const { scope, finish } = await trial();
    await scope.mailboxes.of("1").ask("secure", "1", "disable", at(START_MS));
    const signInAgain = { prompt: "select_account" };
    expect(await appErrorOf(finish())).toMatchObject({ reason: "ACCOUNT_NOT_ALLOWED", code: 403, signInAgain });
    expect(await record()).toBeNull();
  });

  test.each<[string, object, string]>([
    ["the refresh token", {}, "rt"],
    ["the access token, where there is no other", { refresh_token: undefined }, "at"],
  ])("may not come in: 403 ACCOUNT_NOT_ALLOWED, and %s is revoked", async (_, token, given) => {
    const vars = { ALLOWED_ACCOUNTS: "bob@example.test" };
    for (const revocationStatus of [200, 503]) {
      const { finish, revoked } = await trial({ token, revocationStatus }, vars);
      const error = await appErrorOf(finish());
      expect(error).toMatchObject({ reason: "ACCOUNT_NOT_ALLOWED", code: 403 });
      expect(revoked).toEqual([given]);
      expect(await record()).toBeNull();
    }
  });
});

describe("a Gmail scope is missing: 403 SCOPE_REQUIRED, naming what to tick, with the way to consent", () => {
  const vars = { GOOGLE_SCOPES: `openid email ${READONLY} ${MODIFY}` };

  test("Google granted none of them", async () => {
    const error = await appErrorOf((await trial({ token: { scope: "openid" } }, vars)).finish());
    expect(error).toMatchObject({ reason: "SCOPE_REQUIRED", code: 403, signInAgain: CONSENT });
    expect(error.metadata).toEqual({ missingScopes: `${READONLY} ${MODIFY}` });
    expect(error.message).not.toContain("https:");
    expect(error.programMessage).toContain(`${READONLY}, ${MODIFY}`);
    expect(await record()).toBeNull();
  });

  test("of a scope that is empty nothing was granted", async () => {
    const error = await appErrorOf((await trial({ token: { scope: "" } }, vars)).finish());
    expect(error).toMatchObject({ reason: "SCOPE_REQUIRED", code: 403 });
  });

  test("none is where Google does not say what it granted: then it is what was asked for (RFC 6749 §5.1)", async () => {
    const { finish } = await trial({ token: { scope: undefined } }, vars);
    const scopes = ["openid", "email", READONLY, MODIFY];
    expect(await finish()).toMatchObject({ kind: "signed-in", session: { scopes } });
    expect(await record()).toMatchObject({ refreshToken: "rt", scopes });
  });

  test.each([`openid https://mail.google.com/`, `openid ${MODIFY}`])(
    "none is where a wider one was granted: %s",
    async (scope) => {
      const { finish } = await trial({ token: { scope } }, { GOOGLE_SCOPES: `openid ${READONLY}` });
      expect(await finish()).toMatchObject({ kind: "signed-in", session: { scopes: scope.split(" ") } });
    },
  );

  test("the hint is the sub where there is no address", async () => {
    const answers = { claims: { email: undefined }, userinfo: { email: null }, token: { scope: "openid" } };
    const error = await appErrorOf((await trial(answers, vars)).finish());
    expect(error.signInAgain).toEqual({ ...CONSENT, loginHint: "1" });
  });
});
