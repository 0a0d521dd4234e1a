/**
 * A user's records in Workers KV: the credential, and whom an address leads to. What the object decides about them is in
 * SQLite at once, in the transaction that it belongs to. KV is owed it: it is written beside the answer, and by the alarm
 * where that fails or the object is stopped.
 */
import * as z from "zod/mini";
import type { CredentialStore } from "../kv-store.ts";
import { KV_SETTLED_MS } from "../kv-store/sealed-kv.ts";
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { openedOrNull } from "../lib/key-ring.ts";
import { unwrap } from "../lib/settle.ts";
import type { Database } from "./database.ts";
import { AGAIN_MS, type Schedule } from "./schedule.ts";

/** The name in `meta` of what was decided last, as JSON. */
const DECIDED = "kv_records";
const DecidedSchema = z.object({
  sub: z.string(),
  /** Sealed; null: there is none. Absent: the one that KV tells. */
  credential: z.optional(z.nullable(z.string())),
  /** Whether an address, in lower case, leads to the user. Empty once KV has taken it. */
  addresses: z.array(z.tuple([z.string(), z.boolean()])),
  /** Whether the key of the user's rows is to be deleted. */
  dropsRowKey: z.boolean(),
  /** Until when the credential is this one, whatever KV tells; null while KV is owed all of it. */
  untilMs: z.nullable(z.int()),
});
type Decided = z.infer<typeof DecidedSchema>;

/** What both the records and the grant are made of. */
export interface RecordsParts {
  readonly database: Database;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly schedule: Schedule;
  readonly store: CredentialStore;
  /** Deletes the record of the key of rows, once none is being written. */
  readonly eraseRowKey: (sub: string) => Promise<void>;
}

export class Records {
  readonly #parts: RecordsParts;
  /** Work on the records: how often some was begun, and how much is in progress. */
  #begun = 0;
  #inProgress = 0;

  constructor(parts: RecordsParts) {
    this.#parts = parts;
  }

  /** Decides what KV shall hold, for {@link write}. Of an address that is named twice the last counts. */
  decide(sub: string, changes: Partial<Omit<Decided, "sub">>): void {
    const { database, now, schedule } = this.#parts;
    const former = this.#decided();
    const { addresses = [], credential = this.newest(), dropsRowKey = former?.dropsRowKey ?? false } = changes;
    const all = new Map(former?.addresses);
    for (const [email, isTheirs] of addresses) all.set(toAsciiLowerCase(email), isTheirs);
    const decided: Decided = { sub, credential, addresses: [...all], dropsRowKey, untilMs: null };
    database.set(DECIDED, JSON.stringify(decided));
    schedule.plan("storing", now() + AGAIN_MS);
  }

  /** Decides that KV shall hold nothing of a user. */
  remove(sub: string, emails: readonly string[]): void {
    const owed = this.#decided()?.addresses.map(([email]) => email) ?? [];
    const addresses = [...owed, ...emails].map((email): [string, boolean] => [email, false]);
    this.decide(sub, { credential: null, addresses, dropsRowKey: true });
  }

  /** A new key of rows has taken the place of the one that was to be deleted. */
  keepRowKey(): void {
    const decided = this.#decided();
    if (decided?.dropsRowKey) this.#parts.database.set(DECIDED, JSON.stringify({ ...decided, dropsRowKey: false }));
  }

  /** The sealed credential, where KV may tell another one; null where there is none; undefined where KV knows. */
  newest(): string | null | undefined {
    const decided = this.#decided();
    return (decided?.untilMs ?? Infinity) > this.#parts.now() ? decided?.credential : undefined;
  }

  get isOwed(): boolean {
    return this.#decided()?.untilMs === null;
  }

  /** Whether an address shall lead to the user, and KV has not taken that yet. */
  owesAddress(email: string): boolean {
    return this.#decided()?.addresses.some(([one, isTheirs]) => isTheirs && one === toAsciiLowerCase(email)) ?? false;
  }

  /**
   * Writes what KV is owed. A write that hangs holds up no other: KV may take two in any order, so the one that ends last is
   * followed by one more, alone.
   *
   * @param isSignIn the address is the user's now; later it may have gone to somebody else, who keeps it
   * @throws AppError `STORAGE_UNAVAILABLE`: the alarm tries again
   */
  async write(isSignIn = false): Promise<void> {
    const { database, now, schedule } = this.#parts;
    for (let owed = this.#decided(); owed?.untilMs === null; owed = this.#decided()) {
      const text = database.get(DECIDED);
      const begun = this.#begun;
      const isAlone = this.#inProgress === 0;
      const writing = owed;
      await this.during(() => this.#writeAll(writing, isSignIn));
      if (this.#inProgress > 0) return;
      if (!isAlone || this.#begun !== begun + 1 || database.get(DECIDED) !== text) continue;
      // Where there is none, there is none until a sign-in brings one.
      const untilMs = owed.credential === null ? Number.MAX_SAFE_INTEGER : now() + KV_SETTLED_MS;
      database.set(DECIDED, JSON.stringify({ ...owed, addresses: [], dropsRowKey: false, untilMs }));
      schedule.set("storing", null);
    }
  }

  /** Does work on the records in KV: what {@link write} writes meanwhile it writes once more. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#begun += 1;
    this.#inProgress += 1;
    try {
      return await work();
    } finally {
      this.#inProgress -= 1;
    }
  }

  async #writeAll({ sub, credential, addresses, dropsRowKey }: Decided, isSignIn: boolean): Promise<void> {
    const { store } = this.#parts;
    const writeCredential = async (): Promise<void> => {
      if (credential === null) await store.deleteCredential(sub);
      // By the key that seals now.
      else if (credential !== undefined)
        await store.writeCredential((await store.openCredential(sub, credential)).credential);
    };
    const writing = addresses.map(async ([email, isTheirs]) => {
      if (!isTheirs) return store.deleteAddress(email, sub);
      const holder = isSignIn ? null : await openedOrNull(store.readAddress(email));
      if (holder === null || holder === sub) await store.writeAddress(email, sub);
    });
    const dropping = dropsRowKey ? this.#parts.eraseRowKey(sub) : null;
    // Each is tried, and none is left in progress.
    for (const result of await Promise.allSettled([writeCredential(), dropping, ...writing])) unwrap(result);
  }

  #decided(): Decided | null {
    const text = this.#parts.database.get(DECIDED);
    return text === null ? null : DecidedSchema.parse(JSON.parse(text));
  }
}
