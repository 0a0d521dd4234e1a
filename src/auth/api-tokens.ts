/**
 * Making and revoking API tokens: the rules that the API and the account page share.
 */
import * as z from "zod/mini";
import { type Access, ACCESS_LEVELS } from "../access.ts";
import { AppError } from "../errors.ts";
import { parseOptions } from "../lib/schema.ts";
import { randomToken } from "../lib/key-ring.ts";
import type { Mailbox } from "../object/client.ts";
import { isRecentSignIn, type Session } from "./session.ts";
import type { Identity } from "../identity.ts";

const MAX_NAME_CHARACTERS = 100;
const MAX_EXPIRES_IN_DAYS = 365;
const DEFAULT_EXPIRES_IN_DAYS = 90;
/** Enough to tell the tokens of a user apart. */
const ID_CHARACTERS = 16;
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
export interface MadeToken {
  readonly id: string;
  /** Shown this once. */
  readonly secret: string;
  readonly name: string;
  readonly access: Access;
  readonly expiresAtMs: number;
}

/** Who makes and revokes tokens. */
interface Owner {
  readonly identity: Identity;
  readonly mailbox: Mailbox;
  readonly scopes: readonly string[];
  readonly session: Session;
}

/**
 * Makes a token for a caller whose sign-in is recent enough.
 *
 * @param request as {@link NewTokenSchema}
 * @param nowMs epoch milliseconds
 * @throws AppError `SIGN_IN_REQUIRED` where the sign-in is too old, or has ended; `INVALID_ARGUMENT`; `FAILED_PRECONDITION`
 *   where the user has too many; `STORAGE_UNAVAILABLE`
 */
export async function makeToken(
  { identity, mailbox, scopes, session }: Owner,
  request: unknown,
  nowMs: number,
): Promise<MadeToken> {
  if (!isRecentSignIn(session, nowMs)) {
    throw recentSignInRequired(
      identity,
      "Your sign-in is more than ten minutes old. Sign in again to make an API token.",
    );
  }
  const { name, expiresInDays, access } = parseOptions(NewTokenSchema, request, "body");
  const id = randomToken().slice(0, ID_CHARACTERS);
  const expiresAtMs = nowMs + expiresInDays * DAY_MS;
  const made = await mailbox.ask("makeToken", session.id, id, { name, access, scopes, expiresAtMs });
  if (made === null)
    throw recentSignInRequired(identity, "You have signed out meanwhile. Sign in again to make an API token.");
  return { id, secret: made, name, access, expiresAtMs };
}

/** An API token outlives its session, so an old cookie is not enough. One redirect to Google without consent is. */
function recentSignInRequired({ email, sub }: Identity, words: string): AppError {
  return new AppError("SIGN_IN_REQUIRED", words, { signInAgain: { loginHint: email ?? sub } });
}

/** Revokes a token of a caller. @throws AppError `NOT_FOUND` */
export async function revokeToken({ mailbox }: Pick<Owner, "mailbox">, id: string): Promise<void> {
  const wasThere = await mailbox.ask("revokeToken", id);
  if (!wasThere) throw new AppError("NOT_FOUND", "You have no such API token.");
}
