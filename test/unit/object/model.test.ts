/**
 * The object against a model: whatever happens in whatever order, it says of every session and API token that was ever made
 * what the model says. The model knows no storage: it says what ends what.
 */
import * as fc from "fast-check";
import { expect, inject, test } from "vitest";
import { sha256 } from "../../../src/lib/key-ring.ts";
import type { SignInResult } from "../../../src/object/rpc.ts";
import { appErrorOf } from "../fixtures.ts";
import {
  at,
  breakKv,
  DAY_MS,
  EMAIL,
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
  | { readonly kind: "sign-in"; readonly isConsent: boolean; readonly agoMs: number; readonly previous: number | null }
  | { readonly kind: "end-session" | "use-session" | "revoke" | "use-token"; readonly which: number }
  | { readonly kind: "make-tokens"; readonly which: number; readonly count: number; readonly livesMs: number }
  | {
      readonly kind: "secure";
      readonly consequence: "end-sessions" | "forget" | "disable" | "enable";
      readonly agoMs: number;
    }
  | { readonly kind: "end-all" | "disconnect" | "evict" | "break-kv" | "mend-kv" }
  | { readonly kind: "advance"; readonly ms: number };

const agoMs = fc.constantFrom(0, 0, 1, 1_000, MINUTE_MS, 10 * MINUTE_MS);
const which = fc.nat({ max: 30 });

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("sign-in" as const),
      isConsent: fc.boolean(),
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
      kind: fc.constantFrom(
        ...(["end-all", "disconnect", "evict", "evict", "break-kv", "mend-kv", "mend-kv"] as const),
      ),
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
  /** KV deletes nothing. */
  isKvBroken = false;
  /** A disconnect could not delete what is in KV. */
  isToErase = false;
  /** KV has a credential. */
  isInKv = false;

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
    this.isToErase = this.isKvBroken;
    this.isInKv &&= this.isKvBroken;
  }

  /** What a sign-in leads to; null where KV is in the way. */
  signIn(signedInAtMs: number, isConsent: boolean): SignInResult | null {
    if (this.isDisabled) return "disabled";
    if (signedInAtMs <= this.endedAtMs) return "ended";
    if (this.isKvBroken && this.isToErase) return null;
    this.isToErase = false;
    if (!isConsent) return this.consentedAtMs === null ? "no-grant" : "signed-in";
    this.endUntil(signedInAtMs - 1);
    this.consentedAtMs = signedInAtMs;
    this.isInKv = true;
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
      const { isConsent } = command;
      const session = { id: `session-${step}`, signedInAtMs: clock.nowMs - command.agoMs, isEnded: false };
      const previous = command.previous === null ? undefined : pick(model.sessions, command.previous);
      const expected = model.signIn(session.signedInAtMs, isConsent);
      const request = signInOf(session.signedInAtMs, session.id, {
        ...(isConsent ? {} : { refreshToken: null }),
        previousSession: previous?.id ?? null,
      });
      if (expected === null) {
        expect(await appErrorOf(core.signIn(request))).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
        return;
      }
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
      await core.disconnect({ sub: SUB, email: EMAIL });
      model.disconnect(clock.nowMs);
      return;
    case "evict":
      object.evict();
      return;
    case "break-kv":
      breakKv(object, (kind) => kind === "delete");
      model.isKvBroken = true;
      return;
    case "mend-kv":
      object.kv.gate = null;
      model.isKvBroken = false;
      // The alarm does what could not be done.
      await object.advance(2 * MINUTE_MS);
      model.isToErase = false;
      model.isInKv = model.consentedAtMs !== null;
      return;
    case "advance":
      await object.advance(command.ms);
  }
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
async function expectAsModel({ core, kv }: TestObject, model: Model): Promise<void> {
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
  expect(kv.names.some((name) => name.startsWith("credential:"))).toBe(model.isInKv);
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
      await object.afterwards();
    });
  });
  await fc.assert(property, { numRuns: RUNS, seed: inject("fuzzSeed") });
  expect(count).toBeGreaterThan(RUNS * 10);
  expect(reached.size).toBeGreaterThan(10);
});
