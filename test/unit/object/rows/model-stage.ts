/**
 * An object whose every call out (Gmail, the token endpoint, KV, a timer) is held until the test lets it go on: first it is
 * evaluated there, later its answer arrives, and others may overtake it in between.
 */
import { createMailboxCore, REAL_WORLD } from "../../../../src/context.ts";
import { LruCache } from "../../../../src/isolate/lru-cache.ts";
import { KeyRing } from "../../../../src/lib/key-ring.ts";
import type { MailboxCore } from "../../../../src/object/core.ts";
import { LaggingKv } from "../../../support/lagging-kv.ts";
import { tokens } from "../../auth/fixtures-grant.ts";
import { withoutAlarm } from "../../fixtures-objects.ts";
import { configuration, KEY_A, START_MS } from "../../fixtures.ts";
import { googleError, readBatch, type SentPart } from "../../gmail/fixtures-batch.ts";
import { type Answer, type Chance, type FakeMailbox, toResponse } from "./fake-gmail.ts";

/** Longer than any wait for one answer: by then, a call that is never answered has been given up. */
const CALL_TIMEOUT_MS = 10_000;

/** What is under way: a call, an operation of KV. */
interface Held {
  /** Not of the object: it goes on when that is stopped. */
  readonly isOutside?: boolean;
  /** Goes on by one step. @returns false once it has ended */
  readonly step: () => boolean;
  /** The object has been stopped. */
  readonly stop: () => void;
}

/** Of one object. Once it is over, nothing that it still does reaches anything. */
interface Life {
  isOver: boolean;
}

interface Timer {
  readonly atMs: number;
  readonly ring: () => void;
}

/** What befalls one call. */
type Fate = "fine" | "broken" | "slow" | "unauthorized" | "forgotten" | 429 | 500 | 503;

const BAD_FATES: readonly [Fate, ...Fate[]] = [
  ...(["broken", "slow", "unauthorized", "forgotten", "forgotten", 429, 500, 503] as const),
];

interface StageOptions {
  readonly state: DurableObjectState;
  readonly mailbox: FakeMailbox;
  readonly chance: Chance;
  /** How often a call, a part, an operation of KV or a write of SQLite fails. */
  faults: number;
}

export class ModelStage {
  readonly #options: StageOptions;
  readonly kv: LaggingKv;
  readonly clock = { nowMs: START_MS };
  readonly storage: DurableObjectStorage;
  readonly alarm: { atMs: number | null };
  core: MailboxCore;
  #held: Held[] = [];
  #timers: Timer[] = [];
  #lost = Promise.withResolvers<"lost">();
  #life: Life = { isOver: false };
  readonly #deferred = new Set<Promise<unknown>>();
  /** Access tokens that Gmail takes; the last one, and those that are on their way. */
  #tokens = new Set<string>();
  #tokenCount = 0;
  /** How many faults there were. */
  faults = 0;
  /** Whether SQLite may fail now. */
  canStorageFail = false;

  constructor(options: StageOptions) {
    this.#options = options;
    this.kv = new LaggingKv({ now: () => this.clock.nowMs });
    const { alarm, storage } = withoutAlarm(options.state.storage);
    this.alarm = alarm;
    this.storage = this.#failing(storage);
    this.core = this.#open();
  }

  #open(): MailboxCore {
    const { state } = this.#options;
    const life: Life = { isOver: false };
    this.#life = life;
    const now = (): number => this.clock.nowMs;
    const sleep = (ms: number): Promise<void> =>
      new Promise((resolve) => void this.#timers.push({ atMs: now() + Math.ceil(ms), ring: resolve }));
    const startTimer = (ms: number, ring: () => void): (() => void) => {
      const timer = { atMs: now() + Math.ceil(ms), ring };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    };
    const vars = {
      CREDENTIALS: whileAlive(this.kv.at("the object"), life),
      USER_QUOTA_PER_MINUTE: String(MUCH),
    };
    const fetch = (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> =>
      life.isOver ? NEVER : this.#fetch(input, init);
    const couldFail = this.canStorageFail;
    this.canStorageFail = false;
    const core = createMailboxCore(
      {
        config: configuration(vars),
        keyRing: new KeyRing([KEY_A]),
        refusedTokens: new LruCache(100),
        world: { ...REAL_WORLD, fetch, now, sleep, startTimer, callTimeoutMs: CALL_TIMEOUT_MS },
      },
      { id: state.id, storage: whileAlive(this.storage, life), waitUntil: (work) => this.#defer(work, life) },
    );
    this.canStorageFail = couldFail;
    return core;
  }

  #defer(work: Promise<unknown>, life: Life): void {
    const settled = work.catch(() => {}).finally(() => this.#deferred.delete(settled));
    // What an object that was stopped begins is never done.
    if (!life.isOver) this.#deferred.add(settled);
  }

  /** Storage whose writes fail now and then, before they are done or when they are to be kept. */
  #failing(storage: DurableObjectStorage): DurableObjectStorage {
    let depth = 0;
    const transactionSync = <T>(work: () => T): T => {
      const fails = depth === 0 && this.canStorageFail && this.#options.chance.hits(this.#options.faults * 3);
      if (fails) this.faults += 1;
      if (fails && this.#options.chance.hits(0.3)) throw new Error("disk full");
      depth += 1;
      try {
        return storage.transactionSync(() => {
          const value = work();
          if (fails) throw new Error("disk full");
          return value;
        });
      } finally {
        depth -= 1;
      }
    };
    return new Proxy(storage, {
      get: (target, name) => (name === "transactionSync" ? transactionSync : Reflect.get(target, name)),
    });
  }

  /** Nothing fails any more. */
  calm(): void {
    this.#options.faults = 0;
  }

  /** Sends KV's operations the same way from now on. */
  holdKv(): void {
    this.kv.gate = async (_, work) => {
      const { chance, faults } = this.#options;
      const fails = chance.hits(faults);
      const isDone = !fails || chance.hits(0.5);
      if (fails) this.faults += 1;
      let refusal: unknown = fails ? new Error("KV is down") : null;
      const doWork = (): void => {
        try {
          if (isDone) work();
        } catch (error) {
          refusal = error;
        }
      };
      await this.#hold([doWork], false);
      if (refusal === null) return;
      // When it is heard of: it may be shared by requests that have begun since it was sent.
      this.faults += 1;
      throw refusal;
    };
  }

  letKvGo(): void {
    this.kv.gate = null;
  }

  /** Does some steps, each at a moment of its own, and then arrives. */
  async pass(...steps: readonly (() => void)[]): Promise<void> {
    return this.#hold(steps, true);
  }

  #hold(steps: readonly (() => void)[], isOutside: boolean): Promise<void> {
    return new Promise((resolve) => {
      const left = [...steps];
      this.#held.push({
        isOutside,
        step: () => {
          const step = left.shift();
          if (step === undefined) resolve();
          else step();
          return step !== undefined;
        },
        // What was sent may still be done.
        stop: () => {
          if (this.#options.chance.hits(0.5)) for (const step of left) step();
        },
      });
    });
  }

  #fate(path: string): Fate {
    const { chance, faults } = this.#options;
    // Between two histories there is little time: it is made longer.
    if (!chance.hits(path.endsWith("/profile") ? Math.min(0.5, faults * 5) : faults)) return "fine";
    const fate = chance.pick(BAD_FATES);
    if (fate === "forgotten" && !path.endsWith("/history")) return "fine";
    if (fate === "unauthorized" && path.endsWith("/token")) return "fine";
    this.faults += 1;
    return fate;
  }

  #fetch(input: RequestInfo | URL, { body, headers, signal }: RequestInit): Promise<Response> {
    const url = new URL(input instanceof Request ? input.url : input);
    const call = { headers: new Headers(headers), body: typeof body === "string" ? body : "" };
    const token = call.headers.get("Authorization")?.slice("Bearer ".length) ?? "";
    const fate = this.#fate(url.pathname);
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    let isOver = false;
    signal?.addEventListener("abort", () => {
      isOver = true;
      reject(signal.reason);
    });
    const steps = this.#answer(url, { call, fate, token });
    this.#held.push({
      step: () => {
        if (isOver) return false;
        const next = steps.next();
        if (next.done !== true) return true;
        if (next.value === "slow") return false;
        isOver = true;
        if (next.value === "broken" || next.value.status !== 200) this.faults += 1;
        if (next.value === "broken") reject(new TypeError("Network connection lost."));
        else resolve(next.value);
        return false;
      },
      stop: () => {},
    });
    return promise;
  }

  /** What a call is answered, its evaluation in some steps. */
  *#answer(
    url: URL,
    { call, fate, token }: { call: { headers: Headers; body: string }; fate: Fate; token: string },
  ): Generator<undefined, Response | "broken" | "slow"> {
    const { chance, mailbox } = this.#options;
    yield;
    if (fate === "unauthorized") this.refuseTokens();
    if (typeof fate === "number") {
      yield;
      return googleError(fate);
    }
    if (url.pathname.endsWith("/token")) {
      if (fate !== "fine") return fate === "slow" ? "slow" : "broken";
      const value = this.#newToken();
      yield;
      return tokens(value);
    }
    const isBatch = url.pathname === "/batch/gmail/v1";
    if (!this.#tokens.has(token) && (!isBatch || chance.hits(0.5))) {
      yield;
      return googleError(401);
    }
    let response: Response;
    if (isBatch) {
      response = yield* this.#answerBatch(call, token);
    } else if (url.pathname.endsWith("/profile")) {
      response = toResponse(mailbox.profile());
    } else if (url.pathname.endsWith("/history")) {
      response =
        fate === "forgotten"
          ? googleError(404, { status: "NOT_FOUND" })
          : toResponse(mailbox.historyPage(url.searchParams));
    } else {
      throw new Error(`Nobody should ask for ${url.pathname}`);
    }
    // The answer is on its way.
    yield;
    if (fate === "broken" || fate === "slow") return fate;
    return response;
  }

  /** Each part has its own moment, and its own fate. */
  *#answerBatch(call: { headers: Headers; body: string }, token: string): Generator<undefined, Response> {
    const { chance } = this.#options;
    const parts = readBatch(call);
    const answers = new Map<SentPart, Answer>();
    let left = [...parts];
    while (left.length > 0) {
      const now = left.length > 3 && chance.hits(0.5) ? chance.some(left, 0.5) : left;
      for (const part of now) answers.set(part, this.#partAnswer(part, token));
      left = left.filter((part) => !answers.has(part));
      if (left.length > 0) yield;
    }
    return writeBatch(answers);
  }

  #partAnswer(part: SentPart, token: string): Answer {
    const { chance, faults, mailbox } = this.#options;
    if (!this.#tokens.has(token)) return { status: 401, body: { error: { code: 401 } } };
    if (chance.hits(faults / 4)) {
      this.faults += 1;
      const status = chance.pick<number>([429, 429, 404, 500, 503]);
      return { status, body: { error: { code: status, message: "Not now." } } };
    }
    return mailbox.part(part);
  }

  #newToken(): string {
    this.#tokenCount += 1;
    const value = `token-${this.#tokenCount}`;
    this.#tokens.add(value);
    return value;
  }

  /** What a sign-in or a session brings. */
  newAccessToken(): { value: string; expiresAtMs: number } {
    return { value: this.#newToken(), expiresAtMs: this.clock.nowMs + 3_600_000 };
  }

  /** Gmail takes none of the access tokens any more that there are. */
  refuseTokens(): void {
    this.faults += 1;
    this.#tokens = new Set();
  }

  /** Lets one thing that is under way go on. @returns false where there is none */
  step(): boolean {
    if (this.#held.length === 0) return false;
    const index = this.#options.chance.below(this.#held.length);
    const held = this.#held[index];
    if (held?.step() === false) this.#held = this.#held.filter((other) => other !== held);
    return true;
  }

  /** Lets time pass until the next timer. @returns false where there is none */
  ring(): boolean {
    const [next] = this.#timers.toSorted((one, other) => one.atMs - other.atMs);
    if (next === undefined) return false;
    // Who waits for something else meanwhile has less time.
    if (next.atMs > this.clock.nowMs) this.faults += 1;
    this.clock.nowMs = Math.max(this.clock.nowMs, next.atMs);
    this.#timers = this.#timers.filter((other) => other !== next);
    next.ring();
    return true;
  }

  get isBusy(): boolean {
    return this.#held.length > 0;
  }

  get hasDeferred(): boolean {
    return this.#deferred.size > 0;
  }

  /** Stops the object, and with it all that it does; another one takes over. */
  evict(): void {
    this.faults += 1;
    this.#life.isOver = true;
    for (const held of this.#held) if (held.isOutside !== true) held.stop();
    this.#held = this.#held.filter(({ isOutside }) => isOutside);
    this.#timers = [];
    this.#deferred.clear();
    this.#lost.resolve("lost");
    this.#lost = Promise.withResolvers();
    this.core = this.#open();
  }

  /** What the object that there is now answers; `lost` where it is stopped before. */
  get lost(): Promise<"lost"> {
    return this.#lost.promise;
  }
}

const NEVER = new Promise<never>(() => {});

/** What an object reaches while it lives. */
function whileAlive<T extends object>(target: T, life: Life): T {
  return new Proxy(target, {
    get: (_, name) => {
      if (life.isOver) throw new Error("The object was stopped.");
      return Reflect.get(target, name);
    },
  });
}

function writeBatch(answers: ReadonlyMap<SentPart, Answer>): Response {
  const parts = [...answers].map(
    ([{ contentId }, { body, status }]) =>
      `--b\r\nContent-Type: application/http\r\nContent-ID: <response-${contentId}>\r\n\r\n` +
      `HTTP/1.1 ${status} Whatever\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(body)}\r\n`,
  );
  return new Response(`${parts.join("")}--b--\r\n`, { headers: { "Content-Type": "multipart/mixed; boundary=b" } });
}

/** More quota units than any test spends. */
const MUCH = 999_999_999;
