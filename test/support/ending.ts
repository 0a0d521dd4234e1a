/**
 * What ends sessions and API tokens, and how that is seen: deliveries of Google's security events, API tokens beside
 * browsers, and who is still let in.
 */
import { expect } from "vitest";
import * as z from "zod";
import type { Browser } from "./browser.ts";
import type { Open } from "./contract.ts";
import { expectError } from "./errors.ts";
import type { Events } from "./security-events.ts";
import { call, type Scene, type SceneOptions, signedIn, signIn } from "./scenes.ts";
import type { Stage } from "./stage.ts";

const LISTING = "/api/messages?limit=1";
const newTokenSchema = z.object({ token: z.string().startsWith("gmedge_") });

/** Delivers a token as Google does (RFC 8935 §2.1). */
export function deliver({ send }: Pick<Stage, "send">, token: string): Promise<Response> {
  const headers = { "content-type": "application/secevent+jwt", accept: "application/json" };
  return send({ path: "/auth/security-events", method: "POST", headers, body: token });
}

/** Lets Google sign these events and deliver them, and expects them to be taken. */
export async function happen({ stage, google }: Pick<Scene, "stage" | "google">, events: Events): Promise<void> {
  const response = await deliver(stage, await google.securityEvent({ events }));
  expect(response.status, await response.text()).toBe(202);
}

/** Makes an API token with the session of a browser. */
export async function makeApiToken(browser: Browser, expiresInDays = 1): Promise<string> {
  const response = await browser.fetch("/api/tokens", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "a test's", access: "full", expiresInDays }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(201);
  return newTokenSchema.parse(JSON.parse(text)).token;
}

/** An API call with an API token and no cookie. */
export function callWithToken({ send }: Pick<Stage, "send">, apiToken: string, path = LISTING): Promise<Response> {
  return send({ path, headers: { authorization: `Bearer ${apiToken}`, accept: "application/json" } });
}

/** Somebody with two browsers and an API token, all of which have been used. */
export interface Household extends Scene {
  readonly other: Browser;
  readonly apiToken: string;
}

export async function household(open: Open, options: SceneOptions = {}): Promise<Household> {
  const scene = await signedIn(open, options);
  const other = scene.stage.browser();
  await signIn(other, scene.user);
  const apiToken = await makeApiToken(scene.browser);
  const all = { ...scene, other, apiToken };
  await expectAllLetIn(all);
  await scene.google.forgetCalls();
  return all;
}

/** Both browsers and the API token are served. */
export async function expectAllLetIn({ stage, browser, other, apiToken }: Household): Promise<void> {
  const answers = [await call(browser.copy()), await call(other.copy()), await callWithToken(stage, apiToken)];
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
}

/** Both browsers and the API token are refused, and not a word of the mailbox is said. */
export async function expectAllEnded({ stage, browser, other, apiToken }: Household): Promise<void> {
  for (const answer of [await call(browser.copy()), await call(other.copy()), await callWithToken(stage, apiToken)]) {
    const { text } = await expectError(answer, 401, "SIGN_IN_REQUIRED");
    expect(text).not.toContain("threadId");
  }
}
