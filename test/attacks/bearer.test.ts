/** API tokens that are none of ours, no longer in force, or somebody else's. */
import { ACCESS_LEVELS } from "../../src/access.ts";
import { makeToken } from "../support/api-tokens.ts";
import { describe, describeInside, expect, inside } from "../support/contract.ts";
import { signIn } from "../support/scenes.ts";
import { BATCH_TYPE, batchOf, nameOf, TOKEN_ROUTES } from "./routes.ts";
import {
  expectRefusal,
  FORBIDDEN,
  INVALID,
  NOT_SIGNED_IN,
  requestOf,
  test,
  type Victim,
  withBearer,
  withCookie,
} from "./victim.ts";

/** Calls that change something, plainly and not so plainly. */
const WRITES: readonly (readonly [method: string, path: string])[] = [
  ["POST", "/gmail/v1/users/me/messages/1/trash"],
  ["POST", "/gmail/v1/users/me/messages/send"],
  ["DELETE", "/gmail/v1/users/me/messages/1"],
  ["PUT", "/gmail/v1/users/me/settings/vacation"],
  ["PATCH", "/gmail/v1/users/me/labels/1"],
  ["POST", "/gmail/v1/users/me/messages"],
  ["POST", "/gmail/v1/users/me/%6dessages"],
  ["DELETE", "/gmail/v1/users/m%65/threads/1"],
];

const DAY_MS = 24 * 60 * 60 * 1000;

/** An `Authorization` header that opens nothing, made from a real token. */
const BAD_HEADERS: readonly [title: string, make: (token: string) => string][] = [
  ["no token", () => "Bearer"],
  ["an empty token", () => "Bearer "],
  ["the prefix alone", () => "Bearer gmedge_"],
  ["no prefix", (token) => `Bearer ${token.slice("gmedge_".length)}`],
  ["another prefix", (token) => `Bearer ${token.replace("gmedge_", "gmedgf_")}`],
  ["the prefix in capitals", (token) => `Bearer ${token.replace("gmedge_", "GMEDGE_")}`],
  ["a token that nobody has", () => `Bearer gmedge_${"A".repeat(92)}`],
  ["one character changed", (token) => `Bearer ${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`],
  ["one character less", (token) => `Bearer ${token.slice(0, -1)}`],
  ["one character more", (token) => `Bearer ${token}A`],
  ["two tokens", (token) => `Bearer ${token} ${token}`],
  ["two headers in one", (token) => `Bearer ${token}, Bearer ${token}`],
  ["in quotes", (token) => `Bearer "${token}"`],
  ["percent-encoded", (token) => `Bearer ${token.replaceAll("_", "%5F")}`],
  ["a Google access token's form", () => "Bearer ya29.a0AfH6SMB-nobody"],
  ["a JWT", () => "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."],
  ["10 kB", () => `Bearer ${"a".repeat(10_000)}`],
  ["10 kB with the prefix", () => `Bearer gmedge_${"a".repeat(10_000)}`],
  ["a KV key", () => "Bearer api-token:x"],
  ["Basic", (token) => `Basic ${btoa(`${token}:`)}`],
  ["Token", (token) => `Token ${token}`],
  ["no scheme", (token) => token],
];

describe("no route that takes an API token takes", () => {
  test.for(BAD_HEADERS)("%s", async ([title, make], { victim }) => {
    const scene = await victim();
    const authorization = make(scene.apiToken);
    for (const route of TOKEN_ROUTES) {
      const response = await scene.refused(requestOf(route, { authorization }), NOT_SIGNED_IN, title);
      expect(response.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
    }
  });

  test("Google's own access token, refresh token, or the user's ID token", async ({ victim }) => {
    const scene = await victim();
    const { secrets } = await scene.google.snapshot();
    expect(secrets.length).toBeGreaterThan(2);
    for (const secret of secrets) {
      for (const route of TOKEN_ROUTES) await scene.refused(withBearer(route, secret), NOT_SIGNED_IN, "Google's");
    }
  });

  test("a token in the query, a form, or another header", async ({ victim }) => {
    const scene = await victim();
    const { apiToken } = scene;
    for (const query of [`access_token=${apiToken}`, `token=${apiToken}`, `key=${apiToken}`]) {
      await scene.refused({ path: `/api/me?${query}` }, NOT_SIGNED_IN);
    }
    for (const name of ["x-api-key", "proxy-authorization", "x-authorization", "token"]) {
      for (const route of TOKEN_ROUTES) {
        await scene.refused(requestOf(route, { [name]: `Bearer ${apiToken}` }), NOT_SIGNED_IN, name);
      }
    }
    await scene.refused({ path: "/api/me", headers: { cookie: `${scene.cookieName}=${apiToken}` } }, NOT_SIGNED_IN);
  });

  test("a bad token beside a good session: nobody falls back on the cookie", async ({ victim }) => {
    const scene = await victim();
    for (const route of TOKEN_ROUTES) {
      const { headers } = withCookie(scene, scene.session, route);
      const request = requestOf(route, { ...headers, authorization: "Bearer gmedge_nobody" });
      await scene.refused(request, NOT_SIGNED_IN);
    }
  });
});

describeInside("an API token is refused by every route, and changes nothing at Google,", () => {
  const endings: [title: string, end: (scene: Victim) => Promise<unknown>][] = [
    ["once it has expired", ({ stage }) => inside(stage).advance(91 * DAY_MS)],
    ["once it is revoked", revokeOnlyToken],
    ["once its user has signed out everywhere", (scene) => scene.browser.submit("/auth/logout?everywhere=true")],
    ["once its user has disconnected", (scene) => scene.browser.submit("/auth/disconnect")],
    ["once its user has consented anew", consentAnew],
  ];
  test.for(endings)("%s", async ([title, end], { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const [me] = TOKEN_ROUTES;
    if (me === undefined) throw new Error("no route takes a token");
    // Used before, so that this isolate remembers it.
    expect((await scene.stage.send(withBearer(me, scene.apiToken))).status).toBe(200);
    await end(scene);
    await scene.google.forgetCalls();
    for (const route of TOKEN_ROUTES) {
      const response = await scene.refused(withBearer(route, scene.apiToken), NOT_SIGNED_IN, title);
      expect(await response.text()).toContain("Your API token is unknown, expired or revoked.");
    }
    // Reading begins beside the check, and its answer is thrown away.
    const changing = (await scene.google.calls()).filter(
      ({ method, endpoint }) => method !== "GET" && endpoint !== "token:refresh",
    );
    expect(changing.map(({ path }) => path)).toEqual([]);
  });
});

describe("an API token with less access than a route needs", () => {
  const limited = ACCESS_LEVELS.filter((access) => access !== "full");
  test.for(limited)("%s: is refused there, and Google gets no call", async (access, { victim }) => {
    const scene = await victim();
    const { token } = await makeToken(scene.browser, { name: access, access });
    for (const route of TOKEN_ROUTES) {
      if (route.access === null) throw new Error(`${nameOf(route)} takes API tokens and names no access`);
      if (ACCESS_LEVELS.indexOf(access) >= ACCESS_LEVELS.indexOf(route.access)) continue;
      const response = await scene.refused(withBearer(route, token), FORBIDDEN, access);
      expect(await response.text()).toContain(`"requiredAccess":"${route.access}"`);
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("read: is refused a write by whatever spelling, alone and behind a read in a batch", async ({ victim }) => {
    const scene = await victim({ vars: { GOOGLE_SCOPES: "openid email profile https://mail.google.com/" } });
    const { token } = await makeToken(scene.browser, { name: "reader" });
    const headers = { authorization: `Bearer ${token}` };
    for (const [method, path] of WRITES) {
      await scene.refused({ method, path, headers }, FORBIDDEN, "alone");
      // Honoured or not, it makes no read of it.
      const override = {
        ...headers,
        "x-http-method-override": "GET",
        "x-http-method": "GET",
        "x-method-override": "GET",
      };
      await scene.refused({ method, path, headers: override }, INVALID, "with an override");
      const body = batchOf("/gmail/v1/users/me/profile").replace("--b--\r\n", "") + batchOf(path, method);
      const batch = {
        method: "POST",
        path: "/batch/gmail/v1",
        body,
        headers: { ...headers, "content-type": BATCH_TYPE },
      };
      await scene.refused(batch, FORBIDDEN, "in a batch");
    }
    expect(await scene.google.count()).toBe(0);
  });
});

describe("tokens of somebody else", () => {
  test("are not listed, and cannot be revoked by their ID: 404, and the token still works", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const { stage, google, browser, apiToken } = scene;
    const id = await onlyTokenId(scene);
    const thief = stage.browser();
    await signIn(thief, await google.addUser());
    const list = await thief.fetch("/api/tokens", { headers: { accept: "application/json" } });
    expect(await list.json()).toEqual({ tokens: [] });
    const accept = { accept: "application/json", origin: browser.origin };
    const response = await thief.fetch(`/api/tokens/${id}`, { method: "DELETE", headers: accept });
    await expectRefusal(response, [404, "NOT_FOUND"], "another user's token");
    expect((await stage.send({ path: "/api/me", headers: { authorization: `Bearer ${apiToken}` } })).status).toBe(200);
  });

  test("an ID of any other form is nobody's token: 404", async ({ victim }) => {
    const scene = await victim();
    const headers = { cookie: `${scene.cookieName}=${scene.session}`, origin: scene.stage.origin };
    for (const id of [
      "x",
      "%2e%2e",
      "..;",
      "*",
      `${"A".repeat(42)}:`,
      "A".repeat(10_000),
      scene.user.sub,
      "__proto__",
    ]) {
      const response = await scene.attack({ method: "DELETE", path: `/api/tokens/${id}`, headers });
      expect([404, 405], id.slice(0, 50)).toContain(response.status);
    }
  });
});

async function onlyTokenId({ browser }: Victim): Promise<string> {
  const response = await browser.fetch("/api/tokens", { headers: { accept: "application/json" } });
  const { tokens }: { tokens: { id: string }[] } = JSON.parse(await response.text());
  const [token, ...more] = tokens;
  if (token === undefined || more.length > 0) throw new Error(`${tokens.length} tokens`);
  return token.id;
}

async function revokeOnlyToken(scene: Victim): Promise<void> {
  const path = `/api/tokens/${await onlyTokenId(scene)}`;
  const response = await scene.browser.fetch(path, { method: "DELETE", headers: { origin: scene.browser.origin } });
  expect(response.status).toBe(204);
}

async function consentAnew({ stage, user }: Victim): Promise<void> {
  await inside(stage).advance(1_000);
  const visit = await stage.browser().navigate("/auth/login?prompt=consent&return_to=/healthz", {
    person: { user: user.email },
  });
  expect(visit.url).toBe("/healthz");
}
