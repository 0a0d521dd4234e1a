/**
 * Signing in, in every way that it can go.
 */
import * as z from "zod";
import { inside } from "../support/contract.ts";
import type { Scene } from "../support/scenes.ts";
import { API, type Flow } from "./flow.ts";
import { type Outcome, readOutcome } from "./outcome.ts";

/** Trips to Google that one sign-in may take: the first, one for a refused code, one for a forced consent. */
const MAX_TRIPS = 3;

/** To Google and back as a person does, all trips in one. @param between what happens after each trip */
async function goThere(scene: Scene, between: () => Promise<void> = async () => {}): Promise<Outcome> {
  const { browser, google, stage, user } = scene;
  let answer = await browser.step("/auth/login?return_to=%2Fhealthz");
  const outcomes: Outcome[] = [];
  for (let trip = 1; trip <= MAX_TRIPS; trip += 1) {
    const callback = await google.consent(answer.headers.get("location") ?? "", { user: user.email });
    answer = await browser.comeBack(callback);
    const outcome = await readOutcome(answer.clone(), stage, z.never());
    outcomes.push(outcome);
    await between();
    if (!outcome.label.endsWith("Google")) {
      return {
        label: outcomes.map(({ label }) => label).join(" → "),
        text: outcomes.map(({ text }) => text).join("\n"),
        beganAtMs: outcome.beganAtMs,
      };
    }
  }
  throw new Error("one trip to Google too many");
}

const signInFlow = { isOnce: true, run: (scene: Scene) => goThere(scene), groups: API } as const;

export const SIGN_IN: readonly Flow[] = [
  { ...signInFlow, name: "sign-in for the first time", isSignedIn: false },
  { ...signInFlow, name: "sign-in again, without a new refresh token", isSignedIn: true },
  {
    ...signInFlow,
    name: "sign-in with a forced consent trip",
    isSignedIn: true,
    prepare: async ({ stage, user }) => inside(stage).kv.delete(`credential:${user.sub}`),
  },
  {
    ...signInFlow,
    name: "sign-in with a code that is retried",
    isSignedIn: false,
    prepare: ({ google }) => google.configure({ codeLifetimeSeconds: 0 }),
    run: (scene) => goThere(scene, () => scene.google.configure({ codeLifetimeSeconds: 600 })),
  },
];
