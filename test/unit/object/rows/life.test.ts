/** How long rows and their key stay: over real SQLite storage, with a clock, a KV, a Gmail and an alarm of the test's own. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { createMailboxCore, REAL_WORLD } from "../../../../src/context.ts";
import { LruCache } from "../../../../src/isolate/lru-cache.ts";
import { KeyRing, type TokenKey } from "../../../../src/lib/key-ring.ts";
import type { MailboxCore } from "../../../../src/object/core.ts";
import { LaggingKv } from "../../../support/lagging-kv.ts";
import { withoutAlarm } from "../../fixtures-objects.ts";
import { configuration, createWorld, KEY_A, KEY_B } from "../../fixtures.ts";
import { answerBatch } from "../../gmail/fixtures-batch.ts";
import { DAY_MS, EMAIL, MINUTE_MS, signInOf, SUB } from "../fixtures.ts";

const KEY = `mailbox-key:${SUB}`;
const SESSION = "a session";

interface Settings {
  readonly vars?: Record<string, unknown>;
  readonly keys?: readonly TokenKey[];
}

interface Scene {
  readonly core: () => MailboxCore;
  readonly signIn: () => Promise<unknown>;
  /** Lists two messages. @returns whether they were known */
  readonly list: () => Promise<boolean>;
  /** Called when a batch has come, before it is answered. */
  onBatch: () => Promise<void>;
  /** Counts a request. */
  readonly report: () => Promise<void>;
  /** Another life of the object. */
  readonly evict: (settings: Settings) => void;
  /** Moves the clock on by days, and rings the alarm. */
  readonly pass: (days: number, daily?: () => Promise<unknown>) => Promise<void>;
  readonly rows: () => number;
  readonly hasKey: () => Promise<boolean>;
  readonly isEmpty: () => boolean;
}

async function inMailbox(work: (scene: Scene) => Promise<void>): Promise<void> {
  const stub = env.MAILBOXES.get(env.MAILBOXES.newUniqueId());
  await runInDurableObject(stub, async (_, state) => work(openScene(state)));
}

function openScene(state: DurableObjectState): Scene {
  const world = createWorld(async (call) => {
    if (call.url.pathname.endsWith("/profile")) return Response.json({ emailAddress: EMAIL, historyId: "100" });
    if (call.url.pathname.endsWith("/history")) return Response.json({ historyId: "100" });
    await scene.onBatch();
    return answerBatch(call, (id) => Response.json({ id, threadId: id, historyId: "90", labelIds: ["INBOX"] }));
  });
  const { clock } = world;
  const kv = new LaggingKv({ now: world.now });
  const deferred: Promise<unknown>[] = [];
  const { alarm, storage } = withoutAlarm(state.storage);
  const open = ({ vars = {}, keys = [KEY_A] }: Settings): MailboxCore =>
    createMailboxCore(
      {
        config: configuration({ CREDENTIALS: kv.at("the object"), ...vars }),
        keyRing: new KeyRing(keys),
        refusedTokens: new LruCache(100),
        world: { ...REAL_WORLD, fetch: world.fetch, now: world.now, sleep: world.sleep },
      },
      { id: state.id, storage, waitUntil: (promise) => void deferred.push(promise) },
    );
  let core = open({});
  let requests = 0;
  const afterwards = async (): Promise<void> => {
    while (deferred.length > 0) await deferred.shift();
  };
  const ring = async (untilMs: number): Promise<void> => {
    while (alarm.atMs !== null && alarm.atMs <= untilMs) {
      clock.nowMs = Math.max(clock.nowMs, alarm.atMs);
      alarm.atMs = null;
      await core.alarm();
    }
    clock.nowMs = untilMs;
  };
  const actor = { kind: "session", id: SESSION } as const;
  const scene: Scene = {
    core: () => core,
    signIn: async () => core.signIn(signInOf(clock.nowMs, SESSION)),
    list: async () => {
      const accessToken = { value: "an access token", expiresAtMs: clock.nowMs + 60 * MINUTE_MS };
      const caller = { sub: SUB, email: EMAIL, actor, accessToken, spentUnits: 0 };
      requests += 1;
      const moment = `request ${requests}`;
      await core.sync(moment, caller);
      const answer = await core.rows({
        ...caller,
        requestId: "a request",
        moment,
        refs: ["18c01", "18c02"].map((id) => ({ id, threadId: id })),
        isStreamed: false,
        hasRows: false,
        budget: { calls: 50, units: 5_000, ms: 20_000 },
      });
      if (answer.kind === "parts") expect(await new Response(answer.parts).text()).toContain("18c02");
      await afterwards();
      return answer.kind === "known";
    },
    onBatch: async () => {},
    report: async () => core.report(actor, { messagesListed: 2, messagesRead: 2, units: 7 }),
    evict: (settings) => {
      core = open(settings);
    },
    pass: async (days, daily) => {
      for (let day = 0; day < days; day += 1) {
        await ring(clock.nowMs + DAY_MS);
        await daily?.();
      }
    },
    rows: () => (scene.isEmpty() ? 0 : storage.sql.exec("SELECT * FROM rows").toArray().length),
    hasKey: async () => (await kv.at(`elsewhere ${crypto.randomUUID()}`).get(KEY)) !== null,
    isEmpty: () => storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'meta'").toArray().length === 0,
  };
  return scene;
}

test("rows are known until they were unused for 30 days; then they and their key are deleted", () =>
  inMailbox(async (scene) => {
    await scene.signIn();
    expect([await scene.list(), await scene.list()]).toEqual([false, true]);
    await scene.pass(40, async () => {
      await scene.signIn();
      await scene.report();
    });
    expect(await scene.list()).toBe(true);
    await scene.pass(29);
    expect([scene.rows(), await scene.hasKey()]).toEqual([2, true]);
    await scene.pass(3);
    expect([scene.rows(), await scene.hasKey()]).toEqual([0, false]);
  }));

test("a key under which nothing was sealed goes, too, and so does the object", () =>
  inMailbox(async (scene) => {
    await scene.signIn();
    scene.onBatch = async () => expect.fail("Nothing is listed.");
    const accessToken = { value: "an access token", expiresAtMs: Number.MAX_SAFE_INTEGER };
    const actor = { kind: "session", id: SESSION } as const;
    await scene.core().sync("a request", { sub: SUB, email: EMAIL, actor, accessToken, spentUnits: 0 });
    expect(await scene.hasKey()).toBe(true);
    await scene.pass(70);
    expect([scene.isEmpty(), await scene.hasKey()]).toEqual([true, false]);
  }));

test("a disconnect while rows are read leaves neither rows nor a key", () =>
  inMailbox(async (scene) => {
    await scene.signIn();
    scene.onBatch = async () => {
      await scene.core().disconnect({ sub: SUB, email: EMAIL });
      expect(await scene.hasKey()).toBe(false);
    };
    expect(await scene.list()).toBe(false);
    await scene.pass(1);
    expect([scene.rows(), await scene.hasKey()]).toEqual([0, false]);
  }));

test("with MESSAGE_CACHE off, rows and key of before are deleted when the object wakes", () =>
  inMailbox(async (scene) => {
    await scene.signIn();
    await scene.list();
    scene.evict({ vars: { MESSAGE_CACHE: "off" } });
    await scene.pass(1);
    expect([scene.rows(), await scene.hasKey()]).toEqual([0, false]);
    await scene.pass(2, scene.report);
    expect(await scene.hasKey()).toBe(false);
  }));

test("where TOKEN_KEYS lack what the key is sealed under, another key is made", () =>
  inMailbox(async (scene) => {
    await scene.signIn();
    await scene.list();
    await scene.pass(1);
    scene.evict({ keys: [KEY_B] });
    // The first list loses the rows, the second finds out where history is.
    expect([await scene.list(), await scene.list(), await scene.list()]).toEqual([false, false, true]);
  }));
