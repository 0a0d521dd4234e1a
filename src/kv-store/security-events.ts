/**
 * Which deliveries of Google's security events were dealt with: Google delivers again what it does not know to have come.
 */
import { storageKeys } from "./key-names.ts";
import type { SealedKv } from "./sealed-kv.ts";

/** How long a delivery is remembered: a day longer than it could be taken, so that none is taken twice. */
const SEEN_TTL_MS = 31 * 24 * 60 * 60 * 1000;

export class SecurityEventStore {
  readonly #kv: SealedKv;

  constructor(kv: SealedKv) {
    this.#kv = kv;
  }

  /** Whether a delivery was dealt with. @param jti of its token */
  async isSeen(jti: string): Promise<boolean> {
    return (await this.#kv.get(await storageKeys.securityEvent(jti))) !== null;
  }

  async markSeen(jti: string): Promise<void> {
    await this.#kv.put(
      await storageKeys.securityEvent(jti),
      new Date(this.#kv.now()).toISOString(),
      this.#kv.now() + SEEN_TTL_MS,
    );
  }
}
