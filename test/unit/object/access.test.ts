/** The access token of a request: when the object is asked for another one, and when that is over. */
import { describe, expect, test, vi } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { appErrorOf, createWorld, START_MS } from "../fixtures.ts";
import {
  createGmail,
  createGrant,
  createMailbox,
  GMAIL,
  GMAIL_URL,
  type Give,
  giveFresh,
  HELD,
} from "../auth/fixtures-grant.ts";

const CONSENT_REQUIRED = {
  reason: "CONSENT_REQUIRED",
  code: 401,
  signInAgain: { prompt: "consent", loginHint: "ann@example.test" },
};

/** A request whose access token is `accessToken`, a Gmail that takes those of a list, and an object that gives. */
function create(
  accepts: readonly string[],
  changes: { give?: Give; livesMs?: number | null; before?: (index: number) => unknown } = {},
) {
  const world = createGmail(accepts, changes.before);
  const { mailbox, asked } = createMailbox(world, changes.give);
  const { livesMs = 3_600_000 } = changes;
  const accessToken = livesMs === null ? null : { ...HELD, expiresAtMs: START_MS + livesMs };
  const grant = createGrant(world, { mailbox, accessToken });
  return { grant, asked, world, get: async () => grant.fetch(GMAIL_URL, {}, GMAIL) };
}

/** An object that has found the grant gone, or fails otherwise. */
const fail =
  (reason: "CONSENT_REQUIRED" | "UPSTREAM_UNAVAILABLE", message = "It has failed."): Give =>
  () => {
    throw new AppError(reason, message);
  };

const giveShort: Give = () => ({
  accessToken: { value: "short", expiresAtMs: START_MS + 5 },
  isFresh: true,
  isDelegated: false,
});

/** One that the object had at hand, then a fresh one. */
const giveKept: Give = (refused, count) =>
  count === 1
    ? { accessToken: { ...HELD, value: "kept" }, isFresh: false, isDelegated: false }
    : giveFresh(refused, count);

/** An outage, then a fresh one. */
const giveSecond: Give = (refused, count) =>
  count === 1 ? fail("UPSTREAM_UNAVAILABLE")(refused, count) : giveFresh(refused, count);

const failLate: Give = async (refused, count) => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return fail("UPSTREAM_UNAVAILABLE")(refused, count);
};

describe("an access token", () => {
  test("that is good is used, and the object is not asked", async () => {
    const { grant, asked, world } = create(["held"]);
    const headers = new Headers({ "X-A": "b" });
    const response = await grant.fetch(GMAIL_URL, { method: "POST", body: "x", headers }, GMAIL);
    expect(await response.json()).toEqual({ token: "held" });
    expect([asked, world.calls.length]).toEqual([[], 1]);
    expect(world.calls[0]).toMatchObject({ method: "POST", body: "x" });
    expect(world.calls[0]?.headers.get("X-A")).toBe("b");
    expect(headers.has("Authorization")).toBe(false);
    expect(grant.tokenChange).toBeUndefined();
  });

  test.each([60_000, 1, 0, -1, null])("with %j ms to live is replaced before it is used", async (livesMs) => {
    const { grant, asked, get, world } = create(["fresh-1"], { livesMs });
    expect((await get()).status).toBe(200);
    expect([asked, world.calls.length]).toEqual([[null], 1]);
    expect(grant.tokenChange).toEqual({ ...HELD, value: "fresh-1" });
    expect(grant.inUse).toEqual(grant.tokenChange);
  });

  test("with more than a minute to live is not replaced", async () => {
    const { asked, get } = create(["held"], { livesMs: 60_001 });
    expect((await get()).status).toBe(200);
    expect(asked).toEqual([]);
  });

  test("from the object is used for the whole request, however short its life is", async () => {
    const { asked, get } = create(["short"], { livesMs: null, give: giveShort });
    for (let call = 0; call < 2; call += 1) expect((await get()).status).toBe(200);
    expect(asked).toEqual([null]);
  });

  test.each([
    [1, "held"],
    [0, null],
    [null, null],
  ])("that is at hand with %j ms to live is %j, without asking anybody", (livesMs, expected) => {
    const { grant, asked } = create([], { livesMs });
    expect([grant.heldAccessToken(), asked]).toEqual([expected, []]);
  });
});

describe("401", () => {
  test("is answered by one question to the object, which names the refused token, and one replay of the same call", async () => {
    const { grant, asked, world } = create(["fresh-1"]);
    const response = await grant.fetch(GMAIL_URL, { method: "POST", body: "again" }, GMAIL);
    expect(response.status).toBe(200);
    expect(asked).toEqual(["held"]);
    expect(world.calls.filter((call) => call.body === "again")).toHaveLength(2);
    expect(grant.tokenChange).toMatchObject({ value: "fresh-1" });
  });

  test("of several calls at once shares one question", async () => {
    const { asked, get } = create(["fresh-1"]);
    const responses = await Promise.all(Array.from({ length: 5 }, get));
    expect([new Set(responses.map(({ status }) => status)), asked]).toEqual([new Set([200]), ["held"]]);
  });

  test("that comes late, when another call has renewed, is answered with that token", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { asked, get, world } = create(["fresh-1"], { before: (index) => (index === 0 ? promise : null) });
    const late = get();
    await vi.waitFor(() => expect(world.calls).toHaveLength(1));
    expect((await get()).status).toBe(200);
    resolve();
    expect((await late).status).toBe(200);
    expect(asked).toEqual(["held"]);
  });

  test("again after the replay: CONSENT_REQUIRED, with the way to consent, no token is left, and nobody is asked again", async () => {
    const { grant, asked, get } = create([]);
    for (let call = 0; call < 3; call += 1) expect(await appErrorOf(get())).toMatchObject(CONSENT_REQUIRED);
    expect(asked).toEqual(["held"]);
    expect([grant.tokenChange, grant.inUse, grant.heldAccessToken()]).toEqual([null, null, null]);
    expect(await appErrorOf(grant.accessToken())).toMatchObject(CONSENT_REQUIRED);
  });

  test("of a token that came because there was none is told to the object once, and then ends", async () => {
    const { asked, get, world } = create([], { livesMs: null });
    expect(await appErrorOf(get())).toMatchObject(CONSENT_REQUIRED);
    expect([asked, world.calls.length]).toEqual([[null, "fresh-1"], 2]);
  });

  test("of one that the object had at hand is told to the object again", async () => {
    const { asked, get } = create(["fresh-2"], { give: giveKept });
    expect((await get()).status).toBe(200);
    expect(asked).toEqual(["held", "kept"]);
  });

  test("names the user by sub where there is no address", async () => {
    const world = createGmail([]);
    const grant = createGrant(world, { user: { sub: "1", email: null } });
    expect((await appErrorOf(grant.fetch(GMAIL_URL, {}, GMAIL))).signInAgain).toMatchObject({ loginHint: "1" });
  });

  test("of a call that is late, when the grant is gone, asks nobody: CONSENT_REQUIRED", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { asked, get, world } = create([], { before: (index) => (index === 0 ? promise : null) });
    const late = appErrorOf(get());
    await vi.waitFor(() => expect(world.calls).toHaveLength(1));
    expect(await appErrorOf(get())).toMatchObject(CONSENT_REQUIRED);
    resolve();
    expect(await late).toMatchObject(CONSENT_REQUIRED);
    expect(asked).toEqual(["held"]);
  });
});

test.each([204, 400, 403, 404, 429, 500, 503])("%i is given to the caller as it came", async (status) => {
  const world = createWorld(() => new Response(null, { status }));
  const { mailbox, asked } = createMailbox(world);
  expect((await createGrant(world, { mailbox }).fetch(GMAIL_URL, {}, GMAIL)).status).toBe(status);
  expect([world.calls.length, asked]).toEqual([1, []]);
});

describe("what the object fails with", () => {
  test("CONSENT_REQUIRED: no token is left, and it is not asked again", async () => {
    const { grant, asked, get } = create([], { give: fail("CONSENT_REQUIRED") });
    for (let call = 0; call < 2; call += 1) expect(await appErrorOf(get())).toMatchObject(CONSENT_REQUIRED);
    expect([grant.tokenChange, asked]).toEqual([null, ["held"]]);
  });

  test("an outage leaves the token as it was, and the next call asks again", async () => {
    const { grant, get } = create(["fresh-2"], { give: giveSecond });
    expect(await appErrorOf(get())).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    expect(grant.tokenChange).toBeUndefined();
    expect((await get()).status).toBe(200);
  });

  test("an outage is the same for all calls at once", async () => {
    const { asked, get } = create([], { give: failLate });
    const failures = await Promise.all(Array.from({ length: 5 }, () => appErrorOf(get())));
    expect(new Set(failures.map(({ reason }) => reason))).toEqual(new Set(["UPSTREAM_UNAVAILABLE"]));
    expect(asked).toEqual(["held"]);
  });
});

describe("a renewal, because a part of a batch was answered 401", () => {
  test("replaces the token once, whichever part asks", async () => {
    const { grant, asked } = create([]);
    const renewals = [grant.renewal(), grant.renewal(), grant.renewal()] as const;
    await Promise.all([renewals[0](), renewals[1]()]);
    await renewals[2]();
    expect([asked, await grant.accessToken()]).toEqual([["held"], "fresh-1"]);
  });

  test("of the replacement, too: CONSENT_REQUIRED, and the object is not asked again", async () => {
    const { grant, asked } = create([]);
    await grant.renewal()();
    expect(await appErrorOf(grant.renewal()())).toMatchObject(CONSENT_REQUIRED);
    expect(await appErrorOf(grant.accessToken())).toMatchObject(CONSENT_REQUIRED);
    expect(asked).toEqual(["held"]);
  });
});
