/** What one person does in two places at once, while storage has not converged and a place relies on what it has read. */
import { describe, expect, inside, type Open, test } from "../support/contract.ts";
import {
  apiReason,
  CONVERGENCE_MS,
  expectNothingOpens,
  offlineAt,
  openPlaces,
  type Places,
} from "../support/places.ts";
import { signIn } from "../support/scenes.ts";
import { makeTokenKeys } from "../support/stage.ts";

const HOUR_MS = 3_600_000;
const BIG_TOKENS = { accessTokenLength: 4000 };

function killAccessTokens({ google, user }: Places): Promise<void> {
  return google.act({ action: "killAccessTokens", email: user.email });
}

function changePassword({ google, user }: Places): Promise<void> {
  return google.act({ action: "changePassword", email: user.email });
}

/** A browser of the person's, signed in with a new consent at a place. */
async function consentAnew(places: Places, place: string) {
  const browser = places.at(place).browser();
  const visit = await browser.navigate("/auth/login?prompt=consent&return_to=/healthz", {
    person: { user: places.user.email },
  });
  expect(visit.response.status, visit.text).toBe(200);
  return browser;
}

/** The person opens the page of their messages, and goes wherever they are sent. @returns how often to Google */
async function visitApi(places: Places, browser: Places["browser"]): Promise<number> {
  const visit = await browser.navigate("/api/messages?limit=1", { person: { user: places.user.email } });
  expect(visit.response.status, visit.trail.join("\n")).toBe(200);
  return visit.trips;
}

describe("a session that began elsewhere", () => {
  test.for<[string, object]>([
    ["in the cookie", {}],
    ["in storage", BIG_TOKENS],
  ])(
    "works at once where its grant is still known to be missing, its access token %s",
    async ([, google], { open }) => {
      const places = await openPlaces(open, { google });
      expect(await offlineAt(places, places.at("there"))).toBe("CONSENT_REQUIRED");
      await signIn(places.browser, places.user);
      expect(await apiReason(places.moved(places.browser, "there"))).toBe("works");
    },
  );

  test("works at once without its access token where nothing was read before", async ({ open }) => {
    const places = await openPlaces(open);
    await signIn(places.browser, places.user);
    await killAccessTokens(places);
    expect(await apiReason(places.moved(places.browser, "there"))).toBe("works");
  });

  test("works after its access token has expired, whatever was read before", async ({ open }) => {
    const places = await openPlaces(open);
    expect(await offlineAt(places, places.at("there"))).toBe("CONSENT_REQUIRED");
    await signIn(places.browser, places.user);
    await places.advance(HOUR_MS);
    expect(await apiReason(places.moved(places.browser, "there"))).toBe("works");
  });

  test("that lost its access token where its grant is still known to be missing: consent, or a minute's patience", async ({
    open,
  }) => {
    const places = await openPlaces(open);
    expect(await offlineAt(places, places.at("there"))).toBe("CONSENT_REQUIRED");
    await signIn(places.browser, places.user);
    await killAccessTokens(places);
    const program = places.moved(places.browser, "there");
    const person = places.moved(places.browser, "there");
    expect(await apiReason(program)).toBe("CONSENT_REQUIRED");
    expect(await visitApi(places, person)).toBe(1);
    await places.advance(CONVERGENCE_MS);
    expect(await apiReason(person)).toBe("works");
    expect(await offlineAt(places, places.at("there"))).toBe("works");
  });

  test("and a second sign-in where not even the own write is seen takes one consent, and no loop", async ({ open }) => {
    const places = await openPlaces(open, { ownWritesAreSeen: false });
    await signIn(places.browser, places.user);
    const second = places.stage.browser();
    expect(await signIn(second, places.user)).toBe(2);
    await places.advance(HOUR_MS);
    expect([await apiReason(second), await offlineAt(places, places.stage)]).toEqual(["works", "works"]);
  });
});

describe("a refresh that is on its way", () => {
  test.for<[string, object]>([
    ["in the cookie", {}],
    ["in storage", BIG_TOKENS],
  ])("brings nothing back that a disconnect elsewhere has ended, its access token %s", async ([, google], { open }) => {
    const places = await openPlaces(open, { google });
    await signIn(places.browser, places.user);
    await places.advance(CONVERGENCE_MS);
    const slow = places.moved(places.browser, "there");
    await killAccessTokens(places);
    // Google lets every token live: what ends them is ours alone.
    await places.google.always("revoke", { status: 503 });
    await places.google.fault("token:refresh", { delayMs: 300 });
    const answer = apiReason(slow);
    await expect.poll(() => places.google.count("token:refresh")).toBe(1);
    await places.browser.submit("/auth/disconnect");
    expect((await places.google.calls("token:refresh"))[0]?.status, "the refresh is still on its way").toBe(0);
    await answer;
    await places.advance(CONVERGENCE_MS);
    await expectNothingOpens(places, [slow]);
    expect(places.kv.names.filter((name) => /^(credential|address):/.test(name))).toEqual([]);
  });

  test.for<[string, object]>([
    ["in the cookie", {}],
    ["in storage", BIG_TOKENS],
  ])("keeps no session alive that was signed out, its access token %s", async ([, google], { open }) => {
    const places = await openPlaces(open, { google });
    await signIn(places.browser, places.user);
    await places.advance(CONVERGENCE_MS);
    const slow = places.moved(places.browser, "there");
    await killAccessTokens(places);
    await places.google.fault("token:refresh", { delayMs: 300 });
    const answer = apiReason(slow);
    await expect.poll(() => places.google.count("token:refresh")).toBe(1);
    await places.browser.submit("/auth/logout");
    await answer;
    await places.advance(CONVERGENCE_MS);
    for (const place of ["here", "there", "afterwards"]) {
      expect(await apiReason(places.moved(slow, place))).toBe("SIGN_IN_REQUIRED");
    }
    expect(await offlineAt(places, places.at("there"))).toBe("works");
    expect(await signIn(places.browser, places.user)).toBe(1);
  });
});

/** The person has a new grant since a moment; the other place still reads the one that a new password has ended. */
async function renewed(open: Open) {
  const places = await openPlaces(open);
  await signIn(places.browser, places.user);
  await places.advance(CONVERGENCE_MS);
  expect(await offlineAt(places, places.at("there"))).toBe("works");
  await changePassword(places);
  const here = await consentAnew(places, "here");
  const record = places.kv.central(`credential:${places.user.sub}`);
  await places.google.forgetCalls();
  return { places, here, there: places.moved(here, "there"), record };
}

describe("invalid_grant to a refresh token that was read from an old record", () => {
  test("leaves the newer record alone, and the session works on with the access token it has", async ({ open }) => {
    const { places, here, there, record } = await renewed(open);
    expect(await apiReason(there)).toBe("works");
    expect(await offlineAt(places, places.at("there"))).toBe("CONSENT_REQUIRED");
    expect(places.kv.central(`credential:${places.user.sub}`)).toBe(record);
    await places.advance(HOUR_MS);
    expect([await apiReason(here), await apiReason(there)]).toEqual(["works", "works"]);
    expect(await offlineAt(places, places.at("there"))).toBe("works");
  });

  test("asks a program for consent until storage has converged, and no longer", async ({ open }) => {
    const { places, there } = await renewed(open);
    await killAccessTokens(places);
    expect(await apiReason(there)).toBe("CONSENT_REQUIRED");
    expect(await apiReason(there)).toBe("CONSENT_REQUIRED");
    // The dead token is remembered: it was tried once.
    expect(await places.google.count("token:refresh")).toBe(1);
    await places.advance(CONVERGENCE_MS);
    expect(await apiReason(there)).toBe("works");
  });

  test("leads a person to Google once, and both places work afterwards", async ({ open }) => {
    const { places, here, there } = await renewed(open);
    await killAccessTokens(places);
    expect(await visitApi(places, there)).toBe(1);
    await places.advance(CONVERGENCE_MS);
    await killAccessTokens(places);
    expect(await apiReason(there)).toBe("works");
    // A new consent may end older sessions; signing in again is one trip.
    if ((await apiReason(here)) !== "works") expect(await signIn(here, places.user)).toBe(1);
    expect([await apiReason(here), await offlineAt(places, places.at("here"))]).toEqual(["works", "works"]);
  });
});

describe("a mark that a place has missed a moment ago", () => {
  test("of a dead refresh token: a sign-in there works by its access token, and then leads to consent once", async ({
    open,
  }) => {
    const places = await openPlaces(open);
    await signIn(places.browser, places.user);
    await places.advance(CONVERGENCE_MS);
    const there = places.moved(places.browser, "there");
    await killAccessTokens(places);
    expect(await apiReason(there)).toBe("works");
    await changePassword(places);
    expect(await apiReason(places.browser)).toBe("CONSENT_REQUIRED");
    const again = places.at("there").browser();
    await signIn(again, places.user);
    expect(await apiReason(again)).toBe("works");
    await places.advance(HOUR_MS);
    expect(await visitApi(places, again)).toBe(1);
    await places.advance(HOUR_MS);
    expect([await apiReason(again), await offlineAt(places, places.at("there"))]).toEqual(["works", "works"]);
  });

  test.for(["/auth/logout", "/auth/disconnect"])(
    "of a session that ended by %s: refused there after 60 s at most",
    async (path, { open }) => {
      const places = await openPlaces(open);
      await signIn(places.browser, places.user);
      const copies = ["here", "there"].map((place) => places.moved(places.browser, place));
      for (const copy of copies) expect(await apiReason(copy)).toBe("works");
      // Google lets the access token live: only the mark ends the session.
      await places.google.always("revoke", { status: 503 });
      await places.browser.submit(path);
      await places.advance(30_000);
      // A read in between must not make it last longer.
      for (const copy of copies) await apiReason(copy);
      await places.advance(30_000);
      for (const copy of copies) expect(await apiReason(copy)).toBe("SIGN_IN_REQUIRED");
    },
  );
});

describe("disconnect where an old record is read", () => {
  test("gives the newer grant back to Google too, or does not claim so", async ({ open }) => {
    const places = await openPlaces(open);
    await signIn(places.browser, places.user);
    await places.advance(CONVERGENCE_MS);
    expect(await offlineAt(places, places.at("there"))).toBe("works");
    await changePassword(places);
    const here = await consentAnew(places, "here");
    const answer = await places.moved(here, "there").fetch("/auth/disconnect", { method: "POST" });
    const { grants } = await places.google.snapshot();
    const isGone = grants.every(({ liveRefreshTokens }) => liveRefreshTokens === 0);
    expect(await answer.json()).toMatchObject({ disconnected: true, revoked: isGone });
    await places.advance(CONVERGENCE_MS);
    await expectNothingOpens(places, [here]);
  });
});

test("disconnect claims nothing of a grant that it knows no token of any more", async ({ open }) => {
  const places = await openPlaces(open);
  await signIn(places.browser, places.user);
  // As a disconnect leaves it that storage has interrupted.
  await places.kv.at("elsewhere").delete(`credential:${places.user.sub}`);
  await places.advance(HOUR_MS);
  const answer = await places.browser.fetch("/auth/disconnect", { method: "POST" });
  expect(await answer.json()).toMatchObject({ disconnected: true, revoked: false });
  expect((await places.google.snapshot()).grants).toMatchObject([{ liveRefreshTokens: 1 }]);
});

test("a new consent ends older sessions within 60 s, where they were found in force a moment ago", async ({ open }) => {
  const places = await openPlaces(open);
  await signIn(places.browser, places.user);
  await places.advance(CONVERGENCE_MS);
  const older = places.moved(places.browser, "there");
  expect(await apiReason(older)).toBe("works");
  const newer = await consentAnew(places, "here");
  await places.advance(CONVERGENCE_MS);
  expect([await apiReason(older), await apiReason(newer)]).toEqual(["SIGN_IN_REQUIRED", "works"]);
});

describe("sealing a grant anew after the key was changed", () => {
  test("where an old record is read: nobody loses access, and the newer consent's session works on", async ({
    open,
  }) => {
    const keys = makeTokenKeys("older", "newer");
    const { keys: both }: { keys: unknown[] } = JSON.parse(keys);
    const places = await openPlaces(open, { vars: { TOKEN_KEYS: keys } });
    await signIn(places.browser, places.user);
    await places.advance(CONVERGENCE_MS);
    expect(await offlineAt(places, places.at("there"))).toBe("works");
    const here = await consentAnew(places, "here");
    const rotated = inside(places.at("there")).redeploy({ TOKEN_KEYS: JSON.stringify({ keys: both.toReversed() }) });
    // Reads the record of before, which Google still takes, and writes it back under the other key.
    expect(await offlineAt(places, rotated)).toBe("works");
    await places.advance(CONVERGENCE_MS);
    expect([await apiReason(here), await offlineAt(places, places.at("afterwards"))]).toEqual(["works", "works"]);
    expect(await signIn(places.at("afterwards").browser(), places.user)).toBe(1);
    await places.advance(HOUR_MS);
    expect([await apiReason(here), await offlineAt(places, rotated)]).toEqual(["works", "works"]);
  });
});
