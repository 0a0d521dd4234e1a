/**
 * No token, code, key or client secret is readable in KV, cookies, logs, errors or URLs of ours.
 *
 * The double remembers every secret that it issued or was shown; after a full life of sign-ins, refreshes and failures, all
 * that the Worker has written anywhere is searched for each of them.
 */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { call, callbackUrl, newcomer, openCallback, type Scene, signIn } from "../support/scenes.ts";
import { CLIENT, makeTokenKeys } from "../support/stage.ts";

/** A secret as it may appear: plain, URL-encoded, in base64, or half of it. */
function disguises(secret: string): string[] {
  const base64 = btoa(secret).replaceAll("=", "");
  return [
    secret,
    encodeURIComponent(secret),
    base64,
    base64.replaceAll("+", "-").replaceAll("/", "_"),
    secret.slice(0, Math.max(24, Math.floor(secret.length / 2))),
  ];
}

/** What the Worker has told or kept, and where. */
interface Trace {
  readonly where: string;
  readonly text: string;
}

async function searchFor(secrets: readonly string[], traces: readonly Trace[]): Promise<string[]> {
  const found: string[] = [];
  for (const secret of secrets) {
    for (const shape of disguises(secret)) {
      for (const { where, text } of traces) if (text.includes(shape)) found.push(`${shape.slice(0, 20)}… in ${where}`);
    }
  }
  return found;
}

/** Everything that can happen to an account, with what the Worker answered on the way. */
async function liveThroughEverything(scene: Scene): Promise<Trace[]> {
  const { google, user, stage, browser } = scene;
  const traces: Trace[] = [];
  const keep = async (where: string, response: Response): Promise<void> => {
    const headers = [...response.headers].filter(([name]) => name !== "location" || !isGoogle(response)).map(String);
    traces.push({ where, text: `${headers.join("\n")}\n${await response.text()}` });
  };
  const isGoogle = (response: Response): boolean =>
    response.headers.get("location")?.startsWith(google.origin) === true;

  await signIn(browser, user);
  await google.configure({ accessTokenLength: 4000 });
  const large = stage.browser();
  await signIn(large, user);
  await keep("an answer", await call(large));
  await google.configure({ accessTokenLength: 220 });
  for (const path of ["/", "/api/me", "/api/messages?limit=all", "/gmail/v1/users/me/profile", "/nowhere"]) {
    await keep(`the page ${path}`, await browser.step(path));
  }
  // Failures, as a program and as a person: their bodies, and what is logged about them.
  for (const endpoint of ["token:code", "userinfo"] as const) {
    for (const fault of [
      { status: 500, body: "{" },
      { named: "invalid_client" },
      { named: "invalid_grant" },
      { disconnect: true },
    ] as const) {
      await google.fault(endpoint, fault);
      const tab = stage.browser();
      const callback = await callbackUrl({ ...scene, browser: tab });
      await keep(`a failed ${endpoint}`, await openCallback(tab, callback));
      await keep("a callback again", await tab.comeBack(callback.href));
      await google.clearFaults();
    }
  }
  for (const fault of [{ status: 503 }, { named: "invalid_client" }, { nonJson: true }] as const) {
    await google.act({ action: "killAccessTokens", email: user.email });
    await google.always("token:refresh", fault);
    await keep("a failed refresh", await call(browser));
    await keep("a failed refresh on a page", await browser.step("/"));
    await google.clearFaults();
  }
  await google.act({ action: "changePassword", email: user.email });
  await keep("a dead grant", await call(browser));
  const again = stage.browser();
  await signIn(again, user);
  await google.always("revoke", { status: 503 });
  await keep("a disconnect", await again.fetch("/auth/disconnect", { method: "POST" }));
  for (const jar of [browser.jar, large.jar, again.jar]) traces.push({ where: "a cookie", text: jar.seen.join("\n") });
  return traces;
}

function configuredSecrets({ stage }: Scene): string[] {
  const { keys }: { keys: { k: string }[] } = JSON.parse(stage.tokenKeys);
  return [CLIENT.secret, ...keys.map(({ k }) => k)];
}

describe("after everything that can happen to an account", () => {
  test(
    "no secret is readable in storage, logs, cookies, answers or URLs of ours",
    { timeout: 60_000 },
    async ({ open }) => {
      const scene = await newcomer(open);
      const traces = await liveThroughEverything(scene);
      const issued = (await scene.google.snapshot()).secrets;
      // The search itself must be able to find something.
      expect(issued.length).toBeGreaterThan(30);
      const stored = await scene.stage.stored();
      expect(stored.length).toBeGreaterThan(100);
      expect(traces.length).toBeGreaterThan(20);
      const everywhere = [
        ...traces,
        { where: "storage", text: stored },
        { where: "the log", text: scene.stage.logs() },
      ];
      expect(await searchFor([...issued, ...configuredSecrets(scene)], everywhere)).toEqual([]);
      // Nor are secrets sent where they end up in somebody's log: only Google's own authorization URL holds state and nonce.
      const calls = await scene.google.calls();
      const urls = calls
        .filter(({ endpoint }) => endpoint !== "auth")
        .map(({ path, query }) => ({ where: "an outbound URL", text: path + JSON.stringify(query) }));
      expect(await searchFor([...issued, ...configuredSecrets(scene)], urls)).toEqual([]);
    },
  );

  test("who it is is not readable in cookies either", async ({ open }) => {
    const { browser, user } = await newcomer(open);
    await signIn(browser, user);
    const seen = browser.jar.seen.join("\n");
    for (const shape of [...disguises(user.email), ...disguises(user.sub)].filter((text) => text.length > 12)) {
      expect(seen).not.toContain(shape);
    }
  });
});

describeInside("storage", () => {
  test("holds compact JWEs that name the key which sealed them, the first of TOKEN_KEYS", async ({ open }) => {
    const scene = await newcomer(open, { vars: { TOKEN_KEYS: makeTokenKeys("newest", "older") } });
    const { kv, keys } = inside(scene.stage);
    const before = new Set(await keys());
    await scene.google.configure({ accessTokenLength: 4000 });
    await signIn(scene.browser, scene.user);
    const names = (await keys()).filter((name) => !before.has(name));
    // The record, and the access token that its cookie could not hold.
    expect(names.length).toBe(2);
    for (const name of names) {
      const parts = ((await kv.get(name)) ?? "").split(".");
      expect(parts.length).toBe(5);
      expect(JSON.parse(atob(parts[0] ?? ""))).toMatchObject({ alg: "dir", enc: "A256GCM", kid: "newest" });
    }
  });

  test("holds what it seals under its own key only: moved to another user's key, it does not open", async ({
    open,
  }) => {
    const first = await newcomer(open);
    const { kv, keys } = inside(first.stage);
    const before = new Set(await keys());
    await signIn(first.browser, first.user);
    const mine = (await keys()).filter((name) => !before.has(name));
    const second = await first.google.addUser();
    const theirs = first.stage.browser();
    await signIn(theirs, second);
    const others = (await keys()).filter((name) => !before.has(name) && !mine.includes(name));
    expect([mine.length, others.length]).toEqual([1, 1]);
    // The second user's record is put in the place of the first's.
    await kv.put(mine[0] ?? "", (await kv.get(others[0] ?? "")) ?? "");
    await first.google.act({ action: "killAccessTokens", email: first.user.email });
    await first.google.forgetCalls();
    const response = await call(first.browser);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await first.google.count("token:refresh")).toBe(0);
  });

  test.for(["garbage", "", "{}", "a.b.c.d.e"])(
    "that holds %j in place of a record leads to consent, not to a failure for ever",
    async (value, { open }) => {
      const scene = await newcomer(open);
      const { kv, keys } = inside(scene.stage);
      const before = new Set(await keys());
      await signIn(scene.browser, scene.user);
      const name = (await keys()).find((key) => !before.has(key));
      await kv.put(name ?? "", value);
      const tab = scene.stage.browser();
      expect(await signIn(tab, scene.user)).toBe(2);
      await scene.google.act({ action: "killAccessTokens", email: scene.user.email });
      expect((await call(tab)).status).toBe(200);
    },
  );
});
