/** What every job works with, and how it repeats: by turns, the first round thrown away. */
import type { Behaviour } from "./behaviour.ts";
import type { Running, StartOptions, Subject } from "../subjects.ts";
import type { Google } from "./google.ts";
import { cpuMs, summarize } from "./measure.ts";
import type { Job, Outcome, SubjectKey, Summary } from "./results.ts";
import { StatusError, Visitor } from "./visitor.ts";

export interface Bench {
  readonly google: Google;
  readonly subjects: readonly Subject[];
  /** The subjects as they run from the beginning to the end. */
  readonly running: readonly Running[];
  /** Share of the repetitions to make: 1, or less for a first look, which makes one at least. */
  readonly scale: number;
  readonly stack: AsyncDisposableStack;
}

/** What one repetition measured, by column; a job may measure more than it shows. */
export type Measures = Readonly<Record<string, number>>;

let users = 0;

/** Somebody who has never been there. */
export function newVisitor(origin: string): Visitor {
  users += 1;
  return new Visitor(origin, `1${String(users).padStart(20, "0")}`);
}

/** Somebody who is signed in. Google takes no time over it. */
export async function signedInVisitor(bench: Bench, subject: Running): Promise<Visitor> {
  await bench.google.reset({ medianMs: 0 });
  const visitor = newVisitor(subject.origin);
  await visitor.signIn();
  return visitor;
}

/** The same person at a subject each time, signed in when first asked for. */
export function regularsOf(bench: Bench): (subject: Running) => Promise<Visitor> {
  const visitors = new Map<SubjectKey, Visitor>();
  return async (subject) => {
    const visitor = visitors.get(subject.key) ?? (await signedInVisitor(bench, subject));
    visitors.set(subject.key, visitor);
    return visitor;
  };
}

/** Starts a subject once more, beside the one that runs. */
export async function startAgain(
  bench: Bench,
  { key }: Running,
  stack: AsyncDisposableStack,
  options: StartOptions = {},
): Promise<Running> {
  const definition = bench.subjects.find(({ info }) => info.key === key);
  if (definition === undefined) throw new Error(`There is no subject ${key}.`);
  return definition.start(stack, options);
}

/** One turn of one subject. */
export interface Turn {
  readonly subject: Running;
  /** From 0, which is the warm-up. */
  readonly repetition: number;
  /** How Google behaves in this repetition, the same for every subject. */
  readonly behaviour: Pick<Behaviour, "seed" | "medianMs">;
}

/** A job before it was done. */
export interface Plan extends Omit<Job, "floor" | "outcomes"> {
  /** Repetitions that count, of a whole run. */
  readonly repetitions: number;
  /** Median latency of Google in this job. */
  readonly medianMs: number;
  /** Why a subject does not take part. */
  readonly without?: Partial<Record<SubjectKey, string>>;
  /** One turn. @returns its measures by column */
  readonly run: (turn: Turn) => Promise<Measures>;
  /** The floor of a repetition, in the unit of the headline. */
  readonly floor: ((behaviour: Pick<Behaviour, "seed" | "medianMs">) => number) | null;
}

/**
 * Does a job: in each repetition every subject has its turn, in an order that rotates, with the same seed. A subject
 * that fails in all of its turns is shown with why; one that fails in some fails in `success`, where the job counts it.
 */
export async function runJob(bench: Bench, plan: Plan): Promise<Job> {
  const repetitions = Math.max(1, Math.round(plan.repetitions * bench.scale));
  const measured = new Map<SubjectKey, Measures[]>();
  const failures = new Map<SubjectKey, string>();
  const floors: number[] = [];
  for (let repetition = 0; repetition <= repetitions; repetition += 1) {
    const behaviour = { seed: repetition, medianMs: plan.medianMs };
    if (repetition > 0 && plan.floor !== null) floors.push(plan.floor(behaviour));
    for (const subject of rotated(bench.running, repetition)) {
      if (plan.without?.[subject.key] !== undefined || failures.has(subject.key)) continue;
      try {
        const measures = columnsOf(plan, await plan.run({ subject, repetition, behaviour }));
        if (repetition > 0) measured.set(subject.key, [...(measured.get(subject.key) ?? []), measures]);
      } catch (error) {
        // Told to end: what fails now says nothing of the subject.
        if (bench.stack.disposed) throw error;
        failures.set(subject.key, error instanceof Error ? error.message : String(error));
        console.error(`${plan.id}, ${subject.key}:`, error);
      }
    }
  }
  const { repetitions: _, medianMs: __, without, run: ___, floor: ____, ...shown } = plan;
  return {
    ...shown,
    floor: floors.length === 0 ? null : summarize(floors),
    outcomes: Object.fromEntries(
      bench.running.map(({ key }) => [key, outcomeOf(measured.get(key), without?.[key] ?? failures.get(key))]),
    ) as Record<SubjectKey, Outcome>,
  };
}

/** What of a turn the job shows. */
function columnsOf({ columns }: Plan, measures: Measures): Measures {
  return Object.fromEntries(
    columns.map(({ key }) => [key, measures[key]]).filter(([, value]) => value !== undefined),
  ) as Measures;
}

function outcomeOf(turns: readonly Measures[] | undefined, reason: string | undefined): Outcome {
  if (reason !== undefined) return { notRun: reason };
  if (turns === undefined) return { notRun: "It did not take part." };
  return { measures: summarizeColumns(turns) };
}

/** Each column over the turns that have it: a turn without success has no latency, for one. */
export function summarizeColumns(turns: readonly Measures[]): Record<string, Summary> {
  const keys = new Set(turns.flatMap((turn) => Object.keys(turn)));
  return Object.fromEntries(
    Array.from(keys, (key) => [key, summarize(turns.map((turn) => turn[key]).filter((value) => value !== undefined))]),
  );
}

function rotated<T>(values: readonly T[], by: number): T[] {
  const at = by % values.length;
  return [...values.slice(at), ...values.slice(0, at)];
}

/** Measures the CPU that a subject spends on `work`, in milliseconds. */
export async function withCpu<T>(subject: Running, work: () => Promise<T>): Promise<{ result: T; cpuMs: number }> {
  const before = cpuMs(subject.pid);
  const result = await work();
  return { result, cpuMs: cpuMs(subject.pid) - before };
}

/** Prepares Google for a turn: behaviour, meters, and the cap of the subject's platform. */
export async function prepare(bench: Bench, turn: Turn, behaviour: Partial<Behaviour> = {}): Promise<void> {
  await bench.google.setCap(turn.subject.cap);
  await bench.google.reset({ ...turn.behaviour, ...behaviour });
}

/** Null where the subject answered with an error, which is a result; other failures are thrown. */
export async function attempt(work: () => Promise<number>): Promise<number | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StatusError) return null;
    throw error;
  }
}
