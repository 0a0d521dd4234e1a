/**
 * `ALLOWED_ACCOUNTS`: which verified Google accounts may use this deployment.
 */

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
 * @param allowed lower-case addresses and `@domain`s; empty: every account
 */
export function isAllowedAccount(allowed: readonly string[], account: VerifiedAccount): boolean {
  if (allowed.length === 0) return true;
  const names: string[] = [];
  if (account.email !== null && account.emailVerified) names.push(account.email.toLowerCase());
  if (account.hostedDomain !== null) names.push(`@${account.hostedDomain.toLowerCase()}`);
  return names.some((name) => allowed.includes(name));
}
