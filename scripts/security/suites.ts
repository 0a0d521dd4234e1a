/** The steps of `npm run verify:security`, and where the tests of each are. */

/** Tests that are run and counted together. */
export interface Suite {
  readonly name: string;
  /** Globs from the project's folder. Each must match, or the suite fails: a folder that was moved is no pass. */
  readonly files: readonly string[];
  /** Globs of what `files` should not match. Each must match, too. */
  readonly except?: readonly string[];
  /** Projects of vitest.config.ts; all that have these files when left out. */
  readonly projects?: readonly string[];
  /** Whether the tests must print how much they tried, as `parseCounts` reads it. */
  readonly printsCounts?: boolean;
}

/** In the order in which they run. */
export const SUITES: readonly Suite[] = [
  {
    name: "units",
    // A new file counts as one of security until it is named below.
    files: ["test/unit/**/*.test.ts", "test/contract/**/*.test.ts", "test/scripts/token-keys.test.ts"],
    // About listing and reading mail: nothing there decides about trust.
    except: [
      "test/unit/gmail/{batch,batch-sizes,errors,gmail,labels,message,quota}.test.ts",
      "test/unit/isolate/concurrency-limit.test.ts",
      "test/unit/mailbox/{options,rows*,walk*}.test.ts",
      "test/contract/budget-and-stream.test.ts",
      "test/contract/messages.test.ts",
      "test/contract/metadata*.test.ts",
    ],
    // `npm test` runs the contract against wrangler dev, too.
    projects: ["worker", "worker-contract", "node"],
  },
  { name: "attacks", files: ["test/attacks/**/*.test.ts"] },
  { name: "races", files: ["test/races/**/*.test.ts"] },
  { name: "faults", files: ["test/faults/**/*.test.ts"], printsCounts: true },
  { name: "fuzz", files: ["test/fuzz/**/*.test.ts"], printsCounts: true },
];

/** Breaks the code on purpose, many times, and sees whether a test notices. Takes long. */
export const MUTATION = { name: "mutation", script: "test:mutation" } as const;

/** Paths of a suite's files, relative to the project, and which of its globs match nothing. */
export function findSuiteFiles(
  { files, except = [] }: Suite,
  glob: (pattern: string) => readonly string[],
): { found: string[]; unmatched: string[] } {
  const excluded = new Set(except.flatMap(glob));
  const found = new Set(files.flatMap(glob).filter((file) => !excluded.has(file)));
  return { found: [...found].sort(), unmatched: [...files, ...except].filter((pattern) => glob(pattern).length === 0) };
}
