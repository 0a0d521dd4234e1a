/**
 * A sign-in under way: what the callback must know of the trip that it ends, sealed in a cookie of its own per flow,
 * so that it works only in the browser that began it and two tabs do not disturb each other.
 */
import * as z from "zod/mini";
import type { SignInAgain } from "../errors.ts";
import type { KeyRing } from "../lib/key-ring.ts";
import { PROMPTS } from "../oauth.ts";

/** How long the person may stay on Google's pages. */
export const TRANSACTION_TTL_SECONDS = 10 * 60;

/** Of the state, this much names the cookie; the whole of it is bound into what is sealed. */
const COOKIE_NAME_STATE_CHARACTERS = 16;

const TransactionSchema = z.object({
  codeVerifier: z.string(),
  nonce: z.string(),
  returnTo: z.string(),
  loginHint: z.nullable(z.string()),
  prompt: z.nullable(z.enum(PROMPTS)),
  /** A second trip because the code was refused: there is no third. */
  codeRetried: z.boolean(),
  /** A trip with `prompt=consent` because there was no refresh token: there is no second. */
  consentForced: z.boolean(),
});

export type Transaction = z.infer<typeof TransactionSchema>;

/** The last part of the name of a flow's cookie. */
export function transactionId(state: string): string {
  return state.slice(0, COOKIE_NAME_STATE_CHARACTERS);
}

/** Seals a transaction for the flow of `state`. */
export async function sealTransaction(
  keyRing: KeyRing,
  flow: { state: string; nowMs: number },
  transaction: Transaction,
): Promise<string> {
  const expiresAtMs = flow.nowMs + TRANSACTION_TTL_SECONDS * 1000;
  return keyRing.seal({ purpose: "transaction", owner: flow.state }, transaction, expiresAtMs);
}

/** Opens the transaction of `state`. @returns null where it is not of this flow, expired, or not ours */
export async function openTransaction(
  keyRing: KeyRing,
  flow: { state: string; value: string; nowMs: number },
): Promise<Transaction | null> {
  return keyRing.openAs({ purpose: "transaction", owner: flow.state }, flow.value, flow.nowMs, TransactionSchema);
}

/** How to begin again after this sign-in failed: to the same place, with the same account. */
export function beginAgain({ returnTo, loginHint }: Transaction): SignInAgain {
  return { returnTo, ...(loginHint === null ? {} : { loginHint }) };
}
