/**
 * Making and revoking API tokens: the rules that the API and the account page share.
 */
import * as z from "zod/mini";
import { type Access, ACCESS_LEVELS } from "./access.ts";
import { MAX_TOKENS_PER_USER } from "./api-tokens.ts";
import { AppError } from "./errors.ts";
import { parseOptions } from "./list-options.ts";
import type { Caller, RequestScope } from "./scope.ts";

const MAX_NAME_CHARACTERS = 100;
const MAX_EXPIRES_IN_DAYS = 365;
const DEFAULT_EXPIRES_IN_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

const daysMessage = `must be a whole number of days, 1 to ${MAX_EXPIRES_IN_DAYS}`;

/** What is asked for when a token is made. */
export const NewTokenSchema = z.strictObject({
  name: z
    .string("must be text")
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
 * Makes a token for a caller.
 *
 * @param request as {@link NewTokenSchema}
 * @throws AppError `INVALID_ARGUMENT`; `FAILED_PRECONDITION` where the user has too many
 */
export async function makeToken(
  { apiTokens, world }: RequestScope,
  { identity, scopes }: Caller,
  request: unknown,
): Promise<NewToken> {
  const { name, expiresInDays, access } = parseOptions(NewTokenSchema, request);
  if ((await apiTokens.list(identity.sub)).length >= MAX_TOKENS_PER_USER) {
    throw new AppError("FAILED_PRECONDITION", `You have ${MAX_TOKENS_PER_USER} API tokens. Revoke one first.`);
  }
  const createdAtMs = world.now();
  const expiresAtMs = createdAtMs + expiresInDays * DAY_MS;
  const token = { name, identity, scopes: [...scopes], access, createdAtMs, expiresAtMs };
  return { ...(await apiTokens.create(token)), name, access, expiresAtMs };
}

/** Revokes a token of a caller. @throws AppError `NOT_FOUND` */
export async function revokeToken(
  { apiTokens, knownApiTokens }: RequestScope,
  { identity }: Caller,
  id: string,
): Promise<void> {
  if (!(await apiTokens.revoke(identity.sub, id))) throw new AppError("NOT_FOUND", "You have no such API token.");
  knownApiTokens.delete(id);
}
