/** Whether it was decided for every package with an install script if that may run: `allowScripts` of package.json. */

import type { Manifest, Package } from "./manifest.ts";

/**
 * Packages with an install script that `allowScripts` does not name, and names in it that have none. By name only: npm cannot
 * match a version there, because the lockfile does not say where packages come from.
 */
export function findInstallScriptProblems(packages: readonly Package[], { allowScripts }: Manifest): string[] {
  const scripted = new Set(packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name));
  const undecided = [...scripted].filter((name) => allowScripts[name] === undefined);
  const stale = Object.keys(allowScripts).filter((name) => !scripted.has(name));
  return [
    ...undecided.map((name) => `package.json: ${name} has an install script: read it, and name it in allowScripts`),
    ...stale.map((name) => `package.json: allowScripts names ${name}, which has no install script`),
  ];
}
