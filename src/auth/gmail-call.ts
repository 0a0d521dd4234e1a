/**
 * Whether a caller may make a call to Gmail's API with the user's grant, and what of it Google gets to see. Everything that
 * is passed on, alone or as a part of a batch, is decided here.
 */
import { requireAccess, type Access } from "../access.ts";
import { AppError } from "../errors.ts";
import { accessForCall, checkQuery, writingScopes } from "../gmail/methods.ts";
import { MAILBOX_PATH, ownMailboxPath } from "../gmail/own-mailbox.ts";
import type { Identity } from "../identity.ts";
import { commonScopes, missingScopes, permittedScopes } from "../oauth.ts";

/** A call that a caller asks for. */
export interface AskedCall {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
}

/**
 * The path and the query to ask Gmail for.
 *
 * @param wantedScopes `GOOGLE_SCOPES`
 * @throws AppError `INVALID_ARGUMENT`; `PERMISSION_DENIED` for another user's mailbox, or where the caller's access is too
 *   little; `SCOPE_REQUIRED` for a write that the scopes do not permit
 */
export function checkGmailCall(
  caller: { readonly access: Access; readonly identity: Identity; readonly scopes: readonly string[] },
  wantedScopes: readonly string[],
  { method, target }: AskedCall,
): { path: string; query: string } {
  const queryStart = target.indexOf("?");
  const path = ownMailboxPath(queryStart === -1 ? target : target.slice(0, queryStart), caller.identity);
  const resource = path.slice(MAILBOX_PATH.length);
  requireAccess(caller, accessForCall(method, resource));
  const query = queryStart === -1 ? "" : checkQuery(target.slice(queryStart + 1));
  const needed = writingScopes(method, resource);
  if (needed !== null) requireScope(needed, wantedScopes, caller.scopes);
  return { path, query: query === "" ? "" : `?${query}` };
}

/** A grant may have more scopes than `GOOGLE_SCOPES`; the others are not used. */
function requireScope(anyOf: readonly string[], wanted: readonly string[], granted: readonly string[]): void {
  if (commonScopes(anyOf, permittedScopes(wanted, granted)).length > 0) return;
  const metadata = { requiredScopes: anyOf.join(" ") };
  if (missingScopes(anyOf, wanted).length === anyOf.length) {
    throw new AppError(
      "SCOPE_REQUIRED",
      `This server does not ask Google for the permission to do this. GOOGLE_SCOPES needs one of: ${anyOf.join(", ")}`,
      { metadata },
    );
  }
  throw new AppError(
    "SCOPE_REQUIRED",
    `This needs a permission that was not granted. Sign in again and tick the box for one of: ${anyOf.join(", ")}`,
    { metadata, signInAgain: { prompt: "consent" } },
  );
}
