/** What browsers are told with every answer, errors included: no frame, no script, no sniffing, no other origin. */
import { describe, expect, inside } from "../support/contract.ts";
import { ROUTES } from "./routes.ts";
import { operatorToken, requestOf, test, type Victim } from "./victim.ts";
import { reachedThrough } from "../support/object-views.ts";
import { openWorker } from "./worker.ts";

const ALLOWED = "https://app.test";
const METHODS = ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "POST", "GET", "PROPFIND", "get"];

/** Answers of every kind: each route let in, refused and by a person; nothing there; too large; another method. */
async function answersOfEveryKind(scene: Victim): Promise<[what: string, response: Response][]> {
  const cookie = `${scene.cookieName}=${scene.session}`;
  const answers: [string, Response][] = [];
  const ask = async (request: ReturnType<typeof requestOf>, what: string): Promise<void> => {
    answers.push([`${request.method ?? "GET"} ${request.path.slice(0, 60)} ${what}`, await scene.stage.send(request)]);
  };
  const people = { accept: "text/html", "sec-fetch-mode": "navigate" };
  for (const route of ROUTES) {
    await ask(requestOf(route), "by nobody");
    await ask(requestOf(route, people), "by nobody, a person");
    if (!/disconnect|logout/.test(route.path)) {
      await ask(requestOf(route, { cookie, origin: scene.stage.origin }), "with the session");
    }
    await ask(requestOf(route, { cookie, origin: "https://evil.test" }), "from another site");
    await ask(requestOf(route, { authorization: `Bearer ${scene.apiToken}` }), "with the token");
    await ask({ path: route.example.path, method: "PUT" }, "by another method");
  }
  await ask(
    {
      path: "/operator/rotate",
      method: "POST",
      headers: { authorization: `Bearer ${await operatorToken(scene.stage)}` },
    },
    "",
  );
  await ask({ path: "/nowhere" }, "");
  await ask({ path: "/nowhere", headers: people }, "by a person");
  await ask({ path: `/${"a".repeat(20_000)}` }, "");
  await ask({ path: "/a%2fb" }, "");
  return answers;
}

/** Answers with a stranger's HTML: of all addresses, this one alone. */
const MESSAGE_BODY = /^([A-Z]+ )?\/message\/[^/ ]+\/body(?= |$)/;
/** Answers with what Gmail said, where the Worker has nothing to say itself. */
const PASSTHROUGH = /^([A-Z]+ )?\/(gmail|batch)\//;

/** Shown in a frame of ours, where it runs nothing, sends nothing and loads nothing. */
function expectHarmlessHtml({ headers }: Response, policy: string, what: string): void {
  expect(policy, what).toMatch(/frame-ancestors 'self'/);
  expect(policy, what).toMatch(/form-action 'none'/);
  expect(policy, what).toMatch(/base-uri 'none'/);
  expect(policy, what).toMatch(/sandbox allow-popups allow-popups-to-escape-sandbox(;|$)/);
  expect(policy, what).toMatch(/style-src 'unsafe-inline'(;|$)/);
  expect(policy, what).toMatch(/img-src data:(;|$)/);
  expect(policy, what).not.toMatch(/script-src|connect-src|frame-src|font-src|media-src/);
  expect(headers.get("x-frame-options"), what).toBe("SAMEORIGIN");
  expect(headers.get("referrer-policy"), what).toBe("no-referrer");
}

function expectOwnPage({ headers }: Response, policy: string, what: string): void {
  expect(policy, what).toMatch(/base-uri 'none'/);
  expect(policy, what).toMatch(/frame-ancestors 'none'/);
  expect(policy, what).toMatch(/form-action 'self' \S+$|form-action 'self' \S+;/);
  expect(policy, what).toMatch(/script-src 'nonce-[\w+/]{22}=='(;|$)/);
  expect(policy, what).toMatch(/require-trusted-types-for 'script'(;|$)/);
  expect(policy, what).not.toMatch(/unsafe|data:|strict-dynamic/);
  expect(headers.get("x-frame-options"), what).toBe("DENY");
  expect(headers.get("referrer-policy"), what).toBe("same-origin");
}

/** A browser shows nothing of it, whatever its type says. */
function expectPassedOn({ headers }: Response, policy: string, what: string): void {
  expect(policy, what).toBe("default-src 'none'; sandbox");
  expect(headers.get("x-frame-options"), what).toBe("DENY");
  expect(headers.get("referrer-policy"), what).toBe("no-referrer");
}

function expectProtected(response: Response, what: string): void {
  const { headers } = response;
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy, what).toMatch(/default-src 'none'/);
  expect(policy, what).not.toMatch(/\*|unsafe-eval|unsafe-hashes|allow-scripts|allow-same-origin/);
  const isOthers = policy.includes("sandbox");
  if (isOthers && MESSAGE_BODY.test(what)) expectHarmlessHtml(response, policy, what);
  else if (isOthers && PASSTHROUGH.test(what)) expectPassedOn(response, policy, what);
  else expectOwnPage(response, policy, what);
  expect(headers.get("x-content-type-options"), what).toBe("nosniff");
  expect(headers.get("cross-origin-resource-policy"), what).toBe("same-origin");
  expect(headers.get("cross-origin-opener-policy"), what).toBe("same-origin");
  expect(headers.get("cache-control"), what).toBe("no-store");
  expect(headers.get("x-powered-by"), what).toBeNull();
}

describe("every answer of every route, and every error", () => {
  test("has them all, and no CORS header", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const answers = await answersOfEveryKind(scene);
    expect(new Set(answers.map(([, { status }]) => status)).size).toBeGreaterThan(8);
    const policies = answers.map(([, { headers }]) =>
      headers.get("content-security-policy")?.replace(/nonce-[^']*/, ""),
    );
    expect(new Set(policies).size).toBeGreaterThan(1);
    for (const [what, response] of answers) {
      expectProtected(response, what);
      expect(corsHeadersOf(response), what).toEqual([]);
      // Plain HTTP: the header would be ignored, and on loopback a nuisance.
      expect(response.headers.get("strict-transport-security"), what).toBeNull();
    }
  });

  test("on HTTPS has Strict-Transport-Security of a year", async ({ victim }) => {
    const scene = await victim({ publicUrl: "https://mail.example.test", mayCallGoogle: true });
    for (const [what, response] of await answersOfEveryKind(scene)) {
      expectProtected(response, what);
      expect(response.headers.get("strict-transport-security"), what).toBe("max-age=31536000");
    }
  });

  test("also where the server is not set up, and where storage is down", async ({ victim }) => {
    const { stage, cookieName, session } = await victim({ mayCallGoogle: true });
    const MAILBOXES = reachedThrough(inside(stage).mailboxes, () => Promise.reject(new Error("down")));
    const headers = { cookie: `${cookieName}=${session}`, accept: "*/*" };
    const down = await openWorker(stage, { MAILBOXES })(`${stage.origin}/api/me`, { headers });
    expect(down.status).toBe(503);
    expectProtected(down, "storage is down");
    const wrong = await openWorker(stage, { TOKEN_KEYS: "{}" })(`${stage.origin}/`, { headers });
    expect(wrong.status).toBe(500);
    expect(wrong.headers.get("x-content-type-options")).toBe("nosniff");
    expect(wrong.headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
    expect(wrong.headers.get("cache-control")).toBe("no-store");
  });
});

describe("other origins", () => {
  test("are answered nothing without ALLOWED_ORIGINS: no preflight passes", async ({ victim }) => {
    const scene = await victim();
    for (const route of ROUTES) {
      const response = await scene.attack(preflight(route.example, ALLOWED));
      expect(corsHeadersOf(response), route.path).toEqual([]);
      expect([401, 403, 405], route.path).toContain(response.status);
    }
  });

  test(
    "with ALLOWED_ORIGINS: only these, only for the API, and never with cookies",
    { timeout: 30_000 },
    async ({ victim }) => {
      const scene = await victim({ vars: { ALLOWED_ORIGINS: ALLOWED }, mayCallGoogle: true });
      const others = [
        "https://evil.test",
        "null",
        "https://app.test.evil.test",
        "http://app.test",
        "https://app.test:444",
        "https://APP.test",
        "*",
        "",
      ];
      for (const route of ROUTES) {
        const isApi = /^\/(api|gmail|batch)\//.test(route.path);
        for (const origin of [ALLOWED, ...others]) {
          const expected = isApi && origin === ALLOWED ? ALLOWED : null;
          const request = requestOf(route, { origin, authorization: `Bearer ${scene.apiToken}` });
          for (const response of [
            await scene.attack(preflight(route.example, origin)),
            await scene.stage.send(request),
          ]) {
            expect(response.headers.get("access-control-allow-origin"), `${route.path} for ${origin}`).toBe(expected);
            expect(response.headers.get("access-control-allow-credentials"), route.path).toBeNull();
            expectProtected(response, route.example.path);
          }
        }
      }
    },
  );

  test("with ALLOWED_ORIGINS change nothing by the session cookie", async ({ victim }) => {
    const scene = await victim({ vars: { ALLOWED_ORIGINS: ALLOWED } });
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const route of ROUTES.filter(({ crossSite }) => crossSite !== null)) {
      await scene.refused(requestOf(route, { cookie, origin: ALLOWED }), [403, "PERMISSION_DENIED"]);
    }
  });
});

describe("methods that a route does not have", () => {
  test("get 405 or the same refusal as any other, and do nothing, by whoever", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const route of ROUTES.filter(({ method }) => method !== "ALL")) {
      for (const method of METHODS) {
        const listed = ROUTES.some(
          (other) => other.path === route.path && [other.method, "HEAD"].includes(method.toUpperCase()),
        );
        if (listed) continue;
        const headers = { cookie, origin: scene.stage.origin };
        const response = await scene.attack({ method, path: route.example.path, headers });
        expect([403, 404, 405], `${method} ${route.path}`).toContain(response.status);
      }
    }
    expect(await scene.google.count()).toBe(0);
    expect((await scene.stage.send({ path: "/api/me", headers: { cookie } })).status).toBe(200);
  });

  test("HEAD is a GET without a body: it lets nobody in and changes nothing", async ({ victim }) => {
    const scene = await victim();
    for (const { caller, example } of ROUTES.filter(({ example: { method } }) => method === "GET")) {
      const response = await scene.attack({ method: "HEAD", path: example.path });
      if (caller.startsWith("session") && caller !== "session-or-nobody")
        expect(response.status, example.path).toBe(401);
      expect(await response.text()).toBe("");
      expectProtected(response, example.path);
    }
  });

  test("X-HTTP-Method-Override and its like override nothing", async ({ victim }) => {
    const scene = await victim();
    for (const name of ["x-http-method-override", "x-http-method", "x-method-override", "_method"]) {
      const cookie = `${scene.cookieName}=${scene.session}`;
      const headers = { cookie, [name]: "POST" };
      for (const path of ["/auth/logout", "/auth/disconnect", "/auth/logout?_method=POST"]) {
        await scene.refused({ path, headers }, [405, "METHOD_NOT_ALLOWED"], name);
      }
    }
    expect(await scene.google.count("revoke")).toBe(0);
  });
});

function preflight({ path, method }: { path: string; method: string }, origin: string) {
  const headers = {
    origin,
    "access-control-request-method": method,
    "access-control-request-headers": "authorization,content-type,x-evil",
  };
  return { method: "OPTIONS", path, headers };
}

function corsHeadersOf({ headers }: Response): string[] {
  return [...headers.keys()].filter((name) => name.startsWith("access-control-"));
}
