/**
 * `ALLOWED_ACCOUNTS`: which verified Google accounts may use this deployment.
 */
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { AppError, type SignInAgain } from "../errors.ts";

/** What Google verified about an account. */
export interface VerifiedAccount {
  readonly email: string | null;
  readonly emailVerified: boolean;
  /** `hd` of the ID token: the Workspace domain that runs the account. */
  readonly hostedDomain: string | null;
}

/**
 * Whether an account may be used. An address counts only when Google verified it, and `@domain` means the ID token's
 * `hd`, because a consumer account may carry an address of any domain.
 *
 * @param allowed addresses and `@domain`s in ASCII lower case; empty: every account
 */
export function isAllowedAccount(allowed: readonly string[], account: VerifiedAccount): boolean {
  if (allowed.length === 0) return true;
  const names: string[] = [];
  if (account.email !== null && account.emailVerified) names.push(toAsciiLowerCase(account.email));
  if (account.hostedDomain !== null) names.push(`@${toAsciiLowerCase(account.hostedDomain)}`);
  return names.some((name) => allowed.includes(name));
}

/** @param again where to go after signing in with another account; without it, the page that asked */
export function accountNotAllowed(again: Pick<SignInAgain, "returnTo"> = {}): AppError {
  return new AppError("ACCOUNT_NOT_ALLOWED", "You cannot use this account here. Sign in with another one.", {
    signInAgain: { ...again, prompt: "select_account" },
  });
}
