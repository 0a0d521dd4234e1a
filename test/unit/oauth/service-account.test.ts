import { decodeProtectedHeader, exportPKCS8, generateKeyPair, importJWK, jwtVerify } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { type ServiceAccount, ServiceAccountSchema } from "../../../src/lib/service-account-key.ts";
import { delegatedAccessToken, requireSigningKey } from "../../../src/oauth/service-account.ts";
import { SMALL_USER } from "../../google/accounts.ts";
import { createGoogle } from "../../google/google.ts";
import { configure } from "../../google/state.ts";
import { type MadeServiceAccount, makeServiceAccount } from "../../support/service-account.ts";
import { appErrorOf, configuration, createWorld, json, START_MS, type World } from "../fixtures.ts";

const { google } = configuration();
const READONLY = "https://www.googleapis.com/auth/gmail.readonly";
const SEND = "https://www.googleapis.com/auth/gmail.send";
const USER = {
  email: "noor@studio.example",
  scopes: ["openid", "email", READONLY, "profile", SEND],
  nowMs: START_MS + 999,
};
/** As Google answers: no scope, no refresh token. */
const TOKENS = { access_token: "at", expires_in: 3599, token_type: "Bearer" };

let made: MadeServiceAccount;
let serviceAccount: ServiceAccount;

beforeAll(async () => {
  made = await makeServiceAccount();
  serviceAccount = ServiceAccountSchema.parse(made.file);
});

function formOf({ calls }: World, index = 0): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(calls[index]?.body));
}

describe("the request (RFC 7523 §2.1)", () => {
  test("posts the grant type and the assertion to the token endpoint, and names no client", async () => {
    const world = createWorld(json(TOKENS));
    await delegatedAccessToken(world.upstream, google, serviceAccount, USER);
    expect(world.calls).toHaveLength(1);
    expect(world.calls[0]?.url.href).toBe("https://oauth2.googleapis.com/token");
    expect(world.calls[0]?.method).toBe("POST");
    expect(formOf(world)).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
    });
  });

  test("the assertion is signed by the key that its kid names, for one user, and asks for Gmail scopes only", async () => {
    const world = createWorld(json(TOKENS));
    await delegatedAccessToken(world.upstream, google, serviceAccount, USER);
    const { assertion = "" } = formOf(world);
    const { payload, protectedHeader } = await jwtVerify(assertion, await importJWK(made.publicKey, "RS256"), {
      currentDate: new Date(START_MS),
    });
    expect(protectedHeader).toEqual({ alg: "RS256", typ: "JWT", kid: made.file["private_key_id"] });
    expect(payload).toEqual({
      iss: made.file["client_email"],
      sub: "noor@studio.example",
      aud: "https://oauth2.googleapis.com/token",
      scope: `${READONLY} ${SEND}`,
      iat: START_MS / 1000,
      exp: START_MS / 1000 + 3600,
    });
  });

  test("each account signs with its own key, also after another has", async () => {
    const other = await makeServiceAccount();
    const accounts = [serviceAccount, ServiceAccountSchema.parse(other.file), serviceAccount];
    const world = createWorld(json(TOKENS));
    for (const account of accounts) await delegatedAccessToken(world.upstream, google, account, USER);
    const keys = [made.publicKey, other.publicKey, made.publicKey];
    for (const [index, jwk] of keys.entries()) {
      const { assertion = "" } = formOf(world, index);
      expect(decodeProtectedHeader(assertion).kid).toBe(accounts[index]?.keyId);
      await jwtVerify(assertion, await importJWK(jwk, "RS256"), { currentDate: new Date(START_MS) });
    }
  });
});

/** A local Google where an administrator has authorized these scopes, and a world whose network it is. */
function createGoogleWorld(scopes: string[]): World {
  const local = createGoogle("delegation");
  local.instance.clockOffsetMs = START_MS - Date.now();
  local.instance.users.set(SMALL_USER.email, SMALL_USER);
  configure(local.instance, { serviceAccounts: [made.registered({ scopes, domains: ["studio.example"] })] });
  return createWorld(({ url, headers, body }) => local.fetch(new Request(url, { method: "POST", headers, body })));
}

describe("the local Google", () => {
  test("takes the assertion, and gives what was asked for", async () => {
    const world = createGoogleWorld([READONLY, SEND]);
    const user = { ...USER, email: SMALL_USER.email };
    const tokens = await delegatedAccessToken(world.upstream, google, serviceAccount, user);
    expect(tokens).toMatchObject({ scopes: [READONLY, SEND], refreshToken: null, idToken: null });
    expect(tokens.accessToken).toMatch(/^ya29\./);
  });

  test.each<[string, string[], string, string]>([
    ["a scope that is not authorized", [READONLY], SMALL_USER.email, "unauthorized_client"],
    ["an unknown user", [READONLY, SEND], "nobody@studio.example", "invalid_grant"],
  ])("refuses %s: ACCESS_BLOCKED", async (_, authorized, email, code) => {
    const { upstream } = createGoogleWorld(authorized);
    const error = await appErrorOf(delegatedAccessToken(upstream, google, serviceAccount, { ...USER, email }));
    expect(error).toMatchObject({ reason: "ACCESS_BLOCKED", metadata: { error: code } });
  });
});

describe("the answer", () => {
  test("that does not say which scopes means those that were asked for (RFC 6749 §5.1)", async () => {
    const world = createWorld(json(TOKENS));
    expect(await delegatedAccessToken(world.upstream, google, serviceAccount, USER)).toEqual({
      accessToken: "at",
      expiresInSeconds: 3599,
      scopes: [READONLY, SEND],
      refreshToken: null,
      idToken: null,
    });
  });

  test("that says them is believed", async () => {
    const world = createWorld(json({ ...TOKENS, scope: READONLY }));
    expect((await delegatedAccessToken(world.upstream, google, serviceAccount, USER)).scopes).toEqual([READONLY]);
  });
});

async function refusal(body: object, status = 400) {
  const world = createWorld(json(body, { status }));
  const error = await appErrorOf(delegatedAccessToken(world.upstream, google, serviceAccount, USER));
  expect(world.calls).toHaveLength(1);
  const shown = JSON.stringify([error.message, error.metadata, error.logDetail, error.programMessage]);
  expect(shown).not.toContain(USER.email);
  expect(shown).not.toContain("PRIVATE KEY");
  // Consent changes nothing of this.
  expect(error.signInAgain?.prompt).not.toBe("consent");
  return error;
}

describe("what Google refuses", () => {
  test.each(["unauthorized_client", "access_denied"])(
    "%s: names what the administrator has to enter: client ID and exact scopes",
    async (code) => {
      const error = await refusal({ error: code, error_description: `for ${USER.email}` }, 401);
      expect(error).toMatchObject({ reason: "ACCESS_BLOCKED", code: 403, logDetail: `delegation: ${code}` });
      expect(error.message).toContain(`the client ID ${made.file["client_id"]} `);
      expect(error.message).toContain(`${READONLY},${SEND}`);
      expect(error.message).toContain("Security, API controls, Domain-wide delegation");
      expect(error.metadata).toEqual({
        error: code,
        clientId: made.file["client_id"],
        scopes: `${READONLY},${SEND}`,
      });
    },
  );

  test.each(["Invalid email or User ID", "Not a valid email.", undefined, 1])(
    "invalid_grant, %j: the account is unknown or suspended, and another one may do",
    async (error_description) => {
      const error = await refusal({ error: "invalid_grant", error_description });
      expect(error).toMatchObject({ reason: "ACCESS_BLOCKED", signInAgain: { prompt: "select_account" } });
      expect(error.message).toMatch(/does not know this account.*suspended.*clock/);
    },
  );

  test.each([
    "Invalid JWT Signature.",
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.",
    "Invalid grant: account not found",
  ])("invalid_grant, %j: the operator's key or clock, and no account helps", async (error_description) => {
    const error = await refusal({ error: "invalid_grant", error_description });
    expect(error).toMatchObject({ reason: "ACCESS_BLOCKED", signInAgain: null });
    expect(error.message).toMatch(/key of this site's service account.*clock.*Whoever runs this site/);
    expect(error.logDetail).toContain("GOOGLE_SERVICE_ACCOUNT");
  });

  test.each([
    ["invalid_scope", /GOOGLE_SCOPES/],
    ["admin_policy_enforced", /administrator of your organization/],
    ["org_internal", /service account/],
    ["deleted_client", /deleted/],
    ["disabled_client", /disabled/],
  ])("%s: who can do what", async (code, says) => {
    const error = await refusal({ error: code });
    expect(error).toMatchObject({ reason: "ACCESS_BLOCKED", metadata: { error: code } });
    expect(error.message).toMatch(says);
  });

  test("invalid_client: the operator's fault, named in the log only", async () => {
    const error = await refusal({ error: "invalid_client" }, 401);
    expect(error).toMatchObject({ reason: "INTERNAL", code: 500 });
    expect(error.logDetail).toMatch(/check GOOGLE_SERVICE_ACCOUNT$/);
  });

  test("an error that nobody knows is an outage, as are a 500 and a 429", async () => {
    expect(await refusal({ error: "internal_failure" })).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect(await refusal({ error: "invalid_grant" }, 500)).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect(await refusal({ error: "invalid_grant" }, 429)).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
  });
});

async function expectUnusable(privateKeyPem: string): Promise<void> {
  const account = { ...serviceAccount, privateKeyPem };
  const world = createWorld(json(TOKENS));
  for (const work of [delegatedAccessToken(world.upstream, google, account, USER), requireSigningKey(account)]) {
    const error = await appErrorOf(work);
    expect(error).toMatchObject({ reason: "INTERNAL", code: 500 });
    expect(error.logDetail).toMatch(/^GOOGLE_SERVICE_ACCOUNT: private_key/);
  }
  expect(world.calls).toEqual([]);
}

describe("a key that cannot sign is the operator's fault, and no call is made", () => {
  test("since it is no key", () => expectUnusable("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));

  test("since it is of an elliptic curve", async () => {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    await expectUnusable(await exportPKCS8(privateKey));
  });

  test("unlike one that Google makes", async () => {
    await expect(requireSigningKey(serviceAccount)).resolves.toBeUndefined();
  });
});

describe("the key file", () => {
  test("is read, and members that are not ours are ignored", () => {
    expect(serviceAccount).toEqual({
      email: made.file["client_email"],
      clientId: made.file["client_id"],
      keyId: made.file["private_key_id"],
      privateKeyPem: made.file["private_key"],
    });
  });

  test.each<[string, unknown, string]>([
    ["type", "authorized_user", 'type must be "service_account"'],
    ["client_email", "nobody", "client_email must be an address"],
    ["client_id", "abc.apps.googleusercontent.com", "client_id must be digits, as text"],
    ["client_id", 1234, "client_id is missing"],
    ["private_key_id", "", "private_key_id must not be empty"],
    [
      "private_key",
      "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----",
      "private_key must be a PEM",
    ],
  ])("with %s %j is refused, without its value", (name, value, says) => {
    const { error } = ServiceAccountSchema.safeParse({ ...made.file, [name]: value });
    const told = error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join() ?? "";
    expect(told.startsWith(says)).toBe(true);
  });
});
