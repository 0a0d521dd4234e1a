/**
 * An authorization flow in progress: its state for the callback, sealed in a cookie of its own per flow, so that it
 * works only in the browser that began it and two tabs do not disturb each other. Then the callback itself: reading what
 * Google sent the browser back with, and deciding whether to believe it.
 */
import * as z from "zod/mini";
import { AppError, type SignInAgain } from "../errors.ts";
import type { KeyRing } from "../lib/key-ring.ts";
import { PROMPTS } from "../oauth.ts";

/** How long the person may stay on Google's pages. */
export const TRANSACTION_TTL_SECONDS = 10 * 60;

/** The start of `state` names the cookie; all of it is bound into the sealed value. */
const COOKIE_NAME_STATE_CHARACTERS = 16;

const TransactionSchema = z.object({
  codeVerifier: z.string(),
  nonce: z.string(),
  returnTo: z.string(),
  loginHint: z.nullable(z.string()),
  prompt: z.nullable(z.enum(PROMPTS)),
  /** A second redirect because the code was refused: there is no third. */
  codeRetried: z.boolean(),
  /** Asks who the person is only: a service account may open the mailbox. */
  identityOnly: z._default(z.boolean(), false),
  /** A redirect with `prompt=consent` because there was no refresh token: there is no second. */
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

/** A flow that has ended, and the session that it began. */
export interface FinishedFlow {
  readonly state: string;
  readonly sessionId: string;
}

/** Seals where a flow has led, for a browser that comes back with the same callback in the same session. */
export async function sealReturnTo(
  keyRing: KeyRing,
  flow: FinishedFlow & { nowMs: number },
  returnTo: string,
): Promise<string> {
  const expiresAtMs = flow.nowMs + TRANSACTION_TTL_SECONDS * 1000;
  return keyRing.seal({ purpose: "transaction", owner: finishedFlow(flow) }, returnTo, expiresAtMs);
}

/** Opens what {@link sealReturnTo} made. @returns null where it is not of this flow, expired, or not ours */
export async function openReturnTo(
  keyRing: KeyRing,
  flow: FinishedFlow & { value: string; nowMs: number },
): Promise<string | null> {
  return keyRing.openAs({ purpose: "transaction", owner: finishedFlow(flow) }, flow.value, flow.nowMs, z.string());
}

/** Never that of a transaction: a finished flow cannot be finished again. */
function finishedFlow({ state, sessionId }: FinishedFlow): string {
  return `finished:${state}:${sessionId}`;
}

/** How to begin again after this sign-in failed: to the same place, with the same account. */
export function beginAgain({ returnTo, loginHint }: Transaction): SignInAgain {
  return { returnTo, ...(loginHint === null ? {} : { loginHint }) };
}

/** What Google's callback parameters say, as RFC 6749 §4.1.2 and RFC 9207 have them. */
export interface CallbackParameters {
  readonly state: string | null;
  /** Every `iss` that came; each must be Google's. */
  readonly issuers: readonly string[];
  readonly error: string | null;
  readonly code: string | null;
}

/** The form of our states. Anything else is not one of them, and must not become part of a cookie's name. */
const STATE_PATTERN = /^[A-Za-z0-9_-]{43}$/;

/** The codes that may come: anybody can make a link with an error in it, and words of theirs must not stand on our page. */
const ERROR_CODES: ReadonlySet<string> = new Set([
  // RFC 6749 §4.1.2.1 and §5.2
  "access_denied",
  "invalid_client",
  "invalid_grant",
  "invalid_request",
  "invalid_scope",
  "server_error",
  "temporarily_unavailable",
  "unauthorized_client",
  "unsupported_grant_type",
  "unsupported_response_type",
  // OpenID Connect Core §3.1.2.6 and §3.1.2.2, its prompt=create, RFC 8707 §2, RFC 9101 §7, RFC 9396 §5, RFC 9449 §10
  "account_selection_required",
  "consent_required",
  "interaction_required",
  "invalid_authorization_details",
  "invalid_dpop_proof",
  "invalid_request_object",
  "invalid_request_uri",
  "invalid_target",
  "login_required",
  "registration_not_supported",
  "request_not_supported",
  "request_uri_not_supported",
  "unmet_authentication_requirements",
  // Google: https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
  "admin_policy_enforced",
  "deleted_client",
  "disabled_client",
  "disallowed_useragent",
  "immediate_failed",
  "invalid_account",
  "org_internal",
  "origin_mismatch",
  "rate_limit_exceeded",
  "redirect_uri_mismatch",
]);

/** Reads the callback's query. A parameter that is repeated counts as missing: RFC 6749 §3.1. */
export function parseCallback(query: URLSearchParams): CallbackParameters {
  const single = (name: string): string | null => {
    const [value, ...more] = query.getAll(name);
    return value !== undefined && value !== "" && more.length === 0 ? value : null;
  };
  const state = single("state");
  return {
    state: state !== null && STATE_PATTERN.test(state) ? state : null,
    issuers: query.getAll("iss"),
    error: query.get("error") || null,
    code: single("code"),
  };
}

/**
 * Checks state, issuer, error and code, in this order. A callback with `error` needs no transaction. A missing `iss` is
 * accepted.
 *
 * @param transaction of this browser and state, or null
 * @returns the code and the transaction to exchange it for
 * @throws AppError `INVALID_STATE`, `INVALID_ISSUER`, `CONSENT_DENIED`, `AUTHORIZATION_FAILED`, `INVALID_ARGUMENT`
 */
export function checkCallback(
  callback: CallbackParameters,
  transaction: Transaction | null,
  issuer: string,
): { code: string; transaction: Transaction } {
  const again = transaction === null ? {} : beginAgain(transaction);
  if (transaction === null && callback.error === null) {
    throw new AppError(
      "INVALID_STATE",
      "This sign-in has expired, was already used, or was begun in another browser. Sign in again.",
      { signInAgain: again },
    );
  }
  if (callback.issuers.some((candidate) => candidate !== issuer)) {
    throw new AppError("INVALID_ISSUER", "This answer was not issued by Google. Sign in again.", {
      signInAgain: again,
    });
  }
  if (callback.error !== null) throw authorizationError(callback.error, again);
  if (transaction === null || callback.code === null) {
    throw new AppError("INVALID_ARGUMENT", "Google's answer was incomplete. Sign in again.", {
      metadata: { parameter: "code" },
      signInAgain: again,
    });
  }
  return { code: callback.code, transaction };
}

function authorizationError(error: string, again: SignInAgain): AppError {
  if (error === "access_denied") {
    return new AppError("CONSENT_DENIED", "You chose not to give access, so you are not signed in.", {
      signInAgain: again,
    });
  }
  const code = ERROR_CODES.has(error) ? error : "unknown";
  return new AppError("AUTHORIZATION_FAILED", `Google did not authorize the sign-in. Error code: ${code}.`, {
    metadata: { error: code },
    signInAgain: again,
  });
}
