/** Two sign-ins of one person at the same moment, in every order of their storage operations or many of them. */
import type { Browser } from "../support/browser.ts";
import { describe, expect, test } from "../support/contract.ts";
import { interleavings, playInOrder, spread } from "../support/interleaving.ts";
import { apiReason, CONVERGENCE_MS, offlineAt, openPlaces, type Places } from "../support/places.ts";
import { callbackUrl, openCallback, signIn } from "../support/scenes.ts";

const HOUR_MS = 3_600_000;

/** Each browser works, or is told that it is signed out and can sign in with one trip; and what is stored is whole. */
async function expectWhole(places: Places, browsers: readonly Browser[]): Promise<void> {
  await places.advance(CONVERGENCE_MS);
  for (const browser of browsers) {
    const reason = await apiReason(browser);
    if (reason === "works") continue;
    expect(reason).toBe("SIGN_IN_REQUIRED");
    expect(await signIn(browser, places.user)).toBe(1);
  }
  await places.advance(HOUR_MS);
  for (const browser of browsers) expect(await apiReason(browser)).toBe("works");
  for (const name of [places.user.sub, places.user.email]) {
    expect(await offlineAt(places, places.at("afterwards"), name)).toBe("works");
  }
}

describe("two sign-ins at once, each with a new consent", () => {
  // Three or four operations each; whatever there are more come in the order of the flows.
  const orders = spread(interleavings(["here", 4], ["there", 4]), 24);

  test.for(orders.map((order) => [order.join(" ").replaceAll("there", "b").replaceAll("here", "a"), order] as const))(
    "in two browsers at two places: %s",
    async ([, order], { open }) => {
      const places = await openPlaces(open);
      const browsers = [places.browser, places.at("there").browser()];
      const callbacks: URL[] = [];
      for (const browser of browsers) callbacks.push(await callbackUrl({ ...places, browser }, {}, "?prompt=consent"));
      const [first, second] = browsers.map(
        (browser, index) => async () =>
          expect((await browser.comeBack(callbacks[index]?.href ?? "")).status, "the answer to the callback").toBe(302),
      );
      if (first === undefined || second === undefined) throw new Error("there are two");
      await playInOrder(places.kv, order, { here: first, there: second });
      await expectWhole(places, browsers);
    },
  );

  test("in two tabs of one browser", async ({ open }) => {
    const places = await openPlaces(open);
    const callbacks = [
      await callbackUrl(places, {}, "?prompt=consent"),
      await callbackUrl(places, {}, "?prompt=consent"),
    ];
    const answers = await Promise.all(callbacks.map(({ href }) => places.browser.comeBack(href)));
    expect(answers.map(({ status }) => status)).toEqual([302, 302]);
    await expectWhole(places, [places.browser]);
  });

  test("where storage refuses the second one for good: told so, and the first one's grant stays", async ({ open }) => {
    const places = await openPlaces(open);
    const other = places.at("there").browser();
    const callback = await callbackUrl({ ...places, browser: other }, {}, "?prompt=consent");
    await signIn(places.browser, places.user);
    places.kv.gate = async ({ kind, place }, work) => {
      if (kind === "put" && place === "there") throw new Error("KV PUT failed: 429 Too Many Requests");
      work();
    };
    const answer = await openCallback(other, callback);
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining("STORAGE_UNAVAILABLE")]);
    places.kv.gate = null;
    expect(await apiReason(places.browser)).toBe("works");
    expect(await offlineAt(places, places.at("afterwards"))).toBe("works");
    expect(await signIn(other, places.user)).toBe(1);
    await expectWhole(places, [places.browser, other]);
  });
});
