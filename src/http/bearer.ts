/**
 * An API token as a way to call (RFC 6750 §2.1). An isolate that has seen the token calls Gmail without waiting for
 * storage: whether the token was revoked is read at the same time.
 */
import { apiTokenId } from "../kv-store/api-tokens.ts";
import { AppError } from "../errors.ts";
import { Grant, type GrantServices } from "../auth/grant.ts";
import type { AccessToken } from "../identity.ts";
import type { KnownApiToken, RequestScope } from "../context.ts";
import type { AppContext, TokenCaller } from "./types.ts";
import { handled } from "../lib/settle.ts";

/** The token of an `Authorization: Bearer` header; null where there is no such header. */
export function bearerToken(c: AppContext): string | null {
  const match = /^bearer(?:\s+(.*))?$/i.exec(c.req.header("Authorization") ?? "");
  return match === null ? null : (match[1] ?? "");
}

/** The caller by an API token. @throws AppError `SIGN_IN_REQUIRED` where it is not in force */
export async function openTokenCaller(
  scope: GrantServices & Pick<RequestScope, "apiTokens" | "keyRing" | "knownApiTokens" | "revocations">,
  bearer: string,
): Promise<TokenCaller> {
  const { apiTokens, keyRing, knownApiTokens, revocations, world } = scope;
  const id = await apiTokenId(keyRing, bearer);
  const remembered = id === null ? null : knownApiTokens.get(id);
  const found = id === null || remembered !== null ? null : await apiTokens.find(id);
  const known: KnownApiToken | null = remembered ?? found;
  if (id === null || known === null || known.token.expiresAtMs <= world.now()) throw invalidApiToken();
  const { token } = known;
  return {
    identity: token.identity,
    scopes: token.scopes,
    access: token.access,
    grant: new Grant(scope, {
      user: token.identity,
      accessToken: known.accessToken,
      // Another isolate may have got one since this one looked. What was found just now is as new as storage has it.
      readStoredAccessToken: remembered === null ? null : () => apiTokens.readAccessToken(id),
    }),
    session: null,
    tokenId: id,
    known,
    isRevoked: handled(revocations.isTokenRevoked(token.identity.sub, { ...token, id })),
    isOutdated: found?.isOutdated ?? false,
  };
}

/** Forgets a token that was ended. */
export function forgetToken({ knownApiTokens }: Pick<RequestScope, "knownApiTokens">, { tokenId }: TokenCaller): void {
  knownApiTokens.delete(tokenId);
}

/** Remembers a token with the access token of this request, and stores beside the answer what has changed. */
export function keepToken(
  { apiTokens, defer, knownApiTokens, world }: Pick<RequestScope, "apiTokens" | "defer" | "knownApiTokens" | "world">,
  { grant, isOutdated, known, tokenId }: TokenCaller,
): void {
  const { token } = known;
  const today = new Date(world.now()).toISOString().slice(0, 10);
  const change = grant.tokenChange;
  // Another request may have found a newer access token meanwhile, or kept the same.
  const latest = knownApiTokens.get(tokenId) ?? known;
  const accessToken = change === undefined ? newerOf(latest.accessToken, grant.inUse) : change;
  knownApiTokens.set(tokenId, { token, accessToken, lastUsedOn: today });
  if (change && change !== latest.accessToken) defer(apiTokens.writeAccessToken(tokenId, change));
  if (latest.lastUsedOn !== today) defer(apiTokens.markUsed(tokenId, token, today));
  if (isOutdated) defer(apiTokens.reseal(tokenId, token));
}

/** Of two access tokens the one that lives longer. */
function newerOf(one: AccessToken | null, other: AccessToken | null): AccessToken | null {
  return (one?.expiresAtMs ?? 0) >= (other?.expiresAtMs ?? 0) ? one : other;
}

function invalidApiToken(): AppError {
  const words = "Your API token is unknown, expired or revoked. Make a new one at /account.";
  return new AppError("SIGN_IN_REQUIRED", words, { signInAgain: {} });
}
