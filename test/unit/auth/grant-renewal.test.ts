/** When the access token of a request is replaced, and when that is over. */
import { reset } from "cloudflare:test";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AccessToken } from "../../../src/identity.ts";
import { GrantMemory } from "../../../src/isolate/grant-memory.ts";
import { appErrorOf, createStore, KEY_A, KEY_B, START_MS } from "../fixtures.ts";
import { createGoogle, createGrant, CREDENTIAL, GMAIL, GMAIL_URL, HELD, refusal } from "./fixtures-grant.ts";

const CONSENT_REQUIRED = { reason: "CONSENT_REQUIRED", code: 401 };

async function readStored(): Promise<AccessToken> {
  return { value: "stored", expiresAtMs: START_MS + 1 };
}

function shortLived(): Response {
  return Response.json({ access_token: "short", expires_in: 5, token_type: "Bearer" });
}

beforeEach(async () => {
  await reset();
  await createStore(createGoogle().world).writeCredential(CREDENTIAL);
});

describe("a renewal, because a part of a batch was answered 401", () => {
  test("replaces the token", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    await grant.renewal()();
    expect(await grant.accessToken()).toBe("fresh-1");
    expect(google.refreshes).toBe(1);
  });

  test("of a token that another part has replaced already does nothing", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    const renewals = [grant.renewal(), grant.renewal(), grant.renewal()] as const;
    await Promise.all([renewals[0](), renewals[1]()]);
    await renewals[2]();
    expect([google.refreshes, await grant.accessToken()]).toEqual([1, "fresh-1"]);
  });

  test("of the replacement, too: CONSENT_REQUIRED, and Google is not asked again", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    await grant.renewal()();
    expect(await appErrorOf(grant.renewal()())).toMatchObject(CONSENT_REQUIRED);
    expect(google.refreshes).toBe(1);
  });
});

test("renewals of a grant that is gone all end with CONSENT_REQUIRED, and Google is asked once", async () => {
  const { google, world } = createGoogle({ refresh: refusal("invalid_grant") });
  const grant = createGrant(world);
  for (const renew of [grant.renewal(), grant.renewal()]) {
    expect(await appErrorOf(renew())).toMatchObject(CONSENT_REQUIRED);
  }
  expect(google.refreshes).toBe(1);
});

describe("a refresh of another request of the isolate, while two calls of this one are under way", () => {
  test("serves the call that began before it and, as the token of this request, the one that began after it", async () => {
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const before = async (index: number): Promise<unknown> => [first.promise, null, second.promise][index];
    const { google, world } = createGoogle({ accepts: ["fresh-1"], before });
    const grantMemory = new GrantMemory();
    const grant = createGrant(world, { grantMemory });
    const early = grant.fetch(GMAIL_URL, {}, GMAIL);
    await vi.waitFor(() => expect(world.calls).toHaveLength(1));
    await createGrant(world, { grantMemory, accessToken: null }).accessToken();
    const late = grant.fetch(GMAIL_URL, {}, GMAIL);
    await vi.waitFor(() => expect(world.calls).toHaveLength(3));
    first.resolve();
    expect((await early).status).toBe(200);
    second.resolve();
    expect((await late).status).toBe(200);
    expect(google.refreshes).toBe(1);
  });

  test("serves a batch that began before it, and not one that began after it", async () => {
    const { google, world } = createGoogle();
    const grantMemory = new GrantMemory();
    const [one, other] = [createGrant(world, { grantMemory }), createGrant(world, { grantMemory })];
    const early = one.renewal();
    await createGrant(world, { grantMemory, accessToken: null }).accessToken();
    const [late, alone] = [one.renewal(), other.renewal()];
    await early();
    await late();
    expect([await one.accessToken(), google.refreshes]).toEqual(["fresh-1", 1]);
    await alone();
    expect([await other.accessToken(), google.refreshes]).toEqual(["fresh-2", 2]);
  });
});

describe("the access token that is at hand", () => {
  test.each([
    [1, "held"],
    [0, null],
  ])("is the caller's, without asking Google: with %i ms to live %j", async (livesMs, expected) => {
    const { google, world } = createGoogle();
    const grant = createGrant(world, { accessToken: { ...HELD, expiresAtMs: START_MS + livesMs } });
    expect(await grant.heldAccessToken()).toBe(expected);
    expect(google.refreshes).toBe(0);
  });

  test("is that of storage where the caller brings none", async () => {
    const grant = createGrant(createGoogle().world, { accessToken: null, readStoredAccessToken: readStored });
    expect(await grant.heldAccessToken()).toBe("stored");
  });

  test("is none where there is none", async () => {
    expect(await createGrant(createGoogle().world, { accessToken: null }).heldAccessToken()).toBeNull();
  });

  test("is none once the grant is gone, whatever storage still has", async () => {
    const grant = createGrant(createGoogle().world, { readStoredAccessToken: readStored });
    await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL));
    expect(await grant.heldAccessToken()).toBeNull();
  });
});

describe("in one request", () => {
  test("a token that came fresh is used, however short its life is", async () => {
    const { google, world } = createGoogle({ accepts: ["short"], refresh: shortLived });
    const grant = createGrant(world, { accessToken: null });
    for (let call = 0; call < 2; call += 1) expect((await grant.fetch(GMAIL_URL, {}, GMAIL)).status).toBe(200);
    expect(google.refreshes).toBe(1);
  });

  test("401 that comes late, when the grant is gone, does not ask Google once more: CONSENT_REQUIRED", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = async (index: number): Promise<unknown> => (index === 0 ? promise : null);
    const { google, world } = createGoogle({ before });
    const grant = createGrant(world);
    const late = appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL));
    await vi.waitFor(() => expect(world.calls).toHaveLength(1));
    expect(await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).toMatchObject(CONSENT_REQUIRED);
    resolve();
    expect(await late).toMatchObject(CONSENT_REQUIRED);
    expect(google.refreshes).toBe(1);
  });

  test("401 without a body is read as any other", async () => {
    const { google, world } = createGoogle({ refuse: () => new Response(null, { status: 401 }) });
    expect(await appErrorOf(createGrant(world).fetch(GMAIL_URL, {}, GMAIL))).toMatchObject(CONSENT_REQUIRED);
    expect(google.refreshes).toBe(1);
  });

  test("what was sealed under an older key is sealed anew once Google has accepted it, beside the answer", async () => {
    const { world } = createGoogle();
    const work: Promise<unknown>[] = [];
    const store = createStore(world, { keys: [KEY_B, KEY_A] });
    const grant = createGrant(world, { accessToken: null, store, defer: (promise) => work.push(promise) });
    await grant.accessToken();
    await Promise.all(work);
    expect(await createStore(world, { keys: [KEY_B] }).readCredential("1")).toEqual(CREDENTIAL);
  });

  test("the time of a refresh is told as that", async () => {
    const { world } = createGoogle({ accepts: ["fresh-1"], before: async () => (world.clock.nowMs += 70) });
    await createGrant(world, { accessToken: null }).accessToken();
    expect(world.trace.serverTiming()).toContain("refresh;dur=70");
  });
});
