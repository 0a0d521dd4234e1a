/**
 * An API token as a way to call (RFC 6750 §2.1). An isolate that has seen the token waits for no storage: whether the
 * token was revoked is read beside the Gmail call.
 */
import { apiTokenId } from "../kv-store/api-tokens.ts";
import { AppError } from "../errors.ts";
import { Grant } from "../auth/grant.ts";
import type { AccessToken } from "../identity.ts";
import type { KnownApiToken } from "../context.ts";
import type { AppContext, Caller } from "./types.ts";
import { settle } from "../lib/settle.ts";

/** The token of an `Authorization: Bearer` header; null where there is no such header. */
export function bearerToken(c: AppContext): string | null {
  const match = /^bearer(?:\s+(.*))?$/i.exec(c.req.header("Authorization") ?? "");
  return match === null ? null : (match[1] ?? "");
}

/** The caller by an API token. @throws AppError `SIGN_IN_REQUIRED` where it is not in force */
export async function openTokenCaller(c: AppContext, bearer: string): Promise<Caller> {
  const { apiTokens, defer, keyRing, knownApiTokens, revocations, world } = c.var.scope;
  const id = await apiTokenId(keyRing, bearer);
  const remembered = id === null ? null : knownApiTokens.get(id);
  const found = id === null || remembered !== null ? null : await apiTokens.find(id);
  const known: KnownApiToken | null = remembered ?? found;
  if (id === null || known === null || known.token.expiresAtMs <= world.now()) throw invalidApiToken();
  const { token } = known;
  const grant = new Grant(c.var.scope, {
    user: token.identity,
    accessToken: known.accessToken,
    // Another isolate may have got one since this one looked. What was found just now is as new as storage has it.
    readStoredAccessToken: remembered === null ? null : () => apiTokens.readAccessToken(id),
  });
  return {
    identity: token.identity,
    scopes: token.scopes,
    access: token.access,
    grant,
    session: null,
    isRevoked: settle(revocations.isTokenRevoked(token.identity.sub, { ...token, id })),
    forget: () => {
      c.set("caller", undefined);
      knownApiTokens.delete(id);
    },
    keep: async () => {
      const today = new Date(world.now()).toISOString().slice(0, 10);
      const change = grant.tokenChange;
      // Another request may have found a newer access token meanwhile, or kept the same.
      const latest = knownApiTokens.get(id) ?? known;
      const accessToken = change === undefined ? newerOf(latest.accessToken, grant.inUse) : change;
      knownApiTokens.set(id, { token, accessToken, lastUsedOn: today });
      if (change && change !== latest.accessToken) defer(apiTokens.writeAccessToken(id, change));
      if (latest.lastUsedOn !== today) defer(apiTokens.markUsed(id, token, today));
      if (found?.isOutdated) defer(apiTokens.reseal(id, token));
    },
  };
}

/** Of two access tokens the one that lives longer. */
function newerOf(one: AccessToken | null, other: AccessToken | null): AccessToken | null {
  return (one?.expiresAtMs ?? 0) >= (other?.expiresAtMs ?? 0) ? one : other;
}

function invalidApiToken(): AppError {
  return new AppError("SIGN_IN_REQUIRED", "This API token is not in force: unknown, expired or revoked.", {
    signInAgain: {},
  });
}
