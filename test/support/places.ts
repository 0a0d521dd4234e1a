/**
 * Scenes in several places: one person, one Google and one namespace that lags, with a Worker at each place; and what
 * can be said at the end about what is left.
 */
import { expect } from "vitest";
import { AppError } from "../../src/errors.ts";
import { getProfile } from "../../src/mailbox/offline.ts";
import type { Browser } from "./browser.ts";
import { inside, type Open } from "./contract.ts";
import { Steps } from "./interleaving.ts";
import { LaggingKv } from "./lagging-kv.ts";
import { newcomer, type Scene, type SceneOptions } from "./scenes.ts";
import type { Stage } from "./stage.ts";

/** After this much every place has forgotten what it had read, and a key may be written again. */
export const CONVERGENCE_MS = 60_000;

export interface Places extends Scene {
  readonly kv: LaggingKv;
  /** Holds flows up in front of their steps. */
  readonly steps: Steps;
  /** The Worker at a place; the scene's own stage and browser are at "here". */
  at(place: string): Stage;
  /** The scene's browser, as it is now, in front of the Worker at another place: cookies go along. */
  moved(browser: Browser, place: string): Browser;
  advance(ms: number): Promise<void>;
}

/** A person who has not signed in, with storage that lags. */
export async function openPlaces(
  open: Open,
  options: SceneOptions & { readonly ownWritesAreSeen?: boolean } = {},
): Promise<Places> {
  const { ownWritesAreSeen = true, ...sceneOptions } = options;
  const steps = new Steps();
  let kv: LaggingKv | null = null;
  const storage = (now: () => number): LaggingKv => (kv = new LaggingKv({ now, ownWritesAreSeen }));
  const scene = await newcomer(open, { ...sceneOptions, storage, before: steps.before });
  if (kv === null) throw new Error("the stage has not taken the storage");
  const laggingKv: LaggingKv = kv;
  laggingKv.gate = async ({ keys, kind }, work) => {
    await steps.before(`${kind} ${keys.map((key) => key.split(":")[0]).join(" ")}`);
    work();
    await steps.behind();
  };
  const stages = new Map([["here", scene.stage]]);
  const at = (place: string): Stage => {
    const stage = stages.get(place) ?? inside(scene.stage).at(place);
    stages.set(place, stage);
    return stage;
  };
  const moved = (browser: Browser, place: string): Browser => {
    const other = at(place).browser();
    browser.jar.copyTo(other.jar);
    return other;
  };
  return { ...scene, kv: laggingKv, steps, at, moved, advance: (ms) => inside(scene.stage).advance(ms) };
}

/** What another Worker gets at a place that acts for the person, by `sub` or address: "works", or the reason why not. */
export async function offlineAt({ user }: Scene, stage: Stage, name: string = user.sub): Promise<string> {
  try {
    await inside(stage).serve((scope) => getProfile(scope, name));
    return "works";
  } catch (error) {
    if (error instanceof AppError) return error.reason;
    throw error;
  }
}

/** What the API says to a browser: "works", or the reason why not. */
export async function apiReason(browser: Browser): Promise<string> {
  const response = await browser.fetch("/api/messages?limit=1", { headers: { accept: "application/json" } });
  const text = await response.text();
  if (response.status === 200) return "works";
  return /"reason":"(\w+)"/.exec(text)?.[1] ?? `${response.status} ${text}`;
}

/** Nothing that was ever stored or handed out opens the mailbox any more, at any place. */
export async function expectNothingOpens(places: Places, browsers: readonly Browser[]): Promise<void> {
  const isSignedOut = expect.stringMatching(/^(SIGN_IN|CONSENT)_REQUIRED$/);
  for (const place of ["here", "there", crypto.randomUUID()]) {
    expect(await offlineAt(places, places.at(place)), `offline at ${place}`).toBe("CONSENT_REQUIRED");
    for (const browser of browsers) expect(await apiReason(places.moved(browser, place))).toEqual(isSignedOut);
  }
}
