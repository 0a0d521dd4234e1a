/** Callbacks that this browser did not begin, or has used: login CSRF, replay, mixed-up flows (RFC 9700 §4.7, §4.4). */
import { describe, describeInside, expect, inside } from "../support/contract.ts";
import { callbackUrl, openCallback } from "../support/scenes.ts";
import { expectRefusal, INVALID, type Refusal, test, type Victim } from "./victim.ts";

const INVALID_STATE: Refusal = [400, "INVALID_STATE"];

/** The callback of an attacker, who has an account of their own. */
async function attackersCallback(scene: Victim): Promise<URL> {
  const attacker = await scene.google.addUser();
  const browser = scene.stage.browser();
  return callbackUrl({ ...scene, browser, user: attacker });
}

function pathOf(url: URL): string {
  return url.pathname + url.search;
}

describe("a callback is refused, and its code is not exchanged,", () => {
  test("in another browser than the one that began, signed in or not", async ({ victim }) => {
    const scene = await victim();
    const callback = await attackersCallback(scene);
    await scene.google.forgetCalls();
    await scene.refused({ path: pathOf(callback) }, INVALID_STATE);
    const cookie = `${scene.cookieName}=${scene.session}`;
    await scene.refused({ path: pathOf(callback), headers: { cookie } }, INVALID_STATE);
    expect(await scene.google.count()).toBe(0);
  });

  test("with the cookie of another flow, under either flow's name", async ({ victim }) => {
    const scene = await victim();
    const callback = await attackersCallback(scene);
    const tab = scene.stage.browser();
    const state = (await tab.begin()).searchParams.get("state") ?? "";
    const [own] = tab.jar.named("tx_");
    const theirs = own?.name.replace(state.slice(0, 16), (callback.searchParams.get("state") ?? "").slice(0, 16));
    expect(theirs).not.toBe(own?.name);
    await scene.google.forgetCalls();
    for (const name of [own?.name, theirs]) {
      const headers = { cookie: `${name}=${own?.value}` };
      await scene.refused({ path: pathOf(callback), headers }, INVALID_STATE, name);
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("with a state that only begins like this browser's", async ({ victim }) => {
    const scene = await victim();
    const tab = scene.stage.browser();
    const callback = await callbackUrl({ ...scene, browser: tab });
    const state = callback.searchParams.get("state") ?? "";
    callback.searchParams.set("state", state.slice(0, 16) + "A".repeat(27));
    await scene.google.forgetCalls();
    await expectRefusal(await openCallback(tab, callback), INVALID_STATE, "same beginning");
    expect(await scene.google.count()).toBe(0);
  });

  const states: [title: string, state: (real: string) => string][] = [
    ["none", () => ""],
    ["two", (real) => `&state=${real}&state=${real}`],
    ["with a line break", (real) => `&state=${real}%0d%0aSet-Cookie:%20a=b`],
    ["cut", (real) => `&state=${real.slice(0, 16)}`],
    ["a cookie's name", () => "&state=__proto__"],
    ["very long", (real) => `&state=${real.repeat(200)}`],
  ];
  test.for(states)("with a state that is %s", async ([title, change], { victim }) => {
    const scene = await victim();
    const tab = scene.stage.browser();
    const state = (await tab.begin()).searchParams.get("state") ?? "";
    const headers = { cookie: tab.jar.header() ?? "" };
    await scene.google.forgetCalls();
    await scene.refused({ path: `/auth/callback?code=c${change(state)}`, headers }, INVALID_STATE, title);
    expect(await scene.google.count()).toBe(0);
  });

  test("with two codes, or none", async ({ victim }) => {
    const scene = await victim();
    for (const codes of ["", "&code=a&code=b", "&code="]) {
      const tab = scene.stage.browser();
      const state = (await tab.begin()).searchParams.get("state") ?? "";
      const headers = { cookie: tab.jar.header() ?? "" };
      await scene.refused({ path: `/auth/callback?state=${state}${codes}`, headers }, INVALID, codes);
    }
  });

  test("when it comes from another issuer: mix-up (RFC 9207)", async ({ victim }) => {
    const scene = await victim();
    for (const issuers of [
      "https://evil.test",
      "https://accounts.google.com.evil.test",
      "https://accounts.google.com/",
    ]) {
      const tab = scene.stage.browser();
      const state = (await tab.begin()).searchParams.get("state") ?? "";
      const headers = { cookie: tab.jar.header() ?? "" };
      const path = `/auth/callback?state=${state}&code=c&iss=${encodeURIComponent(issuers)}`;
      await scene.refused({ path, headers }, [400, "INVALID_ISSUER"], issuers);
      await scene.refused(
        { path: `${path}&iss=${encodeURIComponent("https://accounts.google.com")}`, headers },
        [400, "INVALID_ISSUER"],
        `${issuers} and Google`,
      );
    }
  });
});

describeInside("a callback serves once and for ten minutes:", () => {
  test("again in the same browser it is refused", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const tab = scene.stage.browser();
    const callback = await callbackUrl({ ...scene, browser: tab });
    expect((await openCallback(tab, callback)).status).toBe(302);
    await scene.google.forgetCalls();
    await expectRefusal(await openCallback(tab, callback), INVALID_STATE, "again");
    expect(await scene.google.count()).toBe(0);
  });

  test("ten minutes later it is refused, also with its cookie kept aside", async ({ victim }) => {
    const scene = await victim();
    const tab = scene.stage.browser();
    const callback = await callbackUrl({ ...scene, browser: tab });
    const headers = { cookie: tab.jar.header() ?? "" };
    await inside(scene.stage).advance(10 * 60_000 + 1_000);
    await scene.google.forgetCalls();
    await scene.refused({ path: pathOf(callback), headers }, INVALID_STATE);
    expect(await scene.google.count()).toBe(0);
  });
});
