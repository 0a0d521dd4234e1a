/** Where a user is signed in, ending one of those sessions, and what sessions, API tokens and services did. */
import * as z from "zod";
import { logAtEnd } from "../../src/context.ts";
import { getProfile } from "../../src/mailbox/offline.ts";
import { makeToken, withToken } from "../support/api-tokens.ts";
import type { Browser } from "../support/browser.ts";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { call, newcomer, type Scene, signedIn, signIn } from "../support/scenes.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const SessionsSchema = z.strictObject({
  sessions: z.array(
    z.strictObject({
      id: z.string().min(16),
      device: z.string(),
      createdAt: z.iso.datetime(),
      lastUsedAt: z.iso.datetime(),
      place: z.string().min(1).optional(),
      current: z.boolean(),
    }),
  ),
});

const CountsSchema = {
  day: z.iso.date(),
  id: z.string().min(1),
  requests: z.int(),
  messagesListed: z.int(),
  messagesRead: z.int(),
  units: z.int(),
};
const ActivitySchema = z.strictObject({
  activity: z.array(
    z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("session"), device: z.string(), ...CountsSchema }),
      z.strictObject({ kind: z.literal("token"), name: z.string(), tokenId: z.string(), ...CountsSchema }),
      z.strictObject({ kind: z.literal("offline"), ...CountsSchema }),
    ]),
  ),
});

async function listSessions(browser: Browser) {
  const response = await call(browser, "/api/sessions");
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return SessionsSchema.parse(JSON.parse(text)).sessions;
}

async function listActivity(browser: Browser) {
  const response = await call(browser, "/api/activity");
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return ActivitySchema.parse(JSON.parse(text)).activity;
}

function endSession(browser: Browser, id: string): Promise<Response> {
  return browser.fetch(`/api/sessions/${id}`, { method: "DELETE", headers: { accept: "application/json" } });
}

/** Signs a browser in that says this of itself. */
async function signInWith(browser: Browser, { user }: Scene, headers: Record<string, string>): Promise<void> {
  const visit = await browser.navigate("/auth/login?return_to=/healthz", { person: { user: user.email }, headers });
  expect(visit.url).toBe("/healthz");
}

describe("GET /api/sessions", () => {
  test("has each browser that is signed in, and marks the one that asks", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const other = stage.browser();
    await signIn(other, user);
    const [mine, theirs] = [await listSessions(browser), await listSessions(other)];
    for (const list of [mine, theirs]) expect(list.filter(({ current }) => current)).toHaveLength(1);
    const currentOf = (sessions: typeof mine): string | undefined => sessions.find(({ current }) => current)?.id;
    expect(currentOf(mine)).not.toBe(currentOf(theirs));
    expect(mine.map(({ id }) => id).toSorted()).toEqual(theirs.map(({ id }) => id).toSorted());
  });

  test("has nobody else's", async ({ open }) => {
    const { google, stage, browser } = await signedIn(open);
    const theirs = stage.browser();
    await signIn(theirs, await google.addUser());
    expect(await listSessions(browser)).toHaveLength(1);
    expect(await listSessions(theirs)).toHaveLength(1);
  });

  test.for<[string, string]>([
    ["Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:138.0) Gecko/20100101 Firefox/138.0"],
    [
      "Safari on iPhone",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Mobile/15E148 Safari/604.1",
    ],
    [
      "Chrome on Android",
      "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/135.0.0.0 Mobile Safari/537.36",
    ],
    [
      "Edge on Windows",
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/135.0.0.0 Safari/537.36 Edg/135.0.0.0",
    ],
    [
      "Safari on Mac",
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
    ],
    ["curl", "curl/8.13.0"],
    ["Unknown device", "junk"],
    ["Unknown device", "<script>alert(1)</script>"],
    ["Unknown device", "x".repeat(2_000)],
    ["Unknown device", ""],
  ])("calls a device %s", async ([device, userAgent], { open }) => {
    const scene = await newcomer(open);
    await signInWith(scene.browser, scene, { "user-agent": userAgent });
    expect(await listSessions(scene.browser)).toMatchObject([{ device, current: true }]);
  });

  test("takes what a person's header claims for no more than its words", async ({ open }) => {
    const scene = await newcomer(open);
    await signInWith(scene.browser, scene, { "user-agent": "Firefox/1 <b>Linux</b> sub=1; Chrome" });
    expect(await listSessions(scene.browser)).toMatchObject([{ device: "Firefox on Linux" }]);
  });
});

describeInside("the times of a session", () => {
  test("are of its sign-in, and to the minute of its last use", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const other = stage.browser();
    await signIn(other, user);
    const [before] = await listSessions(browser);
    expect(before?.createdAt).toBe(before?.lastUsedAt);
    await inside(stage).advance(10 * MINUTE_MS);
    expect((await call(browser)).status).toBe(200);
    const [latest, earlier] = await listSessions(browser);
    // The latest used first.
    expect([latest?.current, earlier?.current]).toEqual([true, false]);
    const { createdAt = "", lastUsedAt = "" } = latest ?? {};
    expect(new Date(lastUsedAt).getTime() % MINUTE_MS).toBe(0);
    const passedMs = new Date(lastUsedAt).getTime() - new Date(createdAt).getTime();
    expect(passedMs).toBeGreaterThan(8 * MINUTE_MS);
    expect(passedMs).toBeLessThan(11 * MINUTE_MS);
    expect(earlier?.lastUsedAt).toBe(earlier?.createdAt);
  });

  test("end after 30 days: it is in no list any more", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    await inside(stage).advance(31 * DAY_MS);
    expect((await call(browser)).status).toBe(401);
    await signIn(browser, user);
    expect(await listSessions(browser)).toHaveLength(1);
  });
});

describe("DELETE /api/sessions/{id}", () => {
  test("ends another browser's session and its copies, and nothing else", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const other = stage.browser();
    await signIn(other, user);
    const { token } = await makeToken(other);
    const copy = other.copy();
    const id = (await listSessions(other)).find(({ current }) => current)?.id ?? "";
    const response = await endSession(browser, id);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    for (const ended of [other, copy]) await expectError(await call(ended), 401, "SIGN_IN_REQUIRED");
    expect(await listSessions(browser)).toMatchObject([{ current: true }]);
    expect((await withToken(stage, token, { path: "/api/me" })).status, "what it has made lives on").toBe(200);
    await expectError(await endSession(browser, id), 404, "NOT_FOUND");
  });

  test("ends the own one, and clears its cookie", async ({ open }) => {
    const { browser } = await signedIn(open);
    const copy = browser.copy();
    const [session] = await listSessions(browser);
    expect((await endSession(browser, session?.id ?? "")).status).toBe(204);
    expect(browser.jar.named("session")).toEqual([]);
    expect((await call(copy)).status).toBe(401);
  });

  test("of another user's is 404, and it goes on", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const theirs = stage.browser();
    await signIn(theirs, await google.addUser());
    const [session] = await listSessions(theirs);
    await expectError(await endSession(browser, session?.id ?? ""), 404, "NOT_FOUND");
    expect((await call(theirs)).status).toBe(200);
  });

  test.for(["unknown", "0".repeat(43), "%00", "' OR 1=1 --"])("of %j is 404", async (id, { open }) => {
    const { browser } = await signedIn(open);
    await expectError(await endSession(browser, encodeURIComponent(id)), 404, "NOT_FOUND");
    expect((await call(browser)).status).toBe(200);
  });
});

describeInside("a session that another one ends", () => {
  test("is refused at once, at the place where it was just used", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const far = inside(stage).at("far").browser();
    await signIn(far, user);
    expect((await call(far)).status).toBe(200);
    const other = (await listSessions(browser)).find(({ current }) => !current);
    expect((await endSession(browser, other?.id ?? "")).status).toBe(204);
    expect((await call(far.copy())).status).toBe(401);
    await expectError(await endSession(far, other?.id ?? ""), 401, "SIGN_IN_REQUIRED");
  });
});

describe("an API token", () => {
  test.for(["GET /api/sessions", "DELETE /api/sessions/0", "GET /api/activity"])(
    "may not: %s",
    async (route, { open }) => {
      const { browser, stage } = await signedIn(open);
      const { token } = await makeToken(browser, { name: "all", access: "full" });
      const [method = "", path = ""] = route.split(" ");
      await expectError(await withToken(stage, token, { method, path }), 403, "PERMISSION_DENIED");
    },
  );
});

describe("GET /api/activity", () => {
  test("counts what sessions and API tokens did, apart", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage } = await signedIn(open, { user: { mailbox: { messages: 30 } } });
    const { id, token } = await makeToken(browser, { name: "backup" });
    expect((await call(browser, "/api/messages?limit=7")).status).toBe(200);
    for (let request = 0; request < 3; request += 1) {
      const path = "/api/messages?limit=5&view=metadata";
      expect((await withToken(stage, token, { path })).status).toBe(200);
    }
    // A request is counted once its answer has ended.
    await expect.poll(async () => (await listActivity(browser)).find(({ kind }) => kind === "token")?.requests).toBe(3);
    const activity = await listActivity(browser);
    expect(activity.find(({ kind }) => kind === "token")).toMatchObject({
      id,
      tokenId: id,
      name: "backup",
      requests: 3,
      messagesListed: 15,
      messagesRead: 0,
      // The rows are read once; then history says that they are as they were.
      units: 3 * 5 + 5 * 20 + 1 + 2 * 2,
    });
    const session = activity.find(({ kind }) => kind === "session");
    expect(session).toMatchObject({ device: "Unknown device", messagesListed: 7, messagesRead: 0, units: 5 });
    expect(session?.requests).toBeGreaterThanOrEqual(2);
    expect(activity).toHaveLength(2);
  });

  test("has messages that were read, one by one and below /gmail/v1/", async ({ open }) => {
    const { browser } = await signedIn(open, { user: { mailbox: { messages: 1 } } });
    const { messages }: { messages: { id: string }[] } = await (await call(browser)).json();
    const id = messages[0]?.id ?? "";
    for (const path of [`/api/messages/${id}`, `/gmail/v1/users/me/messages/${id}`, "/gmail/v1/users/me/messages/0"]) {
      await call(browser, path);
    }
    await expect.poll(async () => (await listActivity(browser))[0]?.units).toBe(5 + 3 * 20);
    expect(await listActivity(browser)).toMatchObject([{ messagesListed: 1, messagesRead: 2 }]);
  });

  test("has nobody else's, and nothing of any message", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    const theirs = stage.browser();
    await signIn(theirs, await google.addUser());
    await call(browser);
    expect((await listActivity(theirs)).filter(({ messagesListed }) => messagesListed > 0)).toEqual([]);
    const text = await (await call(browser, "/api/activity")).text();
    for (const word of [user.email, user.sub, "threadId", "subject"]) expect(text).not.toContain(word);
  });
});

describeInside("the activity", () => {
  test("has service-binding calls, and the last 30 days", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const day = new Date(stage.now()).toISOString().slice(0, 10);
    await inside(stage).serve(async (scope) => {
      await getProfile(scope, user.sub);
      await logAtEnd(scope, () => ({ route: "GmailService.profile", method: "RPC", status: 200, ms: 0 }));
    });
    const offline = { kind: "offline", id: "offline", requests: 1, messagesListed: 0 };
    expect(await listActivity(browser)).toContainEqual(expect.objectContaining({ ...offline, day }));
    await inside(stage).advance(29 * DAY_MS);
    expect((await listActivity(browser)).map((one) => one.day)).toContain(day);
    await inside(stage).advance(2 * DAY_MS);
    await signIn(browser, user);
    expect((await listActivity(browser)).map((one) => one.day)).not.toContain(day);
  });

  test("of an ended session and a revoked token keeps its names", async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const { id, token } = await makeToken(browser, { name: "gone" });
    await withToken(stage, token, { path: "/api/me" });
    await inside(stage).advance(2 * MINUTE_MS);
    await browser.fetch(`/api/tokens/${id}`, { method: "DELETE" });
    await signIn(browser, user);
    const activity = await listActivity(browser);
    expect(activity).toContainEqual(expect.objectContaining({ kind: "token", name: "gone" }));
    expect(activity).toContainEqual(expect.objectContaining({ kind: "session", device: "Unknown device" }));
  });

  test("is deleted by a disconnect, and a request that was under way does not bring it back", async ({ open }) => {
    const { browser, user } = await signedIn(open);
    await call(browser);
    await browser.submit("/auth/disconnect");
    await signIn(browser, user);
    expect((await listActivity(browser)).filter(({ messagesListed }) => messagesListed > 0)).toEqual([]);
  });
});
