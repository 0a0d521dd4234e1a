/** Plain HTTP, where it is not the machine itself: what was sent in the clear is not answered. */
import { describe, expect } from "../support/contract.ts";
import { ROUTES } from "./routes.ts";
import { expectRefusal, FORBIDDEN, requestOf, test } from "./victim.ts";
import { openWorker, toInit } from "./worker.ts";

const PAGES = new Set(["/", "/account", "/message/:id", "/auth/login", "/auth/callback"]);
const LOOPBACK = [
  "http://localhost",
  "http://127.0.0.1:8787",
  "http://[::1]:8787",
  "http://mail.localhost",
  "http://127.9.9.9",
];
const ELSEWHERE = [
  "http://mail.example.test",
  "http://mail.example.test:8080",
  "http://localhost.example.test",
  "http://notlocalhost",
  "http://127.0.0.1.example.test",
  "http://128.0.0.1",
  "http://[::2]",
  "http://[::ffff:1.2.3.4]",
  "http://10.0.0.1",
];

describe("plain HTTP off loopback", () => {
  test.for(ELSEWHERE)("%s: pages move to HTTPS, everything else is 403, whoever asks", async (origin, { victim }) => {
    const scene = await victim();
    const send = openWorker(scene.stage);
    for (const route of ROUTES) {
      for (const who of [
        { authorization: `Bearer ${scene.apiToken}` },
        { cookie: `${scene.cookieName}=${scene.session}` },
        {},
      ]) {
        const request = requestOf(route, { ...who, accept: "application/json", origin });
        const response = await send(origin + request.path, toInit(request));
        if (PAGES.has(route.path)) {
          expect(response.status, route.path).toBe(308);
          expect(response.headers.get("location")).toBe(
            new URL(origin).origin.replace("http:", "https:") + request.path,
          );
        } else await expectRefusal(response, FORBIDDEN, `${route.method} ${route.path}`);
      }
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("PUBLIC_URL is where pages move to, and no header says that it was HTTPS after all", async ({ victim }) => {
    const scene = await victim();
    const send = openWorker(scene.stage, { PUBLIC_URL: "https://mail.example.test" });
    const headers = { "x-forwarded-proto": "https", forwarded: "proto=https", accept: "text/html" };
    const moved = await send("http://other.test/?q=a%2Fb", { headers });
    expect([moved.status, moved.headers.get("location")]).toEqual([308, "https://mail.example.test/?q=a%2Fb"]);
    const refused = await send("http://mail.example.test/api/me", { headers: { ...headers, accept: "*/*" } });
    await expectRefusal(refused, FORBIDDEN, "/api/me");
  });

  test("loopback and HTTPS are served", async ({ victim }) => {
    const scene = await victim();
    const send = openWorker(scene.stage);
    for (const origin of [...LOOPBACK, "https://mail.example.test", "https://10.0.0.1"]) {
      expect((await send(`${origin}/healthz`)).status, origin).toBe(200);
    }
  });
});
