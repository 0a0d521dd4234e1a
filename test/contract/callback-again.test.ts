/** The callback again, by going back or loading it anew: who is signed in goes on, and nothing is exchanged. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import { callbackUrl, newcomer, openCallback, type Scene, signedIn } from "../support/scenes.ts";

const UNKNOWN = "A".repeat(43);

/** Signs in, and keeps the callback. */
async function signedInWithCallback(open: Parameters<typeof newcomer>[0], returnTo: string | null) {
  const scene = await newcomer(open);
  const query = returnTo === null ? "" : `?return_to=${encodeURIComponent(returnTo)}`;
  const callback = await callbackUrl(scene, {}, query);
  const first = await scene.browser.comeBack(callback.href);
  expect([first.status, first.headers.get("location")]).toEqual([302, returnTo ?? "/"]);
  await scene.google.forgetCalls();
  return { ...scene, callback };
}

async function expectLedTo({ google }: Scene, response: Response, target: string): Promise<void> {
  expect([response.status, response.headers.get("location")]).toEqual([302, target]);
  expect(response.headers.get("cache-control")).toContain("no-store");
  expect(await google.count()).toBe(0);
}

describe("a navigation to a callback that was used, while signed in,", () => {
  test.for(["/?q=from%3Aana", "/account", "/message/18c0000000100000#end"])(
    "goes to its return_to: %s",
    async (returnTo, { open }) => {
      const scene = await signedInWithCallback(open, returnTo);
      for (const site of ["cross-site", "none", "same-origin"]) {
        const { pathname, search } = scene.callback;
        await expectLedTo(scene, await scene.browser.step(pathname + search, { "sec-fetch-site": site }), returnTo);
      }
    },
  );

  test("goes to the start where that is where it led", async ({ open }) => {
    const scene = await signedInWithCallback(open, null);
    await expectLedTo(scene, await scene.browser.comeBack(scene.callback.href), "/");
  });

  test("goes to the start where another sign-in has finished since", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/account");
    const later = await callbackUrl(scene, {}, "?return_to=%2F%3Fq%3Dlater");
    expect((await scene.browser.comeBack(later.href)).headers.get("location")).toBe("/?q=later");
    await scene.google.forgetCalls();
    await expectLedTo(scene, await scene.browser.comeBack(scene.callback.href), "/");
    await expectLedTo(scene, await scene.browser.comeBack(later.href), "/?q=later");
  });

  test("goes to the start in the session of another user, or in a later one", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/?q=secret");
    await scene.browser.submit("/auth/logout");
    const later = await callbackUrl(scene, {}, "");
    expect((await scene.browser.comeBack(later.href)).headers.get("location")).toBe("/");
    await scene.google.forgetCalls();
    await expectLedTo(scene, await scene.browser.comeBack(scene.callback.href), "/");
  });

  test("is recognized without Fetch Metadata, by what it accepts", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/account");
    const { pathname, search } = scene.callback;
    const response = await scene.browser.fetch(pathname + search, { headers: { accept: "text/html,*/*;q=0.8" } });
    await expectLedTo(scene, response, "/account");
  });
});

describe("a navigation to a callback with a state that is", () => {
  test.for<[title: string, query: string]>([
    ["unknown", `state=${UNKNOWN}&code=c`],
    ["missing", "code=c"],
    ["given twice", `state=${UNKNOWN}&state=${UNKNOWN}&code=c`],
    ["not of our form", "state=__proto__&code=c"],
    ["unknown, from another issuer", `state=${UNKNOWN}&code=c&iss=https%3A%2F%2Fevil.test`],
    ["unknown, without a code", `state=${UNKNOWN}`],
  ])("%s leads somebody who is signed in to the start", async ([, query], { open }) => {
    const scene = await signedIn(open);
    await expectLedTo(scene, await scene.browser.step(`/auth/callback?${query}`), "/");
  });

  test("unknown, with an error, is shown as that error", async ({ open }) => {
    const { browser } = await signedIn(open);
    const text = await expectPage(await browser.step(`/auth/callback?state=${UNKNOWN}&error=access_denied`), 403);
    expect(text).toContain("You did not give access");
  });

  test("unknown is 400 for somebody who is not signed in", async ({ open }) => {
    const { browser, google } = await newcomer(open);
    await expectPage(await browser.step(`/auth/callback?state=${UNKNOWN}&code=c`), 400);
    expect(await google.count()).toBe(0);
  });
});

describe("400 as before, and nothing is exchanged,", () => {
  test("for a program that is signed in", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/account");
    await expectError(await openCallback(scene.browser, scene.callback), 400, "INVALID_STATE");
    expect(await scene.google.count()).toBe(0);
  });

  test("for another browser that has the callback and not the session", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/account");
    const other = scene.stage.browser();
    await expectPage(await other.comeBack(scene.callback.href), 400);
    expect(await scene.google.count()).toBe(0);
  });

  test("after signing out", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/account");
    const copy = scene.browser.copy();
    await scene.browser.submit("/auth/logout");
    await scene.google.forgetCalls();
    await expectPage(await scene.browser.comeBack(scene.callback.href), 400);
    expect(await scene.google.count()).toBe(0);
    expect(copy.jar.header()).toContain("session");
  });

  test("for a session that was ended elsewhere", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/account");
    const copy = scene.browser.copy();
    await scene.browser.submit("/auth/logout?everywhere=true");
    await scene.google.forgetCalls();
    await expectPage(await copy.comeBack(scene.callback.href), 400);
    expect(await scene.google.count()).toBe(0);
  });
});

describeInside("the return_to of a finished sign-in", () => {
  test("is known for ten minutes, to the browser alone, and opens no second exchange", async ({ open }) => {
    const scene = await signedInWithCallback(open, "/account");
    const [cookie] = scene.browser.jar.named("return_to");
    expect(cookie?.value).not.toContain("account");
    const { pathname, search } = scene.callback;
    const state = scene.callback.searchParams.get("state") ?? "";
    // Under the name of a transaction it is none.
    const forged = `gmail_edge_tx_${state.slice(0, 16)}=${cookie?.value}`;
    const response = await scene.stage.send({ path: pathname + search, headers: { cookie: forged } });
    await expectError(response, 400, "INVALID_STATE");
    await inside(scene.stage).advance(10 * 60_000 + 1_000);
    await expectLedTo(scene, await scene.browser.comeBack(scene.callback.href), "/");
  });
});
