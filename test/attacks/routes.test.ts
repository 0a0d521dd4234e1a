/** No route without a word on what protects it: a new one fails here until it stands in the table. */
import { createApp } from "../../src/routes.ts";
import { createServices, REAL_WORLD } from "../../src/context.ts";
import { configuration } from "../unit/fixtures.ts";
import { describe, expect } from "../support/contract.ts";
import { nameOf, ROUTES, SESSION_ONLY_ROUTES, SESSION_ROUTES, TOKEN_ROUTES } from "./routes.ts";
import { expectRefusal, FORBIDDEN, operatorToken, requestOf, test, withBearer, withCookie } from "./victim.ts";

/** Paths that only middleware is on. */
const MIDDLEWARE = ["/*", "/api/tokens/*"];
const CORS_MIDDLEWARE = ["/api/*", "/gmail/*", "/batch/*"];

function routesOf(vars: Record<string, string>): string[] {
  const app = createApp(createServices(configuration(vars), REAL_WORLD));
  return [...new Set(app.routes.map(({ method, path }) => `${method} ${path}`))].toSorted();
}

const LISTED = [...new Set(ROUTES.map(({ method, path }) => `${method} ${path}`))];

describe("every route of the app is in the table, and nothing else", () => {
  test("without ALLOWED_ORIGINS", () => {
    expect(routesOf({})).toEqual([...LISTED, ...MIDDLEWARE.map((path) => `ALL ${path}`)].toSorted());
  });

  test("with ALLOWED_ORIGINS", () => {
    const middleware = [...MIDDLEWARE, ...CORS_MIDDLEWARE].map((path) => `ALL ${path}`);
    expect(routesOf({ ALLOWED_ORIGINS: "https://app.test" })).toEqual([...LISTED, ...middleware].toSorted());
  });
});

describe("each example of the table is a request that is let in, with what it asks for", () => {
  test.for(SESSION_ROUTES)("a session: $example.method $example.path", async (route, { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const response = await scene.stage.send(withCookie(scene, scene.session, route));
    await expectLetIn(response, nameOf(route));
  });

  test.for(TOKEN_ROUTES)("an API token: $example.method $example.path", async (route, { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const response = await scene.stage.send(withBearer(route, scene.apiToken));
    await expectLetIn(response, nameOf(route));
  });

  test.for(SESSION_ONLY_ROUTES)(
    "an API token is refused where it asks for a session: $example.method $example.path",
    async (route, { victim }) => {
      const scene = await victim();
      await scene.refused(withBearer(route, scene.apiToken), FORBIDDEN);
      // Not even beside the session: what comes with a token is not the session's.
      const { cookie } = withCookie(scene, scene.session, route).headers ?? {};
      await scene.refused(
        requestOf(route, { cookie: cookie ?? "", authorization: `Bearer ${scene.apiToken}` }),
        FORBIDDEN,
      );
    },
  );

  test.for(ROUTES.filter(({ caller }) => caller === "operator"))(
    "the operator: $example.method $example.path",
    async (route, { victim }) => {
      const scene = await victim();
      const response = await scene.stage.send(withBearer(route, await operatorToken(scene.stage)));
      expect(response.status, await response.clone().text()).toBe(200);
    },
  );
});

/** Whatever becomes of it, it is not us who do not let it in: Gmail may refuse what the scopes do not cover. */
async function expectLetIn(response: Response, what: string): Promise<void> {
  const text = await response.clone().text();
  expect(text, what).not.toMatch(/SIGN_IN_REQUIRED|"domain":"gmail-edge".*PERMISSION_DENIED/);
  // An error of Gmail's own: it was asked.
  if (response.status < 500 && response.status >= 400 && !text.includes('"domain":"gmail-edge"')) return;
  if (response.status === 404) await expectRefusal(response, [404, "NOT_FOUND"], what);
  // Back to the page of a form, and not to a sign-in.
  else if (response.status === 303) expect(response.headers.get("location"), what).toMatch(/^\/account#/);
  else expect([200, 201, 403], `${what}: ${text}`).toContain(response.status);
}
