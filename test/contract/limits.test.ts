/** How large a request may be, and how often one network may come. */
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { GMAIL_READONLY, signedIn } from "../support/scenes.ts";
import type { Stage } from "../support/stage.ts";

const KIB = 1024;

/** Headers of so many bytes in all; each alone is one that servers take. */
function headers(bytes: number): Record<string, string> {
  return Object.fromEntries([0, 1, 2, 3].map((n) => [`x-${n}`, "x".repeat(bytes / 4)]));
}

/** A request as Cloudflare's edge hands it on. */
function from(stage: Stage, address: string, path = "/auth/login", method = "GET"): Promise<Response> {
  return stage.send({ path, method, headers: { accept: "application/json", "cf-connecting-ip": address } });
}

/** Uses a network's minute up. The local limiter counts by the clock's minute, which may end meanwhile. */
async function useUp(stage: Stage, address: string): Promise<Response> {
  for (let n = 0; n < 700; n += 1) {
    const response = await from(stage, address);
    if (response.status !== 302) {
      expect(n).toBeGreaterThanOrEqual(300);
      return response;
    }
  }
  return expect.fail("no limit was met");
}

async function refuse(): Promise<RateLimitOutcome> {
  return { success: false };
}

describe("a request that is too large", () => {
  test("by its URL: 414", { tags: ["process"] }, async ({ open }) => {
    const stage = await open();
    const path = (length: number): string =>
      `/healthz?${"x".repeat(length - stage.origin.length - "/healthz?".length)}`;
    expect((await stage.send({ path: path(16 * KIB) })).status).toBe(200);
    await expectError(await stage.send({ path: path(16 * KIB + 1) }), 414, "INVALID_ARGUMENT");
  });

  test("by its headers: 431", { tags: ["process"] }, async ({ open }) => {
    const stage = await open();
    expect((await stage.send({ path: "/healthz", headers: headers(60 * KIB) })).status).toBe(200);
    await expectError(await stage.send({ path: "/healthz", headers: headers(64 * KIB) }), 431, "INVALID_ARGUMENT");
  });

  test("by its body: 413, and Gmail is not called", async ({ open }) => {
    const scopes = `openid email profile ${GMAIL_READONLY} https://mail.google.com/`;
    const { browser, google, stage } = await signedIn(open, { vars: { GOOGLE_SCOPES: scopes } });
    const { token } = await makeToken(browser, { name: "x", access: "full" });
    const body = "x".repeat(8 * KIB * KIB + 1);
    for (const path of ["/gmail/v1/users/me/messages/0/modify", "/batch/gmail/v1"]) {
      const request = { method: "POST", path, body, headers: { "content-type": "text/plain" } };
      await expectError(await withToken(stage, token, request), 413, "INVALID_ARGUMENT");
    }
    expect(await google.count()).toBe(0);
  });

  test("as a security event: 413, whoever sends it", { tags: ["process"] }, async ({ open }) => {
    const stage = await open();
    const request = { method: "POST", path: "/auth/security-events", body: "x".repeat(64 * KIB + 1) };
    await expectError(await stage.send(request), 413, "INVALID_ARGUMENT");
  });
});

describeInside("a network that comes too often", () => {
  test("gets 429 with Retry-After; another network, another group of routes and the API go on", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    const address = "2001:db8:1:2::1";
    const response = await useUp(stage, address);
    expect(response.headers.get("retry-after")).toBe("60");
    await expectError(response, 429, "RATE_LIMITED");
    const others = await Promise.all([
      from(stage, "2001:db8:1:2:ffff::9"),
      from(stage, "2001:db8:1:3::1"),
      from(stage, address, "/auth/callback"),
      from(stage, address, "/api/tokens"),
      from(stage, address, "/operator/rotate", "POST"),
      from(stage, address, "/healthz"),
      withToken(stage, token, { path: "/api/me", headers: { "cf-connecting-ip": address } }),
    ]);
    expect(others.map(({ status }) => status)).toEqual([429, 302, 400, 401, 403, 200, 200]);
  });

  test.for<[string, string]>([
    ["/auth/login", "GET"],
    ["/auth/callback?state=x&code=y", "GET"],
    ["/api/tokens", "GET"],
    ["/api/tokens", "POST"],
    ["/api/tokens/x", "DELETE"],
    ["/auth/security-events", "POST"],
    ["/operator/rotate", "POST"],
  ])("is held back at %s (%s)", async ([path, method], { open }) => {
    const stage = await open();
    const keys: string[] = [];
    const limit = async ({ key }: { key: string }) => (keys.push(key), { success: false });
    const limited = inside(stage).redeploy({}, { RATE_LIMITER: { limit } });
    await expectError(await from(limited, "203.0.113.9", path, method), 429, "RATE_LIMITED");
    expect(keys).toEqual([expect.stringMatching(/^[a-z-]+:203\.0\.113\.9$/)]);
  });

  test("is not held back where the deployment has no limiter, or nobody says where the request is from", async ({
    open,
  }) => {
    const stage = await open();
    const without = inside(stage).redeploy({}, { RATE_LIMITER: undefined });
    expect((await from(without, "203.0.113.9")).status).toBe(302);
    const unknown = inside(stage).redeploy({}, { RATE_LIMITER: { limit: refuse } });
    expect((await unknown.send({ path: "/auth/login" })).status).toBe(302);
  });
});
