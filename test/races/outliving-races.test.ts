/**
 * Nothing outlives its end: what a session makes where its end is not known yet is dead once it is, and stays so; and an
 * end is not undone by a sign-in that was under way.
 */
import type { Browser } from "../support/browser.ts";
import { describe, expect, inside, type Open, test } from "../support/contract.ts";
import { callWithToken, happen, makeApiToken } from "../support/ending.ts";
import { harness } from "../support/harness.workerd.ts";
import { interleavings, playInOrder, spread } from "../support/interleaving.ts";
import { openPlaces, type Places } from "../support/places.ts";
import { call, callbackUrl, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";

const CONVERGENCE_MS = 60_000;
const MONTH_MS = 31 * 24 * 60 * 60 * 1000;
const TOKEN_DAYS = 365;
const MOST_ORDERS = 24;

/** A person here; and somebody there who has copied the cookie, where nothing has ended so far. */
interface Copied extends Places {
  readonly thief: Browser;
}

async function copied(open: Open): Promise<Copied> {
  const places = await openPlaces(open);
  await signIn(places.browser, places.user);
  await places.advance(CONVERGENCE_MS);
  const thief = places.moved(places.browser, "there");
  expect((await call(thief, "/api/me")).status).toBe(200);
  return { ...places, thief };
}

async function statusEverywhere(places: Places, token: string): Promise<number[]> {
  const statuses: number[] = [];
  for (const place of ["here", "there", crypto.randomUUID()]) {
    statuses.push((await callWithToken(places.at(place), token, "/api/me")).status);
  }
  return statuses;
}

const DEAD = [401, 401, 401];
const ALIVE = [200, 200, 200];

type End = [title: string, end: (copied: Copied) => Promise<unknown>];

const OWN_ENDS: readonly End[] = [
  ["signing out", ({ browser }) => browser.submit("/auth/logout")],
  ["signing in again", ({ browser, user }) => signIn(browser, user)],
  ["signing in as somebody else", async ({ browser, google }) => signIn(browser, await google.addUser())],
];

const USER_ENDS: readonly End[] = [
  ["signing out everywhere", ({ browser }) => browser.submit("/auth/logout?everywhere=true")],
  ["disconnecting", ({ browser }) => browser.submit("/auth/disconnect")],
  [
    "a new consent",
    async ({ stage, user }) => stage.browser().navigate("/auth/login?prompt=consent", { person: { user: user.email } }),
  ],
  ["sessions-revoked", (places) => happen(places, about("sessions-revoked", issSub(places.user)))],
  ["tokens-revoked", (places) => happen(places, about("tokens-revoked", issSub(places.user)))],
  ["a hijack", (places) => happen(places, about("account-disabled", issSub(places.user), { reason: "hijacking" }))],
];

describe("an API token that a session makes where it is not known yet that it was ended by", () => {
  test.for([...OWN_ENDS, ...USER_ENDS])("%s: is dead within a minute, and for good", async ([, end], { open }) => {
    const places = await copied(open);
    await end(places);
    await places.advance(5_000);
    const token = await makeApiToken(places.thief, TOKEN_DAYS);
    expect((await callWithToken(places.at("there"), token, "/api/me")).status, "that place cannot know yet").toBe(200);
    await places.advance(CONVERGENCE_MS);
    expect(await statusEverywhere(places, token)).toEqual(DEAD);
    // By then the session is over by itself; the token would not be.
    await places.advance(MONTH_MS);
    expect(await statusEverywhere(places, token)).toEqual(DEAD);
    await places.advance(10 * MONTH_MS);
    expect(await statusEverywhere(places, token)).toEqual(DEAD);
  });

  test.for(OWN_ENDS)("%s: is not brought back by signing out there afterwards", async ([, end], { open }) => {
    const places = await copied(open);
    await end(places);
    await places.advance(5_000);
    const token = await makeApiToken(places.thief, TOKEN_DAYS);
    await places.advance(5_000);
    await places.thief.submit("/auth/logout");
    await places.advance(CONVERGENCE_MS);
    expect(await statusEverywhere(places, token)).toEqual(DEAD);
  });

  test.for(USER_ENDS)("%s: is not in the list of its user", async ([, end], { open }) => {
    const places = await copied(open);
    await end(places);
    await places.advance(5_000);
    await makeApiToken(places.thief, TOKEN_DAYS);
    await places.advance(CONVERGENCE_MS);
    const later = places.at("there").browser();
    await signIn(later, places.user);
    expect(await (await call(later, "/api/tokens")).json()).toEqual({ tokens: [] });
  });
});

describe("an API token that was made before", () => {
  test.for(OWN_ENDS)("%s: lives on, wherever and whenever", async ([, end], { open }) => {
    const places = await copied(open);
    const token = await makeApiToken(places.browser, TOKEN_DAYS);
    await places.advance(5_000);
    await end(places);
    await places.advance(CONVERGENCE_MS);
    expect(await statusEverywhere(places, token)).toEqual(ALIVE);
    await places.advance(MONTH_MS);
    expect(await statusEverywhere(places, token)).toEqual(ALIVE);
  });

  test.for(USER_ENDS)("%s: is dead for good", async ([, end], { open }) => {
    const places = await copied(open);
    const token = await makeApiToken(places.browser, TOKEN_DAYS);
    await places.advance(5_000);
    await end(places);
    await places.advance(CONVERGENCE_MS);
    expect(await statusEverywhere(places, token)).toEqual(DEAD);
    await places.advance(11 * MONTH_MS);
    expect(await statusEverywhere(places, token)).toEqual(DEAD);
  });
});

/** Somebody signed in here, and the same person coming back from Google there, with a new consent. */
async function underWay(open: Open) {
  const places = await openPlaces(open);
  await signIn(places.browser, places.user);
  await places.advance(CONVERGENCE_MS);
  const older = places.browser.copy();
  const coming = places.at("there").browser();
  const { href } = await callbackUrl({ ...places, browser: coming }, {}, "?prompt=consent");
  return { places, older, coming, comeBack: () => coming.comeBack(href) };
}

const ENDS_DURING_A_SIGN_IN: readonly [string, (places: Places) => Promise<unknown>][] = [
  ["signing out everywhere", ({ browser }) => browser.submit("/auth/logout?everywhere=true")],
  ["sessions-revoked", (places) => happen(places, about("sessions-revoked", issSub(places.user)))],
];

describe.for(ENDS_DURING_A_SIGN_IN)("%s, with a sign-in under way that brings a new consent,", async ([, end]) => {
  async function play(open: Open, order: readonly string[]) {
    const scene = await underWay(open);
    const { places, comeBack } = scene;
    const played = await playInOrder(places.kv, order, { there: comeBack, here: () => end(places) });
    return { ...scene, played };
  }

  const { played } = await play((options = {}) => harness.openStage(options), []);
  const count = (place: string): number => played.filter((other) => other === place).length;
  const orders = spread(interleavings(["there", count("there")], ["here", count("here")]), MOST_ORDERS);

  test.for(orders.map((order) => [order.map((place) => (place === "here" ? "e" : "s")).join(""), order] as const))(
    "ends what began before, in the order %s",
    async ([, order], { open }) => {
      const { places, older } = await play(open, order);
      await places.advance(CONVERGENCE_MS);
      for (const place of ["here", "there", "afterwards"]) {
        expect((await call(places.moved(older, place), "/api/me")).status, place).toBe(401);
      }
      const again = places.at("afterwards").browser();
      await signIn(again, places.user);
      expect((await call(again, "/api/me")).status, "and what begins later is let in").toBe(200);
    },
  );

  test("ends the session that it began, when the end came while Google was asked", async ({ open }) => {
    const { places, coming, comeBack } = await underWay(open);
    await places.google.fault("userinfo", { delayMs: 400 });
    const answer = comeBack();
    await expect.poll(() => places.google.count("userinfo")).toBeGreaterThan(1);
    await inside(places.stage).advance(2_000);
    await end(places);
    expect((await answer).status).toBe(302);
    await places.advance(CONVERGENCE_MS);
    expect((await call(places.moved(coming, "here"), "/api/me")).status).toBe(401);
  });
});
