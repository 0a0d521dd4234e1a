/**
 * An API token as a way to call (RFC 6750 §2.1). An isolate that has seen the token calls Gmail without waiting for the
 * object, which says at the same time whether the token is in force.
 */
import { AppError } from "../errors.ts";
import { Grant, type GrantServices } from "../object/access.ts";
import type { RequestScope } from "../context.ts";
import { type AccessToken, isFreshEnough } from "../identity.ts";
import { handled } from "../lib/settle.ts";
import { parseTokenText } from "../object/token-text.ts";
import type { AppContext, TokenCaller } from "./types.ts";

/** The token of an `Authorization: Bearer` header; null where there is no such header. */
export function bearerToken(c: AppContext): string | null {
  const match = /^bearer(?:\s+(.*))?$/i.exec(c.req.header("Authorization") ?? "");
  return match === null ? null : (match[1] ?? "");
}

/** The caller by an API token. @throws AppError `SIGN_IN_REQUIRED` where it is not in force */
export async function openTokenCaller(
  scope: GrantServices & Pick<RequestScope, "knownApiTokens" | "mailboxes">,
  bearer: string,
): Promise<TokenCaller> {
  const { knownApiTokens, mailboxes, world } = scope;
  const parsed = await parseTokenText(bearer);
  const mailbox = parsed === null ? null : mailboxes.byId(parsed.objectId);
  if (parsed === null || mailbox === null) throw invalidApiToken();
  const { hash } = parsed;
  const asked = handled(mailbox.ask("openToken", hash));
  const remembered = knownApiTokens.get(hash);
  const isUsable = isFreshEnough(remembered?.accessToken ?? null, world.now());
  const known = remembered !== null && isUsable ? remembered : await asked;
  if (known === null || known.expiresAtMs <= world.now()) throw invalidApiToken();
  const { access, accessToken, id, identity, scopes } = known;
  const isRevoked = handled(asked.then((token) => token === null));
  return {
    identity,
    scopes,
    access,
    grant: new Grant(scope, { user: identity, actor: { kind: "token", id }, mailbox, accessToken, isRevoked }),
    mailbox,
    session: null,
    hash,
    known,
    isRevoked,
  };
}

/** Forgets a token that was ended. */
export function forgetToken({ knownApiTokens }: Pick<RequestScope, "knownApiTokens">, { hash }: TokenCaller): void {
  knownApiTokens.delete(hash);
}

/** Remembers a token with the access token of this request. */
export function keepToken(
  { knownApiTokens }: Pick<RequestScope, "knownApiTokens">,
  { grant, hash, known }: TokenCaller,
): void {
  const change = grant.tokenChange;
  // Another request may have found a newer access token meanwhile.
  const latest = knownApiTokens.get(hash)?.accessToken ?? known.accessToken;
  knownApiTokens.set(hash, { ...known, accessToken: change === undefined ? newerOf(latest, grant.inUse) : change });
}

/** Of two access tokens the one that lives longer. */
function newerOf(one: AccessToken | null, other: AccessToken | null): AccessToken | null {
  return (one?.expiresAtMs ?? 0) >= (other?.expiresAtMs ?? 0) ? one : other;
}

/** For a token that is not in force, or none. */
export function invalidApiToken(): AppError {
  const words = "Your API token is unknown, expired or revoked. Make a new one at /account.";
  return new AppError("SIGN_IN_REQUIRED", words, { signInAgain: {} });
}
