/** The cookies on the wire, whatever a browser sends with them: names, number and size. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { harness } from "../../support/harness.workerd.ts";
import { call, type Scene, signedIn } from "../../support/scenes.ts";

const OURS = /^gmail_edge_(?:session|notice|tx_[\w-]{16})=[\w.-]*; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/;
const MOST_TRANSACTIONS = 5;

const open = (options = {}) => harness.openStage({ near: true, ...options });

let scene: Scene;

beforeAll(async () => {
  scene = await signedIn(open);
});

afterAll(() => scene.google.clearFaults());

function login(cookie: string): Promise<Response> {
  return scene.stage.send({ path: "/auth/login", headers: { cookie } });
}

describe("a login", () => {
  const id = fc.stringMatching(/^[\w-]{16}$/);
  const foreign = fc.stringMatching(/^[a-z]{1,8}$/).filter((name) => !name.startsWith("gmail"));

  test("leaves five sign-ins under way, the newest, and nobody else's cookies touched (property)", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(id, { maxLength: 12 }),
        fc.uniqueArray(foreign, { maxLength: 4 }),
        async (ids, others) => {
          const names = ids.map((one) => `gmail_edge_tx_${one}`);
          const response = await login([...names, ...others].map((name) => `${name}=x`).join("; "));
          const lines = response.headers.getSetCookie();
          const removed = lines.filter((line) => line.includes("Max-Age=0")).map((line) => line.replace(/=.*/s, ""));
          expect(removed).toEqual(names.slice(0, Math.max(0, names.length - MOST_TRANSACTIONS + 1)));
          expect(names.length - removed.length + 1).toBeLessThanOrEqual(MOST_TRANSACTIONS);
          expect(lines.filter((line) => !line.includes("Max-Age=0"))).toHaveLength(1);
        },
      ),
    );
  });

  test("sets cookies of our own names and attributes, whatever stands in the header (property)", async () => {
    const noise = fc.string({
      unit: fc.constantFrom("=", ";", " ", ",", '"', "%", "a", "gmail_edge_tx_", "\t", "__proto__"),
    });
    await fc.assert(
      fc.asyncProperty(noise, async (cookie) => {
        const response = await login(cookie.trim());
        expect(response.status).toBe(302);
        for (const line of response.headers.getSetCookie()) {
          if (line.includes("Max-Age=0")) expect(line).toMatch(/^gmail_edge_tx_/);
          else expect(line).toMatch(OURS);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("fits in a cookie, whatever it was asked for (property)", async () => {
    const text = fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.nat(2500).map((length) => `/${"é".repeat(length)}`),
      fc.nat(2500).map((length) => `/${"a".repeat(length)}`),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (returnTo, loginHint) => {
        const query = new URLSearchParams({ return_to: returnTo, login_hint: loginHint });
        const response = await scene.stage.send({ path: `/auth/login?${query.toString()}` });
        expect([302, 400, 414]).toContain(response.status);
        for (const line of response.headers.getSetCookie()) {
          expect(new TextEncoder().encode(line).byteLength).toBeLessThanOrEqual(4096);
        }
      }),
    );
  });
});

describe("a session", () => {
  test("fits in its cookie and works, however long name, picture and access token are (property)", async () => {
    const length = fc.oneof(fc.nat(100), fc.nat(6000));
    await fc.assert(
      fc.asyncProperty(length, length, fc.integer({ min: 40, max: 5000 }), async (name, picture, accessTokenLength) => {
        const user = { name: "é".repeat(name), picture: `https://lh3.googleusercontent.com/${"p".repeat(picture)}` };
        const { browser } = await signedIn(open, { user, google: { accessTokenLength } });
        expect(browser.jar.refused).toEqual([]);
        expect((await call(browser)).status).toBe(200);
        expect((await call(browser, "/api/me")).status).toBe(200);
      }),
      { numRuns: 40 },
    );
  });

  test("does not open with any character of its cookie changed (property)", async () => {
    const [cookie] = scene.browser.jar.named("session");
    const value = cookie?.value ?? "";
    const character = fc.constantFrom("A", "B", "a", "b", "0", "1", "-", "_");
    await fc.assert(
      fc.asyncProperty(fc.nat(value.length - 1), character, async (index, replacement) => {
        // The last character of a part may carry bits that mean nothing (RFC 4648 §3.5).
        const isLast = index + 1 === value.length || value[index + 1] === ".";
        fc.pre(!isLast && value[index] !== replacement);
        const changed = value.slice(0, index) + replacement + value.slice(index + 1);
        const response = await scene.stage.send({
          path: "/api/me",
          headers: { cookie: `gmail_edge_session=${changed}` },
        });
        expect(response.status).toBe(401);
      }),
      { numRuns: 300 },
    );
  });
});
