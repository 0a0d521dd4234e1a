/** An API token as a way to call: what an isolate remembers of it, what storage is asked, and what is kept afterwards. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { ApiTokenStore } from "../../../src/kv-store/api-tokens.ts";
import type { TokenKey } from "../../../src/lib/key-ring.ts";
import { REAL_WORLD, createRequestScope, createServices, type RequestScope } from "../../../src/context.ts";
import type { TokenCaller } from "../../../src/http/types.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { bearerToken, forgetToken, keepToken, openTokenCaller } from "../../../src/http/bearer.ts";
import {
  appErrorOf,
  configuration,
  createKv,
  createStore,
  createWorld,
  failureOf,
  json,
  KEY_A,
  KEY_B,
  START_MS,
  STAYING,
} from "../fixtures.ts";
import { apiTokenOf, DAY_MS } from "../kv-store/fixtures-api-tokens.ts";
import { CREDENTIAL, tokens } from "../auth/fixtures-grant.ts";
import { answerOf } from "./fixtures.ts";

const storage = createWorld(json({}));
const apiTokens = new ApiTokenStore(createKv(storage));

/** A Worker of one isolate, with a Google that gives a new access token to each refresh. */
function createIsolate(keys: readonly TokenKey[] = [KEY_A]) {
  const gets: string[] = [];
  const puts: string[] = [];
  const deferred: Promise<unknown>[] = [];
  const clock = { nowMs: START_MS };
  let refreshes = 0;
  const kv = new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...input: unknown[]): unknown => {
        if (name === "get") gets.push(String([input[0]].flat()[0]));
        if (name === "put") puts.push(String(input[0]));
        return Reflect.apply(value, target, input);
      };
    },
  });
  const config = configuration({ TOKEN_KEYS: JSON.stringify({ keys }), CREDENTIALS: kv });
  const services = createServices(config, {
    ...REAL_WORLD,
    fetch: async () => {
      refreshes += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return tokens(`fresh-${refreshes}`);
    },
    now: () => clock.nowMs,
    sleep: async () => {},
  });
  const scope = (): RequestScope =>
    createRequestScope(services, {
      url: "http://mail.localhost/",
      waitUntil: (work) => void deferred.push(work),
      clientSignal: STAYING,
    });
  /** A request with a token; what it began is done when this resolves, but for what it keeps. */
  const call = (secret: string): Promise<TokenCaller> => openTokenCaller(scope(), secret);
  const keep = async (caller: TokenCaller): Promise<void> => {
    keepToken(scope(), caller);
    while (deferred.length > 0) await deferred.shift();
  };
  const forget = (caller: TokenCaller): void => forgetToken(scope(), caller);
  return { call, forget, keep, clock, gets, puts, refreshes: () => refreshes };
}

beforeEach(() => reset());
// What is left would expire while another file compares what is stored.
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

describe("a token in force", () => {
  test("calls as the user who made it, with what was granted then, and without a session", async () => {
    const { secret } = await apiTokens.create(apiTokenOf("1", START_MS));
    const caller = await createIsolate().call(secret);
    const { identity, scopes } = apiTokenOf("1", START_MS);
    expect(caller).toMatchObject({ identity, scopes, session: null });
    expect(await caller.isRevoked).toBe(false);
  });

  test("is looked up once by an isolate, and its revocation each time", async () => {
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep, gets } = createIsolate();
    await keep(await call(secret));
    expect(gets[0]).toBe(storageKeys.apiToken(id));
    gets.length = 0;
    const again = await call(secret);
    await again.isRevoked;
    expect(gets).toHaveLength(1);
    expect(gets[0]).toContain("revoked-");
  });

  test("that is forgotten is looked up again", async () => {
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, forget, keep, gets } = createIsolate();
    const caller = await call(secret);
    await keep(caller);
    forget(caller);
    gets.length = 0;
    await call(secret);
    expect(gets[0]).toBe(storageKeys.apiToken(id));
  });

  test("that was revoked says so", async () => {
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep } = createIsolate();
    await keep(await call(secret));
    await apiTokens.revoke("1", id);
    expect(await (await call(secret)).isRevoked).toBe(true);
  });
});

test.each<[string, (secret: string) => string]>([
  ["unknown", () => `gmedge_${"x".repeat(63)}`],
  ["no token of ours", (secret) => secret.slice(1)],
  ["empty", () => ""],
])("what is %s: 401 SIGN_IN_REQUIRED", async (_, change) => {
  const { secret } = await apiTokens.create(apiTokenOf("1", START_MS));
  const error = await appErrorOf(createIsolate().call(change(secret)));
  expect([error.reason, error.code, error.signInAgain]).toEqual(["SIGN_IN_REQUIRED", 401, {}]);
});

test("one that an isolate remembers ends when it expires", async () => {
  const { secret } = await apiTokens.create(apiTokenOf("1", START_MS, { expiresAtMs: START_MS + DAY_MS }));
  const { call, keep, clock } = createIsolate();
  await keep(await call(secret));
  clock.nowMs = START_MS + DAY_MS - 1;
  await call(secret);
  clock.nowMs = START_MS + DAY_MS;
  expect(await failureOf(call(secret))).toMatchObject({ reason: "SIGN_IN_REQUIRED" });
});

describe("after the answer", () => {
  test("the day of use is noted, once a day", async () => {
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep, clock } = createIsolate();
    await keep(await call(secret));
    const key = storageKeys.apiTokenUsed(id);
    expect(await env.CREDENTIALS.get(key)).toBe("2026-11-22");
    await env.CREDENTIALS.delete(key);
    await keep(await call(secret));
    expect(await env.CREDENTIALS.get(key)).toBeNull();
    clock.nowMs += DAY_MS;
    await keep(await call(secret));
    expect(await env.CREDENTIALS.get(key)).toBe("2026-11-23");
  });

  test("a new access token is stored, and the next request uses it", async () => {
    await createStore(storage).writeCredential(CREDENTIAL);
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep } = createIsolate();
    const caller = await call(secret);
    expect(await caller.grant.accessToken()).toBe("fresh-1");
    await keep(caller);
    expect(await apiTokens.find(id)).toMatchObject({ accessToken: { value: "fresh-1" } });
    expect(await (await call(secret)).grant.accessToken()).toBe("fresh-1");
    expect(await (await createIsolate().call(secret)).grant.accessToken(), "elsewhere, too").toBe("fresh-1");
  });

  test("200 requests at once refresh once, and keep the access token and the day of use once", async () => {
    await createStore(storage).writeCredential(CREDENTIAL);
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep, puts, refreshes } = createIsolate();
    const callers = await Promise.all(Array.from({ length: 200 }, () => call(secret)));
    const found = await Promise.all(callers.map(({ grant }) => grant.accessToken()));
    expect([new Set(found), refreshes()]).toEqual([new Set(["fresh-1"]), 1]);
    await Promise.all(callers.map(keep));
    expect(puts.toSorted()).toEqual([storageKeys.apiTokenAccess(id), storageKeys.apiTokenUsed(id)].toSorted());
  });

  test("an older request does not replace a newer access token", async () => {
    await createStore(storage).writeCredential(CREDENTIAL);
    const { secret } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep, clock } = createIsolate();
    const [slow, quick] = [await call(secret), await call(secret)];
    await quick.grant.accessToken();
    await keep(quick);
    await keep(slow);
    expect((await call(secret)).grant.inUse, "where the older one had none").toMatchObject({ value: "fresh-1" });
    const slower = await call(secret);
    clock.nowMs += 3_599_000;
    const next = await call(secret);
    await next.grant.accessToken();
    await keep(next);
    await keep(slower);
    expect((await call(secret)).grant.inUse, "where it had an older one").toMatchObject({ value: "fresh-2" });
  });

  test("nothing is left of an access token whose grant has ended", async () => {
    await createStore(storage).writeCredential(CREDENTIAL);
    const { secret } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep, clock } = createIsolate();
    const caller = await call(secret);
    await caller.grant.accessToken();
    await keep(caller);
    await createStore(storage).markDead(CREDENTIAL.refreshToken);
    clock.nowMs += 3_600_000;
    const last = await call(secret);
    expect(await failureOf(last.grant.accessToken())).toMatchObject({ reason: "CONSENT_REQUIRED" });
    await keep(last);
    expect((await call(secret)).grant.inUse).toBeNull();
  });

  test("an access token that another isolate has got meanwhile is found in storage, and looked for once", async () => {
    await createStore(storage).writeCredential(CREDENTIAL);
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep, clock, gets, puts, refreshes } = createIsolate();
    const use = async (): Promise<string> => {
      const caller = await call(secret);
      const accessToken = await caller.grant.accessToken();
      await keep(caller);
      return accessToken;
    };
    expect(await use()).toBe("fresh-1");
    expect(gets, "all that is stored of an unknown token was found by one operation").not.toContain(
      storageKeys.apiTokenAccess(id),
    );
    clock.nowMs += 3_600_000;
    await apiTokens.writeAccessToken(id, { value: "from elsewhere", expiresAtMs: clock.nowMs + 3_600_000 });
    puts.length = 0;
    gets.length = 0;
    expect(await use()).toBe("from elsewhere");
    expect(gets.filter((key) => key === storageKeys.apiTokenAccess(id))).toHaveLength(1);
    expect(await use()).toBe("from elsewhere");
    expect(gets.filter((key) => key === storageKeys.apiTokenAccess(id))).toHaveLength(1);
    expect([refreshes(), puts]).toEqual([1, []]);
    clock.nowMs += 3_600_000;
    expect(await use(), "when that has ended, too").toBe("fresh-2");
  });

  test("a stored access token that does not open, or is missing, is got anew from Google", async () => {
    await createStore(storage).writeCredential(CREDENTIAL);
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const { call, keep, clock } = createIsolate();
    await keep(await call(secret));
    await env.CREDENTIALS.put(storageKeys.apiTokenAccess(id), "damaged");
    expect(await (await call(secret)).grant.accessToken()).toBe("fresh-1");
    await env.CREDENTIALS.delete(storageKeys.apiTokenAccess(id));
    clock.nowMs += 3_600_000;
    expect(await (await call(secret)).grant.accessToken()).toBe("fresh-2");
  });

  test("a record under an older key is sealed anew, and one under the active key is not", async () => {
    const { secret, id } = await apiTokens.create(apiTokenOf("1", START_MS));
    const key = storageKeys.apiToken(id);
    const before = await env.CREDENTIALS.get(key);
    const same = createIsolate();
    await same.keep(await same.call(secret));
    expect(await env.CREDENTIALS.get(key)).toBe(before);
    const rotated = createIsolate([KEY_B, KEY_A]);
    await rotated.keep(await rotated.call(secret));
    const after = new ApiTokenStore(createKv(storage, { keys: [KEY_B] }));
    expect(await after.find(id)).toMatchObject({ token: { identity: { sub: "1" } } });
  });
});
