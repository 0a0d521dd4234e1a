/**
 * What contract tests import: `test` with a stage to play on, chosen by where the test runs, and checks that belong to every
 * test: the local Google must have nothing to complain about when it ends.
 */
import { expect, test as base } from "vitest";
import type { Harness, Stage, StageOptions } from "./stage.ts";

const inWorkerd = navigator.userAgent === "Cloudflare-Workers";

// Each implementation needs modules that the other runtime does not have.
const harness: Harness = inWorkerd
  ? (await import("./harness.workerd.ts")).harness
  : (await import("./harness.wrangler.ts")).harness;

export type Open = (options?: StageOptions) => Promise<Stage>;

/** A test with `open`, which sets up a stage for it. */
export const test = base.extend<{ open: Open }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the dependencies of a fixture from this pattern
  open: async ({}, use) => {
    const stages: Stage[] = [];
    await use(async (options = {}) => {
      const stage = await harness.openStage(options);
      stages.push(stage);
      return stage;
    });
    for (const stage of stages) {
      const { violations } = await stage.google.snapshot();
      expect(violations, "what Google would object to").toEqual([]);
    }
  },
});

/** Defines tests that need the Worker inside of the test's runtime: a clock, its storage, other variables later. */
export function describeInside(title: string, define: () => void): void {
  // Skipped, not left out: vitest takes a file without a test for a failure.
  (inWorkerd ? base.describe : base.describe.skip)(title, define);
}

/** Defines tests that only make sense through a real HTTP server. */
export function describeOutside(title: string, define: () => void): void {
  if (!inWorkerd) base.describe(title, { tags: ["process"] }, define);
}

/** The stage's inside; only in tests of {@link describeInside}. */
export function inside(stage: Stage): NonNullable<Stage["inside"]> {
  if (stage.inside === undefined) throw new Error("this test needs describeInside");
  return stage.inside;
}

export { expect };
export const { describe } = base;
