/**
 * What is remembered of Google's security events: which deliveries were seen, and which accounts Google has disabled.
 */
import type { SealedKv } from "./sealed-kv.ts";
import { storageKeys } from "./key-names.ts";

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
    await this.#kv.put(await storageKeys.securityEvent(jti), this.#timestamp(), this.#kv.now() + SEEN_TTL_MS);
  }

  /** Refuses sign-in to a user until {@link enable}. */
  async disable(sub: string): Promise<void> {
    await this.#kv.put(storageKeys.disabledAccount(sub), this.#timestamp(), null);
  }

  async enable(sub: string): Promise<void> {
    await this.#kv.delete(storageKeys.disabledAccount(sub));
  }

  /** Whether Google has disabled the account of a user. */
  async isDisabled(sub: string): Promise<boolean> {
    return (await this.#kv.get(storageKeys.disabledAccount(sub))) !== null;
  }

  #timestamp(): string {
    return new Date(this.#kv.now()).toISOString();
  }
}
