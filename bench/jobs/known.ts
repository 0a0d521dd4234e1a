/** Rows that a subject has read before: again, with one more message, as a page, and by many at once. */
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
import { ownTimeMs } from "../lib/behaviour.ts";
import { callsOf } from "../lib/google.ts";
import { median } from "../lib/measure.ts";
import type { Column } from "../lib/results.ts";

/** How often the same is asked for in a turn, one after another, after it was read once. */
const TIMES = 10;

/** Gmail's prices. */
const LIST_UNITS = 5;
const ROW_UNITS = 20;

const COLUMNS: readonly Column[] = [
  { key: "latencyMs", label: "Latency, median", unit: "ms", better: "less" },
  { key: "cpuMs", label: "CPU per request", unit: "ms", better: "less" },
  { key: "calls", label: "Calls per request", unit: "calls", better: "less" },
  { key: "quotaUnits", label: "Quota per request", unit: "units", better: "less" },
];

const ABOUT =
  "Quota is what Gmail charges. The floor is one list call; whoever asks for changes beside it waits for the later of " +
  "the two, at the median 1.18 times as long.";
const TOO_SLOW = "One message after another, it takes longer than all others together: see the job `rows-100`.";

/** As whoever knows the rows asks: nothing but the list. */
const LISTED = {
  group: "known",
  columns: COLUMNS,
  headline: "latencyMs",
  medianMs: 50,
  floor: (behaviour: Turn["behaviour"]) =>
    median(Array.from({ length: TIMES }, (_, number) => ownTimeMs(behaviour, [{ endpoint: "list", number }]))),
};

export function knownRowsPlans(bench: Bench): Plan[] {
  return [
    again(bench, { rows: 25, repetitions: 4 }),
    again(bench, { rows: 100, repetitions: 2 }),
    oneNew(bench),
    pageAgain(bench),
    crowd(bench),
  ];
}

function again(bench: Bench, { rows, repetitions }: { rows: number; repetitions: number }): Plan {
  const regularOf = regularsOf(bench);
  return {
    ...LISTED,
    id: `rows-${rows}-again`,
    title: `${rows} rows again`,
    description: `The first ${rows} rows, ${TIMES} times within seconds after they were read, by the same user. ${ABOUT}`,
    repetitions,
    without: { D: TOO_SLOW },
    run: async (turn) => {
      const visitor = await regularOf(turn.subject);
      return askAgain(bench, turn, () => visitor.list("metadata", rows));
    },
  };
}

function pageAgain(bench: Bench): Plan {
  const regularOf = regularsOf(bench);
  const noPage = "It has no page.";
  return {
    ...LISTED,
    id: "page-again",
    title: "The mailbox page again",
    description:
      `The page with 25 rows, folders and their counts, ${TIMES} times within seconds after it was read, by the same ` +
      `user, until it is there as a whole. Only this Worker has one. ${ABOUT}`,
    repetitions: 4,
    without: { A: noPage, B: noPage, C: noPage, D: noPage, E: noPage },
    run: async (turn) => {
      const visitor = await regularOf(turn.subject);
      return askAgain(bench, turn, () => visitor.openPage());
    },
  };
}

/** Asks once, and measures what it takes from then on. */
async function askAgain(bench: Bench, turn: Turn, ask: () => Promise<number>): Promise<Measures> {
  await prepare(bench, turn, { medianMs: 0 });
  await ask();
  await prepare(bench, turn);
  return measure(bench, turn, { ask, times: TIMES });
}

async function measure(bench: Bench, turn: Turn, work: { ask: () => Promise<number>; times: number }) {
  const latencies: number[] = [];
  const { cpuMs } = await withCpu(turn.subject, async () => {
    while (latencies.length < work.times) latencies.push(await work.ask());
  });
  const meters = await bench.google.meters();
  return {
    latencyMs: median(latencies),
    cpuMs: cpuMs / work.times,
    calls: callsOf(meters) / work.times,
    quotaUnits: meters.chargedUnits / work.times,
  };
}

function oneNew(bench: Bench): Plan {
  const rows = 100;
  return {
    ...LISTED,
    id: "rows-100-one-new",
    title: `${rows} rows again, one of them new`,
    description:
      `The first ${rows} rows after one message has come: the other ${rows - 1} were read a moment ago. Quota is what ` +
      "Gmail charges. The floor is one list call and a batch of one.",
    repetitions: 4,
    without: { D: TOO_SLOW },
    run: async (turn) => {
      const visitor = await signedInVisitor(bench, turn.subject);
      await prepare(bench, turn);
      await visitor.list("metadata", rows);
      const mailboxSize = await bench.google.receiveMail(visitor.sub);
      await bench.google.forgetCalls();
      return measure(bench, turn, { ask: () => visitor.list("metadata", rows, mailboxSize), times: 1 });
    },
    floor: (behaviour) =>
      ownTimeMs(behaviour, [
        { endpoint: "list", number: 0 },
        { endpoint: "batch", number: 0, parts: 1 },
      ]),
  };
}

function crowd(bench: Bench): Plan {
  const [callers, rows] = [20, 50];
  return {
    id: `rows-${rows}-crowd`,
    group: `rows-${rows}-crowd`,
    title: `${rows} unknown rows, asked for by ${callers} at once`,
    description:
      `${callers} requests of one user who has just signed in, all for the same ${rows} rows: a page with many tabs, ` +
      "or programs that start together. Quota is what Gmail charges for all of them. The floor is every message read " +
      "once. Gmail's limit of messages at once, which the rivals answer with errors, and the cap of 6 connections are off.",
    columns: [
      { key: "quotaUnits", label: "Quota of all", unit: "units", better: "less" },
      { key: "slowestMs", label: "Latency of the slowest", unit: "ms", better: "less" },
      { key: "cpuMs", label: "CPU of all", unit: "ms", better: "less" },
      { key: "calls", label: "Calls of all", unit: "calls", better: "less" },
    ],
    headline: "quotaUnits",
    repetitions: 2,
    medianMs: 50,
    run: async (turn) => {
      const visitor = await signedInVisitor(bench, turn.subject);
      await prepare(bench, turn, { hiddenLimit: callers * rows });
      await bench.google.setCap(null);
      const { result, cpuMs } = await withCpu(turn.subject, () =>
        Promise.all(Array.from({ length: callers }, () => visitor.copy().list("metadata", rows))),
      );
      const meters = await bench.google.meters();
      return { quotaUnits: meters.chargedUnits, slowestMs: Math.max(...result), cpuMs, calls: callsOf(meters) };
    },
    floor: () => callers * LIST_UNITS + rows * ROW_UNITS,
  };
}
