/** The rows of a request as the object streams them: whatever the pieces are, and whenever it ends. */
import { describe, expect, test, vi } from "vitest";
import { REAL_WORLD } from "../../../src/context.ts";
import { AppError, type Reason } from "../../../src/errors.ts";
import { LruCache } from "../../../src/isolate/lru-cache.ts";
import { Grant } from "../../../src/object/access.ts";
import { Mailbox } from "../../../src/object/client.ts";
import { type Cost, type MailboxRpc, type Outcome, type Question, toErrorData } from "../../../src/object/rpc.ts";
import { ObjectRows } from "../../../src/mailbox/object-rows.ts";
import { appErrorOf, configuration, createWorld, START_MS } from "../fixtures.ts";
import { messages } from "../gmail/fixtures.ts";

const NOTHING: Cost = { units: 0, calls: 0, rowsRead: 0, rowsKnown: 0 };
const ACTOR = { kind: "session", id: "s" } as const;

const lineOf = (part: object): string => `${JSON.stringify(part)}\n`;
const rowOf = (id: string, subject = `of ${id}`) => ({ id, threadId: "t", labelIds: [], subject });
const rowsPart = (rows: readonly object[], cost: Cost = NOTHING): string => lineOf({ rows, cost });
const endPart = (cost: Cost = NOTHING, retryAfterSeconds: number | null = null): string =>
  lineOf({ end: { retryAfterSeconds }, cost });

/** A stream in pieces of so many bytes. @param onCancel called when it is given up */
function streamOf(text: string, size = Infinity, onCancel: () => void = () => {}, ends = true): ReadableStream {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) {
        const end = Math.min(bytes.length, at + size);
        controller.enqueue(bytes.slice(at, end));
        at = end;
      } else if (ends) {
        controller.close();
      }
    },
    cancel: onCancel,
  });
}

type Answer = (values: readonly unknown[]) => unknown;

/** Rows over an object that answers so. */
function create(answers: Partial<Record<Question, Answer>>, vars: Record<string, unknown> = {}, isAlive = true) {
  const world = createWorld(() => new Response());
  const { trace, upstream } = world;
  const asked: { question: Question; values: readonly unknown[] }[] = [];
  const object: MailboxRpc = {
    ask: async (question, values): Promise<Outcome<unknown>> => {
      asked.push({ question, values });
      const value = (answers[question] ?? (() => NOTHING))(values);
      return value instanceof AppError ? { ok: false, error: toErrorData(value) } : { ok: true, value };
    },
  };
  const mailbox = new Mailbox(() => object, { startTimer: REAL_WORLD.startTimer, trace });
  const user = { sub: "1", email: "ann@example.test" };
  const accessToken = { value: "held", expiresAtMs: START_MS + 3_600_000 };
  const grant = new Grant(
    { refusedTokens: new LruCache(1), trace, upstream, world },
    { user, actor: ACTOR, accessToken, mailbox, isRevoked: Promise.resolve(false) },
  );
  const gone = new AbortController();
  const acting = isAlive ? { mailbox, actor: ACTOR } : null;
  const config = configuration(vars);
  const parts = { acting, config, grant, isStreamed: true, signal: gone.signal, trace, upstream, user };
  const rows = new ObjectRows(parts);
  const read = async (count: number) => (await Array.fromAsync(rows.read(messages(count)))).flat();
  return { asked, gone, grant, read, rows, trace };
}

const parts = (stream: ReadableStream) => () => ({ kind: "parts", parts: stream });

describe("lines", () => {
  const ROWS = [rowOf("m0", "Grüße 日本 📬"), rowOf("m1", 'with "\n" and \\n'), rowOf("m2")];
  const TEXT = rowsPart(ROWS.slice(0, 2)) + rowsPart(ROWS.slice(2)) + endPart();

  test.each([1, 2, 3, 7, 64, Infinity])("are read in pieces of %i bytes", async (size) => {
    const { read, rows } = create({ rows: parts(streamOf(TEXT, size)) });
    expect(await read(3)).toEqual(ROWS);
    expect(rows.retryAfterSeconds).toBeNull();
  });

  test("an error ends them, after the rows before it", async () => {
    const error = toErrorData(new AppError("RATE_LIMITED", "You are too fast.", { retryAfterSeconds: 7 }));
    const text = rowsPart(ROWS.slice(0, 1)) + lineOf({ error, cost: NOTHING });
    const { rows } = create({ rows: parts(streamOf(text)) });
    const got: unknown[] = [];
    const reading = (async () => {
      for await (const run of rows.read(messages(3))) got.push(...run);
    })();
    expect(await appErrorOf(reading)).toMatchObject({ reason: "RATE_LIMITED", retryAfterSeconds: 7 });
    expect(got).toEqual(ROWS.slice(0, 1));
  });

  test("the end says when there is more", async () => {
    const { read, rows } = create({ rows: parts(streamOf(rowsPart(ROWS.slice(0, 1)) + endPart(NOTHING, 42))) });
    expect(await read(3)).toHaveLength(1);
    expect(rows.retryAfterSeconds).toBe(42);
  });

  test("a page that is left early gives the stream up, and one that is read does not", async () => {
    const onCancel = vi.fn();
    const { rows } = create({ rows: parts(streamOf(TEXT, 64, onCancel)) });
    for await (const run of rows.read(messages(3))) {
      expect(run).toHaveLength(2);
      break;
    }
    await vi.waitFor(() => expect(onCancel).toHaveBeenCalledOnce());
    const whole = vi.fn();
    expect(await create({ rows: parts(streamOf(TEXT, 64, whole)) }).read(3)).toHaveLength(3);
    expect(whole).not.toHaveBeenCalled();
  });

  test("a client that goes gives the stream up, also while nothing comes", async () => {
    const onCancel = vi.fn();
    const { gone, read } = create({ rows: parts(streamOf(rowsPart(ROWS), 64, onCancel, false)) });
    const reading = read(4);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(onCancel).not.toHaveBeenCalled();
    gone.abort();
    expect(await reading).toEqual(ROWS);
    expect(onCancel).toHaveBeenCalledOnce();
  });
});

describe("what the object has spent", () => {
  test("is told with each line as a sum, and counts once", async () => {
    const text =
      rowsPart([rowOf("m0")], { units: 20, calls: 1, rowsRead: 1, rowsKnown: 0 }) +
      rowsPart([rowOf("m1"), rowOf("m2")], { units: 40, calls: 2, rowsRead: 2, rowsKnown: 1 }) +
      endPart({ units: 45, calls: 3, rowsRead: 2, rowsKnown: 1 });
    const { read, rows, trace } = create({
      sync: () => ({ units: 2, calls: 1, rowsRead: 0, rowsKnown: 0 }),
      rows: parts(streamOf(text)),
    });
    await read(3);
    expect([trace.quotaUnits, trace.upstreamCalls, trace.rowsRead, trace.rowsKnown]).toEqual([45, 3, 2, 1]);
    await rows.end();
    expect([trace.quotaUnits, trace.upstreamCalls]).toEqual([47, 4]);
    expect(trace.tellUnits(), "the object knows of all of it").toBe(0);
  });

  test("counts where rows end early, too", async () => {
    const error = toErrorData(new AppError("UPSTREAM_UNAVAILABLE", "Gmail is down."));
    const text = lineOf({ error, cost: { units: 60, calls: 3, rowsRead: 0, rowsKnown: 0 } });
    const { read, trace } = create({ rows: parts(streamOf(text)) });
    expect(await appErrorOf(read(3))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect([trace.quotaUnits, trace.upstreamCalls, trace.rowsKnown]).toEqual([60, 3, 0]);
  });

  test("is nothing for a page that is known, whose rows count as known", async () => {
    const known = [rowOf("m0"), rowOf("m1")];
    const { read, trace } = create({
      rows: () => ({ kind: "known", rows: known, cost: { ...NOTHING, rowsKnown: 2 } }),
    });
    expect(await read(2)).toEqual(known);
    expect([trace.quotaUnits, trace.rowsRead, trace.rowsKnown]).toEqual([0, 0, 2]);
  });
});

const known = () => ({ kind: "known", rows: [], cost: NOTHING });
const fails = (reason: Reason) => () => new AppError(reason, "It does not answer.");

describe("the object is asked", () => {
  test("how new its rows are, at once, and then for pages of the same moment", async () => {
    const { asked, read, rows, trace } = create({ rows: known });
    await vi.waitFor(() => expect(asked.map(({ question }) => question)).toEqual(["sync"]));
    trace.quotaUnits = 5;
    await read(2);
    await read(1);
    await rows.end();
    expect(asked.map(({ question }) => question)).toEqual(["sync", "rows", "rows"]);
    const [moment] = asked[0]?.values ?? [];
    expect(moment).toMatch(/^[\da-f-]{36}$/);
    const pages = asked.slice(1).map(({ values: [page] }) => page);
    expect(pages).toMatchObject([
      { moment, spentUnits: 5, refs: messages(2), hasRows: false, budget: { units: 4_993 }, actor: ACTOR },
      { moment, spentUnits: 0, refs: messages(1), hasRows: true },
    ]);
  });

  test("nothing for no rows, and nothing about history where nothing is kept", async () => {
    const off = create({ rows: known }, { MESSAGE_CACHE: "off" });
    expect(await off.read(0)).toEqual([]);
    expect(off.asked).toEqual([]);
    await off.read(1);
    await off.rows.end();
    expect(off.asked).toMatchObject([{ question: "rows", values: [{ moment: null, budget: { units: 5_000 } }] }]);
    const small = create({ rows: known }, { QUOTA_BUDGET: "25" });
    await small.read(1);
    expect(small.asked).toMatchObject([{ question: "rows", values: [{ moment: null, budget: { units: 25 } }] }]);
  });

  test("and that it does not say how new they are is no error", async () => {
    const stream = streamOf(rowsPart([rowOf("m0")]) + endPart());
    const { read, rows, trace } = create({ sync: fails("STORAGE_UNAVAILABLE"), rows: parts(stream) });
    expect(await read(1)).toHaveLength(1);
    await rows.end();
    expect(trace.quotaUnits).toBe(0);
  });

  test("by nobody who has ended", async () => {
    const { asked, read, rows } = create({ rows: known }, {}, false);
    expect(await appErrorOf(read(1))).toMatchObject({ reason: "SIGN_IN_REQUIRED" });
    await rows.end();
    expect(asked).toEqual([]);
  });

  test("and where it has found the grant gone, it is gone for the request", async () => {
    const { grant, read } = create({ rows: fails("CONSENT_REQUIRED") });
    expect(await appErrorOf(read(1))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(grant.tokenChange).toBeNull();
  });

  test("for unread counts of labels, where there are some", async () => {
    const counts = new Map([["INBOX", 3]]);
    const { asked, rows, trace } = create({
      countUnread: () => ({ counts, cost: { units: 1, calls: 1, rowsRead: 0, rowsKnown: 0 } }),
    });
    expect(await rows.countUnread([])).toEqual(new Map());
    expect(await rows.countUnread(["INBOX"])).toEqual(counts);
    expect([asked.filter(({ question }) => question === "countUnread").length, trace.quotaUnits]).toEqual([1, 1]);
  });
});
