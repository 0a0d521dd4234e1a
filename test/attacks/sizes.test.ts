/** What is larger than anything that is meant for us. */
import { GMAIL_READONLY } from "../support/scenes.ts";
import { Hono } from "hono";
import { readBody } from "../../src/http/body.ts";
import type { AppEnv } from "../../src/http/types.ts";
import { describe, expect } from "../support/contract.ts";
import { nameOf, ROUTES } from "./routes.ts";
import { operatorToken, type Refusal, requestOf, test, type Victim } from "./victim.ts";

const KIB = 1024;
const TOO_LONG_URL: Refusal = [414, "INVALID_ARGUMENT"];
const TOO_LARGE_HEADERS: Refusal = [431, "INVALID_ARGUMENT"];
const TOO_LARGE_BODY: Refusal = [413, "INVALID_ARGUMENT"];

/** A request that would be let in, but for its size. */
async function goodRequest(scene: Victim, route: (typeof ROUTES)[number]) {
  const { caller } = route;
  if (caller === "operator") {
    return requestOf(route, { authorization: `Bearer ${await operatorToken(scene.stage)}` });
  }
  return requestOf(route, { cookie: `${scene.cookieName}=${scene.session}`, origin: scene.stage.origin });
}

describe("every route refuses, before anything else is done,", () => {
  test("a URL above 16 KiB", async ({ victim }) => {
    const scene = await victim();
    for (const route of ROUTES) {
      const request = await goodRequest(scene, route);
      const separator = request.path.includes("?") ? "&" : "?";
      await scene.refused({ ...request, path: `${request.path}${separator}x=${"a".repeat(16 * KIB)}` }, TOO_LONG_URL);
      await scene.refused({ ...request, path: `/${"a".repeat(16 * KIB)}` }, TOO_LONG_URL);
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("headers above 64 KiB: one, many, or a cookie", async ({ victim }) => {
    const scene = await victim();
    const large: Record<string, string>[] = [
      { "x-large": "a".repeat(64 * KIB) },
      Object.fromEntries(Array.from({ length: 700 }, (_, index) => [`x-large-${index}`, "a".repeat(90)])),
      { cookie: `a=${"a".repeat(64 * KIB)}` },
      { authorization: `Bearer ${"a".repeat(64 * KIB)}` },
    ];
    for (const route of ROUTES) {
      const request = await goodRequest(scene, route);
      for (const headers of large) {
        await scene.refused({ ...request, headers: { ...request.headers, ...headers } }, TOO_LARGE_HEADERS);
      }
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("a long q, 10,000 labelIds, a huge pageToken: none reaches Gmail", async ({ victim }) => {
    const scene = await victim();
    const headers = { cookie: `${scene.cookieName}=${scene.session}` };
    for (const query of [
      `q=${"a".repeat(20_000)}`,
      Array.from({ length: 10_000 }, (_, index) => `labelIds=L${index}`).join("&"),
      `pageToken=${"a".repeat(20_000)}`,
    ]) {
      await scene.refused({ path: `/api/messages?${query}`, headers }, TOO_LONG_URL);
      await scene.refused({ path: `/gmail/v1/users/me/messages?${query}`, headers }, TOO_LONG_URL);
    }
    await scene.refused({ path: `/api/messages?pageToken=${"a".repeat(15_000)}`, headers }, [400, "INVALID_ARGUMENT"]);
    expect(await scene.google.count()).toBe(0);
  });
});

describe("every route that reads a body refuses one above its limit, with a length or without:", () => {
  const reading = ROUTES.flatMap((route) =>
    route.maxBodyBytes === null ? [] : [{ ...route, max: route.maxBodyBytes }],
  );

  test.for(reading)("$example.method $example.path: $max bytes", async (route, { victim }) => {
    // What may not be written is refused before its body is read.
    const scene = await victim({
      vars: { GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY} https://mail.google.com/` },
    });
    const request = await goodRequest(scene, route);
    await scene.refused({ ...request, body: "a".repeat(route.max + 1) }, TOO_LARGE_BODY, nameOf(route));
    // Characters are not bytes.
    await scene.refused({ ...request, body: "ä".repeat(route.max / 2 + 1) }, TOO_LARGE_BODY, nameOf(route));
    expect(await scene.google.count()).toBe(0);
  });

  test("a body without end is not read to its end", async () => {
    let sentBytes = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sentBytes += KIB;
        controller.enqueue(new Uint8Array(KIB));
        if (sentBytes > 10 * KIB * KIB) controller.close();
      },
    });
    const app = new Hono<AppEnv>();
    app.post("/", async (c) => {
      const tooLarge = await readBody(c, 4 * KIB).then(
        () => false,
        () => true,
      );
      return c.json({ tooLarge });
    });
    const response = await app.request("/", { method: "POST", body: endless });
    expect(await response.json()).toEqual({ tooLarge: true });
    expect(sentBytes).toBeLessThan(64 * KIB);
  });
});

describe("the name of an API token", () => {
  test("has at most 100 characters, and a token at most 365 days", async ({ victim }) => {
    const scene = await victim();
    const headers = {
      cookie: `${scene.cookieName}=${scene.session}`,
      origin: scene.stage.origin,
      "content-type": "application/json",
    };
    for (const body of [
      { name: "a".repeat(101) },
      { name: "" },
      { name: "  " },
      { name: ["a"] },
      { name: { toString: "a" } },
      {},
      [],
      null,
      { name: "a", expiresInDays: 366 },
      { name: "a", expiresInDays: 0 },
      { name: "a", expiresInDays: -1 },
      { name: "a", expiresInDays: 1.5 },
      { name: "a", expiresInDays: "90" },
      { name: "a", expiresInDays: null },
    ]) {
      const request = { method: "POST", path: "/api/tokens", headers, body: JSON.stringify(body) };
      await scene.refused(request, [400, "INVALID_ARGUMENT"], request.body);
    }
  });
});
