/** Sealed values that are spoiled, forged, or in a place that they were not made for. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { storageKeys } from "../../src/kv-store/key-names.ts";
import { describe, describeInside, expect, inside } from "../support/contract.ts";
import type { SceneOptions } from "../support/scenes.ts";
import { makeTokenKeys } from "../support/stage.ts";
import { FORGERIES } from "./forged.ts";
import { nameOf, ROUTES, SESSION_ROUTES, TOKEN_ROUTES } from "./routes.ts";
import {
  expectRefusal,
  FORBIDDEN,
  INVALID,
  keyRingOf,
  NOT_SIGNED_IN,
  operatorToken,
  requestOf,
  stored,
  test,
  type OpenVictim,
  type Victim,
  withBearer,
  withCookie,
} from "./victim.ts";

const OPERATOR_ROUTES = ROUTES.filter(({ caller }) => caller === "operator");

describe("no session opens any route that asks for one", () => {
  test("no cookie at all", async ({ victim }) => {
    const scene = await victim();
    for (const route of SESSION_ROUTES) {
      await scene.refused(requestOf(route, { origin: scene.stage.origin }), NOT_SIGNED_IN);
    }
  });

  test.for(FORGERIES)("%s", async ([title, forge], { victim }) => {
    const scene = await victim();
    const value = await forge(scene.session);
    for (const route of SESSION_ROUTES) await scene.refused(withCookie(scene, value, route), NOT_SIGNED_IN, title);
    // The page says no more than to anybody.
    const page = await scene.attack({ path: "/", headers: { cookie: `${scene.cookieName}=${value}` } });
    expect(await page.text()).not.toContain(scene.user.email);
  });
});

describe("neither does an operator's token", () => {
  test.for(FORGERIES)("%s", async ([title, forge], { victim }) => {
    const scene = await victim();
    const value = await forge(await operatorToken(scene.stage));
    for (const route of OPERATOR_ROUTES) await scene.refused(withBearer(route, value), FORBIDDEN, title);
  });

  test("none, one of another deployment, and one that has expired", async ({ victim }) => {
    const scene = await victim();
    const other = await victim();
    for (const route of OPERATOR_ROUTES) {
      await scene.refused(requestOf(route), FORBIDDEN, "none");
      await scene.refused(withCookie(scene, await operatorToken(scene.stage), route), FORBIDDEN, "in a cookie");
      await scene.refused(withBearer(route, await operatorToken(other.stage)), FORBIDDEN, "other keys");
      const expired = await operatorToken(scene.stage, scene.stage.now() - 3_600_000);
      await scene.refused(withBearer(route, expired), FORBIDDEN, "expired");
      const elsewhere = await keyRingOf(scene.stage).seal({ purpose: "operator", owner: "https://other.test" }, {});
      await scene.refused(withBearer(route, elsewhere), FORBIDDEN, "of another origin");
    }
  });
});

describeInside("a real sealed value opens nothing but what it was made for", () => {
  test("session, transaction, page token, operator's token, and all that is stored, each in every other's place", async ({
    victim,
  }) => {
    const scene = await richVictim(victim);
    const values = await harvest(scene);
    expect(Object.keys(values)).toHaveLength(8);
    for (const [purpose, value] of Object.entries(values)) {
      const what = `${purpose} as a`;
      if (purpose !== "session") {
        for (const route of SESSION_ROUTES) {
          await scene.refused(withCookie(scene, value, route), NOT_SIGNED_IN, `${what} session`);
        }
      }
      for (const route of TOKEN_ROUTES) await scene.refused(withBearer(route, value), NOT_SIGNED_IN, `${what} Bearer`);
      if (purpose !== "operator") {
        for (const route of OPERATOR_ROUTES)
          await scene.refused(withBearer(route, value), FORBIDDEN, `${what}n operator`);
      }
      if (purpose !== "page-token") await refusedAsPageToken(scene, value, what);
      if (purpose !== "transaction") await refusedAsTransaction(scene, value, what);
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("nor does a stored one under another KV key: another user's, or another kind of record", async ({ victim }) => {
    const scene = await richVictim(victim);
    const { google, stage, user, browser } = scene;
    const { kv } = inside(stage);
    const thief = await google.addUser();
    const theirs = stage.browser();
    await theirs.signIn({ user: thief.email });
    await kv.put(storageKeys.credential(thief.sub), await stored(scene, storageKeys.credential(user.sub)));
    // Until then their object relies on what it has written itself.
    await inside(stage).advance(5 * 60 * 1000);
    await google.act({ action: "killAccessTokens", email: thief.email });
    await google.forgetCalls();
    const response = await theirs.fetch("/api/messages?limit=1", { headers: { accept: "application/json" } });
    await expectRefusal(response, [401, "CONSENT_REQUIRED"], "with the victim's record");
    expect(await google.count("token:refresh")).toBe(0);
    expect(browser.jar.named("session")).toHaveLength(1);
  });
});

describeInside("a session of", () => {
  test("another deployment's keys, or of keys that are gone, opens nothing", async ({ victim }) => {
    const scene = await victim();
    const other = inside(scene.stage).redeploy({ TOKEN_KEYS: makeTokenKeys("first") });
    for (const route of SESSION_ROUTES) {
      const response = await other.send(withCookie(scene, scene.session, route));
      await expectRefusal(response, NOT_SIGNED_IN, nameOf(route));
    }
  });

  test("another origin opens nothing", async ({ victim }) => {
    const scene = await victim();
    const other = inside(scene.stage).redeploy({ PUBLIC_URL: "http://other.localhost" });
    for (const route of SESSION_ROUTES) {
      const headers = { cookie: `${scene.cookieName}=${scene.session}`, origin: "http://other.localhost" };
      await expectRefusal(await other.send(requestOf(route, headers)), NOT_SIGNED_IN, nameOf(route));
    }
  });

  test("31 days ago opens nothing; of 29 days ago it does", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const stage = inside(scene.stage);
    await stage.advance(29 * 24 * 60 * 60 * 1000);
    const me = requestOf({ ...withPath("/api/me") }, { cookie: `${scene.cookieName}=${scene.session}` });
    expect((await scene.stage.send(me)).status).toBe(200);
    await stage.advance(2 * 24 * 60 * 60 * 1000);
    await scene.google.forgetCalls();
    for (const route of SESSION_ROUTES) await scene.refused(withCookie(scene, scene.session, route), NOT_SIGNED_IN);
    expect(await scene.google.count()).toBe(0);
  });
});

function withPath(path: string) {
  const route = SESSION_ROUTES.find(({ example }) => example.path === path);
  if (route === undefined) throw new Error(`no route ${path}`);
  return route;
}

/** A victim whose access token is in the object alone, because the cookie cannot hold it. */
function richVictim(victim: OpenVictim, options: SceneOptions = {}): Promise<Victim> {
  return victim({ ...options, google: { accessTokenLength: 4000 }, mayCallGoogle: true });
}

/** One real value of every purpose. */
async function harvest(scene: Victim): Promise<Record<string, string>> {
  const { apiToken, session, stage, google, user } = scene;
  const tab = stage.browser();
  await tab.begin();
  const [transaction] = tab.jar.named("tx_");
  const listing = await stage.send({ path: "/api/messages?limit=1", headers: { authorization: `Bearer ${apiToken}` } });
  const { nextPageToken }: { nextPageToken?: string } = JSON.parse(await listing.text());
  if (nextPageToken === undefined || transaction === undefined) throw new Error("the harvest is poor");
  await google.forgetCalls();
  return {
    session,
    transaction: transaction.value,
    "page-token": nextPageToken,
    operator: await operatorToken(stage),
    credential: await stored(scene, storageKeys.credential(user.sub)),
    address: await stored(scene, await storageKeys.address(user.email)),
    ...(await sealedInObject(scene)),
  };
}

/** What the user's object keeps sealed. */
async function sealedInObject({ stage, user }: Victim): Promise<Record<"access-token" | "recent credential", string>> {
  const id = inside(stage).mailboxes.idFromName(user.sub);
  const valueOf = (name: string): Promise<string> =>
    runInDurableObject(
      env.MAILBOXES.get(id),
      (_, { storage: { sql } }) =>
        sql.exec<{ value: string }>("SELECT value FROM meta WHERE name = ?", name).one().value,
    );
  const { credential }: { credential: string } = JSON.parse(await valueOf("kv_records"));
  return { "access-token": await valueOf("access_token"), "recent credential": credential };
}

async function refusedAsPageToken(scene: Victim, value: string, what: string): Promise<void> {
  const path = `/api/messages?limit=1&pageToken=${encodeURIComponent(value)}`;
  const headers = { cookie: `${scene.cookieName}=${scene.session}` };
  await scene.refused({ path, headers }, INVALID, `${what} page token`);
}

/** In the cookie of a flow that the attacker has begun. */
async function refusedAsTransaction(scene: Victim, value: string, what: string): Promise<void> {
  const tab = scene.stage.browser();
  const state = (await tab.begin()).searchParams.get("state") ?? "";
  const [cookie] = tab.jar.named("tx_");
  const headers = { cookie: `${cookie?.name}=${value}` };
  const path = `/auth/callback?code=stolen&state=${state}`;
  await scene.refused({ path, headers }, [400, "INVALID_STATE"], `${what} transaction`);
}
