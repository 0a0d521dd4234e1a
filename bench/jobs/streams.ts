/** Answers that come line by line, and a mailbox that is too large for anything else. */
import { type Bench, type Plan, prepare, regularsOf, type Turn, withCpu } from "../lib/bench.ts";
import { HEALTHY, MAX_PAGE_SIZE, ownTimeMs } from "../lib/behaviour.ts";
import { callsOf } from "../lib/google.ts";
import { memoryMiB, resetPeakMemory } from "../lib/measure.ts";
import { readLines } from "../lib/ndjson.ts";
import type { Visitor } from "../lib/visitor.ts";

const MAILBOX_SIZE = 100_000;

/** Streams 500 rows, checks them, and says when the first one was there, in milliseconds. */
export async function firstRowMs(bench: Bench, turn: Turn, visitor: Visitor): Promise<number> {
  await prepare(bench, turn);
  const startMs = performance.now();
  let firstMs = 0;
  let count = 0;
  const response = await visitor.request("metadata", 500, "application/x-ndjson");
  await streamRows({ visitor, response, view: "metadata", mailboxSize: HEALTHY.mailboxSize }, () => {
    if (count === 0) firstMs = performance.now() - startMs;
    count += 1;
  });
  if (count !== 500) throw new Error(`${count} rows instead of 500`);
  return firstMs;
}

interface RowStream {
  readonly visitor: Visitor;
  readonly response: Response;
  readonly view: "id" | "metadata";
  readonly mailboxSize: number;
}

/** Reads a stream and checks each of its rows. */
async function streamRows({ visitor, response, view, mailboxSize }: RowStream, onRow: () => void): Promise<void> {
  let position = 0;
  await readLines(response, (line) => {
    const row = JSON.parse(line) as { id?: string; threadId: string; error?: unknown };
    if (row.id === undefined) {
      if (row.error !== undefined) throw new Error(line);
      return;
    }
    visitor.checkRow({ ...row, id: row.id }, { position, view, mailboxSize });
    position += 1;
    onRow();
  });
}

export function wholeMailboxPlan(bench: Bench): Plan {
  const regularOf = regularsOf(bench);
  return {
    id: "all-ids",
    group: "all-ids",
    title: "All of 100,000 IDs",
    description:
      "Every ID of the mailbox, Google 20 ms away. This Worker streams NDJSON, the others collect and answer. Memory " +
      "is what the process takes at most beyond what it had before. The floor is 200 list calls, each of which needs " +
      "the one before.",
    columns: [
      { key: "latencyMs", label: "Until the last ID", unit: "ms", better: "less" },
      { key: "peakMiB", label: "Memory at most", unit: "MiB", better: "less" },
      { key: "cpuMs", label: "CPU", unit: "ms", better: "less" },
      { key: "calls", label: "Calls", unit: "calls", better: "less" },
    ],
    headline: "latencyMs",
    repetitions: 3,
    medianMs: 20,
    run: async (turn) => {
      const { subject } = turn;
      const visitor = await regularOf(subject);
      await prepare(bench, turn, { mailboxSize: MAILBOX_SIZE });
      resetPeakMemory(subject.pid);
      const before = memoryMiB(subject.pid).now;
      const { result: latencyMs, cpuMs } = await withCpu(subject, () => listAll(visitor, subject.key === "F"));
      return {
        latencyMs,
        peakMiB: Math.max(0, memoryMiB(subject.pid).peak - before),
        cpuMs,
        calls: callsOf(await bench.google.meters()),
      };
    },
    floor: (behaviour) =>
      ownTimeMs(
        behaviour,
        Array.from({ length: MAILBOX_SIZE / MAX_PAGE_SIZE }, (_, number) => ({ endpoint: "list" as const, number })),
      ),
  };
}

async function listAll(visitor: Visitor, isStreamed: boolean): Promise<number> {
  if (!isStreamed) return visitor.list("id", "all", MAILBOX_SIZE);
  const startMs = performance.now();
  let count = 0;
  const response = await visitor.request("id", "all", "application/x-ndjson");
  await streamRows({ visitor, response, view: "id", mailboxSize: MAILBOX_SIZE }, () => {
    count += 1;
  });
  if (count !== MAILBOX_SIZE) throw new Error(`${count} IDs instead of ${MAILBOX_SIZE}`);
  return performance.now() - startMs;
}
