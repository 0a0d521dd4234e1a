/**
 * OAuth errors by which Google refuses for good: asking again changes nothing until a person changes a setting.
 *
 * https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors
 */
import { AppError } from "../errors.ts";
import type { OAuthError } from "../oauth.ts";

const CLIENT = "Whoever runs this site must look at its OAuth client in Google's console.";

/** Error code → what is wrong, and who can do what. */
const BLOCKED: ReadonlyMap<string, string> = new Map([
  [
    "admin_policy_enforced",
    "The administrator of your organization does not let this app use Gmail. " +
      "Ask them to trust it in the Google Admin console, under Security, API controls.",
  ],
  [
    "org_internal",
    "This app is for the accounts of one organization only. " +
      "Use another account, or ask whoever runs this site to set its audience in Google's console to External.",
  ],
  ["policy_enforced", "Advanced Protection does not let this app use the account. Use another one."],
  ["unauthorized_client", `Google does not let this site's OAuth client refresh this access. ${CLIENT}`],
  ["deleted_client", `This site's OAuth client was deleted at Google. ${CLIENT}`],
  ["disabled_client", `This site's OAuth client is disabled at Google. ${CLIENT}`],
]);
/** Those that are about the account: another one may do. */
const BY_ACCOUNT = new Set(["admin_policy_enforced", "org_internal", "policy_enforced"]);

/** The error for a refusal that will not change by itself; null for any other one. */
export function accessBlocked(cause: OAuthError): AppError | null {
  const { code } = cause;
  const message = BLOCKED.get(code);
  if (message === undefined) return null;
  return new AppError("ACCESS_BLOCKED", message, {
    metadata: { error: code },
    ...(BY_ACCOUNT.has(code) ? { signInAgain: { prompt: "select_account" } } : {}),
    logDetail: `refresh: ${code}`,
    cause,
  });
}
