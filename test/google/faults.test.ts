/** Google told to be slow or to fail, by a form as people do, and how faults are drawn. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Google, type User } from "../support/google.ts";
import { CLIENT, post, REDIRECT, refresh, signIn } from "./client.ts";
import { messageId } from "./mail/numbered.ts";
import { composeBatch, parseReplies } from "./multipart.ts";
import { type RunningGoogle, startGoogle } from "./server.ts";

const SCOPE = "https://www.googleapis.com/auth/gmail.readonly";
const LIST = "/gmail/v1/users/me/messages?maxResults=1";

let running: RunningGoogle;
let google: Google;
let user: User;
let accessToken: string;
let otherToken: string;

beforeAll(async () => {
  running = await startGoogle();
  google = new Google(running.origin);
  await google.configure({ clients: [CLIENT], redirectUris: [REDIRECT], quotaUnitsPerMinute: null });
  user = await google.addUser({ mailbox: { messages: 500 } });
  accessToken = await signIn(google, user, SCOPE);
  otherToken = await signIn(google, await google.addUser({ mailbox: { messages: 500 } }), SCOPE);
});
afterEach(() => control("DELETE"));
afterAll(() => running.close());

function control(method: "GET" | "POST" | "DELETE", form?: string): Promise<Response> {
  return fetch(`${google.origin}/__emulator/faults`, { method, ...(form === undefined ? {} : { body: form }) });
}

async function tell(form: string): Promise<void> {
  const response = await control("POST", form);
  if (response.status !== 201) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
}

async function told(): Promise<{ hits: number }[]> {
  const { faults } = await (await control("GET")).json<{ faults: { hits: number }[] }>();
  return faults;
}

function get(path: string): Promise<Response> {
  return fetch(google.origin + path, { headers: { authorization: `Bearer ${accessToken}` } });
}

async function postBatch(count: number, bearer = accessToken): Promise<Response> {
  const parts = Array.from({ length: count }, (_, index) => ({
    contentId: `<${index}>`,
    head: [`GET /gmail/v1/users/me/messages/${messageId(index + 1)}?format=minimal`],
  }));
  const headers = { authorization: `Bearer ${bearer}`, "content-type": "multipart/mixed; boundary=b" };
  return fetch(`${google.origin}/batch/gmail/v1`, { method: "POST", headers, body: composeBatch(parts, "b") });
}

/** The statuses of a batch of so many reads, in the order of the reads. */
async function readMany(count: number, bearer = accessToken): Promise<number[]> {
  const response = await postBatch(count, bearer);
  if (!response.ok) return [response.status];
  const replies = parseReplies(response.headers.get("content-type") ?? "", await response.text());
  const byId = new Map(replies.map(({ contentId, status }) => [contentId, status]));
  return Array.from({ length: count }, (_, index) => byId.get(`<response-${index}>`) ?? 0);
}

/** One call to each endpoint that can be told to fail. */
const CALLS: Record<string, () => Promise<number>> = {
  token: async () => (await refresh(google, "x")).status,
  revoke: async () => (await post(google, "/revoke", { token: "x" })).status,
  userinfo: async () => (await get("/v1/userinfo")).status,
  certs: async () => (await get("/oauth2/v3/certs")).status,
  list: async () => (await get(LIST)).status,
  get: async () => (await get(`/gmail/v1/users/me/messages/${messageId(1)}`)).status,
  batch: async () => (await postBatch(1)).status,
  "batch-part": async () => (await readMany(1))[0] ?? 0,
};

async function failing(): Promise<string[]> {
  const failed: string[] = [];
  for (const [name, call] of Object.entries(CALLS)) if ((await call()) >= 500) failed.push(name);
  return failed;
}

describe("a fault", () => {
  test.each(["token", "revoke", "userinfo", "certs", "list", "get", "batch-part"])(
    "hits its endpoint only: %s",
    async (name) => {
      await tell(`endpoint=${name}&status=503`);
      expect(await failing()).toEqual([name]);
    },
  );

  test("of the batch as a whole hits its parts with it; of all endpoints, all but Google's pages and the controls", async () => {
    await tell("endpoint=batch&status=503");
    expect(await failing()).toEqual(["batch", "batch-part"]);
    await tell("endpoint=all&status=503");
    expect(await failing()).toEqual(Object.keys(CALLS));
    expect([(await get("/o/oauth2/v2/auth")).status, (await get("/__emulator")).status]).toEqual([400, 200]);
  });

  test("hits a share of the calls: the same ones with the same seed, and a second try has a chance of its own", async () => {
    const draws: number[][] = [];
    for (const seed of [1, 1, 2]) {
      await google.configure({ seed });
      await control("DELETE");
      await tell("endpoint=batch-part&status=429&share=0.3");
      draws.push(await readMany(100), await readMany(100));
    }
    const [first = [], second = [], again, , other] = draws;
    const refused = first.filter((status) => status === 429).length;
    expect(refused).toBeGreaterThan(15);
    expect(refused).toBeLessThan(45);
    expect(again).toEqual(first);
    expect([second, other]).not.toContainEqual(first);
  });

  test("hits so many times, after so many, and stays to be seen", async () => {
    await tell("endpoint=list&status=500&times=2");
    expect([await CALLS["list"]?.(), await CALLS["list"]?.(), await CALLS["list"]?.()]).toEqual([500, 500, 200]);
    expect(await told()).toMatchObject([{ times: 2, hits: 2 }]);
  });

  test("makes answers slow, and right unless another says more", async () => {
    await tell("endpoint=list&delayMs=80");
    const startedAt = performance.now();
    expect(await CALLS["list"]?.()).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(75);
    await tell("endpoint=list&status=504");
    expect(await CALLS["list"]?.()).toBe(504);
  });
});

describe("maxConcurrentParts", () => {
  test("refuses the parts above in Gmail's words, over all batches of an account and no other's", async () => {
    await tell("maxConcurrentParts=3");
    expect(await readMany(5)).toEqual([200, 200, 200, 429, 429]);
    expect(await (await postBatch(4)).text()).toContain("Too many concurrent requests for user");
    await tell("endpoint=batch-part&delayMs=1500");
    const slow = readMany(3);
    await expect.poll(async () => (await told())[1]?.hits).toBe(3);
    expect(await readMany(2)).toEqual([429, 429]);
    expect(await readMany(2, otherToken)).toEqual([200, 200]);
    expect(await slow).toEqual([200, 200, 200]);
    expect(await readMany(3)).toEqual([200, 200, 200]);
  });

  test("frees the place of a part that failed", async () => {
    await tell("maxConcurrentParts=2");
    await tell("endpoint=batch-part&status=503&times=2");
    expect([await readMany(2), await readMany(2)]).toEqual([
      [503, 503],
      [200, 200],
    ]);
  });
});

describe("Google's own words", () => {
  test.each([
    ["status=400", 400, "badRequest", "INVALID_ARGUMENT"],
    ["status=403", 403, "forbidden", "PERMISSION_DENIED"],
    ["status=404", 404, "notFound", "NOT_FOUND"],
    ["status=503", 503, "backendError", "UNAVAILABLE"],
    ["reason=authError", 401, "authError", "UNAUTHENTICATED"],
    ["reason=insufficientPermissions", 403, "insufficientPermissions", "PERMISSION_DENIED"],
    ["reason=rateLimitExceeded", 403, "rateLimitExceeded", "PERMISSION_DENIED"],
    ["reason=rateLimitExceeded&status=429", 429, "rateLimitExceeded", "RESOURCE_EXHAUSTED"],
    ["reason=failedPrecondition", 400, "failedPrecondition", "FAILED_PRECONDITION"],
    ["reason=backendError&status=503", 503, "backendError", "UNAVAILABLE"],
  ])("of the API: %s", async (what, code, reason, status) => {
    await tell(`endpoint=list&${what}`);
    const response = await get(LIST);
    expect(response.status).toBe(code);
    expect(await response.json()).toMatchObject({ error: { code, status, errors: [{ reason }] } });
  });

  test.each([
    ["reason=invalid_grant", 400, "invalid_grant"],
    ["reason=admin_policy_enforced", 400, "admin_policy_enforced"],
    ["reason=unauthorized_client", 401, "unauthorized_client"],
    ["status=429", 429, "rate_limit_exceeded"],
    ["status=503", 503, "internal_failure"],
  ])("of the token endpoint: %s", async (what, code, error) => {
    await tell(`endpoint=token&${what}`);
    expect(await refresh(google, "x")).toEqual({
      status: code,
      body: { error, error_description: expect.any(String) },
    });
  });

  test("of a session policy: invalid_grant with the subtype invalid_rapt", async () => {
    await google.fault("token", { named: "invalid_grant", detail: "invalid_rapt" });
    expect((await refresh(google, "x")).body).toMatchObject({ error: "invalid_grant", error_subtype: "invalid_rapt" });
  });

  test("are a page and no JSON for 502", async () => {
    await tell("endpoint=batch&status=502");
    const response = await postBatch(1);
    expect([response.status, response.headers.get("Content-Type")]).toEqual([502, "text/html; charset=UTF-8"]);
  });

  test("say in a header or in the message when to try again", async () => {
    await tell("endpoint=list&status=429&retryAfter=7&times=1");
    await tell("endpoint=list&reason=userRateLimitExceeded&retryAfter=7&retryAfterIn=message");
    expect((await get(LIST)).headers.get("Retry-After")).toBe("7");
    const inMessage = await get(LIST);
    expect(inMessage.headers.get("Retry-After")).toBeNull();
    expect(await inMessage.text()).toMatch(/Retry after \d{4}-\d\d-\d\dT/);
  });
});

describe("a fault that makes no sense is refused with a reason", () => {
  test.each([
    ["", "endpoint"],
    ["status=503", "endpoint"],
    ["endpoint=list", "status, reason, delayMs"],
    ["endpoint=nowhere&status=503", "endpoint"],
    ["endpoint=list&status=418", "status"],
    ["endpoint=list&reason=unheardOf", "reason"],
    ["endpoint=list&reason=invalid_grant", "token and revoke"],
    ["endpoint=token&reason=rateLimitExceeded", "token and revoke"],
    ["endpoint=list&status=503&share=1.5", "share"],
    ["endpoint=list&status=503&times=0", "times"],
    ["endpoint=list&status=503&times=", "times"],
    ["endpoint=list&delayMs=soon", "delayMs"],
    ["endpoint=list&delayMs=5&retryAfter=5", "retryAfter"],
    ["endpoint=list&maxConcurrentParts=5", "batch-part"],
    ["endpoint=list&status=503&sharee=0.1", "sharee"],
  ])("%s", async (form, reason) => {
    const response = await control("POST", form);
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(reason)]);
    expect(await told()).toEqual([]);
  });
});

test("latencies follow from the seed, and are those of the endpoint", async () => {
  const { latencyMs } = await import("./latency.ts");
  const pace = { seed: 3, medianLatencyMs: 50, partMs: 4 };
  const draw = (number: number, parts = 0): number => latencyMs(pace, { endpoint: "list", number, parts });
  const drawn = Array.from({ length: 1_000 }, (_, number) => draw(number)).sort((a, b) => a - b);
  expect(drawn[500]).toBeGreaterThan(46);
  expect(drawn[500]).toBeLessThan(54);
  expect(drawn[990]).toBeGreaterThan(2 * 50);
  expect([draw(7), draw(7, 10)]).toEqual([draw(7), draw(7) + 40]);
  expect(latencyMs({ ...pace, seed: 4 }, { endpoint: "list", number: 7 })).not.toBe(draw(7));
  expect(latencyMs({ ...pace, medianLatencyMs: 0 }, { endpoint: "list", number: 7 })).toBe(0);
});
