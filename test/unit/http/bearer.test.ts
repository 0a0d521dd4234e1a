/** An API token as a way to call: what an isolate remembers of it, what the object is asked, and what is kept afterwards. */
import { afterAll, describe, expect, test } from "vitest";
import { reset } from "cloudflare:test";
import { createRequestScope, REAL_WORLD } from "../../../src/context.ts";
import { bearerToken, forgetToken, keepToken, openTokenCaller } from "../../../src/http/bearer.ts";
import type { TokenCaller } from "../../../src/http/types.ts";
import { makeTokenText, parseTokenText } from "../../../src/object/token-text.ts";
import { tokens } from "../auth/fixtures-grant.ts";
import { appErrorOf, createWorld, START_MS, STAYING } from "../fixtures.ts";
import { createIsolateServices } from "../fixtures-objects.ts";
import { DAY_MS, IDENTITY, newToken, signInOf, SUB } from "../object/fixtures.ts";
import { answerOf } from "./fixtures.ts";

const HOUR_MS = 3_600_000;
const SIGN_IN_REQUIRED = { reason: "SIGN_IN_REQUIRED", code: 401, signInAgain: {} };

/** A user with an API token, and isolates that reach their object. */
async function createUser(expiresAtMs = START_MS + DAY_MS) {
  const world = createWorld(() => tokens(`fresh-${world.calls.length}`));
  const stage = crypto.randomUUID();
  const isolate = () => {
    const { fetch, now, sleep } = world;
    const services = createIsolateServices({}, { ...REAL_WORLD, fetch, now, sleep }, stage);
    const scope = () =>
      createRequestScope(services, { url: "http://mail.localhost/", waitUntil: () => {}, clientSignal: STAYING });
    return {
      mailbox: scope().mailboxes.of(SUB),
      call: (bearer: string = secret): Promise<TokenCaller> => openTokenCaller(scope(), bearer),
      keep: (caller: TokenCaller): void => keepToken(scope(), caller),
      forget: (caller: TokenCaller): void => forgetToken(scope(), caller),
    };
  };
  const here = isolate();
  await here.mailbox.ask("signIn", signInOf(START_MS, "s"));
  const secret = (await here.mailbox.ask("makeToken", "s", "t", newToken({ expiresAtMs }))) ?? "";
  const objectId = (await parseTokenText(secret))?.objectId ?? "";
  return { ...here, isolate, secret, objectId, clock: world.clock, calls: world.calls };
}

// What is left would be counted by another file.
afterAll(() => reset());

test.each([
  [null, null],
  ["", null],
  ["Bearer", ""],
  ["Bearer ", ""],
  ["Bearer x", "x"],
  ["bearer   x", "x"],
  ["Basic x", null],
  ["Bearerx", null],
  ["x Bearer y", null],
])("of the header %j the token is %j", async (authorization, token) => {
  let found: string | null | undefined;
  const headers: Record<string, string> = authorization === null ? {} : { authorization };
  await answerOf((c) => (found = bearerToken(c)), { headers });
  expect(found).toBe(token);
});

describe("a token", () => {
  test("calls as the user who made it, with what was granted then, and without a session", async () => {
    const { call, calls } = await createUser();
    const caller = await call();
    expect(caller).toMatchObject({ identity: IDENTITY, scopes: ["openid"], access: "read", session: null });
    expect(await caller.isRevoked).toBe(false);
    expect([await caller.grant.accessToken(), calls]).toEqual(["of-s", []]);
  });

  test("that an isolate has seen calls without waiting for the object, which still says that it has ended", async () => {
    const { call, forget, keep, mailbox } = await createUser();
    keep(await call());
    await mailbox.ask("revokeToken", "t");
    const caller = await call();
    expect(await caller.isRevoked).toBe(true);
    forget(caller);
    expect(await appErrorOf(call())).toMatchObject(SIGN_IN_REQUIRED);
  });

  test("that was revoked is refused by an isolate that has not seen it", async () => {
    const { isolate, mailbox, secret } = await createUser();
    await mailbox.ask("revokeToken", "t");
    expect(await appErrorOf(isolate().call(secret))).toMatchObject(SIGN_IN_REQUIRED);
  });

  test("ends when it expires, remembered or not", async () => {
    const { call, clock, isolate, keep } = await createUser();
    keep(await call());
    clock.nowMs = START_MS + DAY_MS - 1;
    keep(await call());
    clock.nowMs += 1;
    expect(await appErrorOf(call())).toMatchObject(SIGN_IN_REQUIRED);
    expect(await appErrorOf(isolate().call())).toMatchObject(SIGN_IN_REQUIRED);
  });

  test.each<[string, (secret: string) => string | Promise<string>]>([
    ["no token of ours", (secret) => secret.slice(1)],
    ["mistyped", (secret) => secret.replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
    ["empty", () => ""],
    ["of an object of no namespace of ours", async () => (await makeTokenText("ab".repeat(32))).text],
    ["of a user who has not made it", async () => (await makeTokenText((await createUser()).objectId)).text],
  ])("that is %s: 401 SIGN_IN_REQUIRED", async (_, change) => {
    const { call, secret } = await createUser();
    expect(await appErrorOf(call(await change(secret)))).toMatchObject(SIGN_IN_REQUIRED);
  });
});

describe("after the answer", () => {
  test("a new access token is remembered, here and by the object for everywhere", async () => {
    const { call, calls, clock, isolate, keep } = await createUser();
    keep(await call());
    clock.nowMs += HOUR_MS;
    const caller = await call();
    expect(await caller.grant.accessToken()).toBe("fresh-1");
    keep(caller);
    for (const at of [call, isolate().call]) expect((await at()).grant.inUse).toMatchObject({ value: "fresh-1" });
    expect(calls).toHaveLength(1);
  });

  test("200 requests at once refresh once", async () => {
    const { call, calls, clock, keep } = await createUser();
    clock.nowMs += HOUR_MS;
    const callers = await Promise.all(Array.from({ length: 200 }, () => call()));
    const found = await Promise.all(callers.map(({ grant }) => grant.accessToken()));
    expect([new Set(found), calls.length]).toEqual([new Set(["fresh-1"]), 1]);
    callers.forEach(keep);
    expect((await call()).grant.inUse).toMatchObject({ value: "fresh-1" });
  });

  test("an older request does not replace a newer access token", async () => {
    const { call, clock, keep } = await createUser();
    const slow = await call();
    keep(slow);
    clock.nowMs += HOUR_MS;
    const quick = await call();
    await quick.grant.accessToken();
    keep(quick);
    keep(slow);
    expect((await call()).grant.inUse).toMatchObject({ value: "fresh-1" });
  });

  test("nothing is left of an access token whose grant has ended", async () => {
    const { call, clock, keep, mailbox } = await createUser();
    keep(await call());
    const caller = await call();
    await mailbox.ask("disconnect", { sub: SUB, email: null });
    clock.nowMs += HOUR_MS;
    expect(await appErrorOf(caller.grant.accessToken())).toMatchObject({ reason: "SIGN_IN_REQUIRED" });
    expect(await caller.isRevoked, "it was asked before").toBe(false);
    // Without an access token that would do, it is asked first.
    expect(await appErrorOf(call())).toMatchObject({ reason: "SIGN_IN_REQUIRED" });
  });
});
