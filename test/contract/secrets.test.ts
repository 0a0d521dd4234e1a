/**
 * No token, code, key or client secret is readable in KV, objects, cookies, logs, errors or URLs of ours.
 *
 * The local Google remembers every secret that it issued or was shown; after a full life of sign-ins, refreshes and failures, all
 * that the Worker has written anywhere is searched for each of them.
 */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { callWithToken, happen, makeApiToken } from "../support/ending.ts";
import { call, callbackUrl, newcomer, openCallback, type Scene, signedIn, signIn } from "../support/scenes.ts";
import { about, issSub, refreshTokenPrefix } from "../support/security-events.ts";
import { CLIENT, makeTokenKeys, type Stage } from "../support/stage.ts";

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

async function signedInAgain({ stage, user }: Scene): Promise<Scene["browser"]> {
  const browser = stage.browser();
  await signIn(browser, user);
  return browser;
}

function configuredSecrets({ stage }: Scene): string[] {
  const { keys }: { keys: { k: string }[] } = JSON.parse(stage.tokenKeys);
  return [CLIENT.secret, ...keys.map(({ k }) => k)];
}

describe("after everything that can happen to an account", { tags: ["process"] }, () => {
  test(
    "no secret is readable in storage, logs, cookies, answers or URLs of ours",
    { timeout: 60_000 },
    async ({ open }) => {
      const scene = await newcomer(open);
      const traces = await liveThroughEverything(scene);
      // Its text is told in the answer that makes it, and nowhere else.
      const apiToken = await makeApiToken(await signedInAgain(scene));
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
      expect(stored).toContain(scene.user.sub);
      expect(await searchFor([...issued, ...configuredSecrets(scene), apiToken], everywhere)).toEqual([]);
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
    const names = await newKeysOf(scene.stage, () => signIn(scene.browser, scene.user));
    expect(names).toHaveLength(2);
    for (const name of names) {
      const [header = ""] = ((await inside(scene.stage).kv.get(name)) ?? "").split(".");
      expect(JSON.parse(atob(header))).toMatchObject({ alg: "dir", enc: "A256GCM", kid: "newest" });
    }
  });

  test("holds two keys of a user, and no address in either; whatever they do, no other; disconnecting deletes both", async ({
    open,
  }) => {
    const { browser, google, stage, user } = await newcomer(open, { google: { accessTokenLength: 4000 } });
    const names = await newKeysOf(stage, async () => {
      await signIn(browser, user);
      const apiToken = await makeApiToken(browser);
      await google.act({ action: "killAccessTokens", email: user.email });
      expect([(await call(browser)).status, (await callWithToken(stage, apiToken)).status]).toEqual([200, 200]);
      await signIn(stage.browser(), user);
      const other = browser.copy();
      expect((await other.submit("/auth/logout?everywhere=true")).status).toBe(303);
      await signIn(browser, user);
    });
    expect(names.map((name) => name.replace(/:.*/, ""))).toEqual(["address", "credential"]);
    expect(names).toContain(`credential:${user.sub}`);
    const values = await Promise.all(names.map((name) => inside(stage).kv.get(name)));
    const stored = [...names, ...values].join("\n").toLowerCase();
    for (const shape of [user.email, encodeURIComponent(user.email), btoa(user.email)]) {
      expect(stored).not.toContain(shape.toLowerCase());
    }
    await browser.fetch("/auth/disconnect", { method: "POST" });
    const left = await inside(stage).keys();
    expect(names.filter((name) => left.includes(name))).toEqual([]);
  });

  test("holds marks of security events: that one was seen, and which refresh token is dead", async ({ open }) => {
    const scene = await signedIn(open);
    const subject = refreshTokenPrefix(await scene.google.refreshToken(scene.user));
    const names = await newKeysOf(scene.stage, async () => {
      await happen(scene, about("token-revoked", subject));
      await happen(scene, about("account-disabled", issSub(scene.user)));
    });
    expect(names.map((name) => name.replace(/:.*/, ""))).toEqual([
      "dead-token-prefix",
      "security-event",
      "security-event",
    ]);
  });

  test("holds what it seals under its own key only: moved to another user's key, it does not open", async ({
    open,
  }) => {
    const { stage, google, browser, user } = await newcomer(open);
    const { kv } = inside(stage);
    const mine = await newKeysOf(stage, () => signIn(browser, user));
    const other = await google.addUser();
    const theirs = await newKeysOf(stage, () => signIn(stage.browser(), other));
    expect([mine.length, theirs.length]).toEqual([2, 2]);
    // All that is the second user's is put in the place of the first's.
    for (const [index, name] of mine.entries()) await kv.put(name, (await kv.get(theirs[index] ?? "")) ?? "");
    await inside(stage).advance(KV_IS_READ_MS);
    await google.forgetCalls();
    expect((await call(browser)).status).toBe(401);
    expect(await google.count("token:refresh")).toBe(0);
  });

  test.for(["garbage", "", "{}", "a.b.c.d.e"])(
    "that holds %j in place of a record leads to consent, not to a failure for ever",
    async (value, { open }) => {
      const { stage, google, browser, user } = await newcomer(open);
      const names = await newKeysOf(stage, () => signIn(browser, user));
      for (const name of names) await inside(stage).kv.put(name, value);
      await inside(stage).advance(KV_IS_READ_MS);
      const tab = stage.browser();
      expect(await signIn(tab, user)).toBe(2);
      await google.act({ action: "killAccessTokens", email: user.email });
      expect((await call(tab)).status).toBe(200);
    },
  );
});

/** After this much, an object relies on KV for what it has written there, and the access token has expired. */
const KV_IS_READ_MS = 3_600_000;

/** The keys that something newly stores, in order. */
async function newKeysOf(stage: Stage, something: () => Promise<unknown>): Promise<string[]> {
  const { keys } = inside(stage);
  const before = new Set(await keys());
  await something();
  return (await keys()).filter((name) => !before.has(name)).toSorted();
}
