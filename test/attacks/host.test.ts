/** A Host or X-Forwarded-* header that is not ours: with PUBLIC_URL set, nothing comes of it. */
import { describe, expect } from "../support/contract.ts";
import { ROUTES } from "./routes.ts";
import { expectRefusal, FORBIDDEN, INVALID, requestOf, test } from "./victim.ts";
import { openWorker, toInit } from "./worker.ts";

const PUBLIC_URL = "https://mail.example.test";

const HOSTS: readonly [title: string, origin: string, headers: Readonly<Record<string, string>>][] = [
  ["another host", "https://evil.test", {}],
  ["another port", "https://mail.example.test:8080", {}],
  ["X-Forwarded-Host", PUBLIC_URL, { "x-forwarded-host": "evil.test" }],
  ["X-Forwarded-Proto", PUBLIC_URL, { "x-forwarded-proto": "evil" }],
  ["Forwarded", PUBLIC_URL, { forwarded: "host=evil.test;proto=http" }],
  ["X-Host and X-Original-Host", PUBLIC_URL, { "x-host": "evil.test", "x-original-host": "evil.test" }],
  ["X-Original-URL", PUBLIC_URL, { "x-original-url": "/evil", "x-rewrite-url": "/evil" }],
];

describe("with PUBLIC_URL, no redirect, link, cookie or redirect_uri comes from", () => {
  test.for(HOSTS)("%s", async ([, origin, forged], { victim }) => {
    const scene = await victim({ publicUrl: PUBLIC_URL, mayCallGoogle: true });
    const send = openWorker(scene.stage, { PUBLIC_URL });
    for (const route of ROUTES) {
      const request = requestOf(route, forged);
      const { path } = request;
      for (const mode of ["navigate", "cors"]) {
        const response = await send(
          origin + path,
          toInit({ ...request, headers: { ...request.headers, "sec-fetch-mode": mode } }),
        );
        const shown = `${JSON.stringify([...response.headers])}${await response.text()}`;
        expect(shown, path).not.toMatch(/evil|:8080|"http:/);
      }
    }
    const login = await send(`${origin}/auth/login`, { headers: forged });
    const location = new URL(login.headers.get("location") ?? "");
    expect(location.searchParams.get("redirect_uri")).toBe(`${PUBLIC_URL}/auth/callback`);
    expect(login.headers.get("set-cookie")).toMatch(/^__Host-gmail_edge_tx_.*; Secure/);
  });

  test("another host: its own Origin is a foreign one", async ({ victim }) => {
    const scene = await victim({ publicUrl: PUBLIC_URL });
    const send = openWorker(scene.stage, { PUBLIC_URL });
    for (const route of ROUTES.filter(({ crossSite }) => crossSite !== null)) {
      const cookie = `${scene.cookieName}=${scene.session}`;
      const request = requestOf(route, { cookie, origin: "https://evil.test", accept: "*/*" });
      const response = await send(`https://evil.test${request.path}`, toInit(request));
      await expectRefusal(response, FORBIDDEN, request.path);
    }
  });

  test("a return_to with that host: it is another site, whatever Host says", async ({ victim }) => {
    const scene = await victim({ publicUrl: PUBLIC_URL });
    const send = openWorker(scene.stage, { PUBLIC_URL });
    const response = await send("https://evil.test/api/me", {
      headers: { referer: "https://evil.test/lure", accept: "*/*" },
    });
    expect(await response.text()).not.toContain("lure");
    const bad = await send("https://evil.test/auth/login?prompt=x", { headers: { accept: "*/*" } });
    await expectRefusal(bad, INVALID, "prompt");
  });
});
