/** Rival D: one `messages.get` after another, as first programs with Gmail's API do it. It tries nothing again. */
import { createPlainWorker } from "../plain-worker.ts";
import { type GmailAccess, getMessage } from "../rest.ts";
import type { Row } from "../rows.ts";

async function readRows(access: GmailAccess, ids: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const id of ids) rows.push(await getMessage(access, id));
  return rows;
}

export default createPlainWorker({ readRows, maxTries: 1 });
