/**
 * Before a test file of a mutation run: storage is empty, as in a new runtime. After it: no mutant is active while the
 * modules of the next run are evaluated.
 */
import { reset } from "cloudflare:test";
import { afterAll, beforeAll } from "vitest";

declare global {
  /** Where Stryker's instrumentation reads which mutant is active. */
  var __stryker__: { activeMutant?: string | undefined } | undefined;
}

beforeAll(async () => {
  await reset();
});

afterAll(() => {
  if (globalThis.__stryker__ !== undefined) globalThis.__stryker__.activeMutant = undefined;
});
