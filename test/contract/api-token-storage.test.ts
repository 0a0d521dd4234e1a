/** What an API token costs in storage and refreshes: a warm isolate asks Gmail before it has heard from storage. */
import { expect } from "vitest";
import { expectInvalidToken, makeToken, revokeToken, withToken } from "../support/api-tokens.ts";
import { describeInside, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { signedIn } from "../support/scenes.ts";
import type { Stage } from "../support/stage.ts";

const PROFILE = { path: "/gmail/v1/users/me/profile" } as const;

/** The stage's KV behind a gate: while that is shut, no read and no write is answered. */
function gatedKv(kv: KVNamespace) {
  let isBroken = false;
  let passed = 0;
  let waiting = 0;
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  const gated = new Proxy(kv, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]): Promise<unknown> => {
        waiting += 1;
        await gate.promise;
        waiting -= 1;
        passed += 1;
        if (isBroken) throw new Error("KV is down");
        return Reflect.apply(method, target, args);
      };
    },
  });
  return {
    kv: gated,
    passed: () => passed,
    waiting: () => waiting,
    /** From here on everybody waits, until what this returns is called. */
    shut: (): (() => void) => {
      passed = 0;
      gate = Promise.withResolvers<void>();
      return gate.resolve;
    },
    /** Lets those pass who come later; who waits goes on waiting. */
    passOthers: () => {
      gate = Promise.withResolvers<void>();
      gate.resolve();
    },
    break: () => {
      isBroken = true;
    },
  };
}

/** A warm isolate of its own, whose storage can be held up. */
async function warmIsolate(stage: Stage, token: string) {
  const gate = gatedKv(inside(stage).kv);
  const isolate = inside(stage).redeploy({}, { CREDENTIALS: gate.kv });
  expect((await withToken(isolate, token, PROFILE)).status).toBe(200);
  await stage.google.forgetCalls();
  return { isolate, gate };
}

describeInside("a warm isolate with an API token", () => {
  test("calls Gmail before storage has answered anything", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    const { isolate, gate } = await warmIsolate(stage, token);
    const letIn = gate.shut();
    const answer = withToken(isolate, token, PROFILE);
    await expect.poll(() => google.count("profile"), { timeout: 2_000 }).toBe(1);
    expect(gate.passed()).toBe(0);
    letIn();
    expect((await answer).status).toBe(200);
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["profile"]);
  });

  test("reads once, beside the call, and writes nothing", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    const { isolate, gate } = await warmIsolate(stage, token);
    gate.shut()();
    await withToken(isolate, token, PROFILE);
    expect(gate.passed()).toBe(1);
  });

  test("withholds the answer of a token that was revoked elsewhere, body and headers", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    const { id, token } = await makeToken(browser);
    const { isolate } = await warmIsolate(stage, token);
    await revokeToken(browser, id);
    await google.fault("profile", { headers: { etag: '"of-the-mailbox"', "content-range": "bytes 0-1/2" } });
    const response = await withToken(isolate, token, PROFILE);
    expect(await google.count("profile")).toBe(1);
    expectInvalidToken(response);
    expect([response.headers.get("etag"), response.headers.get("content-range")]).toEqual([null, null]);
    expect((await expectError(response, 401, "SIGN_IN_REQUIRED")).text).not.toContain(user.email);
    // It is forgotten, too.
    await withToken(isolate, token, PROFILE);
    expect(await google.count("profile")).toBe(1);
  });

  test("withholds the answer where storage cannot say whether it was revoked", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const { token } = await makeToken(browser);
    const { isolate, gate } = await warmIsolate(stage, token);
    gate.break();
    for (const request of [PROFILE, { path: "/api/messages", headers: { accept: "application/x-ndjson" } }]) {
      const response = await withToken(isolate, token, request);
      expect((await expectError(response, 503, "STORAGE_UNAVAILABLE")).text).not.toContain(user.email);
    }
  });

  test.for(["POST", "DELETE"])(
    "waits for storage before a %s, and does not call for a revoked one",
    async (method, { open }) => {
      const { browser, google, stage } = await signedIn(open);
      const { id, token } = await makeToken(browser);
      const { isolate, gate } = await warmIsolate(stage, token);
      await revokeToken(browser, id);
      const letIn = gate.shut();
      const answer = withToken(isolate, token, { method, path: "/gmail/v1/users/me/messages/0/modify" });
      letIn();
      expectInvalidToken(await answer);
      expect(await google.count()).toBe(0);
    },
  );
});

test("the access token behind an API token is kept: one refresh for many requests", async ({ open }) => {
  const { browser, google, stage } = await signedIn(open);
  const { token } = await makeToken(browser);
  for (let n = 0; n < 3; n += 1) expect((await withToken(stage, token, PROFILE)).status).toBe(200);
  const calls = (await google.calls()).map(({ endpoint }) => endpoint);
  expect(calls).toEqual(["token:refresh", "profile", "profile", "profile"]);
});

describeInside("the access token behind an API token", () => {
  test("is read from storage by the next isolate", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    await withToken(stage, token, PROFILE);
    await google.forgetCalls();
    expect((await withToken(inside(stage).redeploy({}), token, PROFILE)).status).toBe(200);
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["profile"]);
  });

  test("is not forgotten by a request beside it that needs none", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    const gate = gatedKv(inside(stage).kv);
    const isolate = inside(stage).redeploy({}, { CREDENTIALS: gate.kv });
    await withToken(isolate, token, { path: "/api/me" });
    const release = gate.shut();
    // It remembers that there is no access token, and is held up by storage until the other one has found one.
    const slow = withToken(isolate, token, { path: "/api/me" });
    await expect.poll(gate.waiting).toBe(1);
    gate.passOthers();
    await withToken(isolate, token, PROFILE);
    release();
    await slow;
    await google.forgetCalls();
    expect((await withToken(isolate, token, PROFILE)).status).toBe(200);
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["profile"]);
  });

  test("is replaced when it is about to expire, and when Google refuses it", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    const { token } = await makeToken(browser);
    await withToken(stage, token, PROFILE);
    await inside(stage).advance(3_590_000);
    await withToken(stage, token, PROFILE);
    await google.act({ action: "killAccessTokens", email: user.email });
    await withToken(stage, token, PROFILE);
    await withToken(inside(stage).redeploy({}), token, PROFILE);
    const calls = (await google.calls()).map(({ endpoint }) => endpoint);
    expect(calls.join(" ")).toBe("token:refresh profile token:refresh profile profile token:refresh profile profile");
  });

  test("is not in storage as it is", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    await withToken(stage, token, PROFILE);
    expect(await inside(stage).keys()).toContainEqual(expect.stringMatching(/^api-token-access:/));
    const stored = await stage.stored();
    for (const secret of (await google.snapshot()).secrets) expect(stored).not.toContain(secret);
  });
});
