/**
 * What the whole Worker knows of a user: who it is, and the access token that acts for them.
 */
import * as z from "zod/mini";

/** Who is signed in, as Google's userinfo told. `sub` is the user; everything else may change. */
export const IdentitySchema = z.object({
  sub: z.string(),
  email: z.nullable(z.string()),
  name: z.nullable(z.string()),
  picture: z.nullable(z.string()),
});

export type Identity = z.infer<typeof IdentitySchema>;

/** An access token of Google, as it is sealed in a cookie or in storage. `expiresAtMs` is in epoch milliseconds. */
export const AccessTokenSchema = z.object({
  value: z.string().check(z.minLength(1)),
  expiresAtMs: z.int(),
});

export type AccessToken = z.infer<typeof AccessTokenSchema>;

/** An access token is replaced when it has this long to live or less, so that it lasts for the request. */
const REFRESH_MARGIN_MS = 60_000;

/** Whether an access token lasts for a request that begins now. */
export function isFreshEnough(token: AccessToken | null, nowMs: number): boolean {
  return token !== null && token.expiresAtMs - nowMs > REFRESH_MARGIN_MS;
}
