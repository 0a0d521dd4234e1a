/** Rows that outlive the process: how soon they are there again, and what they take on disk. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import { type Bench, type Measures, type Plan, prepare, signedInVisitor, startAgain, type Turn } from "../lib/bench.ts";
import { median } from "../lib/measure.ts";
import type { Visitor } from "../lib/visitor.ts";

const KEPT = 5_000;
const ROWS = 100;
const TIMES = 5;
/** Rows are written after the answer. */
const WRITTEN_MS = 1_000;

export function keptRowsPlan(bench: Bench): Plan {
  const keepsNone = "It keeps no rows.";
  return {
    id: "kept-5000",
    group: "kept-5000",
    title: `${KEPT.toLocaleString("en-US")} rows kept`,
    description:
      `All ${KEPT.toLocaleString("en-US")} rows of a mailbox are listed once. Then the process is ended and started ` +
      `again, and somebody else lists ${ROWS} rows, so that code is compiled and connections are open. Shown is the ` +
      `first list of ${ROWS} rows as a multiple of the ${TIMES} after it, Google as slow in each; and the size of the ` +
      "largest object's database. Only this Worker keeps rows.",
    columns: [
      { key: "multiple", label: "First list after waking by a warm one", unit: "", better: "less" },
      { key: "wakingMs", label: "First list after waking", unit: "ms", better: "less" },
      { key: "warmMs", label: "A warm list", unit: "ms", better: "less" },
      { key: "quotaUnits", label: "Quota of the first list", unit: "units", better: "less" },
      { key: "diskMiB", label: "Database", unit: "MiB", better: "less" },
    ],
    headline: "multiple",
    repetitions: 2,
    medianMs: 50,
    floor: () => 1,
    without: { A: keepsNone, B: keepsNone, C: keepsNone, D: keepsNone, E: keepsNone },
    run: async (turn) => {
      await using stack = new AsyncDisposableStack();
      const folder = mkdtempSync(path.join(tmpdir(), "gmail-edge-kept-"));
      stack.defer(() => rmSync(folder, { recursive: true, force: true }));
      const first = stack.use(new AsyncDisposableStack());
      const { origin } = await startAgain(bench, turn.subject, first, { folder });
      const place = { ...turn.subject, origin };
      const [owner, other] = [await signedInVisitor(bench, place), await signedInVisitor(bench, place)];
      await prepare(bench, turn, { medianMs: 0, mailboxSize: KEPT, hiddenLimit: KEPT });
      await owner.list("metadata", "all", KEPT);
      await other.list("metadata", ROWS, KEPT);
      await wait(WRITTEN_MS);
      await first.disposeAsync();
      const diskMiB = largestDatabaseMiB(path.join(folder, "objects"));
      await startAgain(bench, turn.subject, stack, { folder, port: Number(new URL(origin).port) });
      return { ...(await wake(bench, turn, { owner, other })), diskMiB };
    },
  };
}

async function wake(bench: Bench, turn: Turn, { owner, other }: { owner: Visitor; other: Visitor }): Promise<Measures> {
  await prepare(bench, turn, { mailboxSize: KEPT });
  for (let n = 0; n < TIMES; n += 1) await other.list("metadata", ROWS, KEPT);
  const list = async (): Promise<number> => {
    await bench.google.forgetCalls();
    return owner.list("metadata", ROWS, KEPT);
  };
  const wakingMs = await list();
  const { chargedUnits: quotaUnits } = await bench.google.meters();
  const warm: number[] = [];
  while (warm.length < TIMES) warm.push(await list());
  return { multiple: wakingMs / median(warm), wakingMs, warmMs: median(warm), quotaUnits };
}

/** Of all objects of a process that has ended: what its pages take, whether or not they were checkpointed. */
function largestDatabaseMiB(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".sqlite"));
  const sizes = files.map((file) => {
    using database = new DatabaseSync(path.join(folder, file));
    const { bytes } = database
      .prepare("SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size")
      .get() as { bytes: number };
    return bytes / 2 ** 20;
  });
  return Math.max(...sizes);
}
