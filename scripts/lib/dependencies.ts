/** What `npm run check:dependencies` checks without a network: package.json, the lockfile and docs/dependencies.md. */

import * as z from "zod/mini";

const VersionsSchema = z._default(z.record(z.string(), z.string()), {});

/** package.json. */
export const ManifestSchema = z.object({
  dependencies: VersionsSchema,
  devDependencies: VersionsSchema,
  optionalDependencies: VersionsSchema,
});
type Manifest = z.infer<typeof ManifestSchema>;

/** package-lock.json. */
export const LockfileSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      integrity: z.optional(z.string()),
      resolved: z.optional(z.string()),
      dev: z.optional(z.boolean()),
    }),
  ),
});
type Lockfile = z.infer<typeof LockfileSchema>;

/** No range, no tag, no URL. An alias is `npm:name@version`. */
const EXACT_VERSION = /^(?:npm:\S+@)?\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;
const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** Versions that leave npm a choice. */
export function findVersionProblems(manifest: Manifest): string[] {
  return directDependencies(manifest)
    .filter(([, version]) => !EXACT_VERSION.test(version))
    .map(([name, version]) => `package.json: ${name} is "${version}": give one exact version`);
}

/** Packages whose content is not fixed, or that are bound to one registry. lockfile-lint passes over a missing hash. */
export function findLockfileProblems({ packages }: Lockfile): string[] {
  const entries = Object.entries(packages).filter(([name]) => name !== "");
  const unhashed = entries.filter(([, { integrity = "" }]) => !SHA512.test(integrity));
  const bound = entries.filter(([, { resolved }]) => resolved !== undefined);
  return [
    ...unhashed.map(([name]) => `package-lock.json: ${name} has no SHA-512 hash`),
    ...bound.map(([name]) => `package-lock.json: ${name} names a registry`),
  ];
}

/** Rows of docs/dependencies.md that are missing or stale, and a wrong count of packages. */
export function findPageProblems(markdown: string, manifest: Manifest, { packages }: Lockfile): string[] {
  const rows = new Set([...markdown.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name));
  const names = new Set(directDependencies(manifest).map(([name]) => name));
  const all = Object.entries(packages).filter(([name]) => name !== "");
  const development = all.filter(([, { dev }]) => dev === true).length;
  const counts = `${all.length - development} packages of production and ${development} of development`;
  return [
    ...[...names].filter((name) => !rows.has(name)).map((name) => `no row for ${name}`),
    ...[...rows].filter((name) => !names.has(name)).map((name) => `${name} is not in package.json`),
    ...(markdown.includes(counts) ? [] : [`must say "${counts}"`]),
  ].map((problem) => `docs/dependencies.md: ${problem}`);
}

function directDependencies(manifest: Manifest): [name: string, version: string][] {
  return Object.values(manifest).flatMap((versions) => Object.entries(versions));
}
