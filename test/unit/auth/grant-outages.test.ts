/** Only `invalid_grant` ends a grant: what an outage, a refusal of the client or a fault of ours leaves as it was. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { appErrorOf, configuration, createStore, createWorld, KEY_B } from "../fixtures.ts";
import {
  createGoogle,
  createGrant,
  CREDENTIAL,
  failRead,
  GMAIL,
  GMAIL_URL,
  isDead,
  refusal,
  stored,
  tokens,
} from "./fixtures-grant.ts";

beforeEach(async () => {
  await reset();
  await createStore(createGoogle().world).writeCredential(CREDENTIAL);
});

async function expectNothingChanged(): Promise<void> {
  expect(await stored()).toEqual(CREDENTIAL);
  expect(await isDead()).toBe(false);
  expect((await env.CREDENTIALS.list()).keys).toHaveLength(1);
}

describe("a refresh that fails otherwise leaves everything as it was", () => {
  test.each<[string, () => Response | Promise<Response>, object]>([
    ["500", refusal("invalid_grant", 500), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["503", () => new Response("busy", { status: 503 }), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["429", refusal("invalid_grant", 429), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["no connection", () => Promise.reject(new TypeError("lost")), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["nonsense", () => Response.json({}), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["invalid_client", refusal("invalid_client", 401), { reason: "INTERNAL", code: 500 }],
    ["unauthorized_client", refusal("unauthorized_client", 401), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["admin_policy_enforced", refusal("admin_policy_enforced"), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["org_internal", refusal("org_internal", 403), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["policy_enforced", refusal("policy_enforced"), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["deleted_client", refusal("deleted_client", 401), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["disabled_client", refusal("disabled_client", 401), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["a code that nobody knows", refusal("new_in_2027"), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["a code that is a name of Object's", refusal("constructor"), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["invalid_scope", refusal("invalid_scope"), { reason: "SCOPE_REQUIRED", code: 403 }],
    ["invalid_request", refusal("invalid_request"), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
  ])("%s", async (_, refresh, expected) => {
    const { google, world } = createGoogle({ refresh });
    const grant = createGrant(world);
    expect(await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).toMatchObject(expected);
    expect(google.refreshes).toBe(1);
    expect(grant.tokenChange).toBeUndefined();
    await expectNothingChanged();
  });

  test("an unexpected refusal is named for the log and not for the caller", async () => {
    const { world } = createGoogle({ refresh: refusal("new_in_2027", 401) });
    const error = await appErrorOf(createGrant(world).fetch(GMAIL_URL, {}, GMAIL));
    expect(error.logDetail).toContain("new_in_2027");
    expect(error.message).not.toContain("new_in_2027");
  });

  test.each<[code: string, who: RegExp, isByAccount: boolean]>([
    ["admin_policy_enforced", /administrator of your organization.*Admin console/, true],
    ["org_internal", /one organization only.*External/, true],
    ["unauthorized_client", /Whoever runs this site/, false],
  ])("%s says who can do what, and is logged", async (code, who, isByAccount) => {
    const { world } = createGoogle({ refresh: refusal(code, 400) });
    const error = await appErrorOf(createGrant(world).fetch(GMAIL_URL, {}, GMAIL));
    expect(error.message).toMatch(who);
    expect(error.metadata).toEqual({ error: code });
    expect(error.logDetail).toBe(`refresh: ${code}`);
    expect(error.retryAfterSeconds).toBeNull();
    expect(error.signInAgain).toEqual(isByAccount ? { prompt: "select_account" } : null);
  });
});

describe("after a refresh that failed by an outage, another call of the same request", () => {
  test("that is answered 401 tells the outage too, and does not ask for consent", async () => {
    const { world } = createGoogle({ refresh: () => new Response("busy", { status: 503 }) });
    const grant = createGrant(world);
    for (let call = 0; call < 2; call += 1) {
      const error = await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL));
      expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
      expect(grant.tokenChange).toBeUndefined();
    }
  });

  test("goes through where the token endpoint is back", async () => {
    const { world } = createGoogle({
      accepts: ["fresh"],
      refresh: (count) => (count === 1 ? new Response("busy", { status: 503 }) : tokens("fresh")),
    });
    const grant = createGrant(world);
    expect(await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect((await grant.fetch(GMAIL_URL, {}, GMAIL)).status).toBe(200);
  });

  test("at the same time tells the same outage", async () => {
    const { google, world } = createGoogle({ refresh: () => new Response("busy", { status: 503 }) });
    const grant = createGrant(world);
    const failures = Array.from({ length: 5 }, async () => appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL)));
    const reasons = (await Promise.all(failures)).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(["UPSTREAM_UNAVAILABLE"]));
    expect(google.refreshes).toBeLessThanOrEqual(5);
  });
});

describe("a fault of ours", () => {
  test("a record under a kid that is gone: INTERNAL, the kid named in the log only, nothing sent to Google", async () => {
    const { google, world } = createGoogle();
    await createStore(world, { keys: [KEY_B] }).writeCredential(CREDENTIAL);
    const error = await appErrorOf(createGrant(world, { accessToken: null }).accessToken());
    expect(error).toMatchObject({ reason: "INTERNAL", code: 500 });
    expect(error.logDetail).toMatch(/^A credential is sealed under kid b,/);
    expect(error.message).not.toMatch(/kid|TOKEN_KEYS/);
    expect(error.metadata).toEqual({});
    expect(google.refreshes).toBe(0);
  });

  test("storage is down: STORAGE_UNAVAILABLE, never consent", async () => {
    const { google, world } = createGoogle();
    const store = createStore(world, { kv: new Proxy(env.CREDENTIALS, { get: failRead }) });
    const error = await appErrorOf(createGrant(world, { store, accessToken: null }).accessToken());
    expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE", code: 503 });
    expect(google.refreshes).toBe(0);
  });

  test("storage is down that keeps the access token: STORAGE_UNAVAILABLE, and no refresh in its place", async () => {
    const { google, world } = createGoogle();
    const down = createStore(world, { kv: new Proxy(env.CREDENTIALS, { get: failRead }) });
    const readStoredAccessToken = () => down.readAccessToken({ id: "s", sub: "1" });
    const grant = createGrant(world, { accessToken: null, readStoredAccessToken });
    expect(await appErrorOf(grant.accessToken())).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
    expect(google.refreshes).toBe(0);
  });
});

describe("an account that is no longer in ALLOWED_ACCOUNTS", () => {
  test("gets no new access token: ACCOUNT_NOT_ALLOWED, and its record stays", async () => {
    const { google, world } = createGoogle();
    const config = configuration({ ALLOWED_ACCOUNTS: "bob@example.test" });
    const error = await appErrorOf(createGrant(world, { config, accessToken: null }).accessToken());
    const signInAgain = { prompt: "select_account" };
    expect(error).toMatchObject({ reason: "ACCOUNT_NOT_ALLOWED", code: 403, signInAgain });
    expect(google.refreshes).toBe(0);
    await expectNothingChanged();
  });

  test.each(["ann@example.test", "@work.test"])("and one that is listed as %s does", async (allowed) => {
    const { world } = createGoogle();
    await createStore(world).writeCredential({ ...CREDENTIAL, hostedDomain: "work.test" });
    const config = configuration({ ALLOWED_ACCOUNTS: allowed });
    expect(await createGrant(world, { config, accessToken: null }).accessToken()).toBe("fresh-1");
  });
});

describe("an answer of Gmail's that is not 401", () => {
  test.each([204, 400, 403, 404, 429, 500, 503])(
    "%i is given to the caller as it came, without a refresh",
    async (status) => {
      const world = createWorld(() => new Response(null, { status }));
      expect((await createGrant(world).fetch(GMAIL_URL, {}, GMAIL)).status).toBe(status);
      expect(world.calls).toHaveLength(1);
    },
  );
});
