/**
 * Where most contract tests begin: someone has signed in, or stands at the door with a callback in hand.
 */
import { expect } from "vitest";
import type { Browser } from "./browser.ts";
import type { Open } from "./contract.ts";
import type { Google, Person, User, UserInput } from "./google.ts";
import type { Stage, StageOptions } from "./stage.ts";

export const GMAIL_READONLY = "https://www.googleapis.com/auth/gmail.readonly";

export interface Scene {
  readonly stage: Stage;
  readonly google: Google;
  readonly user: User;
  readonly browser: Browser;
}

export interface SceneOptions extends StageOptions {
  readonly user?: Partial<UserInput>;
}

/** A Worker, its Google, one account, and a browser that has not signed in. */
export async function newcomer(open: Open, options: SceneOptions = {}): Promise<Scene> {
  const { user: input, ...stageOptions } = options;
  const stage = await open(stageOptions);
  const user = await stage.google.addUser(input);
  return { stage, google: stage.google, user, browser: stage.browser() };
}

/** The same, signed in; Google's records begin after that. */
export async function signedIn(open: Open, options: SceneOptions = {}): Promise<Scene> {
  const scene = await newcomer(open, options);
  await signIn(scene.browser, scene.user);
  await scene.google.forgetCalls();
  return scene;
}

/** Signs a browser in and expects it to have worked. @returns how often it was sent to Google */
export async function signIn(browser: Browser, user: User): Promise<number> {
  const visit = await browser.signIn({ user: user.email });
  expect(visit.response.status, `${visit.trail.join("\n")}\n${visit.text}`).toBe(200);
  expect(visit.url).toBe("/healthz");
  expect(browser.jar.refused).toEqual([]);
  return visit.trips;
}

/** Goes to Google and returns with the callback in hand, not yet opened. */
export async function callbackUrl(scene: Scene, person: Person = {}, query = ""): Promise<URL> {
  const authorization = await scene.browser.begin(query);
  return new URL(await scene.google.consent(authorization.href, { user: scene.user.email, ...person }));
}

/** Opens a callback as a program, so that its error can be read. */
export function openCallback(browser: Browser, callback: URL): Promise<Response> {
  return browser.fetch(callback.pathname + callback.search, { headers: { accept: "application/json" } });
}

/** The whole way in one go, with the callback's answer for a program at its end. */
export async function callbackAnswer(scene: Scene, person: Person = {}): Promise<Response> {
  return openCallback(scene.browser, await callbackUrl(scene, person));
}

/** An API call with the session, as a program. */
export function call(browser: Browser, path = "/api/messages?limit=1"): Promise<Response> {
  return browser.fetch(path, { headers: { accept: "application/json" } });
}
