/**
 * Rival E: one batch after another, and what Gmail refused for now once more in a later batch, with the exponential
 * backoff that Google's guide to errors asks for.
 */
import { createPlainWorker } from "../plain-worker.ts";
import { backOff, type GmailAccess, getBatch, GoogleError, isTransient } from "../rest.ts";
import { groupsOf, type Row } from "../rows.ts";

const BATCH_SIZE = 25;
const MAX_TRIES = 5;

async function readRows(access: GmailAccess, ids: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  let left = [...ids.entries()];
  for (let tries = 1; ; tries += 1) {
    const refused: typeof left = [];
    let status = 0;
    for (const group of groupsOf(left, BATCH_SIZE)) {
      const parts = await getBatch(
        access,
        group.map(([, id]) => id),
      );
      for (const [at, entry] of group.entries()) {
        const part = parts[at] ?? { status: 502 };
        if ("row" in part) {
          rows[entry[0]] = part.row;
        } else {
          ({ status } = part);
          if (!isTransient(status)) throw new GoogleError(status, `A part of a batch answered ${status}.`);
          refused.push(entry);
        }
      }
    }
    if (refused.length === 0) return rows;
    if (tries === access.maxTries) throw new GoogleError(status, `A part of a batch answered ${status}.`);
    await backOff(tries);
    left = refused;
  }
}

export default createPlainWorker({ readRows, maxTries: MAX_TRIES });
