/** The form of the results: what the jobs measure, and the report shows. */

/** A to E are what a user would pick instead; F is this Worker. */
export type SubjectKey = "A" | "B" | "C" | "D" | "E" | "F";

export interface SubjectInfo {
  readonly key: SubjectKey;
  /** Such as `node-googleapis`. */
  readonly name: string;
  /** A sentence for the report. */
  readonly description: string;
  /** Where it runs: `Node 24.21.0` or `workerd 2026-10-23`. */
  readonly runtime: string;
}

/** What several repetitions measured of one thing. */
export interface Summary {
  readonly median: number;
  /** First and third quartile. */
  readonly low: number;
  readonly high: number;
  /** How many values. */
  readonly n: number;
}

/** A column of a job's table. */
export interface Column {
  readonly key: string;
  readonly label: string;
  /** `ms`, `calls`, `MiB`, `%`, `requests/s`, `µs`, `KiB`, `units` or empty for a bare number. */
  readonly unit: string;
  readonly better: "less" | "more" | "none";
}

/** What one subject did in a job: its measures by column key, or why there are none. */
export type Outcome = { readonly measures: Readonly<Record<string, Summary>> } | { readonly notRun: string };

/** One job: a table of the report. */
export interface Job {
  /** Such as `rows-100`. */
  readonly id: string;
  /** Jobs of a group are shown together, such as `rows`. */
  readonly group: string;
  readonly title: string;
  /** What is done, in a sentence or two, and what is counted as right. */
  readonly description: string;
  readonly columns: readonly Column[];
  /** Key of the column that the chart shows and the floor is compared with. */
  readonly headline: string;
  /**
   * The least that the headline can be: the fake's own time for what the job needs of it. Null where a job needs
   * nothing of it.
   */
  readonly floor: Summary | null;
  readonly outcomes: Readonly<Record<SubjectKey, Outcome>>;
}

export interface Results {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** How to do it again. */
  readonly command: string;
  readonly seed: number;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly os: string;
  };
  /** Version by package or program. */
  readonly versions: Readonly<Record<string, string>>;
  /** Milliseconds and shares that the fake Google worked with, for the report. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly subjects: readonly SubjectInfo[];
  readonly jobs: readonly Job[];
}

/** The results as JSON, with one line for what a subject did in a job. */
export function toJson(results: Results): string {
  const lines = JSON.stringify(results, null, 1);
  return `${lines.replaceAll(/\n {5,}/g, " ").replaceAll(/\n {4}(?=[\]}])/g, " ")}\n`;
}
