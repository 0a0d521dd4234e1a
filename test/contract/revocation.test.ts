/** What ends sessions and API tokens: at once, everywhere. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import {
  callWithToken,
  expectAllEnded,
  expectAllLetIn,
  happen,
  type Household,
  household,
  makeApiToken,
} from "../support/ending.ts";
import { call, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";

/** Google is not reached, so its tokens live on, and only we can refuse. */
function keepGoogleOut({ google }: Household): Promise<void> {
  return google.always("revoke", { status: 503 });
}

type End = (house: Household) => Promise<unknown>;

/** Everything that ends all that a user has. */
const ENDS: [string, End][] = [
  ["signing out everywhere", ({ browser }) => post(browser, "/auth/logout?everywhere=true")],
  ["disconnecting", ({ browser }) => post(browser, "/auth/disconnect")],
  ["a new consent in another browser", (house) => consent(house)],
  ["tokens-revoked", (house) => happen(house, about("tokens-revoked", issSub(house.user)))],
  ["sessions-revoked", (house) => happen(house, about("sessions-revoked", issSub(house.user)))],
  [
    "account-disabled for hijacking",
    (house) => happen(house, about("account-disabled", issSub(house.user), { reason: "hijacking" })),
  ],
];

async function post(browser: Household["browser"], path: string): Promise<void> {
  const response = await browser.fetch(path, { method: "POST", headers: { accept: "application/json" } });
  expect(response.status, await response.text()).toBe(200);
}

/** Consents anew in a browser that nobody has used. */
async function consent({ stage, user }: Household): Promise<Household["browser"]> {
  const browser = stage.browser();
  const visit = await browser.navigate("/auth/login?prompt=consent&return_to=/healthz", {
    person: { user: user.email },
  });
  expect(visit.response.status, visit.text).toBe(200);
  return browser;
}

/** The same people, as if all cookies had been copied before. */
function copied(house: Household): Household {
  return { ...house, browser: house.browser.copy(), other: house.other.copy() };
}

describe.for(ENDS)("%s", ([, end]) => {
  test(
    "ends copied cookies and API tokens at once, and what begins later is let in",
    { tags: ["process"] },
    async ({ open }) => {
      const house = await household(open);
      const before = copied(house);
      await end(house);
      await expectAllEnded(before);
      const later = house.stage.browser();
      await signIn(later, house.user);
      const apiToken = await makeApiToken(later);
      await expectAllLetIn({ ...house, browser: later, other: later, apiToken });
      await expectAllEnded(before);
    },
  );

  test("ends nobody else's", async ({ open }) => {
    const house = await household(open);
    const neighbour = await house.google.addUser({ name: "Neighbour" });
    const theirs = house.stage.browser();
    await signIn(theirs, neighbour);
    await end(house);
    expect((await call(theirs)).status).toBe(200);
  });
});

describe("a new consent", () => {
  test("does not end the session that begins with it", async ({ open }) => {
    const house = await household(open);
    const browser = await consent(house);
    expect((await call(browser)).status).toBe(200);
  });

  test("is none when Google gave no refresh token: nothing ends", async ({ open }) => {
    const house = await household(open);
    expect(await signIn(house.stage.browser(), house.user)).toBe(1);
    await expectAllLetIn(house);
  });
});

describe("signing out", () => {
  test("ends a copy of that session's cookie at once, and nothing else", async ({ open }) => {
    const house = await household(open);
    const thief = house.browser.copy();
    await post(house.browser, "/auth/logout");
    expect((await call(thief)).status).toBe(401);
    await expectAllLetIn({ ...house, browser: house.other });
  });
});

describeInside("at another place, where all were used just before,", () => {
  const LOGOUT: [string, End] = ["signing out", ({ browser }) => post(browser, "/auth/logout")];

  test.for([LOGOUT, ...ENDS])("%s holds at once", async ([title, end], { open }) => {
    const house = await household(open);
    const far = inside(house.stage).at("far");
    await keepGoogleOut(house);
    const traveller = far.browser();
    house.browser.jar.copyTo(traveller.jar);
    const used = async (): Promise<number[]> => {
      const answers = [await call(traveller.copy()), await callWithToken(far, house.apiToken)];
      return answers.map(({ status }) => status);
    };
    expect(await used()).toEqual([200, 200]);
    await end(house);
    expect(await used()).toEqual([401, title === "signing out" ? 200 : 401]);
  });
});
