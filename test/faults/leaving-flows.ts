/**
 * Leaving: what ends a session, and what gives the grant back.
 */
import * as z from "zod";
import { API, type Flow } from "./flow.ts";
import { readOutcome } from "./outcome.ts";

function leave(path: string, success: z.ZodType): Flow["run"] {
  return async ({ browser, stage }) => {
    const response = await browser.fetch(path, { method: "POST", headers: { accept: "application/json" } });
    return readOutcome(response, stage, success);
  };
}

const disconnectedSchema = z.strictObject({ disconnected: z.literal(true), revoked: z.literal(true) });
const unconfirmedSchema = z.strictObject({
  disconnected: z.literal(true),
  revoked: z.literal(false),
  message: z.string().regex(/could not be reached/),
});

export const LEAVING: readonly Flow[] = [
  {
    name: "logout",
    isSignedIn: true,
    isOnce: true,
    run: leave("/auth/logout", z.strictObject({ signedOut: z.literal(true) })),
    groups: API,
  },
  {
    name: "logout everywhere",
    isSignedIn: true,
    isOnce: true,
    run: leave("/auth/logout?everywhere=true", z.strictObject({ signedOut: z.literal(true) })),
    groups: API,
  },
  {
    name: "disconnect",
    isSignedIn: true,
    isOnce: true,
    run: async (scene) => {
      const outcome = await leave("/auth/disconnect", z.union([disconnectedSchema, unconfirmedSchema]))(scene);
      return outcome.text.includes('"revoked":false') ? { ...outcome, label: `${outcome.label} unconfirmed` } : outcome;
    },
    groups: API,
  },
];
