/**
 * The object against a model: whatever happens in whatever order, it says of every session and API token that was ever made
 * what the model says, and Workers KV holds what the model says once it works. The model knows no storage: it says what ends
 * what.
 */
import * as fc from "fast-check";
import { expect, inject, test } from "vitest";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { sha256 } from "../../../src/lib/key-ring.ts";
import type { SignInResult } from "../../../src/object/rpc.ts";
import { appErrorOf } from "../fixtures.ts";
import {
  at,
  breakKv,
  DAY_MS,
  elsewhere,
  EMAIL,
  holdKv,
  IDENTITY,
  inObject,
  MINUTE_MS,
  newToken,
  signInOf,
  SUB,
  type TestObject,
} from "./fixtures.ts";

/** `FUZZ_RUNS=1000000` makes a long run of it, of 30,000 commands. */
const RUNS = Math.ceil(inject("fuzzRuns") / 1_000);

const HOUR_MS = 60 * MINUTE_MS;
const SESSION_TTL_MS = 30 * DAY_MS;

type Command =
  | {
      readonly kind: "sign-in";
      readonly isConsent: boolean;
      readonly isRenamed: boolean;
      readonly agoMs: number;
      readonly previous: number | null;
    }
  | { readonly kind: "end-session" | "use-session" | "revoke" | "use-token"; readonly which: number }
  | { readonly kind: "make-tokens"; readonly which: number; readonly count: number; readonly livesMs: number }
  | {
      readonly kind: "secure";
      readonly consequence: "end-sessions" | "forget" | "disable" | "enable";
      readonly agoMs: number;
    }
  | { readonly kind: "end-all" | "disconnect" | "evict" | "hold-kv" | "mend-kv" }
  | { readonly kind: "break-kv"; readonly broken: readonly ("put" | "delete")[] }
  | { readonly kind: "advance"; readonly ms: number };

const agoMs = fc.constantFrom(0, 0, 1, 1_000, MINUTE_MS, 10 * MINUTE_MS);
const which = fc.nat({ max: 30 });

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("sign-in" as const),
      isConsent: fc.boolean(),
      isRenamed: fc.boolean(),
      agoMs,
      previous: fc.option(which),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("make-tokens" as const),
      which,
      count: fc.constantFrom(1, 1, 1, 7, 25),
      livesMs: fc.constantFrom(MINUTE_MS, DAY_MS, 300 * DAY_MS),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom("end-session" as const, "use-session" as const, "revoke" as const, "use-token" as const),
      which,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("secure" as const),
      consequence: fc.constantFrom("end-sessions" as const, "forget" as const, "disable" as const, "enable" as const),
      agoMs,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(...(["end-all", "disconnect", "evict", "evict", "hold-kv", "mend-kv", "mend-kv"] as const)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("break-kv" as const),
      broken: fc.constantFrom(["put"] as const, ["delete"] as const, ["put", "delete"] as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("advance" as const),
      ms: fc.constantFrom(1, 1_000, MINUTE_MS, HOUR_MS, DAY_MS, 10 * DAY_MS, 31 * DAY_MS),
    }),
  },
);

const commands = fc.array(anyCommand, { minLength: 1, maxLength: 60, size: "max" });

interface Session {
  readonly id: string;
  readonly signedInAtMs: number;
  isEnded: boolean;
}

interface Token {
  readonly id: string;
  readonly hash: string;
  readonly madeBy: Session;
  readonly expiresAtMs: number;
  isEnded: boolean;
}

/** What should be so. */
class Model {
  readonly sessions: Session[] = [];
  readonly tokens: Token[] = [];
  readonly #clock: { nowMs: number };
  endedAtMs = Number.NEGATIVE_INFINITY;
  /** When the grant in force came; null where there is none. */
  consentedAtMs: number | null = null;
  isDisabled = false;
  accountEventMs = Number.NEGATIVE_INFINITY;
  email = EMAIL;
  /** The refresh token of the grant in force. */
  refreshToken: string | null = null;
  /** KV takes no writes, or no deletes, or holds writes up. */
  kv: "works" | "broken" | { readonly release: () => void } = "works";

  constructor(clock: { nowMs: number }) {
    this.#clock = clock;
  }

  isSessionInForce({ isEnded, signedInAtMs }: Session): boolean {
    return !isEnded && this.#clock.nowMs < signedInAtMs + SESSION_TTL_MS;
  }

  isTokenInForce({ isEnded, expiresAtMs }: Token): boolean {
    return !isEnded && this.#clock.nowMs < expiresAtMs;
  }

  endUntil(untilMs: number): void {
    this.endedAtMs = Math.max(this.endedAtMs, untilMs);
    for (const session of this.sessions) session.isEnded ||= session.signedInAtMs <= untilMs;
    for (const token of this.tokens) token.isEnded ||= token.madeBy.signedInAtMs <= untilMs;
  }

  disconnect(nowMs: number): void {
    this.endUntil(nowMs);
    this.consentedAtMs = null;
    this.refreshToken = null;
  }

  /** What a sign-in leads to. @param consent what it brings; null for none */
  signIn(signedInAtMs: number, consent: { email: string; refreshToken: string } | null): SignInResult {
    if (this.isDisabled) return "disabled";
    if (signedInAtMs <= this.endedAtMs) return "ended";
    if (consent === null) return this.consentedAtMs === null ? "no-grant" : "signed-in";
    this.endUntil(signedInAtMs - 1);
    this.consentedAtMs = signedInAtMs;
    this.email = consent.email;
    this.refreshToken = consent.refreshToken;
    return "signed-in";
  }
}

function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % Math.max(1, list.length)];
}

/** Does a command, in the object and in the model. */
async function act(object: TestObject, model: Model, command: Command, step: number): Promise<void> {
  const { clock, core } = object;
  switch (command.kind) {
    case "sign-in": {
      const session = { id: `session-${step}`, signedInAtMs: clock.nowMs - command.agoMs, isEnded: false };
      const previous = command.previous === null ? undefined : pick(model.sessions, command.previous);
      // An object that has forgotten the address of before does not delete it.
      const isKnown = model.sessions.some((one) => model.isSessionInForce(one));
      const email = command.isRenamed && isKnown ? `ann.${step}@example.test` : model.email;
      const consent = command.isConsent ? { email, refreshToken: `refresh-${step}` } : null;
      const request = signInOf(session.signedInAtMs, session.id, {
        identity: { ...IDENTITY, email: consent?.email ?? model.email },
        refreshToken: consent?.refreshToken ?? null,
        previousSession: previous?.id ?? null,
      });
      const expected = model.signIn(session.signedInAtMs, consent);
      expect(await core.signIn(request)).toBe(expected);
      if (expected !== "signed-in") return;
      if (previous !== undefined) previous.isEnded = true;
      model.sessions.push(session);
      return;
    }
    case "end-session": {
      const session = pick(model.sessions, command.which);
      if (session === undefined) return;
      const isInForce = model.isSessionInForce(session);
      expect(await core.endSession(session.id)).toBe(isInForce);
      session.isEnded = true;
      return;
    }
    case "revoke": {
      const token = pick(model.tokens, command.which);
      if (token === undefined) return;
      expect(await core.revokeToken(token.id)).toBe(model.isTokenInForce(token));
      token.isEnded = true;
      return;
    }
    case "use-session": {
      const session = pick(model.sessions, command.which);
      if (session !== undefined) await use(object, "session", session.id, model.isSessionInForce(session));
      return;
    }
    case "use-token": {
      const token = pick(model.tokens, command.which);
      if (token !== undefined) await use(object, "token", token.id, model.isTokenInForce(token));
      return;
    }
    case "make-tokens":
      return makeTokens(object, model, command, step);
    case "secure": {
      const untilMs = clock.nowMs - command.agoMs;
      await core.secure(SUB, command.consequence, at(untilMs));
      if (command.consequence === "disable" || command.consequence === "enable") {
        // The one that was issued last counts.
        if (untilMs < model.accountEventMs) return;
        model.accountEventMs = untilMs;
        model.isDisabled = command.consequence === "disable";
      }
      if (command.consequence === "end-sessions") model.endUntil(untilMs);
      if (command.consequence !== "forget") return;
      model.endUntil(untilMs);
      if (model.consentedAtMs === null || model.consentedAtMs <= untilMs) model.disconnect(clock.nowMs);
      return;
    }
    case "end-all":
      await core.endAll();
      model.endUntil(clock.nowMs);
      return;
    case "disconnect":
      await core.disconnect({ sub: SUB, email: model.email });
      model.disconnect(clock.nowMs);
      return;
    case "evict":
      // Of an object that is stopped nothing is written any more.
      if (typeof model.kv === "object") await mendKv(object, model);
      object.evict();
      return;
    case "break-kv":
      await mendKv(object, model);
      breakKv(object, (kind) => command.broken.some((one) => one === kind));
      model.kv = "broken";
      return;
    case "hold-kv":
      await mendKv(object, model);
      model.kv = holdKv(object, (kind) => kind === "put");
      return;
    case "mend-kv":
      return mendKv(object, model);
    case "advance":
      // An alarm that waits for KV would hold up the test.
      if (typeof model.kv === "object") await mendKv(object, model);
      // The alarm tries every minute, and each failure is logged.
      await object.advance(model.kv === "works" ? command.ms : Math.min(command.ms, HOUR_MS));
  }
}

/** What was held up goes on, and the alarm does what could not be done. */
async function mendKv(object: TestObject, model: Model): Promise<void> {
  object.kv.gate = null;
  if (typeof model.kv === "object") model.kv.release();
  model.kv = "works";
  await object.afterwards();
  await object.advance(2 * MINUTE_MS);
}

/** Who is in force gets an access token, and who is not gets none. */
async function use({ core }: TestObject, kind: "session" | "token", id: string, isInForce: boolean): Promise<void> {
  const asking = core.accessToken(SUB, { kind, id }, null);
  if (isInForce) expect((await asking).accessToken.value).toMatch(/^(?:of|fresh)-/);
  else expect(await appErrorOf(asking)).toMatchObject({ reason: "SIGN_IN_REQUIRED" });
  await core.report({ kind, id }, { messagesListed: 1, messagesRead: 0, units: 5 });
}

/** Makes tokens at once: twenty in force are twenty. */
async function makeTokens(
  { clock, core }: TestObject,
  model: Model,
  { which: index, count, livesMs }: Extract<Command, { kind: "make-tokens" }>,
  step: number,
): Promise<void> {
  const madeBy = pick(model.sessions, index);
  if (madeBy === undefined) return;
  const room = 20 - model.tokens.filter((token) => model.isTokenInForce(token)).length;
  const isInForce = model.isSessionInForce(madeBy);
  const expiresAtMs = clock.nowMs + livesMs;
  const making = Array.from({ length: count }, async (_, number) => {
    const id = `token-${step}-${number}`;
    return { id, text: await core.makeToken(madeBy.id, id, newToken({ expiresAtMs })) };
  });
  let made = 0;
  for (const result of await Promise.allSettled(making)) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ reason: "FAILED_PRECONDITION" });
    else if (result.value.text !== null) {
      const { id, text } = result.value;
      model.tokens.push({ id, hash: await sha256(text), madeBy, expiresAtMs, isEnded: false });
      made += 1;
    }
  }
  expect(made).toBe(isInForce ? Math.min(count, room) : 0);
}

/** Asks the object for every session and token that was ever made. */
async function expectAsModel(object: TestObject, model: Model): Promise<void> {
  const { core } = object;
  const sessions = model.sessions.filter((session) => model.isSessionInForce(session)).map(({ id }) => id);
  const tokens = model.tokens.filter((token) => model.isTokenInForce(token)).map(({ id }) => id);
  for (const { id } of model.sessions) expect(await core.checkSession(id), id).toBe(sessions.includes(id));
  for (const { hash, id } of model.tokens) {
    const found = await core.openToken(hash);
    expect(found?.id ?? null, id).toBe(tokens.includes(id) ? id : null);
  }
  expect((await core.listSessions()).map(({ id }) => id).toSorted()).toEqual(sessions.toSorted());
  expect((await core.listTokens()).map(({ id }) => id).toSorted()).toEqual(tokens.toSorted());
  expect(await core.consentedAt(SUB)).toBe(model.consentedAtMs);
  expect((await core.openOffline(SUB, null)) !== null).toBe(model.consentedAtMs !== null);
  if (typeof model.kv !== "object") await object.afterwards();
  if (model.kv === "works") await expectKvAsModel(object, model);
}

/** KV has the record of the grant and that of its address, and nothing else. */
async function expectKvAsModel(object: TestObject, { email, refreshToken }: Model): Promise<void> {
  const records = refreshToken === null ? [] : [await storageKeys.address(email), storageKeys.credential(SUB)];
  expect(object.kv.names.toSorted()).toEqual(records);
  const store = elsewhere(object);
  expect((await store.findCredential(SUB))?.credential.refreshToken ?? null).toBe(refreshToken);
  expect(await store.readAddress(email)).toBe(refreshToken === null ? null : SUB);
}

test("random orders of events", { timeout: RUNS * 30_000 }, async () => {
  let count = 0;
  const reached = new Set<string>();
  const property = fc.asyncProperty(commands, async (run) => {
    await inObject(async (object) => {
      const model = new Model(object.clock);
      for (const [step, next] of run.entries()) {
        await act(object, model, next, step);
        await expectAsModel(object, model);
        count += 1;
        reached.add(next.kind);
      }
      await mendKv(object, model);
      await expectKvAsModel(object, model);
    });
  });
  await fc.assert(property, { numRuns: RUNS, seed: inject("fuzzSeed") });
  expect(count).toBeGreaterThan(RUNS * 10);
  expect(reached.size).toBeGreaterThan(10);
});
