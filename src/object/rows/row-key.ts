/**
 * The key that one user's rows are sealed under: 256 random bits, in KV under `TOKEN_KEYS`, and never in the object. Once
 * the record in KV is deleted, nobody reads what Cloudflare's recovery still has of the object.
 */
import { base64url, CompactEncrypt, compactDecrypt } from "jose";
import * as z from "zod/mini";
import { AppError } from "../../errors.ts";
import { storageKeys } from "../../kv-store/key-names.ts";
import { KV_SETTLED_MS, type SealedKv } from "../../kv-store/sealed-kv.ts";
import { openedOrNull, randomToken, sha256 } from "../../lib/key-ring.ts";
import type { Database } from "../database.ts";
import type { ResealOutcome } from "../rpc.ts";

/** In `meta`: which key the rows are sealed under, as JSON. It says nothing of the key itself. */
const META_KEY = "rows_key";

const KeySchema = z.object({ k: z.string() });
const NoteSchema = z.object({ id: z.string(), madeAtMs: z.int() });

/** Seals and opens contents of rows. */
export interface RowSeal {
  /** A compact JWE, bound to the message. @param content JSON */
  seal(messageId: string, content: unknown): Promise<string>;
  /** @returns the content; null where it does not open */
  open(messageId: string, sealed: string): Promise<unknown>;
}

export interface RowKeyParts {
  readonly database: Database;
  readonly kv: SealedKv;
  /** Forgets the rows: what they are sealed under is gone. */
  readonly dropRows: () => void;
  /** Called when a key was made. */
  readonly onMade: () => void;
  /** Logs what an operator should know. */
  readonly warn: (detail: string) => void;
}

export class RowKey {
  readonly #parts: RowKeyParts;
  /** Null: it is not known whether there is one. */
  #opening: Promise<RowSeal | null> | null = null;
  /** Grows when the key is forgotten. */
  #generation = 0;
  /** Settled when no record is being written any more. */
  #writing: Promise<unknown> = Promise.resolve();

  constructor(parts: RowKeyParts) {
    this.#parts = parts;
  }

  /** Of which key a question is about, when it comes: one that is forgotten later does not come back. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * The user's key, made where there is none.
   *
   * @param generation of when the question came; by default, that is now
   * @returns null where it cannot be had now, or was forgotten since: then rows are neither kept nor known
   */
  async get(sub: string, generation = this.#generation): Promise<RowSeal | null> {
    if (generation !== this.#generation) return null;
    this.#opening ??= this.#open(sub);
    const opening = this.#opening;
    const seal = await opening;
    // It may be there the next time.
    if (seal === null && this.#opening === opening) this.#opening = null;
    return seal;
  }

  /** The key, where rows may be sealed under it: nobody waits for one that is being made. */
  async ofKept(sub: string, generation = this.#generation): Promise<RowSeal | null> {
    return this.isMade ? this.get(sub, generation) : null;
  }

  /** Forgets the key. The record in KV is deleted by {@link erase}. */
  forget(): void {
    this.#generation += 1;
    this.#opening = null;
    this.#parts.database.set(META_KEY, null);
  }

  /** Whether there was a key. */
  get isMade(): boolean {
    return this.#parts.database.get(META_KEY) !== null;
  }

  /** Deletes the record, once it is no longer being written. @throws AppError `STORAGE_UNAVAILABLE` */
  async erase(sub: string): Promise<void> {
    await this.#writing;
    await this.#parts.kv.delete(storageKeys.mailboxKey(sub));
  }

  async #open(sub: string): Promise<RowSeal | null> {
    const { database, kv, warn } = this.#parts;
    const generation = this.#generation;
    try {
      const note = parseNote(database.get(META_KEY));
      if (note === null) return await this.#make(sub, generation);
      const stored = await openedOrNull(kv.getSealed("mailbox-key", storageKeys.mailboxKey(sub), KeySchema));
      if (stored !== null && (await sha256(stored.k)) === note.id) return rowSeal(await importKey(stored.k));
      // KV may not know yet what was written a moment ago: a second key would make the first one's rows unreadable.
      if (kv.now() - note.madeAtMs < KV_SETTLED_MS) return null;
      warn("Kept rows are lost: their key is not in KV, or does not open");
      return await this.#make(sub, generation);
    } catch (error) {
      warn(`Rows are not kept: ${error instanceof AppError ? (error.logDetail ?? error.reason) : String(error)}`);
      return null;
    }
  }

  /** Makes a key. Rows under the one before are lost. */
  async #make(sub: string, generation: number): Promise<RowSeal | null> {
    const { database, dropRows, kv, onMade } = this.#parts;
    const k = randomToken();
    const id = await sha256(k);
    // Everything was forgotten meanwhile.
    if (generation !== this.#generation) return null;
    const writing = kv.putSealed("mailbox-key", storageKeys.mailboxKey(sub), { k });
    this.#writing = Promise.allSettled([this.#writing, writing]);
    await writing;
    // Who has forgotten it meanwhile deletes the record.
    if (generation !== this.#generation) return null;
    if (this.isMade) dropRows();
    database.set(META_KEY, JSON.stringify({ id, madeAtMs: kv.now() }));
    onMade();
    return rowSeal(await importKey(k));
  }

  /** Seals the record in KV again, under the key that seals now. @throws SealError where it does not open */
  async reseal(sub: string): Promise<ResealOutcome> {
    const { kv } = this.#parts;
    const key = storageKeys.mailboxKey(sub);
    const sealed = this.isMade ? await kv.get(key) : null;
    if (sealed === null) return "dead";
    if (kv.keyRing.isActive(sealed)) return "current";
    await kv.reseal("mailbox-key", { key, sealed });
    return "resealed";
  }
}

function parseNote(text: string | null): z.infer<typeof NoteSchema> | null {
  return text === null ? null : NoteSchema.parse(JSON.parse(text));
}

async function importKey(k: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", base64url.decode(k), "AES-GCM", false, ["encrypt", "decrypt"]);
}

function rowSeal(key: CryptoKey): RowSeal {
  return {
    async seal(messageId, content) {
      return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(content)))
        .setProtectedHeader({ alg: "dir", enc: "A256GCM", message: messageId })
        .encrypt(key);
    },
    async open(messageId, sealed) {
      try {
        const { plaintext, protectedHeader } = await compactDecrypt(sealed, key, {
          keyManagementAlgorithms: ["dir"],
          contentEncryptionAlgorithms: ["A256GCM"],
        });
        return protectedHeader["message"] === messageId ? JSON.parse(new TextDecoder().decode(plaintext)) : null;
      } catch {
        return null;
      }
    },
  };
}
