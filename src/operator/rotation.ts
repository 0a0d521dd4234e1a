/**
 * Key rotation: the walk over all sealed records, for those that no request has re-sealed yet. One page per call, so
 * that each call stays within the platform's limits; the caller keeps the cursor.
 */
import * as z from "zod/mini";
import { type Purpose, tryOpen } from "../lib/key-ring.ts";
import { isFresh, latestEndMs, userMarkKeys } from "../kv-store/revocations.ts";
import type { RequestScope } from "../context.ts";
import type { SealedKv } from "../kv-store/sealed-kv.ts";
import { storageKeys } from "../kv-store/key-names.ts";

/** KV reads this many values at once. Re-sealing one takes five operations at most, of 1,000 per invocation. */
const PAGE_KEYS = 100;
/** KV takes no expiration that is less than a minute away. */
const MIN_LIFETIME_MS = 90_000;

/** What re-seals. */
type RotationServices = Pick<RequestScope, "keyRing" | "kv" | "store">;

/** Sealed records, by the prefix of their key. */
const PURPOSES: ReadonlyMap<string, Purpose> = new Map([
  ["credential", "credential"],
  ["address", "address"],
  ["access-token", "access-token"],
  ["api-token", "api-token"],
  ["api-token-access", "access-token"],
]);

/** What a page of the walk found and did. */
export interface RotationPage {
  /** The key that seals now. */
  readonly activeKid: string;
  /** Records that were under the active key already. */
  readonly current: number;
  /** Records that this call re-sealed. */
  readonly resealed: number;
  /** Records that no key can make useful again: credentials whose refresh token is dead, and what is left without one. */
  readonly dead: number;
  /** Records of users who have just consented again or ended sessions: to be tried again in some minutes. */
  readonly changing: number;
  /** Records that do not open, by the `kid` that they are sealed under. */
  readonly left: Readonly<Record<string, number>>;
  /** Where to go on; null at the end. */
  readonly cursor: string | null;
}

/** A sealed record as a listing shows it. */
interface ListedRecord {
  readonly key: string;
  readonly purpose: Purpose;
  /** Null: it was written before `kid` was kept in metadata. */
  readonly kid: string | null;
  /** Epoch seconds. */
  readonly expiration: number | undefined;
}

type Outcome = "current" | "resealed" | "dead" | "changing" | "left" | "gone";

const ListedKeySchema = z.object({
  name: z.string(),
  metadata: z.optional(z.unknown()),
  expiration: z.optional(z.number()),
});

const MetadataSchema = z.object({ kid: z.string() });

/** What names the owner of a record, where the KV key does not. */
const AddressSchema = z.string();
const ApiTokenOwnerSchema = z.object({ identity: z.object({ sub: z.string() }) });

/**
 * Re-seals the records of one page that are under an older key.
 *
 * @param cursor of the page before; null to begin
 * @throws AppError `STORAGE_UNAVAILABLE`: the same call again does the rest
 */
export async function resealPage(scope: RotationServices, cursor: string | null): Promise<RotationPage> {
  const { activeKid } = scope.keyRing;
  const page = await scope.kv.list({ prefix: "", cursor, limit: PAGE_KEYS });
  const records = page.keys.flatMap(toRecord);
  const outdated = records.filter(({ kid }) => kid !== activeKid);
  const counts = { current: records.length - outdated.length, resealed: 0, dead: 0, changing: 0, left: 0, gone: 0 };
  const left = new Map<string, number>();
  const values = await scope.kv.getMany(outdated.map(({ key }) => key));
  for (const [index, record] of outdated.entries()) {
    const sealed = values[index] ?? null;
    const { outcome, kid } = sealed === null ? GONE : await resealOrTell(scope, record, sealed);
    counts[outcome] += 1;
    if (outcome === "left") left.set(kid, (left.get(kid) ?? 0) + 1);
  }
  const { current, resealed, dead, changing } = counts;
  return { activeKid, current, resealed, dead, changing, left: Object.fromEntries(left), cursor: page.cursor };
}

/** Deleted or expired since the listing. */
const GONE = { outcome: "gone", kid: "" } as const;

/** Marks and indexes are not sealed. */
function toRecord(listed: unknown): ListedRecord[] {
  const parsed = ListedKeySchema.safeParse(listed);
  if (!parsed.success) return [];
  const { name, metadata, expiration } = parsed.data;
  const purpose = PURPOSES.get(name.slice(0, Math.max(0, name.indexOf(":"))));
  if (purpose === undefined) return [];
  return [{ key: name, purpose, kid: MetadataSchema.safeParse(metadata).data?.kid ?? null, expiration }];
}

/** @returns what became of it, and where it is left, under which key */
async function resealOrTell(
  scope: RotationServices,
  record: ListedRecord,
  sealed: string,
): Promise<{ outcome: Outcome; kid: string }> {
  const kid = record.kid ?? "unknown";
  const opened = await tryOpen(reseal(scope, record, sealed));
  if (opened.kind === "opened") return { outcome: opened.value, kid };
  // What has expired is as good as gone: KV keeps some things a minute longer.
  return { outcome: opened.kind === "expired" ? "gone" : "left", kid: opened.error.kid ?? kid };
}

/** @throws SealError where it does not open */
async function reseal(scope: RotationServices, record: ListedRecord, sealed: string): Promise<Outcome> {
  const { keyRing, kv, store } = scope;
  const { key, purpose, expiration } = record;
  if (keyRing.isActive(sealed)) return "current";
  if (purpose === "credential") {
    return store.reseal(await store.openCredential(key.slice(storageKeys.credential("").length), sealed));
  }
  const sub = ownerOf(record, await kv.open(purpose, { key, sealed }, z.unknown()));
  const obstacle = await obstacleOf(kv, sub);
  if (obstacle !== null) return obstacle;
  if (expiration !== undefined && expiration * 1000 - kv.now() < MIN_LIFETIME_MS) return "gone";
  await kv.reseal(purpose, { key, sealed, expiration });
  const change = await obstacleOf(kv, sub);
  // The user may have disconnected meanwhile: what was deleted must not be back. Who has a grant keeps the address; the
  // rest is of sessions and tokens that have ended.
  if (change === null || (change === "changing" && purpose === "address")) return "resealed";
  await kv.delete(key);
  return "gone";
}

/** Why what belongs to a user must not be written now: there is no grant that it could serve, or that is about to change. */
async function obstacleOf(kv: SealedKv, sub: string | null): Promise<"dead" | "changing" | null> {
  if (sub === null) return null;
  const [credential = null, ...marks] = await kv.getMany([storageKeys.credential(sub), ...userMarkKeys(sub)]);
  if (credential === null) return "dead";
  return isFresh(latestEndMs(marks), kv.now()) ? "changing" : null;
}

/** Whose a record is, as far as it tells. */
function ownerOf({ key, purpose }: ListedRecord, data: unknown): string | null {
  if (purpose === "address") return AddressSchema.safeParse(data).data ?? null;
  if (purpose === "api-token") return ApiTokenOwnerSchema.safeParse(data).data?.identity.sub ?? null;
  const [prefix, sub] = key.split(":");
  return prefix === "access-token" && sub !== undefined ? decodeURIComponent(sub) : null;
}
