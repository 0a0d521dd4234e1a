/** The object of a user who is somewhere else, or has just been made, or whose KV lags or fails. */
import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { makeToken, withToken } from "../support/api-tokens.ts";
import type { Browser } from "../support/browser.ts";
import { type Open, describe, expect, inside, test } from "../support/contract.ts";
import { apiReason, expectNothingOpens, offlineAt, openPlaces, type Places } from "../support/places.ts";
import { call, callbackUrl, signIn } from "../support/scenes.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** The object is made at the place of whoever reached it first. */
const PLACES = ["here", "there", "far", "farther"] as const;

function objectOf({ stage, user }: Places): DurableObjectStub {
  return env.MAILBOXES.get(inside(stage).mailboxes.idFromName(user.sub));
}

async function consentAnew(places: Places): Promise<Browser> {
  const browser = places.at("there").browser();
  const { href } = await callbackUrl({ ...places, browser }, {}, "?prompt=consent");
  expect((await browser.comeBack(href)).status).toBe(302);
  return browser;
}

test("200 requests at once with an expired access token, over four places: one refresh", async ({ open }) => {
  const places = await openPlaces(open);
  await signIn(places.browser, places.user);
  const { token } = await makeToken(places.browser);
  await places.advance(HOUR_MS);
  await places.google.forgetCalls();
  const answers = Array.from({ length: 200 }, (_, index) => {
    const place = PLACES[index % PLACES.length] ?? "here";
    if (index % 8 < 4) return call(places.moved(places.browser, place));
    return withToken(places.at(place), token, { path: "/api/messages?limit=1" });
  });
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(await places.google.count("token")).toBe(1);
});

/** Somebody who has just consented anew, while KV shows the record of before for a minute. */
async function consentedAnew(open: Open) {
  const places = await openPlaces(open, { ownWritesAreSeen: false });
  await signIn(places.browser, places.user);
  await places.advance(10 * MINUTE_MS);
  // The object reads the record, which KV shows for a minute from here on.
  expect(await offlineAt(places, places.stage)).toBe("works");
  await places.google.act({ action: "changePassword", email: places.user.email });
  return { places, browser: await consentAnew(places) };
}

describe("while KV still has the record of before a new consent,", () => {
  test.for([
    ["a refresh uses the new refresh token", false],
    ["a refresh uses the new refresh token, after an eviction as well", true],
  ] as const)("%s", async ([, isEvicted], { open }) => {
    const { places, browser } = await consentedAnew(open);
    if (isEvicted) await evictDurableObject(objectOf(places));
    await places.google.act({ action: "killAccessTokens", email: places.user.email });
    await places.google.forgetCalls();
    expect([await apiReason(browser), await offlineAt(places, places.stage)]).toEqual(["works", "works"]);
    expect((await places.google.calls("token")).map(({ status }) => status)).toEqual([200]);
    await places.advance(HOUR_MS);
    expect([await apiReason(browser), await offlineAt(places, places.stage)]).toEqual(["works", "works"]);
  });

  test("a disconnect holds, and gives the newer grant back to Google", async ({ open }) => {
    const { places, browser } = await consentedAnew(open);
    const answer = await browser.fetch("/auth/disconnect", { method: "POST" });
    expect(await answer.json()).toMatchObject({ disconnected: true, revoked: true });
    const { grants } = await places.google.snapshot();
    expect(grants.every(({ liveRefreshTokens }) => liveRefreshTokens === 0)).toBe(true);
    await expectNothingOpens(places, [places.browser, browser]);
  });
});

async function disconnected(places: Places): Promise<void> {
  await signIn(places.browser, places.user);
  await places.google.always("revoke", { status: 503 });
  const { gate } = places.kv;
  places.kv.gate = async ({ kind }, work) => {
    if (kind === "delete") throw new Error("KV failed: 503 Service Unavailable");
    work();
  };
  const answer = await places.browser.fetch("/auth/disconnect", { method: "POST" });
  expect([answer.status, await answer.json()]).toMatchObject([200, { disconnected: true }]);
  places.kv.gate = gate;
  expect(places.kv.names).toHaveLength(2);
}

describe("a disconnect that KV does not take", () => {
  test("holds at once, after an eviction as well, and what is left goes later", async ({ open }) => {
    const places = await openPlaces(open);
    const copy = places.browser;
    await disconnected(places);
    await expectNothingOpens(places, [copy]);
    await evictDurableObject(objectOf(places));
    await expectNothingOpens(places, [copy]);
    await places.advance(2 * MINUTE_MS);
    expect(await runDurableObjectAlarm(objectOf(places))).toBe(true);
    expect(places.kv.names).toEqual([]);
  });

  test("deletes nothing of a sign-in that comes before it is done", async ({ open }) => {
    const places = await openPlaces(open);
    await disconnected(places);
    expect(await signIn(places.browser, places.user)).toBe(2);
    await places.advance(2 * MINUTE_MS);
    await runDurableObjectAlarm(objectOf(places));
    await places.advance(HOUR_MS);
    expect(await apiReason(places.browser)).toBe("works");
    for (const name of [places.user.sub, places.user.email]) {
      expect(await offlineAt(places, places.stage, name)).toBe("works");
    }
  });
});

describe("a grant that is gone,", () => {
  test("is told at every place by one token call, and a new consent mends it everywhere at once", async ({ open }) => {
    const places = await openPlaces(open);
    await signIn(places.browser, places.user);
    await places.google.act({ action: "changePassword", email: places.user.email });
    await places.google.act({ action: "killAccessTokens", email: places.user.email });
    await places.google.forgetCalls();
    const reasons = await Promise.all(PLACES.map((place) => apiReason(places.moved(places.browser, place))));
    expect(new Set(reasons)).toEqual(new Set(["CONSENT_REQUIRED"]));
    expect(await places.google.count("token")).toBe(1);
    const browser = await consentAnew(places);
    for (const place of PLACES) {
      expect(await apiReason(places.moved(browser, place))).toBe("works");
      expect(await offlineAt(places, places.at(place))).toBe("works");
    }
  });
});

test("disconnect claims nothing of a grant that it knows no token of any more", async ({ open }) => {
  const places = await openPlaces(open);
  await signIn(places.browser, places.user);
  await places.kv.at("here").delete(`credential:${places.user.sub}`);
  await places.advance(HOUR_MS);
  const answer = await places.browser.fetch("/auth/disconnect", { method: "POST" });
  expect(await answer.json()).toMatchObject({ disconnected: true, revoked: false });
  expect((await places.google.snapshot()).grants).toMatchObject([{ liveRefreshTokens: 1 }]);
});
