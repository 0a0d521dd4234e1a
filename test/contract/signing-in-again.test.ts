/** What becomes of the session that a browser had when it signs in again. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { reachedThrough } from "../support/object-views.ts";
import { callWithToken, makeApiToken } from "../support/ending.ts";
import { call, callbackAnswer, signedIn, signIn } from "../support/scenes.ts";

describe("the session that a browser had", () => {
  test("ends when it signs in again", { tags: ["process"] }, async ({ open }) => {
    const { browser, user } = await signedIn(open);
    const copy = browser.copy();
    await signIn(browser, user);
    expect((await call(copy)).status).toBe(401);
    expect((await call(browser)).status).toBe(200);
  });

  test("ends when it signs in as somebody else", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    const [copy, other] = [browser.copy(), stage.browser()];
    await signIn(other, user);
    await signIn(browser, await google.addUser());
    expect((await call(copy)).status).toBe(401);
    expect((await call(browser)).status).toBe(200);
    expect((await call(other)).status, "another browser of the same user's").toBe(200);
  });

  test("leaves the API tokens that it has made", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const token = await makeApiToken(browser);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await signIn(browser, user);
    expect((await callWithToken(stage, token)).status).toBe(200);
  });

  test("goes on when the sign-in fails", async ({ open }) => {
    const scene = await signedIn(open);
    expect((await callbackAnswer(scene, { deny: true })).status).toBe(403);
    expect((await call(scene.browser)).status).toBe(200);
  });
});

describeInside("where the object of another user cannot be reached", () => {
  test("the sign-in goes on, and the log says that its session could not be ended", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { mailboxes, redeploy } = inside(stage);
    const MAILBOXES = reachedThrough(mailboxes, async (question, ask) => {
      if (question === "endSession") throw new Error("out of reach");
      return ask();
    });
    const there = redeploy({}, { MAILBOXES }).browser();
    browser.jar.copyTo(there.jar);
    const before = stage.logs().length;
    await signIn(there, await google.addUser());
    expect((await call(there)).status).toBe(200);
    expect(stage.logs().slice(before)).toContain("STORAGE_UNAVAILABLE");
  });
});
