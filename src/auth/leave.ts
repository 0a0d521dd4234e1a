/**
 * Deleting everything of a user: what disconnect does at the person's wish, and a security event at Google's.
 */
import { openedOrNull } from "../lib/key-ring.ts";
import type { RequestScope } from "../context.ts";

/**
 * Deletes a user's records, also those that do not open. Sessions and API tokens need a revocation marker as well, see
 * `Revocations.revokeUser`. It is written before this, or after it by a caller that the marker would keep from a retry.
 *
 * @param user.email an address of the user's, where the record that has it may not open
 * @param untilMs epoch milliseconds: the API tokens of sessions that began later stay
 * @returns the refresh token that was stored, for revoking it; null where there was none that opens
 * @throws AppError `STORAGE_UNAVAILABLE`: doing it again does the rest
 */
export async function forgetUser(
  { apiTokens, store }: Pick<RequestScope, "apiTokens" | "store">,
  user: { sub: string; email: string | null },
  untilMs: number,
): Promise<string | null> {
  const { sub } = user;
  // A record that does not open is deleted all the same.
  const credential = await openedOrNull(store.readCredential(sub));
  await store.deleteCredential(sub, credential?.refreshToken ?? null);
  await store.deleteAccessTokens(sub);
  await apiTokens.deleteUntil(sub, untilMs);
  const addresses = new Set([user.email, credential?.email ?? null]);
  for (const email of addresses) {
    if (email !== null) await store.deleteAddress(email, sub);
  }
  return credential?.refreshToken ?? null;
}
