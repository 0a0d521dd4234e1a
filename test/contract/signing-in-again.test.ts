/** What becomes of the session that a browser had when it signs in again. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
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

describeInside("where storage cannot take its end", () => {
  test.for(["session-end:", "revoked-session:"])(
    "(%s) the sign-in goes on, and the log says so",
    async (prefix, { open }) => {
      const { browser, stage, user } = await signedIn(open);
      const { kv, redeploy } = inside(stage);
      const broken = redeploy({}, { CREDENTIALS: refusing(kv, prefix) });
      const there = broken.browser();
      browser.jar.copyTo(there.jar);
      const before = stage.logs().length;
      await signIn(there, user);
      expect((await call(there)).status).toBe(200);
      expect(stage.logs().slice(before)).toContain("STORAGE_UNAVAILABLE");
    },
  );
});

/** Storage that takes no write of keys with a prefix. */
function refusing(kv: KVNamespace, prefix: string): KVNamespace {
  return new Proxy(kv, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...values: unknown[]): Promise<unknown> => {
        if (name === "put" && String(values[0]).startsWith(prefix)) throw new Error("storage is down");
        return Reflect.apply(method, target, values);
      };
    },
  });
}
