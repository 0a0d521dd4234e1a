/** Whether the license of every package is one that the project accepts. */

import type { Package } from "./manifest.ts";

/** Accepted SPDX identifiers, by where a package is used. */
export interface AllowedLicenses {
  readonly production: readonly string[];
  readonly development: readonly string[];
}

/** Packages without a license, or with one that is not accepted where they are used. */
export function findLicenseProblems(packages: readonly Package[], allowed: AllowedLicenses): string[] {
  return packages.flatMap(({ name, version, license, isDevelopment }) => {
    const use = isDevelopment ? "development" : "production";
    if (license === null) return [`${name}@${version}: no license is known (${use})`];
    return isAllowed(license, new Set(allowed[use])) ? [] : [`${name}@${version}: ${license} is not accepted (${use})`];
  });
}

/**
 * Reads an SPDX expression of `AND` and `OR`, which binds less; one pair of parentheses around the whole is dropped. Whatever
 * else there may be (`WITH`, nested parentheses, `SEE LICENSE IN`) is no identifier of the list, and so not accepted.
 */
function isAllowed(expression: string, allowed: ReadonlySet<string>): boolean {
  const bare = expression.replace(/^\(([^()]*)\)$/, "$1");
  return bare.split(" OR ").some((choice) => choice.split(" AND ").every((id) => allowed.has(id.trim())));
}
