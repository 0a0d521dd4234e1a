/**
 * What the attacks play on: a stage where somebody is signed in and has an API token, the sealed values that the Worker
 * has made meanwhile, and a watch over all that an attacker is answered.
 */
import { KeyRing, TokenKeysSchema } from "../../src/lib/key-ring.ts";
import type { Outgoing } from "../support/browser.ts";
import { type Open, expect, inside, test as base } from "../support/contract.ts";
import { apiErrorSchema } from "../support/errors.ts";
import { type Scene, type SceneOptions, signedIn } from "../support/scenes.ts";
import type { Stage } from "../support/stage.ts";
import * as z from "zod";
import type { Route } from "./routes.ts";

/** HTTP status and reason of a refusal. */
export type Refusal = readonly [code: number, reason: string];

export const NOT_SIGNED_IN: Refusal = [401, "SIGN_IN_REQUIRED"];
export const FORBIDDEN: Refusal = [403, "PERMISSION_DENIED"];
export const INVALID: Refusal = [400, "INVALID_ARGUMENT"];

/** Somebody signed in, with an API token. */
export interface Victim extends Scene {
  /** Name of the session cookie. */
  readonly cookieName: string;
  /** Value of the session cookie. */
  readonly session: string;
  /** An API token of theirs, with full access. */
  readonly apiToken: string;
  /** Sends an attack, remembers what it was answered, and expects exactly this refusal. */
  refused(request: Outgoing, refusal: Refusal, what?: string): Promise<Response>;
  /** Sends an attack, and remembers what it was answered. */
  attack(request: Outgoing): Promise<Response>;
}

export type OpenVictim = (options?: SceneOptions & { readonly mayCallGoogle?: boolean }) => Promise<Victim>;

const TokenAnswerSchema = z.object({ token: z.string() });

/** What one attack was answered. */
interface Answer {
  readonly what: string;
  readonly text: string;
  readonly setCookies: readonly string[];
}

/**
 * `test` with `victim`, which opens a stage. When the test ends: no attack was answered with a secret or a cookie that
 * holds anything, the log holds no secret, and Google got no call with the victim's access token, unless the test says
 * that it may.
 */
export const test = base.extend<{ victim: OpenVictim }>({
  victim: async ({ open }, use) => {
    const watches: (() => Promise<void>)[] = [];
    await use(async ({ mayCallGoogle = false, ...options } = {}) => {
      const { victim, answers } = await openVictim(open, options);
      watches.push(() => expectNothingGiven(victim, answers, mayCallGoogle));
      return victim;
    });
    for (const watch of watches) await watch();
  },
});

async function openVictim(open: Open, options: SceneOptions): Promise<{ victim: Victim; answers: Answer[] }> {
  // The double's first keys take time, and what is slow here is not the subject.
  const scene = await signedIn(open, { ...options });
  const { browser, stage, google } = scene;
  const cookie = browser.jar.named("session")[0];
  if (cookie === undefined) throw new Error("nobody is signed in");
  const apiToken = await createToken(scene);
  await google.forgetCalls();
  const answers: Answer[] = [];
  const attack = async (request: Outgoing): Promise<Response> => {
    const response = await stage.send({ ...request, headers: { accept: "application/json", ...request.headers } });
    const text = await response.clone().text();
    answers.push({
      what: `${request.method ?? "GET"} ${request.path}`.slice(0, 200),
      text: [...response.headers].filter(([name]) => name !== "location").join("\n") + text,
      setCookies: response.headers.getSetCookie(),
    });
    return response;
  };
  const refused: Victim["refused"] = async (request, refusal, what = "") => {
    const response = await attack(request);
    await expectRefusal(response, refusal, `${request.method ?? "GET"} ${request.path} ${what}`.slice(0, 300));
    return response;
  };
  return { answers, victim: { ...scene, cookieName: cookie.name, session: cookie.value, apiToken, attack, refused } };
}

async function createToken({ browser }: Scene): Promise<string> {
  const response = await browser.fetch("/api/tokens", {
    method: "POST",
    headers: { "content-type": "application/json", origin: browser.origin },
    body: JSON.stringify({ name: "a script", access: "full" }),
  });
  return TokenAnswerSchema.parse(await response.json()).token;
}

/** Expects an answer for programs with this status and reason. */
export async function expectRefusal(response: Response, [code, reason]: Refusal, what: string): Promise<void> {
  const text = await response.clone().text();
  const shown = `${what}: ${response.status} ${text.slice(0, 500)}`;
  expect(response.status, shown).toBe(code);
  expect(response.headers.get("content-type"), shown).toMatch(/^application\/json/);
  expect(apiErrorSchema.parse(JSON.parse(text)).error.details[0].reason, shown).toBe(reason);
}

async function expectNothingGiven(victim: Victim, answers: readonly Answer[], mayCallGoogle: boolean): Promise<void> {
  const { google, session, apiToken, stage } = victim;
  const { keys } = TokenKeysSchema.parse(JSON.parse(stage.tokenKeys));
  const { secrets, calls } = await google.snapshot();
  const everySecret = [...secrets, apiToken, session, stage.client.secret, ...keys.map(({ k }) => k)];
  expect(everySecret.length).toBeGreaterThan(5);
  const log = stage.logs();
  expect(everySecret.filter((secret) => log.includes(secret), "secrets in the log")).toEqual([]);
  for (const { what, text, setCookies } of answers) {
    expect(
      everySecret.filter((secret) => text.includes(secret)),
      what,
    ).toEqual([]);
    expect(setCookies.filter((line) => !isHarmless(line)).map(nameAndFlags), what).toEqual([]);
  }
  if (mayCallGoogle) return;
  expect(calls.filter(({ headers }) => headers["authorization"] !== undefined).map(({ path }) => path)).toEqual([]);
}

/** It removes a cookie, or begins a sign-in: neither says who somebody is. */
function isHarmless(setCookie: string): boolean {
  return /^[^=]+=;.*max-age=0/i.test(setCookie) || /^(__Host-)?gmail_edge_tx_/.test(setCookie);
}

function nameAndFlags(setCookie: string): string {
  return setCookie.replace(/=[^;]*/, "=…");
}

/** A route's example as a request. */
export function requestOf({ example }: Route, headers: Readonly<Record<string, string>> = {}): Outgoing {
  const { method, path, type, body } = example;
  const contentType = type === undefined ? {} : { "content-type": type };
  return { method, path, headers: { ...contentType, ...headers }, ...(body === undefined ? {} : { body }) };
}

/** The request as our own page sends it with a cookie. */
export function withCookie(victim: Victim, value: string, route: Route): Outgoing {
  return requestOf(route, { cookie: `${victim.cookieName}=${value}`, origin: victim.stage.origin });
}

/** The request as a program sends it with a token. */
export function withBearer(route: Route, token: string): Outgoing {
  return requestOf(route, { authorization: `Bearer ${token}` });
}

/** The keys of a stage's Worker, for what only an operator can make. */
export function keyRingOf(stage: Stage): KeyRing {
  return new KeyRing(TokenKeysSchema.parse(JSON.parse(stage.tokenKeys)).keys);
}

/** What lets an operator in. */
export function operatorToken(stage: Stage, nowMs = stage.now()): Promise<string> {
  return keyRingOf(stage).seal({ purpose: "operator", owner: stage.origin }, {}, nowMs + 60_000);
}

/** The stored value whose key begins so; there must be one. */
export async function stored(victim: Victim, prefix: string): Promise<string> {
  const { kv, keys } = inside(victim.stage);
  const name = (await keys()).find((key) => key.startsWith(prefix));
  const value = name === undefined ? null : await kv.get(name);
  if (value === null) throw new Error(`nothing is stored under ${prefix}`);
  return value;
}
