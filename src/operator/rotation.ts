/**
 * Key rotation: the walk over all sealed records, for those that no refresh has sealed again yet. The object of a record's
 * user does it, so that it meets no other change. One page per call, so that each call stays within the platform's limits;
 * the caller keeps the cursor.
 */
import * as z from "zod/mini";
import { tryOpen } from "../lib/key-ring.ts";
import type { RequestScope } from "../context.ts";
import type { ResealOutcome, SealedRecord } from "../object/rpc.ts";

/** KV reads this many values at once. Each costs an object's request at most, of 1,000 per invocation. */
const PAGE_KEYS = 100;

/** What re-seals. */
type RotationServices = Pick<RequestScope, "keyRing" | "kv" | "mailboxes">;

/** What a page of the walk found and did. */
export interface RotationPage {
  /** The key that seals now. */
  readonly activeKid: string;
  /** Records that were under the active key already. */
  readonly current: number;
  /** Records that this call re-sealed. */
  readonly resealed: number;
  /** Records that no key can make useful again: of users without a grant in force. */
  readonly dead: number;
  /** Records that do not open, by the `kid` that they are sealed under. */
  readonly left: Readonly<Record<string, number>>;
  /** Where to go on; null at the end. */
  readonly cursor: string | null;
}

/** A sealed record as a listing shows it. */
interface ListedRecord extends SealedRecord {
  /** Null: it was written before `kid` was kept in metadata. */
  readonly kid: string | null;
}

const MetadataSchema = z.object({ kid: z.string() });

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
  const counts = { current: records.length - outdated.length, resealed: 0, dead: 0 };
  const left = new Map<string, number>();
  const values = await scope.kv.getMany(outdated.map(({ key }) => key));
  for (const [index, record] of outdated.entries()) {
    const sealed = values[index] ?? null;
    // Deleted since the listing.
    if (sealed === null) continue;
    const opened = await tryOpen(reseal(scope, record, sealed));
    if (opened.kind === "opened") counts[opened.value] += 1;
    else {
      const kid = opened.error.kid ?? record.kid ?? "unknown";
      left.set(kid, (left.get(kid) ?? 0) + 1);
    }
  }
  return { activeKid, ...counts, left: Object.fromEntries(left), cursor: page.cursor };
}

/** Marks are not sealed. */
function toRecord({ name, metadata }: { readonly name: string; readonly metadata?: unknown }): ListedRecord[] {
  const purpose = (["credential", "address", "mailbox-key"] as const).find((one) => name.startsWith(`${one}:`));
  if (purpose === undefined) return [];
  return [{ key: name, purpose, kid: MetadataSchema.safeParse(metadata).data?.kid ?? null }];
}

/** @throws SealError where it does not open */
async function reseal(
  { keyRing, kv, mailboxes }: RotationServices,
  { key, purpose }: ListedRecord,
  sealed: string,
): Promise<ResealOutcome> {
  if (keyRing.isActive(sealed)) return "current";
  // Also where the key names the user: one that does not open is counted by its key.
  const opened = await kv.open(purpose, { key, sealed }, z.unknown());
  const sub = purpose === "address" ? z.string().parse(opened) : key.slice(`${purpose}:`.length);
  return mailboxes.of(sub).ask("reseal", sub, { purpose, key });
}
