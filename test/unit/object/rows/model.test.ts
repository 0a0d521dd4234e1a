/**
 * The rows of an object against a mailbox that remembers how it was: whatever changes, overtakes, fails or is stopped, each
 * row that is answered was true at some moment since its request began.
 *
 * 100,000 rows by default. `FUZZ_RUNS=200000` makes a million of them: five for each. `FUZZ_SEED` makes a run again, or
 * another one. In a calm run nothing fails, and each message is read once, however many ask for it.
 */
import * as fc from "fast-check";
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, inject, test, vi } from "vitest";
import { AppError } from "../../../../src/errors.ts";
import type { MessageRef } from "../../../../src/gmail.ts";
import { storageKeys } from "../../../../src/kv-store/key-names.ts";
import { handled } from "../../../../src/lib/settle.ts";
import type { MailboxCore } from "../../../../src/object/core.ts";
import type { RowsCaller, RowsPart } from "../../../../src/object/rpc.ts";
import type { MetadataRow } from "../../../../src/object/rows/queue.ts";
import { EMAIL, MINUTE_MS, signInOf, SUB } from "../fixtures.ts";
import { Chance, FakeMailbox, labelsKey } from "./fake-gmail.ts";
import { randomFrom } from "./fixtures.ts";
import { ModelStage } from "./model-stage.ts";

const ROWS = inject("fuzzRuns") * 5;
const ROWS_PER_RUN = 2_000;
const RUNS = Math.ceil(ROWS / ROWS_PER_RUN);
const DAY_MS = 24 * 60 * MINUTE_MS;

/** So many turns without anything under way, and still somebody waits: nobody will ever answer. */
const MAX_IDLE_TURNS = 10_000;
/** So many turns take the longest work that waits for nothing. */
const TURNS_UNTIL_IDLE = 100;

/** What every default run must have seen. */
const EXPECTED =
  "calm runs,runs,known pages,counts,error rows,given up,evicted,key gone,alarm,away,history forgotten,access refused," +
  "time passed,much,disconnected,forgotten,disk full";

interface Plan {
  readonly seed: number;
  readonly messages: number;
  /** Records on a page of history. */
  readonly pageSize: number;
  readonly firstHistoryId: bigint;
  /** How often something fails. */
  readonly faults: number;
  /** Nothing fails, nobody leaves, nothing is forgotten: then each message is read once. */
  readonly isCalm: boolean;
  /** How often the mailbox changes between two steps. */
  readonly changes: number;
  /** How often Gmail forgets history, and all begins anew. */
  readonly forgets: number;
  readonly requestsAtOnce: number;
  readonly rows: number;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.noShrink(fc.integer()),
  messages: fc.integer({ min: 10, max: 200 }),
  pageSize: fc.constantFrom(2, 5, 50, 500),
  firstHistoryId: fc.constantFrom(95n, 99_990n, 9_007_199_254_740_990n, 18_446_744_073_000_000_000n),
  faults: fc.constantFrom(0, 0.01, 0.05, 0.15),
  isCalm: fc.constantFrom(false, false, true),
  changes: fc.constantFrom(0.02, 0.1, 0.3),
  forgets: fc.constantFrom(0.005, 0.1),
  requestsAtOnce: fc.constantFrom(1, 3, 6, 20),
  rows: fc.constant(ROWS_PER_RUN),
});

/** What was seen in all runs. */
class Tally {
  rows = 0;
  reads = 0;
  readonly reached = new Map<string, number>();

  add(what: string, count = 1): void {
    this.reached.set(what, (this.reached.get(what) ?? 0) + count);
  }
}

/** When a request began. */
interface Beginning {
  readonly moment: number;
  readonly faults: number;
}

class Run {
  readonly #plan: Plan;
  readonly #chance: Chance;
  readonly #mailbox: FakeMailbox;
  readonly #stage: ModelStage;
  readonly #tally: Tally;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #flaws: unknown[] = [];
  #idleTurns = 0;
  #rows = 0;
  /** From now on nobody gives up. */
  #isEnding = false;
  #requests = 0;
  #sessions = 0;

  constructor(plan: Plan, state: DurableObjectState, tally: Tally) {
    const chance = new Chance(randomFrom(plan.seed));
    const { firstHistoryId, messages } = plan;
    const pageSize = plan.isCalm ? 500 : plan.pageSize;
    this.#plan = plan;
    this.#chance = chance;
    this.#tally = tally;
    this.#mailbox = new FakeMailbox(chance, { messages, pageSize, firstHistoryId });
    const faults = plan.isCalm ? 0 : plan.faults;
    this.#stage = new ModelStage({ state, mailbox: this.#mailbox, chance, faults });
  }

  async play(): Promise<void> {
    await this.#signIn();
    // The first list finds out where history is: what is read until then is not kept.
    if (this.#plan.isCalm) await this.#listAll();
    const { rows } = this.#plan;
    while (this.#rows < rows) {
      this.#act();
      await this.#turn();
      if (!this.#plan.isCalm && this.#chance.hits(0.004)) await this.#forget();
    }
    await this.#end();
    this.#tally.rows += this.#rows;
    this.#tally.reads += this.#mailbox.totalReads;
  }

  /** Lets everything go on that waits for nothing that is held; mostly as far as it goes. */
  async #turn(): Promise<void> {
    // By the runtime's own loop, which streams need. A timer takes a millisecond.
    for (let round = 0; round < 2; round += 1) await new Response("").text();
    if (this.#flaws.length > 0) throw this.#flaws[0];
  }

  /** Whatever comes next. */
  #act(): void {
    const { isCalm, changes, requestsAtOnce } = this.#plan;
    const [chance, stage, mailbox] = [this.#chance, this.#stage, this.#mailbox];
    while (chance.hits(changes)) mailbox.change();
    const isFull = this.#underWay.size >= requestsAtOnce;
    if (!isFull && (!stage.isBusy || chance.hits(0.3))) this.#start(() => this.#request());
    else this.#goOn();
    while (chance.hits(0.7) && stage.step()) this.#idleTurns = 0;
    if (!isCalm) this.#disturb();
  }

  #disturb(): void {
    const [chance, stage, mailbox] = [this.#chance, this.#stage, this.#mailbox];
    if (chance.hits(0.002)) this.#note("much", () => mailbox.changeMuch());
    if (chance.hits(this.#plan.forgets)) this.#note("history forgotten", () => mailbox.forgetHistory());
    if (this.#plan.faults === 0) return;
    const what = chance.below(1_000);
    if (what < 6) this.#note("evicted", () => this.#evict());
    else if (what < 13) this.#note("access refused", () => stage.refuseTokens());
    else if (what < 16) this.#note("time passed", () => void stage.ring());
    else if (what < 18) this.#note("key gone", () => this.#loseKey());
    else if (what < 21) this.#start(() => this.#alarm());
  }

  #note(what: string, work: () => void): void {
    this.#tally.add(what);
    work();
  }

  /** Something that goes on beside the rest. */
  #start(work: () => Promise<unknown>): void {
    const working = work()
      .catch((error: unknown) => void this.#flaws.push(error))
      .finally(() => this.#underWay.delete(working));
    this.#underWay.add(working);
  }

  /** Goes on until nothing is under way any more, or what is wanted has come. */
  async #settle(isReached: () => boolean = () => this.#isIdle): Promise<void> {
    while (!isReached()) {
      await this.#turn();
      if (!isReached()) this.#goOn();
    }
  }

  /** Lets something go on; time passes only where nothing else does. */
  #goOn(): void {
    if (this.#stage.step()) {
      this.#idleTurns = 0;
      return;
    }
    this.#idleTurns += 1;
    if (this.#idleTurns % TURNS_UNTIL_IDLE === 0) this.#stage.ring();
    if (this.#idleTurns > MAX_IDLE_TURNS) throw new Error("Somebody waits for ever.");
  }

  get #isIdle(): boolean {
    return this.#underWay.size === 0 && !this.#stage.isBusy && !this.#stage.hasDeferred;
  }

  #evict(): void {
    this.#expectKeptAsRead();
    this.#stage.evict();
  }

  /** The record in KV is deleted, or cannot be opened, and the object has forgotten what it was. */
  #loseKey(): void {
    const { clock, kv } = this.#stage;
    const elsewhere = kv.at(`elsewhere ${this.#requests}`);
    const key = storageKeys.mailboxKey(SUB);
    this.#stage.letKvGo();
    clock.nowMs += this.#chance.pick([2_000, 10 * MINUTE_MS] as const);
    void (this.#chance.hits(0.5) ? elsewhere.delete(key) : elsewhere.put(key, "what nobody opens"));
    this.#stage.holdKv();
    this.#stage.evict();
  }

  async #alarm(): Promise<void> {
    this.#tally.add("alarm");
    const { alarm } = this.#stage;
    const { atMs } = alarm;
    alarm.atMs = null;
    // One that fails rings again.
    if ((await this.#ask(async (core) => (await core.alarm(), true))) === null) alarm.atMs ??= atMs;
  }

  /** Asks the object. @returns null where it was stopped, or something failed that may fail */
  async #ask<T>(question: (core: MailboxCore) => Promise<T>, since = this.#begin()): Promise<T | null> {
    const { core, lost } = this.#stage;
    try {
      const answer = await Promise.race([question(core), lost]);
      return answer === "lost" ? null : answer;
    } catch (error) {
      const isOurs = error instanceof AppError || (error instanceof Error && error.message === "disk full");
      if (!isOurs || since.faults === this.#stage.faults) throw error;
      this.#tally.add(error instanceof AppError ? error.reason : "disk full");
      return null;
    }
  }

  #begin(): Beginning {
    return { moment: this.#mailbox.moment, faults: this.#stage.faults };
  }

  async #signIn(): Promise<void> {
    const { clock } = this.#stage;
    this.#stage.letKvGo();
    this.#stage.canStorageFail = false;
    // KV takes a write a second.
    clock.nowMs += 2_000;
    this.#sessions += 1;
    const accessToken = this.#stage.newAccessToken();
    const request = signInOf(clock.nowMs, `session-${this.#sessions}`, { accessToken });
    const { core } = this.#stage;
    const signingIn = { result: "" };
    this.#start(async () => void (signingIn.result = await core.signIn(request)));
    await this.#settle(() => signingIn.result !== "");
    expect(signingIn.result).toBe("signed-in");
    this.#token = accessToken;
    this.#stage.holdKv();
    this.#stage.canStorageFail = true;
  }

  #token: RowsCaller["accessToken"] = { value: "", expiresAtMs: 0 };

  get #caller(): RowsCaller {
    const actor = { kind: "session", id: `session-${this.#sessions}` } as const;
    return { sub: SUB, email: EMAIL, actor, accessToken: this.#token, spentUnits: 0 };
  }

  /** A list of messages with rows, as a Worker makes it, or unread counts. */
  async #request(): Promise<void> {
    const { isCalm } = this.#plan;
    const [chance, stage] = [this.#chance, this.#stage];
    const since = this.#begin();
    this.#requests += 1;
    const moment = !isCalm && chance.hits(0.1) ? null : `moment-${this.#requests}`;
    const caller = this.#caller;
    const sync = async (): Promise<void> => {
      if (moment !== null) await this.#ask((core) => core.sync(moment, caller), since);
    };
    // Mostly it comes first; it may be overtaken.
    const syncing = handled(chance.hits(0.9) ? sync() : stage.pass().then(sync));
    const counting = chance.hits(0.2) ? handled(this.#count(moment, since)) : null;
    const limit = chance.pick([2, 25, 50, 100] as const);
    let refs: readonly MessageRef[] = [];
    await stage.pass(() => {
      refs = this.#mailbox.list(limit);
    });
    const pages = chance.hits(0.7) ? [refs] : split(refs, chance);
    const isAtOnce = chance.hits(0.3);
    const reading: Promise<void>[] = [];
    for (const [index, page] of pages.entries()) {
      const work = handled(this.#page({ refs: page, moment, since, hasRows: index > 0 && chance.hits(0.5) }));
      reading.push(work);
      if (!isAtOnce) await work;
    }
    await Promise.all([...reading, syncing, counting]);
  }

  async #count(moment: string | null, since: Beginning): Promise<void> {
    const labels = this.#chance.some(this.#mailbox.labels, 0.6);
    const answer = await this.#ask((core) => core.countUnread(moment, this.#caller, labels), since);
    for (const [label, count] of answer?.counts ?? []) {
      if (!this.#mailbox.wasUnread(label, count, since.moment)) throw new Error(`The count of ${label} is stale.`);
      this.#tally.add("counts");
    }
  }

  async #page(page: {
    readonly refs: readonly MessageRef[];
    readonly moment: string | null;
    readonly since: Beginning;
    readonly hasRows: boolean;
  }): Promise<void> {
    const { hasRows, moment, refs, since } = page;
    if (refs.length === 0) return;
    const isStreamed = this.#chance.hits(0.5);
    const budget = { calls: 200, units: 100_000, ms: 25_000 };
    const request = { ...this.#caller, requestId: "r", moment, refs, isStreamed, hasRows, budget };
    const ask = async () => this.#ask((core) => core.rows(request), since);
    // A Worker asks once more where the object was stopped.
    const answer = (await ask()) ?? (this.#chance.hits(0.5) ? await ask() : null);
    if (answer === null) return;
    if (answer.kind === "known") {
      this.#tally.add("known pages");
      this.#expectTrue(answer.rows, refs, since);
      expect(answer.rows).toHaveLength(refs.length);
      return;
    }
    await this.#readStream(answer.parts, refs, since);
  }

  async #readStream(parts: ReadableStream<Uint8Array>, refs: readonly MessageRef[], since: Beginning): Promise<void> {
    const [chance, stage] = [this.#chance, this.#stage];
    const reader = parts.getReader();
    const { lost } = stage;
    const decoder = new TextDecoder();
    let left = refs;
    let rest = "";
    const isLeftEarly = !this.#plan.isCalm && !this.#isEnding && chance.hits(0.1);
    if (isLeftEarly) this.#tally.add("given up");
    for (;;) {
      // Some leave before the first row, others after it.
      if (isLeftEarly && chance.hits(0.5)) {
        await stage.pass();
        void reader.cancel();
        return;
      }
      const read = await Promise.race([reader.read(), lost]);
      if (read === "lost") return;
      if (read.done) break;
      const lines = (rest + decoder.decode(read.value, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- object/rows/answer.ts writes them
        const part = JSON.parse(line) as RowsPart;
        if ("rows" in part) {
          this.#expectTrue(part.rows, left.slice(0, part.rows.length), since);
          left = left.slice(part.rows.length);
        } else if ("error" in part) {
          if (since.faults === stage.faults) throw new Error(`Failed without a fault: ${part.error.message}`);
          this.#tally.add(`page ${part.error.reason}`);
          return;
        }
      }
    }
    if (left.length > 0 && since.faults === stage.faults) throw new Error(`${left.length} rows are missing.`);
  }

  /** The rows of some messages, in their order, each as it was at some moment since. */
  #expectTrue(rows: readonly MetadataRow[], refs: readonly MessageRef[], since: Beginning): void {
    const [mailbox, stage] = [this.#mailbox, this.#stage];
    if (rows.length !== refs.length) throw new Error("There are more rows than messages.");
    for (const [index, row] of rows.entries()) {
      const { id } = row;
      if (id !== refs[index]?.id) throw new Error(`${id} is not the next message.`);
      if (!("error" in row)) {
        const flaw = mailbox.flawOf({ ...row }, since.moment);
        if (flaw !== null) throw new Error(`${id} is ${flaw}: ${JSON.stringify(row)}`);
      } else if (!mailbox.wasEverAbsent(id, since.moment) && since.faults === stage.faults) {
        throw new Error(`${id} was there, and failed: ${JSON.stringify(row.error)}`);
      } else {
        this.#tally.add("error rows");
      }
      this.#rows += 1;
    }
  }

  /** Rows at rest, with the labels that their messages had at their version. */
  #expectKeptAsRead(): void {
    for (const { id, labels, version } of this.#keptRows()) {
      if (!this.#mailbox.wasAtVersion(id, version, labels)) throw new Error(`${id} is kept with ${labels.join(" ")}.`);
    }
  }

  #keptRows(): { id: string; version: string; labels: string[] }[] {
    const { sql } = this.#stage.storage;
    const rows = sql.exec<{ id: string; version: string; labels: string }>("SELECT id, version, labels FROM rows");
    return rows.toArray().map(({ id, labels, version }) => ({ id, version, labels: JSON.parse(labels) }));
  }

  /** The user disconnects, or is away for long, and signs in again. */
  async #forget(): Promise<void> {
    const [chance, stage] = [this.#chance, this.#stage];
    if (this.#plan.faults === 0) return;
    stage.faults += 1;
    if (chance.hits(0.2)) {
      this.#tally.add("away");
      stage.clock.nowMs += 31 * DAY_MS;
      let hasRung = false;
      this.#start(async () => {
        await this.#alarm();
        hasRung = true;
      });
      await this.#settle(() => hasRung);
      return this.#signIn();
    }
    this.#tally.add("disconnected");
    let isDone = false;
    const user = { sub: SUB, email: EMAIL };
    const disconnect = async (): Promise<void> => {
      while (!isDone) isDone = (await this.#ask((core) => core.disconnect(user))) !== null;
    };
    this.#start(disconnect);
    await this.#settle(() => isDone);
    // Signing in while older requests go on: their rows are the same user's.
    if (chance.hits(0.7)) await this.#expectForgotten();
    await this.#signIn();
  }

  /** Once all older requests have ended, nothing is left of what was kept. */
  async #expectForgotten(): Promise<void> {
    const { clock, kv } = this.#stage;
    expect(this.#keptRows()).toEqual([]);
    await this.#settle();
    // What KV did not delete, the alarm does.
    this.#stage.letKvGo();
    this.#stage.canStorageFail = false;
    clock.nowMs += 2 * MINUTE_MS;
    this.#start(() => this.#alarm());
    await this.#settle();
    expect(this.#keptRows()).toEqual([]);
    expect(kv.names).not.toContain(storageKeys.mailboxKey(SUB));
    this.#tally.add("forgotten");
  }

  /** All messages, as they are now. @returns how many were read for that */
  async #listAll(): Promise<number> {
    const readsBefore = this.#mailbox.totalReads;
    const since = this.#begin();
    this.#requests += 1;
    const moment = `moment-${this.#requests}`;
    const refs = this.#mailbox.present.map(({ id, threadId }) => ({ id, threadId }));
    this.#start(() => this.#ask((core) => core.sync(moment, this.#caller), since));
    this.#start(() => this.#page({ refs, moment, since, hasRows: false }));
    await this.#settle();
    return this.#mailbox.totalReads - readsBefore;
  }

  /** When nothing changes and nothing fails any more, all is known after one list. */
  async #end(): Promise<void> {
    await this.#settle();
    const { isCalm } = this.#plan;
    if (isCalm) this.#expectReadOnce();
    this.#expectKeptAsRead();
    this.#stage.calm();
    this.#stage.canStorageFail = false;
    // A key that KV may not tell yet is looked for again.
    this.#stage.clock.nowMs += 10 * MINUTE_MS;
    this.#isEnding = true;
    await this.#listAll();
    // The first may have lost a key, and with it what it read.
    if (!isCalm) await this.#listAll();
    const readAgain = await this.#listAll();
    expect(readAgain).toBe(0);
    const kept = new Map(this.#keptRows().map(({ id, labels }) => [id, labelsKey(labels)]));
    const present = this.#mailbox.present.map(({ id, labels }) => [id, labelsKey(labels)] as const);
    expect(kept).toEqual(new Map(present));
    this.#tally.add(isCalm ? "calm runs" : "runs");
  }

  /** However many asked at once. */
  #expectReadOnce(): void {
    const { reads, rereads } = this.#mailbox;
    for (const [id, count] of reads) {
      const most = 1 + (rereads.get(id) ?? 0);
      if (count > most) throw new Error(`${id} was read ${count} times, and not ${most}.`);
    }
  }
}

/** Some pages of a list. */
function split<T>(list: readonly T[], chance: Chance): (readonly T[])[] {
  const middle = chance.below(list.length + 1);
  return [list.slice(0, middle), list.slice(middle)];
}

test("random orders of events", { timeout: 60_000 + ROWS * 3 }, async () => {
  const tally = new Tally();
  const property = fc.asyncProperty(plans, async (plan) => {
    vi.spyOn(Math, "random").mockImplementation(randomFrom(plan.seed + 1));
    for (const level of ["log", "warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => {});
    try {
      const stub = env.MAILBOXES.get(env.MAILBOXES.newUniqueId());
      await runInDurableObject(stub, (_, state) => new Run(plan, state, tally).play());
    } finally {
      vi.restoreAllMocks();
    }
  });
  const seed = inject("fuzzSeed");
  await fc.assert(property, { numRuns: RUNS, seed });
  const reached = [...tally.reached].map(([what, count]) => `${what} ${count}`);
  console.log(`fuzz: ${tally.rows} rows, ${tally.reads} of them read, seed ${seed}; ${reached.join(", ")}`);
  expect(tally.rows).toBeGreaterThanOrEqual(ROWS);
  expect(tally.rows).toBeGreaterThan(tally.reads);
  for (const what of EXPECTED.split(",")) expect(tally.reached.get(what) ?? 0, what).toBeGreaterThan(0);
});
