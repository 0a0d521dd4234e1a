/**
 * Making and revoking API tokens: the rules that the API and the account page share.
 */
import * as z from "zod/mini";
import { type Access, ACCESS_LEVELS } from "../access.ts";
import { MAX_TOKENS_PER_USER, newApiToken } from "../kv-store/api-tokens.ts";
import { AppError } from "../errors.ts";
import { parseOptions } from "../lib/schema.ts";
import type { RequestScope } from "../context.ts";
import { isRecentSignIn, type Session } from "./session.ts";
import type { Identity } from "../identity.ts";

const MAX_NAME_CHARACTERS = 100;
const MAX_EXPIRES_IN_DAYS = 365;
const DEFAULT_EXPIRES_IN_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

const daysMessage = `must be a whole number of days, 1 to ${MAX_EXPIRES_IN_DAYS}`;

/** The body of `POST /api/tokens`. */
export const NewTokenSchema = z.strictObject({
  name: z
    .string("is missing or not text")
    .check(
      z.trim(),
      z.minLength(1, "must not be empty"),
      z.maxLength(MAX_NAME_CHARACTERS, `must have at most ${MAX_NAME_CHARACTERS} characters`),
    ),
  expiresInDays: z._default(
    z.int(daysMessage).check(z.gte(1, daysMessage), z.lte(MAX_EXPIRES_IN_DAYS, daysMessage)),
    DEFAULT_EXPIRES_IN_DAYS,
  ),
  access: z._default(z.enum(ACCESS_LEVELS, "must be list, read or full"), "read"),
});

/** A token that was just made. */
export interface NewToken {
  readonly id: string;
  /** Shown this once. */
  readonly secret: string;
  readonly name: string;
  readonly access: Access;
  readonly expiresAtMs: number;
}

/**
 * Makes a token for a caller whose sign-in is recent enough.
 *
 * @param request as {@link NewTokenSchema}
 * @throws AppError `SIGN_IN_REQUIRED` where the sign-in is too old; `INVALID_ARGUMENT`; `FAILED_PRECONDITION` where the
 *   user has too many; `STORAGE_UNAVAILABLE`
 */
export async function makeToken(
  {
    apiTokens,
    keyRing,
    tokensUnderWay,
    world,
  }: Pick<RequestScope, "apiTokens" | "keyRing" | "tokensUnderWay" | "world">,
  { identity, scopes, session }: { identity: Identity; scopes: readonly string[]; session: Session },
  request: unknown,
): Promise<NewToken> {
  if (!isRecentSignIn(session, world.now())) throw recentSignInRequired(identity);
  const { name, expiresInDays, access } = parseOptions(NewTokenSchema, request, "body");
  const { sub } = identity;
  const fresh = await newApiToken(keyRing);
  const { id } = fresh;
  const begunBefore = tokensUnderWay.begin(sub, id, world.now());
  try {
    const listed = (await apiTokens.list(sub)).map((token) => token.id);
    if (new Set([...listed, ...begunBefore]).size >= MAX_TOKENS_PER_USER) throw tooManyTokens();
    const createdAtMs = world.now();
    const expiresAtMs = createdAtMs + expiresInDays * DAY_MS;
    const maker = { id: session.id, signedInAtMs: session.signedInAtMs };
    const token = { name, identity, scopes: [...scopes], access, createdAtMs, expiresAtMs, session: maker };
    await apiTokens.create(token, fresh);
    // Another isolate may have made one meanwhile. Of two that look after they have written, one sees the other.
    if (await apiTokens.isOverLimit(sub)) {
      await apiTokens.delete(sub, id);
      throw tooManyTokens();
    }
    return { ...fresh, name, access, expiresAtMs };
  } finally {
    tokensUnderWay.end(sub, id);
  }
}

function tooManyTokens(): AppError {
  return new AppError("FAILED_PRECONDITION", `You have ${MAX_TOKENS_PER_USER} API tokens. Revoke one first.`);
}

/** An API token outlives its session, so an old cookie is not enough. One redirect to Google without consent is. */
function recentSignInRequired({ email, sub }: Identity): AppError {
  return new AppError(
    "SIGN_IN_REQUIRED",
    "Your sign-in is more than ten minutes old. Sign in again to make an API token.",
    { signInAgain: { loginHint: email ?? sub } },
  );
}

/** Revokes a token of a caller. @throws AppError `NOT_FOUND` */
export async function revokeToken(
  { apiTokens, knownApiTokens }: Pick<RequestScope, "apiTokens" | "knownApiTokens">,
  { identity }: { readonly identity: Identity },
  id: string,
): Promise<void> {
  if (!(await apiTokens.revoke(identity.sub, id))) throw new AppError("NOT_FOUND", "You have no such API token.");
  knownApiTokens.delete(id);
}
