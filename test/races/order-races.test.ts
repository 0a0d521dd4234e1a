/**
 * Random orders of what people, thieves with copied cookies and Google do, at two places, against a plain model. It says who
 * must be dead and who must be alive: after each end, at once; and a month later, when the sessions are over, for the API
 * tokens.
 */
import * as fc from "fast-check";
import { inject } from "vitest";
import type { Browser } from "../support/browser.ts";
import { describe, expect, type Open, test } from "../support/contract.ts";
import { callWithToken, deliver } from "../support/ending.ts";
import { print } from "../support/harness.workerd.ts";
import { type Fate, LifeModel, type ModelSession, type ModelToken, type Moment } from "../support/life-model.ts";
import { openPlaces, type Places } from "../support/places.ts";
import { about, issSub } from "../support/security-events.ts";

const SEQUENCES = 100;
const MINUTE_MS = 60_000;
const MONTH_MS = 31 * 24 * 60 * MINUTE_MS;

/** Two browsers of the person's, and one of somebody who copies their cookies. */
const BROWSERS = [0, 1, 2] as const;
const PLACES = ["here", "there"] as const;

/** Who does something, and where. The person is mostly here, and the thief there. */
interface Who {
  readonly browser: (typeof BROWSERS)[number];
  readonly place: (typeof PLACES)[number];
}

const OWNER: Who = { browser: 0, place: "here" };
const THIEF: Who = { browser: 2, place: "there" };
const ANYBODY = BROWSERS.flatMap((browser) => PLACES.map((place): Who => ({ browser, place })));

/** Within and beyond the time in which a session may make tokens. */
const waitMs = fc.constantFrom(1, 1, 20, 20, 1_500, 4_000, 12_000, 75_000, 6 * MINUTE_MS, 11 * MINUTE_MS);

/** @param often who does it more often than others */
function by<const Kind extends string, Details extends object>(
  weight: number,
  kind: Kind,
  { often, details }: { often: Who; details: { [Name in keyof Details]: fc.Arbitrary<Details[Name]> } },
) {
  const who = fc.constantFrom(often, often, often, often, often, ...ANYBODY);
  return { weight, arbitrary: fc.record({ kind: fc.constant(kind), who, details: fc.record(details), waitMs }) };
}

const anyStep = fc.oneof(
  by(2, "sign in", { often: OWNER, details: { consent: fc.boolean() } }),
  by(1, "begin", { often: OWNER, details: { consent: fc.boolean() } }),
  by(1, "come back", { often: OWNER, details: {} }),
  by(4, "copy", { often: THIEF, details: { from: fc.constantFrom(0, 0, 0, 1) } }),
  by(2, "use", { often: THIEF, details: {} }),
  by(7, "make token", { often: THIEF, details: {} }),
  by(3, "sign out", { often: OWNER, details: {} }),
  by(2, "sign out", { often: THIEF, details: {} }),
  by(1, "everywhere", { often: OWNER, details: {} }),
  by(1, "disconnect", { often: OWNER, details: {} }),
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("event" as const),
      type: fc.constantFrom("sessions-revoked", "tokens-revoked", "account-disabled"),
      ageSeconds: fc.constantFrom(0, 7, 45, 90, 400, 3_600),
      waitMs,
    }),
  },
);

const ENDS = new Set(["sign in", "come back", "sign out", "everywhere", "disconnect", "event"]);

type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

/** Somebody's browser: what it holds, and a sign-in that it has begun. */
interface Actor {
  browser: Browser;
  session: ModelSession | null;
  callback: string | null;
}

class Play {
  readonly #places: Places;
  readonly #model = new LifeModel();
  readonly #actors: Actor[];
  /** Each session's first cookie, in a browser that nothing signs out. */
  readonly #cookies = new Map<ModelSession, Browser>();
  readonly #secrets = new Map<ModelToken, string>();

  constructor(places: Places) {
    this.#places = places;
    this.#actors = BROWSERS.map(() => ({ browser: places.stage.browser(), session: null, callback: null }));
  }

  async take(step: Step): Promise<void> {
    if (step.kind === "event") await this.#event(step.type, step.ageSeconds);
    else await this.#act(step);
    if (ENDS.has(step.kind)) await this.expectFates(["there"], { withSessions: true });
    await this.#places.advance(step.waitMs);
  }

  /** What is, and what should be: of every session and token. */
  async expectFates(places: readonly string[], { withSessions }: { withSessions: boolean }): Promise<void> {
    for (const place of places) {
      const stage = this.#places.at(place);
      for (const [session, browser] of withSessions ? this.#cookies : []) {
        const moved = stage.browser();
        browser.jar.copyTo(moved.jar);
        const { status } = await moved.fetch("/api/me");
        expectFate(status, this.#model.fateOf(session), `a session at ${place}`);
      }
      for (const [token, secret] of this.#secrets) {
        const { status } = await callWithToken(stage, secret, "/api/me");
        expectFate(status, this.#model.fateOfToken(token), `a token at ${place}`);
      }
    }
  }

  get counts(): { sessions: number; tokens: number; deadTokens: number } {
    const { sessions, tokens } = this.#model;
    const deadTokens = tokens.filter((token) => this.#model.fateOfToken(token) === "dead").length;
    return { sessions: sessions.length, tokens: tokens.length, deadTokens };
  }

  async #act(step: Exclude<Step, { kind: "event" }>): Promise<void> {
    const actor = this.#actors[step.who.browser];
    if (actor === undefined) throw new Error("there is no such browser");
    actor.browser = this.#places.moved(actor.browser, step.who.place);
    switch (step.kind) {
      case "sign in":
        await this.#begin(actor, step.details.consent);
        await this.#comeBack(actor);
        break;
      case "begin":
        await this.#begin(actor, step.details.consent);
        break;
      case "come back":
        await this.#comeBack(actor);
        break;
      case "copy":
        await this.#copy(actor, this.#actors[step.details.from] ?? actor);
        break;
      case "use":
        await actor.browser.fetch("/api/me");
        for (const secret of this.#secrets.values())
          await callWithToken(this.#places.at(step.who.place), secret, "/api/me");
        break;
      case "make token":
        await this.#makeToken(actor);
        break;
      case "sign out":
        await this.#signOut(actor);
        break;
      case "everywhere":
        await this.#endUser(actor, "/auth/logout?everywhere=true");
        break;
      case "disconnect":
        await this.#endUser(actor, "/auth/disconnect");
        break;
    }
    if (actor.browser.jar.named("session").length === 0) actor.session = null;
  }

  async #begin(actor: Actor, consent: boolean): Promise<void> {
    const prompt = consent ? "&prompt=consent" : "";
    const authorization = await actor.browser.begin(`?return_to=%2Fhealthz${prompt}`);
    actor.callback = await this.#places.google.consent(authorization.href, { user: this.#places.user.email });
  }

  async #comeBack(actor: Actor): Promise<void> {
    if (actor.callback === null) return;
    const { pathname, search } = new URL(actor.callback);
    actor.callback = null;
    const grantsBefore = await this.#grants();
    const { at, result: visit } = await this.#during(() =>
      actor.browser.navigate(pathname + search, { person: { user: this.#places.user.email } }),
    );
    // Too late, and told so: then nothing has changed.
    if (visit.url !== "/healthz") return;
    if (actor.session !== null) this.#model.end(actor.session, at);
    if ((await this.#grants()) !== grantsBefore) this.#model.endUser({ fromMs: at.fromMs - 1, toMs: at.fromMs - 1 });
    actor.session = this.#model.begin(at);
    this.#cookies.set(actor.session, actor.browser.copy());
  }

  /** What Google has given so far: changes with each refresh token. */
  async #grants(): Promise<string> {
    const { grants } = await this.#places.google.snapshot();
    return JSON.stringify(grants.map(({ refreshTokens }) => refreshTokens));
  }

  /** Who copies a cookie tries it: now that isolate knows it. */
  async #copy(actor: Actor, from: Actor): Promise<void> {
    if (actor === from || from.session === null) return;
    for (const cookie of from.browser.jar.named("session")) actor.browser.jar.cookies.set(cookie.name, cookie);
    actor.session = from.session;
    await actor.browser.fetch("/api/me");
  }

  async #makeToken(actor: Actor): Promise<void> {
    const request = {
      method: "POST",
      headers: { "content-type": "application/json", origin: actor.browser.origin },
      body: JSON.stringify({ name: "a token", expiresInDays: 365 }),
    };
    const { at, result: response } = await this.#during(() => actor.browser.fetch("/api/tokens", request));
    if (response.status === 201) {
      if (actor.session === null) throw new Error("somebody without a session has made a token");
      const { token }: { token: string } = await response.json();
      this.#secrets.set(this.#model.make(actor.session, at), token);
    } else if (response.status === 400) {
      expect(await response.text()).toContain("FAILED_PRECONDITION");
    } else expect(response.status).toBe(401);
  }

  async #signOut(actor: Actor): Promise<void> {
    const { session } = actor;
    const { at, result: response } = await this.#during(() => actor.browser.submit("/auth/logout"));
    expect(response.status).toBe(303);
    if (session !== null) this.#model.end(session, at);
  }

  async #endUser(actor: Actor, path: string): Promise<void> {
    const { at, result: response } = await this.#during(() => actor.browser.submit(path));
    if (response.status === 303) this.#model.endUser(at);
    else expect(response.status).toBe(401);
  }

  /** Google delivers from one place. */
  async #event(type: "sessions-revoked" | "tokens-revoked" | "account-disabled", ageSeconds: number): Promise<void> {
    const { google, stage, user } = this.#places;
    const iat = Math.floor(stage.now() / 1000) - ageSeconds;
    const events = about(type, issSub(user), { reason: "hijacking" });
    const token = await google.securityEvent({ events, iat });
    const { at, result: response } = await this.#during(() => deliver(stage, token));
    expect(response.status).toBe(202);
    const untilMs = iat * 1000 + MINUTE_MS;
    this.#model.endUser({ fromMs: Math.min(untilMs, at.fromMs), toMs: Math.min(untilMs, at.toMs) });
  }

  async #during<T>(work: () => Promise<T>): Promise<{ at: Moment; result: T }> {
    const fromMs = this.#places.stage.now();
    const result = await work();
    return { at: { fromMs, toMs: this.#places.stage.now() }, result };
  }
}

function expectFate(status: number, fate: Fate, what: string): void {
  expect([200, 401], what).toContain(status);
  if (fate !== "unknown") expect(status === 200 ? "alive" : "dead", what).toBe(fate);
}

/** Plays steps, and sees who is left. */
async function play(open: Open, steps: readonly Step[]): Promise<Play["counts"]> {
  const places = await openPlaces(open, { near: true });
  const game = new Play(places);
  for (const next of steps) await game.take(next);
  await game.expectFates([...PLACES, "afterwards"], { withSessions: true });
  await places.advance(MONTH_MS);
  await game.expectFates([...PLACES, "a month later"], { withSessions: false });
  return game.counts;
}

describe("whatever the order of events,", () => {
  test(
    "who must be dead is dead at every place, and who must be alive is alive",
    { timeout: 600_000 },
    async ({ open }) => {
      const seed = inject("fuzzSeed");
      const sum = { sequences: 0, sessions: 0, tokens: 0, deadTokens: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(anyStep, { minLength: 8, maxLength: 18, size: "max" }), async (steps) => {
          const { sessions, tokens, deadTokens } = await play(open, [
            // Without a session nothing of interest happens.
            { kind: "sign in", who: OWNER, details: { consent: false }, waitMs: 1_500 },
            { kind: "copy", who: THIEF, details: { from: 0 }, waitMs: 1_500 },
            ...steps,
          ]);
          sum.sequences += 1;
          sum.sessions += sessions;
          sum.tokens += tokens;
          sum.deadTokens += deadTokens;
        }),
        { numRuns: SEQUENCES, seed },
      );
      print(
        `order: ${sum.sequences} sequences, ${sum.sessions} sessions, ${sum.tokens} tokens (${sum.deadTokens} dead), seed ${seed}`,
      );
      // Sequences in which nothing happens would prove nothing.
      expect(sum.tokens).toBeGreaterThan(SEQUENCES / 2);
      expect(sum.deadTokens).toBeGreaterThan(SEQUENCES / 10);
    },
  );
});
