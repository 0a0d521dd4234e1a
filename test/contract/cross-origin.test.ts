/** Pages of other origins: those that the operator names may call the API with an API token, never with our cookie. */
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { GMAIL_READONLY, signedIn } from "../support/scenes.ts";

const APP = "https://app.example";
const VARS = { ALLOWED_ORIGINS: `${APP}, https://second.example:8443` };
const API = ["/api/me", "/api/messages", "/gmail/v1/users/me/profile", "/batch/gmail/v1"];

function preflight(path: string, origin: string) {
  return {
    method: "OPTIONS",
    path,
    headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
  };
}

describe("an origin that is allowed", () => {
  test.for(API)("may ask %s in advance what it may send", { tags: ["process"] }, async (path, { open }) => {
    const stage = await open({ vars: VARS });
    for (const origin of [APP, "https://second.example:8443"]) {
      const response = await stage.send(preflight(path, origin));
      expect(response.status).toBe(204);
      const { headers } = response;
      expect(headers.get("access-control-allow-origin")).toBe(origin);
      expect(headers.get("access-control-allow-headers")?.toLowerCase().split(",")).toContain("authorization");
      expect(headers.get("access-control-allow-methods")).toBe("GET,HEAD,POST,PUT,PATCH,DELETE");
      expect(headers.get("access-control-allow-credentials")).toBeNull();
      expect(headers.get("vary")?.toLowerCase()).toContain("origin");
    }
    expect(await stage.google.count()).toBe(0);
  });

  test(
    "reads answers and errors to an API token, and the headers that matter",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, stage } = await signedIn(open, { vars: VARS });
      const { token } = await makeToken(browser);
      const ask = (path: string, value = token) => withToken(stage, value, { path, headers: { origin: APP } });
      const answers = [
        await ask("/api/me"),
        await ask("/gmail/v1/users/me/profile"),
        await ask("/gmail/v1/users/me/messages/0"),
        await ask("/api/me", "gmedge_x"),
        await ask("/api/messages?limit=x"),
        await ask("/api/nothing"),
      ];
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 401, 400, 404]);
      for (const { headers } of answers) {
        expect(headers.get("access-control-allow-origin")).toBe(APP);
        expect(headers.get("access-control-allow-credentials")).toBeNull();
        expect(headers.get("vary")?.toLowerCase()).toContain("origin");
        const exposed = headers.get("access-control-expose-headers")?.split(",");
        expect(exposed).toEqual(expect.arrayContaining(["ETag", "Retry-After", "WWW-Authenticate", "X-Request-Id"]));
      }
    },
  );

  test("changes things with an API token, and not with the cookie", async ({ open }) => {
    const scopes = `openid email profile ${GMAIL_READONLY} https://www.googleapis.com/auth/gmail.modify`;
    const { browser, google, stage } = await signedIn(open, { vars: { ...VARS, GOOGLE_SCOPES: scopes } });
    const { token } = await makeToken(browser, { name: "x", access: "full" });
    const request = { method: "POST", path: "/gmail/v1/users/me/messages/0/modify", headers: { origin: APP } };
    expect((await withToken(stage, token, request)).status).toBe(404);
    expect(await google.count("modify")).toBe(1);
    await expectError(await browser.fetch(request.path, request), 403, "PERMISSION_DENIED");
    const create = {
      method: "POST",
      body: '{"name":"x"}',
      headers: { origin: APP, "content-type": "application/json" },
    };
    await expectError(await browser.fetch("/api/tokens", create), 403, "PERMISSION_DENIED");
    expect(await google.count("modify")).toBe(1);
  });

  test.for(["/", "/healthz", "/auth/login", "/auth/logout", "/auth/security-events", "/operator/rotate"])(
    "is given nothing at %s",
    async (path, { open }) => {
      const stage = await open({ vars: VARS });
      const response = await stage.send(preflight(path, APP));
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
      const got = await stage.send({ path, headers: { origin: APP } });
      expect(got.headers.get("access-control-allow-origin")).toBeNull();
    },
  );
});

describe("an origin that is not allowed", () => {
  const others = [
    "https://evil.test",
    "http://app.example",
    "https://app.example:444",
    "https://app.example.evil.test",
    "https://sub.app.example",
    "https://APP.example",
    "null",
    "",
    "*",
  ];
  test.for(others)("is given nothing: %j", async (origin, { open }) => {
    const { browser, stage } = await signedIn(open, { vars: VARS });
    const { token } = await makeToken(browser);
    const answers = [
      await stage.send(preflight("/api/me", origin)),
      await withToken(stage, token, { path: "/api/me", headers: { origin } }),
      await stage.send({ path: "/api/me", headers: { origin } }),
    ];
    for (const { headers } of answers) expect(headers.get("access-control-allow-origin")).toBeNull();
  });
});

test("where no origin is named, none is given anything", async ({ open }) => {
  const stage = await open();
  for (const path of API) {
    const response = await stage.send(preflight(path, APP));
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([405, null]);
  }
});
