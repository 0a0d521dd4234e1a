/** Whether docs/dependencies.md lists what package.json asks for, with the licenses and counts of the lockfile. */

import { directDependencies, type Manifest, type Package } from "./manifest.ts";

/** Table rows: the first cell is the package, the last but one its license. */
const ROW = /^\| `([^`]+)`[^|]*\|.*\| ([^|]*?) +\|[^|]*\|$/gm;

function problem(text: string): string {
  return `docs/dependencies.md: ${text}`;
}

/** How many packages the lockfile has, by where they are used. */
export function countPackages(packages: readonly Package[]): { production: number; development: number } {
  const development = packages.filter(({ isDevelopment }) => isDevelopment).length;
  return { production: packages.length - development, development };
}

/** Rows that are missing, stale or twice, licenses that differ, and a count that is not the lockfile's. */
export function findPageProblems(markdown: string, manifest: Manifest, packages: readonly Package[]): string[] {
  const rows = [...markdown.matchAll(ROW)].map(([, name = "", license = ""]) => ({ name, license }));
  const listed = rows.map(({ name }) => name);
  const asked = directDependencies(manifest);
  const installed = new Map(packages.map(({ path, license }) => [path, license]));
  const { production, development } = countPackages(packages);
  const counts = `${production} packages of production and ${development} of development`;
  return [
    ...asked.filter((name) => !listed.includes(name)).map((name) => problem(`no row for ${name}`)),
    ...listed.filter((name) => !asked.includes(name)).map((name) => problem(`${name} is not in package.json`)),
    ...listed.filter((name, index) => listed.indexOf(name) !== index).map((name) => problem(`two rows for ${name}`)),
    ...rows
      .filter(({ name, license }) => asked.includes(name) && installed.get(`node_modules/${name}`) !== license)
      .map(({ name }) => problem(`the license of ${name} is ${installed.get(`node_modules/${name}`)}`)),
    ...(markdown.includes(counts) ? [] : [problem(`must say "${counts}"`)]),
  ];
}
