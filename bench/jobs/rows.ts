/** Lists with what a mailbox shows of each message. */
import {
  type Bench,
  type Measures,
  type Plan,
  prepare,
  regularsOf,
  signedInVisitor,
  type Turn,
  withCpu,
} from "../lib/bench.ts";
import { ownTimeMs, PART_MS } from "../lib/behaviour.ts";
import { callsOf, WORKERS_CAP } from "../lib/google.ts";
import type { Column } from "../lib/results.ts";
import type { Visitor } from "../lib/visitor.ts";

/** Messages of one user that Gmail lets be read at once, in these jobs. The subjects do not know it. */
const HIDDEN_LIMIT = 50;

const COLUMNS: readonly Column[] = [
  { key: "latencyMs", label: "Latency", unit: "ms", better: "less" },
  { key: "cpuMs", label: "CPU", unit: "ms", better: "less" },
  { key: "calls", label: "Calls", unit: "calls", better: "less" },
  { key: "quotaUnits", label: "Quota", unit: "units", better: "less" },
];

const SIZES = [
  { id: "rows-25", rows: 25, medianMs: 50, repetitions: 8, title: "25 rows" },
  { id: "rows-100", rows: 100, medianMs: 50, repetitions: 7, title: "100 rows" },
  { id: "rows-100-near", rows: 100, medianMs: 20, repetitions: 4, title: "100 rows, Google 20 ms away" },
  { id: "rows-100-far", rows: 100, medianMs: 120, repetitions: 3, title: "100 rows, Google 120 ms away" },
] as const;

const ABOUT_ROWS =
  "For each message a row: sender, recipient, subject, date, labels, first words, whether unread. Of one user Gmail " +
  `reads ${HIDDEN_LIMIT} messages at once and refuses more. The floor is Google's own time for a client that knows all ` +
  `of this beforehand: one list call, then waves of up to ${WORKERS_CAP} batches at once that fill the limit.`;

export function rowsPlans(bench: Bench): Plan[] {
  const regularOf = regularsOf(bench);
  const known = SIZES.map(({ id, title, rows, medianMs, repetitions }): Plan => ({
    id,
    title,
    medianMs,
    repetitions,
    group: "rows",
    description: `The same user asks again and again. ${ABOUT_ROWS}`,
    columns: COLUMNS,
    headline: "latencyMs",
    run: async (turn) => listRows(bench, turn, { visitor: await regularOf(turn.subject), rows }),
    floor: (behaviour) => rowsFloorMs(behaviour, rows),
  }));
  const fresh = (rows: number): Plan => ({
    id: `rows-${rows}-new`,
    group: "rows",
    title: `${rows} rows, a user who has just signed in`,
    description: `Somebody else each time, of whose mailbox the subject knows nothing. ${ABOUT_ROWS}`,
    columns: COLUMNS,
    headline: "latencyMs",
    repetitions: 4,
    medianMs: 50,
    run: async (turn) => {
      const visitor = await signedInVisitor(bench, turn.subject);
      return listRows(bench, turn, { visitor, rows });
    },
    floor: (behaviour) => rowsFloorMs(behaviour, rows),
  });
  const busy: Plan = {
    ...fresh(100),
    id: "rows-100-busy",
    title: "100 rows of a mailbox that other programs read, too",
    description:
      "As before, but Gmail reads only 10 messages of the user at once, because other programs use the mailbox. An " +
      "answer counts as right when it has every row.",
    columns: [
      { key: "successPercent", label: "Right answers", unit: "%", better: "more" },
      ...COLUMNS,
      { key: "refusedPercent", label: "Reads refused", unit: "%", better: "less" },
    ],
    repetitions: 3,
    run: async (turn) => {
      const visitor = await signedInVisitor(bench, turn.subject);
      return tryRows(bench, turn, { visitor, rows: 100, behaviour: { hiddenLimit: 10 } });
    },
    floor: (behaviour) => rowsFloorMs(behaviour, 100, 10),
  };
  return [...known, fresh(25), fresh(100), busy];
}

/** One listing of rows, checked. */
async function listRows(bench: Bench, turn: Turn, { visitor, rows }: { visitor: Visitor; rows: number }) {
  await prepare(bench, turn, { hiddenLimit: HIDDEN_LIMIT });
  const { result: latencyMs, cpuMs } = await withCpu(turn.subject, () => visitor.list("metadata", rows));
  const meters = await bench.google.meters();
  return { latencyMs, cpuMs, calls: callsOf(meters), quotaUnits: meters.quotaUnits };
}

/** One listing of rows that may fail. Of wrong answers no more is told than that. */
export async function tryRows(
  bench: Bench,
  turn: Turn,
  work: { visitor: Visitor; rows: number; behaviour: Parameters<typeof prepare>[2] },
): Promise<Measures> {
  await prepare(bench, turn, work.behaviour);
  const { result: latencyMs, cpuMs } = await withCpu(turn.subject, async () => {
    try {
      return await work.visitor.list("metadata", work.rows);
    } catch {
      return null;
    }
  });
  const meters = await bench.google.meters();
  const refusedPercent = (100 * (meters.refused + meters.failed)) / meters.reads;
  // What an answer that was given up has cost tells nothing: it would look cheap.
  if (latencyMs === null) return { successPercent: 0, refusedPercent };
  return {
    successPercent: 100,
    latencyMs,
    cpuMs,
    calls: callsOf(meters),
    quotaUnits: meters.quotaUnits,
    refusedPercent,
    amplification: meters.reads / work.rows,
  };
}

/**
 * Google's own time for rows in milliseconds, for a client that knows Gmail's limit: a list call, then waves of batches.
 *
 * @param limit messages that may be read at once
 */
export function rowsFloorMs(behaviour: Turn["behaviour"], rows: number, limit = HIDDEN_LIMIT): number {
  let total = ownTimeMs(behaviour, [{ endpoint: "list", number: 0 }]);
  let number = 0;
  for (let left = rows; left > 0; left -= limit) {
    const wave = bestWave(behaviour, Math.min(left, limit), number);
    number += wave.batches;
    total += wave.ms;
  }
  return total;
}

/** The arrangement of a wave that ends first: many batches wait less for their parts, and for the slowest of more. */
function bestWave(behaviour: Turn["behaviour"], parts: number, number: number): { batches: number; ms: number } {
  let best = { batches: 0, ms: Number.POSITIVE_INFINITY };
  let slowestMs = 0;
  for (let batches = 1; batches <= Math.min(WORKERS_CAP, parts); batches += 1) {
    const call = { endpoint: "batch", number: number + batches - 1 } as const;
    slowestMs = Math.max(slowestMs, ownTimeMs(behaviour, [call]));
    const ms = slowestMs + Math.ceil(parts / batches) * PART_MS;
    if (ms < best.ms) best = { batches, ms };
  }
  return best;
}

/** 500 rows: as a whole, and when the first of them is there. */
export function manyRowsPlans(bench: Bench, streams: (turn: Turn, visitor: Visitor) => Promise<number>): Plan[] {
  const rows = 500;
  const regularOf = regularsOf(bench);
  /** What the whole answer took, by subject and repetition: without a stream, the first row comes with the last. */
  const wholeMs = new Map<string, number>();
  return [
    {
      id: "rows-500",
      group: "rows",
      title: "500 rows",
      description: `The same user asks again and again. ${ABOUT_ROWS} (In production 500 rows are more than the 6,000 units of a minute.)`,
      columns: COLUMNS,
      headline: "latencyMs",
      repetitions: 3,
      medianMs: 50,
      run: async (turn) => {
        const measures = await listRows(bench, turn, { visitor: await regularOf(turn.subject), rows });
        wholeMs.set(`${turn.subject.key} ${turn.repetition}`, measures.latencyMs);
        return measures;
      },
      floor: (behaviour) => rowsFloorMs(behaviour, rows),
    },
    {
      id: "first-row",
      group: "rows",
      title: "First of 500 rows",
      description:
        "Until the caller has the first of 500 rows. This Worker streams them as NDJSON; the others answer when they " +
        "have all, so that what the job before measured counts. The floor is one list call and the smallest batch.",
      columns: [{ key: "latencyMs", label: "Until the first row", unit: "ms", better: "less" }],
      headline: "latencyMs",
      repetitions: 3,
      medianMs: 50,
      run: async (turn) => {
        const whole = wholeMs.get(`${turn.subject.key} ${turn.repetition}`);
        if (turn.subject.key === "F") return { latencyMs: await streams(turn, await regularOf(turn.subject)) };
        if (whole === undefined) throw new Error("It did not give 500 rows.");
        return { latencyMs: whole };
      },
      floor: (behaviour) =>
        ownTimeMs(behaviour, [
          { endpoint: "list", number: 0 },
          { endpoint: "batch", number: 0, parts: 1 },
        ]),
    },
  ];
}
