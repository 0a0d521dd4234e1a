/** What requests of one user in one isolate share of a refresh, and what each still finds out for itself. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Grant, GrantHolder, GrantServices } from "../../../src/auth/grant.ts";
import { GrantMemory } from "../../../src/isolate/grant-memory.ts";
import { CALL_TIMEOUT_MS } from "../../../src/lib/upstream.ts";
import type { AccessToken } from "../../../src/identity.ts";
import { appErrorOf, type Call, configuration, createStore, createWorld, json, START_MS } from "../fixtures.ts";
import { createGrant, CREDENTIAL, GMAIL, GMAIL_URL, HELD, isDead, refusal, stored, tokens } from "./fixtures-grant.ts";

const storage = createWorld(json({}));
const EXPIRED: AccessToken = { value: "expired", expiresAtMs: START_MS - 1 };
const CONSENT_REQUIRED = { reason: "CONSENT_REQUIRED" };
const busy = (): Response => new Response("busy", { status: 503 });

const shortLived = (): Response => Response.json({ access_token: "fresh-1", expires_in: 5, token_type: "Bearer" });

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Google {
  /** Access tokens that Gmail takes. */
  accepts: string[];
  /** What the token endpoint answers the nth time. */
  refresh: (count: number) => Response | Promise<Response>;
}

const get = async (grant: Grant): Promise<number> => (await grant.fetch(GMAIL_URL, {}, GMAIL)).status;

/** An isolate in front of a Google that takes its time. */
function createIsolate(changes: Partial<Google> = {}) {
  const google: Google = { accepts: ["fresh-1"], refresh: (count) => tokens(`fresh-${count}`), ...changes };
  const grantMemory = new GrantMemory();
  const sent: string[] = [];
  const deferred: Promise<unknown>[] = [];
  const marks: string[] = [];
  let refreshes = 0;
  /** KV as a place reads it that has just missed every mark of a dead token. */
  const kv = new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...input: unknown[]): Promise<unknown> => {
        const isMark = [input[0]].flat().some((key) => String(key).startsWith("dead-token"));
        if (isMark && name === "get") return new Map();
        if (isMark && name === "put") marks.push(String(input[0]));
        return Reflect.apply(value, target, input);
      };
    },
  });
  const network = async (call: Call): Promise<Response> => {
    if (call.url.pathname === "/token") {
      refreshes += 1;
      const count = refreshes;
      await pause(30);
      return google.refresh(count);
    }
    const token = call.headers.get("Authorization")?.replace("Bearer ", "") ?? "";
    sent.push(token);
    await pause(10);
    return google.accepts.includes(token) ? Response.json({ token }) : new Response(null, { status: 401 });
  };
  const defer = (work: Promise<unknown>): void => void deferred.push(work);
  /** A request of its own. */
  const request = (changed: Partial<GrantServices & GrantHolder> = {}): Grant => {
    const world = createWorld(network, { waitUntil: defer });
    const store = createStore(world, { kv, deadTokens: grantMemory.deadTokens });
    return createGrant(world, { accessToken: EXPIRED, store, grantMemory, defer, ...changed });
  };
  /** So many requests at once. @returns what each got */
  const burst = (count: number, accessToken: AccessToken = EXPIRED): Promise<PromiseSettledResult<number>[]> =>
    Promise.allSettled(Array.from({ length: count }, () => get(request({ accessToken }))));
  return { google, request, burst, sent, deferred, marks, refreshes: () => refreshes };
}

const all = (count: number, value: object): object[] => Array.from({ length: count }, () => value);
const ok = (count: number): object[] => all(count, { status: "fulfilled", value: 200 });

beforeEach(async () => {
  await reset();
  await createStore(storage).writeCredential(CREDENTIAL);
});

describe("200 requests at once with an access token that has expired", () => {
  test("make one token call, and all get through", async () => {
    const { burst, refreshes } = createIsolate();
    expect(await burst(200)).toEqual(ok(200));
    expect(refreshes()).toBe(1);
  });

  test("each keep the new access token for their own session", async () => {
    const { request, refreshes } = createIsolate();
    const grants = Array.from({ length: 5 }, () => request());
    await Promise.all(grants.map((grant) => grant.accessToken()));
    expect(grants.map(({ tokenChange }) => tokenChange?.value)).toEqual(Array(5).fill("fresh-1"));
    expect(refreshes()).toBe(1);
  });

  test("share one that lives no longer than a minute, too", async () => {
    const { burst, refreshes } = createIsolate({ refresh: shortLived });
    expect(await burst(50)).toEqual(ok(50));
    expect(refreshes()).toBe(1);
  });

  test("and those soon after need none, until it is about to expire", async () => {
    const { burst, request, refreshes } = createIsolate();
    await burst(2);
    expect(await burst(50)).toEqual(ok(50));
    expect(refreshes()).toBe(1);
    const later = { now: () => START_MS + 3_600_000 - 60_000 };
    expect(await request({ world: later }).accessToken()).toBe("fresh-2");
  });
});

describe("200 requests at once with an access token that Google answers 401 to", () => {
  test("make one token call, and all get through", async () => {
    const { burst, refreshes } = createIsolate();
    expect(await burst(200, HELD)).toEqual(ok(200));
    expect(refreshes()).toBe(1);
  });

  test("and those soon after do not send it again, nor refresh", async () => {
    const { burst, refreshes, sent } = createIsolate();
    await burst(1, HELD);
    sent.length = 0;
    expect(await burst(50, HELD)).toEqual(ok(50));
    expect([new Set(sent), refreshes()]).toEqual([new Set(["fresh-1"]), 1]);
  });

  test("whose replacement is refused, too, ask for consent, and it is not used again", async () => {
    const { google, burst, refreshes, sent } = createIsolate({ accepts: [] });
    const results = await burst(50, HELD);
    expect(results).toMatchObject(all(50, { status: "rejected", reason: CONSENT_REQUIRED }));
    expect(refreshes()).toBe(1);
    google.accepts = ["fresh-2"];
    sent.length = 0;
    expect(await burst(1)).toEqual(ok(1));
    expect(sent).toEqual(["fresh-2"]);
  });
});

describe("an access token that was refused is not replaced by one", () => {
  test("that came before, for it may be dead as well", async () => {
    const { google, burst, refreshes } = createIsolate();
    await burst(1);
    google.accepts = ["fresh-2"];
    expect(await burst(20, HELD)).toEqual(ok(20));
    expect(refreshes()).toBe(2);
  });

  test("that was refused itself", async () => {
    const { google, burst, refreshes, sent } = createIsolate();
    await burst(1);
    google.accepts = ["fresh-2"];
    sent.length = 0;
    expect(await burst(1)).toEqual(ok(1));
    expect([sent, refreshes()]).toEqual([["fresh-1", "fresh-2"], 2]);
  });
});

describe("what one request has found does not serve", () => {
  test("a newer grant, nor does the newer one's serve the older", async () => {
    const { google, request, refreshes } = createIsolate();
    await request().accessToken();
    await createStore(storage).writeCredential({ ...CREDENTIAL, refreshToken: "a newer one" });
    expect(await request().accessToken()).toBe("fresh-2");
    google.accepts = ["fresh-1"];
    await createStore(storage).writeCredential(CREDENTIAL);
    expect(await request().accessToken()).toBe("fresh-1");
    expect(refreshes()).toBe(2);
  });

  test("whose user has disconnected, also where the record is read still", async () => {
    const { request, refreshes } = createIsolate();
    await request().accessToken();
    await createStore(storage).markDead(CREDENTIAL.refreshToken);
    const store = createStore(storage);
    expect(await appErrorOf(request({ store }).accessToken())).toMatchObject(CONSENT_REQUIRED);
    await createStore(storage).deleteCredential("1", null);
    expect(await appErrorOf(request().accessToken())).toMatchObject(CONSENT_REQUIRED);
    expect(refreshes()).toBe(1);
  });

  test("an account that may not be used any more, or another client", async () => {
    const { request } = createIsolate();
    await request().accessToken();
    const config = configuration({ ALLOWED_ACCOUNTS: "bob@example.test" });
    const error = await appErrorOf(request({ config }).accessToken());
    expect(error).toMatchObject({ reason: "ACCOUNT_NOT_ALLOWED" });
    const other = configuration({ GOOGLE_CLIENT_ID: "another-client" });
    expect(await appErrorOf(request({ config: other }).accessToken())).toMatchObject(CONSENT_REQUIRED);
  });
});

describe("a refresh that Google does not answer", () => {
  test("fails for all 50 who want it after two calls, and changes nothing that is stored", async () => {
    const { burst, refreshes } = createIsolate({ refresh: busy });
    const outage = { status: "rejected", reason: { reason: "UPSTREAM_UNAVAILABLE", code: 502 } };
    expect(await burst(50)).toMatchObject(all(50, outage));
    expect(refreshes()).toBe(2);
    expect([await stored(), await isDead()]).toEqual([CREDENTIAL, false]);
    expect((await env.CREDENTIALS.list()).keys).toHaveLength(1);
  });

  test("once fails for the one request that asked", async () => {
    const { burst, refreshes } = createIsolate({ refresh: (count) => (count === 1 ? busy() : tokens("fresh-1")) });
    const results = await burst(50);
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect(refreshes()).toBe(2);
  });

  test("is tried anew by who comes after it has failed", async () => {
    const { burst } = createIsolate({ refresh: (count) => (count <= 2 ? busy() : tokens("fresh-1")) });
    await burst(50);
    expect(await burst(50)).toEqual(ok(50));
  });
});

describe("invalid_grant", () => {
  test("to one of 200 requests is told to all: one token call, and the mark is written once", async () => {
    const { burst, refreshes, marks } = createIsolate({ refresh: refusal("invalid_grant") });
    expect(await burst(200)).toMatchObject(all(200, { status: "rejected", reason: CONSENT_REQUIRED }));
    expect([refreshes(), marks.length]).toEqual([1, 1]);
    expect(await isDead()).toBe(true);
  });

  test("is remembered: 100 requests after it make no token call, though storage does not know it yet", async () => {
    const { burst, request, refreshes } = createIsolate({ refresh: refusal("invalid_grant") });
    await burst(1, HELD);
    for (let count = 0; count < 100; count += 1) {
      expect(await appErrorOf(request().accessToken())).toMatchObject(CONSENT_REQUIRED);
    }
    expect(refreshes()).toBe(1);
  });

  test("does not stand in the way of a new consent", async () => {
    const { burst } = createIsolate({
      refresh: (count) => (count === 1 ? refusal("invalid_grant")() : tokens("fresh-1")),
    });
    await burst(10);
    await createStore(storage).writeCredential({ ...CREDENTIAL, refreshToken: "a newer one" });
    expect(await burst(10)).toEqual(ok(10));
  });
});

describe("a client that goes away while its request refreshes", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("does not end the refresh: it goes on beside the answer, without an error there", async () => {
    const { request, deferred } = createIsolate({ refresh: busy });
    const failure = appErrorOf(request().accessToken());
    await vi.waitFor(() => expect(deferred).toHaveLength(1));
    await vi.advanceTimersByTimeAsync(50);
    expect(await deferred[0]).toMatchObject({ status: "rejected" });
    await failure;
  });

  test("and whose request the runtime ends holds the others for one call's time", async () => {
    const { burst, request, refreshes } = createIsolate();
    const ended = createWorld(() => new Promise(() => {}));
    void request({ upstream: ended.upstream }).accessToken();
    await vi.waitFor(() => expect(ended.calls).toHaveLength(1));
    const waiting = burst(20);
    await vi.advanceTimersByTimeAsync(CALL_TIMEOUT_MS - 100);
    expect(refreshes()).toBe(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await waiting).toEqual(ok(20));
    expect(refreshes()).toBe(1);
  });
});
