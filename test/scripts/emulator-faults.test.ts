/** The emulated Google, told to be slow or to fail. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startGoogleEmulator, type GoogleEmulator } from "../../scripts/emulator/start.ts";
import { BUSY_USER, SMALL_USER } from "../../scripts/emulator/users.ts";
import { composeParts, postBatch, read, sendBatch } from "./batch-client.ts";
import { CLIENT, get, revoke, signIn, token } from "./emulated-sign-in.ts";

const NOW_MS = Date.parse("2026-11-22T12:00:00.000Z");
const LIST = "/gmail/v1/users/me/messages?maxResults=1";

let google: GoogleEmulator;
let accessToken: string;
let otherToken: string;
let ids: string[];
let draws: number[] = [];

beforeAll(async () => {
  google = await startGoogleEmulator({ ...CLIENT, now: () => NOW_MS, random: () => draws.shift() ?? 0 });
  accessToken = (await signIn(google, BUSY_USER.email)).access_token;
  otherToken = (await signIn(google, SMALL_USER.email)).access_token;
  ids = google.mailOf(BUSY_USER.email).map(({ id }) => id);
});
afterEach(async () => {
  draws = [];
  await control("DELETE");
});
afterAll(() => google.close());

async function control(method: "GET" | "POST" | "DELETE", form?: string): Promise<Response> {
  return fetch(`${google.url}/__emulator/faults`, { method, ...(form === undefined ? {} : { body: form }) });
}

async function tell(form: string): Promise<void> {
  const response = await control("POST", form);
  if (response.status !== 201) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
}

async function told(): Promise<{ hits: number }[]> {
  const { faults } = await (await control("GET")).json<{ faults: { hits: number }[] }>();
  return faults;
}

/** The statuses of a batch of so many reads, in the order of the reads. */
async function readMany(count: number, bearer = accessToken): Promise<number[]> {
  const replies = await sendBatch(
    google,
    bearer,
    Array.from({ length: count }, (_, index) =>
      read(String(index), bearer === accessToken ? `messages/${ids[index]}` : "profile"),
    ),
  );
  const byId = new Map(replies.map(({ contentId, status }) => [contentId, status]));
  return Array.from({ length: count }, (_, index) => byId.get(`<response-${index}>`) ?? 0);
}

/** One call to each endpoint that can be told to fail. */
const CALLS: Record<string, () => Promise<number>> = {
  token: async () => (await token(google, { grant_type: "refresh_token", refresh_token: "x" })).status,
  revoke: async () => (await revoke(google, "x")).status,
  userinfo: async () => (await get(google, "/oauth2/v2/userinfo", accessToken)).status,
  certs: async () => (await get(google, "/oauth2/v3/certs")).status,
  list: async () => (await get(google, LIST, accessToken)).status,
  get: async () => (await get(google, `/gmail/v1/users/me/messages/${ids[0]}`, accessToken)).status,
  batch: async () => (await postBatch(google, { accessToken, body: composeParts([read("1", "profile")]) })).status,
  "batch-part": async () => (await readMany(1))[0] ?? 0,
};

async function failing(): Promise<string[]> {
  const statuses = Object.entries(CALLS).map(async ([name, call]) => [name, await callOrStatus(call)] as const);
  return (await Promise.all(statuses)).filter(([, status]) => status === 503).map(([name]) => name);
}

/** A batch that is refused as a whole has no parts to tell of. */
async function callOrStatus(call: () => Promise<number>): Promise<number> {
  return call().catch((error: unknown) => Number(/HTTP (\d+)/.exec(String(error))?.[1]));
}

describe("a fault", () => {
  it.each(["token", "revoke", "userinfo", "certs", "list", "get", "batch-part"])(
    "hits its endpoint only: %s",
    async (name) => {
      await tell(`endpoint=${name}&status=503`);
      expect(await failing()).toEqual([name]);
    },
  );

  it("of the batch as a whole hits its parts with it, and nothing else", async () => {
    await tell("endpoint=batch&status=503");
    expect(await failing()).toEqual(["batch", "batch-part"]);
  });

  it("of all endpoints hits them all, and neither the consent page nor the controls", async () => {
    await tell("endpoint=all&status=503");
    expect(await failing()).toEqual(Object.keys(CALLS));
    expect((await get(google, "/gmail/v1/users/me/labels", accessToken)).status).toBe(503);
    expect((await get(google, "/o/oauth2/v2/auth")).status).toBe(400);
    expect((await get(google, "/__emulator")).status).toBe(200);
  });

  it("hits a share of the calls", async () => {
    await tell("endpoint=batch-part&status=429&share=0.3");
    draws = [0.9, 0.29, 0.3, 0, 0.5];
    expect(await readMany(5)).toEqual([200, 429, 200, 429, 200]);
    expect(await told()).toMatchObject([{ share: 0.3, hits: 2 }]);
  });

  it("hits so many times", async () => {
    await tell("endpoint=list&status=500&times=2");
    const statuses = [await CALLS["list"]?.(), await CALLS["list"]?.(), await CALLS["list"]?.()];
    expect(statuses).toEqual([500, 500, 200]);
    expect(await told()).toMatchObject([{ times: 2, hits: 2 }]);
  });

  it("makes answers slow, and right unless it says more", async () => {
    await tell("endpoint=list&delayMs=80");
    const startedAt = performance.now();
    expect(await CALLS["list"]?.()).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(75);
    await tell("endpoint=list&status=504");
    expect(await CALLS["list"]?.()).toBe(504);
  });

  it("ends with all others by DELETE", async () => {
    await tell("endpoint=list&status=503");
    await tell("maxConcurrentParts=1");
    await control("DELETE");
    expect([await told(), await failing(), await readMany(5)]).toEqual([[], [], [200, 200, 200, 200, 200]]);
  });
});

describe("maxConcurrentParts", () => {
  it("refuses the parts above, in Gmail's words", async () => {
    await tell("maxConcurrentParts=3");
    expect(await readMany(5)).toEqual([200, 200, 200, 429, 429]);
    const parts = ids.slice(0, 4).map((id) => read(id, `messages/${id}`));
    const refused = (await sendBatch(google, accessToken, parts)).find(({ status }) => status === 429);
    expect(JSON.parse(refused?.body ?? "")).toMatchObject({
      error: {
        code: 429,
        message: "Too many concurrent requests for user",
        status: "RESOURCE_EXHAUSTED",
        errors: [{ domain: "usageLimits", reason: "rateLimitExceeded" }],
      },
    });
  });

  it("counts the parts of all batches of an account, and no other's", async () => {
    await tell("maxConcurrentParts=3");
    await tell("endpoint=batch-part&delayMs=60");
    const slow = readMany(3);
    await expect.poll(async () => (await told())[1]?.hits).toBe(3);
    expect(await readMany(2)).toEqual([429, 429]);
    expect(await readMany(2, otherToken)).toEqual([200, 200]);
    expect(await slow).toEqual([200, 200, 200]);
    expect(await readMany(3)).toEqual([200, 200, 200]);
  });

  it("frees the place of a part that failed", async () => {
    await tell("maxConcurrentParts=2");
    await tell("endpoint=batch-part&status=503&times=2");
    expect(await readMany(2)).toEqual([503, 503]);
    expect(await readMany(2)).toEqual([200, 200]);
  });
});

describe("Google's own words", () => {
  it.each([
    ["status=400", 400, "badRequest", "INVALID_ARGUMENT"],
    ["status=403", 403, "forbidden", "PERMISSION_DENIED"],
    ["status=404", 404, "notFound", "NOT_FOUND"],
    ["status=503", 503, "backendError", "UNAVAILABLE"],
    ["reason=authError", 401, "authError", "UNAUTHENTICATED"],
    ["reason=insufficientPermissions", 403, "insufficientPermissions", "PERMISSION_DENIED"],
    ["reason=rateLimitExceeded", 403, "rateLimitExceeded", "PERMISSION_DENIED"],
    ["reason=rateLimitExceeded&status=429", 429, "rateLimitExceeded", "RESOURCE_EXHAUSTED"],
    ["reason=failedPrecondition", 400, "failedPrecondition", "FAILED_PRECONDITION"],
    ["reason=backendError", 500, "backendError", "INTERNAL"],
    ["reason=backendError&status=503", 503, "backendError", "UNAVAILABLE"],
  ])("of the API: %s", async (what, code, reason, status) => {
    await tell(`endpoint=list&${what}`);
    const response = await get(google, LIST, accessToken);
    expect(response.status).toBe(code);
    expect(await response.json()).toMatchObject({ error: { code, status, errors: [{ reason }] } });
  });

  it.each([
    ["reason=invalid_grant", 400, "invalid_grant"],
    ["reason=invalid_client", 401, "invalid_client"],
    ["status=429", 429, "rate_limit_exceeded"],
    ["status=503", 503, "internal_failure"],
  ])("of the token endpoint: %s", async (what, code, error) => {
    await tell(`endpoint=token&${what}`);
    const response = await token(google, {});
    expect([response.status, await response.json()]).toEqual([code, { error, error_description: expect.any(String) }]);
  });

  it("are a page and no JSON for 502", async () => {
    await tell("endpoint=batch&status=502");
    const response = await postBatch(google, { accessToken, body: "" });
    expect([response.status, response.headers.get("Content-Type")]).toEqual([502, "text/html; charset=UTF-8"]);
  });

  it("say in a header or in the message when to try again", async () => {
    await tell("endpoint=list&status=429&retryAfter=7&times=1");
    await tell("endpoint=list&reason=userRateLimitExceeded&retryAfter=7&retryAfterIn=message");
    expect((await get(google, LIST, accessToken)).headers.get("Retry-After")).toBe("7");
    const inMessage = await get(google, LIST, accessToken);
    expect(inMessage.headers.get("Retry-After")).toBeNull();
    expect(await inMessage.text()).toContain("Retry after 2026-11-22T12:00:07.000Z");
  });
});

describe("a fault that makes no sense is refused with a reason", () => {
  it.each([
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
