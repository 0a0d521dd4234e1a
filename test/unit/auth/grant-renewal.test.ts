/** When the access token of a request is replaced, and when that is over. */
import { reset } from "cloudflare:test";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AccessToken } from "../../../src/identity.ts";
import { appErrorOf, createStore, KEY_A, KEY_B, START_MS } from "../fixtures.ts";
import { createGoogle, createGrant, CREDENTIAL, GMAIL, GMAIL_URL, HELD } from "./fixtures-grant.ts";

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
  test("replaces the token, and tells by its generation that it did", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    expect(grant.generation).toBe(0);
    await grant.renew(0);
    expect(grant.generation).toBe(1);
    expect(await grant.accessToken()).toBe("fresh-1");
    expect(google.refreshes).toBe(1);
  });

  test("of a token that another part has replaced already does nothing", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    await Promise.all([grant.renew(0), grant.renew(0)]);
    await grant.renew(0);
    expect([google.refreshes, grant.generation]).toEqual([1, 1]);
  });

  test("of the replacement, too: CONSENT_REQUIRED, and Google is not asked again", async () => {
    const { google, world } = createGoogle();
    const grant = createGrant(world);
    await grant.renew(0);
    expect(await appErrorOf(grant.renew(1))).toMatchObject(CONSENT_REQUIRED);
    expect(google.refreshes).toBe(1);
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
