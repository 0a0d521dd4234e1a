/**
 * What this project accepts of its dependencies: licenses, and known advisories that do not touch it.
 * `npm run check:dependencies` fails on everything else. Why a dependency is there at all says docs/dependencies.md.
 */

/** Licenses of what is bundled into the Worker: permissive ones only. */
const PERMISSIVE = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "ISC", "MIT", "MIT-0"];

/** Licenses by SPDX identifier. */
export const ALLOWED_LICENSES = {
  production: PERMISSIVE,
  /** Nothing of these tools is passed on, so licenses that put terms on passing on, or are meant for data, do no harm. */
  development: [...PERMISSIVE, "BSD", "CC-BY-4.0", "CC0-1.0", "LGPL-3.0-or-later", "MPL-2.0"],
} as const;

/** From which severity on an advisory fails the check. Development tools never meet a user's data. */
export const FAILING_SEVERITY = { production: "info", development: "high" } as const;

/** An advisory that was read, and found to do no harm here. */
export interface AcceptedAdvisory {
  /** The GitHub advisory's ID: `GHSA-…`. */
  readonly id: string;
  /** Why it does no harm here. */
  readonly reason: string;
  /** The last day it is accepted, `YYYY-MM-DD`: at most 90 days ahead. From the next day on the check fails. */
  readonly expires: string;
}

/** An entry that matches no advisory any more fails the check, too. */
export const ACCEPTED_ADVISORIES: readonly AcceptedAdvisory[] = [];
