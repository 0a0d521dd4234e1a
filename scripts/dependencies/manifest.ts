/**
 * package.json, package-lock.json and what is installed, as far as the dependency checks read them; and the checks that need
 * nothing else: exact versions, and a lockfile that fixes the content of every package but not where it comes from.
 */

import * as z from "zod/mini";

const versions = z._default(z.record(z.string(), z.string()), {});

/** package.json. */
export const manifestSchema = z.object({
  dependencies: versions,
  devDependencies: versions,
  optionalDependencies: versions,
  peerDependencies: versions,
  overrides: z._default(z.record(z.string(), z.unknown()), {}),
  allowScripts: z._default(z.record(z.string(), z.boolean()), {}),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** package-lock.json. */
export const lockfileSchema = z.object({
  lockfileVersion: z.literal(3),
  packages: z.record(
    z.string(),
    z.object({
      name: z.optional(z.string()),
      version: z.optional(z.string()),
      integrity: z.optional(z.string()),
      resolved: z.optional(z.string()),
      link: z.optional(z.boolean()),
      license: z.optional(z.unknown()),
      dev: z.optional(z.boolean()),
      optional: z.optional(z.boolean()),
      hasInstallScript: z.optional(z.boolean()),
    }),
  ),
});
export type Lockfile = z.infer<typeof lockfileSchema>;

/** What `npm query '*'` prints: package.json of everything installed. */
export const installedSchema = z.array(
  z.object({
    name: z.string(),
    version: z.optional(z.string()),
    location: z.string(),
    license: z.optional(z.unknown()),
    dev: z.boolean(),
    scripts: z.optional(z.record(z.string(), z.unknown())),
  }),
);

/** A package in the tree. */
export interface Package {
  /** Its own name, also where it is installed under another. */
  readonly name: string;
  readonly version: string;
  /** Where it is below the project: `node_modules/…`. */
  readonly path: string;
  /** As its package.json says; null when it says none, or none that is a text. */
  readonly license: string | null;
  /** Whether only development needs it. */
  readonly isDevelopment: boolean;
  readonly hasInstallScript: boolean;
}

const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall"];
/** Semantic version, https://semver.org: no range, no tag, no URL. An alias is `npm:name@version`. */
const EXACT_VERSION = /^(?:npm:(?:@[^@/]+\/)?[^@/]+@)?\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/;
/** The only hash that npm still writes for new packages. */
const INTEGRITY = /^sha512-[A-Za-z0-9+/]{86}==$/;
const REQUIRED_SETTINGS = ["omit-lockfile-registry-resolved", "save-exact", "ignore-scripts"];

/** Every package of the lockfile, for all platforms. */
export function lockedPackages({ packages }: Lockfile): Package[] {
  return dependenciesIn(packages).map(([path, entry]) => ({
    name: entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
    version: entry.version ?? "unknown",
    path,
    license: textOrNull(entry.license),
    isDevelopment: entry.dev === true,
    hasInstallScript: entry.hasInstallScript === true,
  }));
}

/** Every package that is in node_modules, on this platform. */
export function installedPackages(installed: z.infer<typeof installedSchema>): Package[] {
  return installed
    .filter(({ location }) => location !== "")
    .map((entry) => ({
      name: entry.name,
      version: entry.version ?? "unknown",
      path: entry.location,
      license: textOrNull(entry.license),
      isDevelopment: entry.dev,
      hasInstallScript: INSTALL_SCRIPTS.some((script) => entry.scripts?.[script] !== undefined),
    }));
}

/** Names of what package.json asks for itself. */
export function directDependencies(manifest: Manifest): string[] {
  return [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies].flatMap(Object.keys);
}

/** What of package.json leaves npm a choice. */
export function findInexactVersions(manifest: Manifest): string[] {
  const groups = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;
  const found = groups.flatMap((group) =>
    Object.entries(manifest[group])
      .filter(([, version]) => !EXACT_VERSION.test(version))
      .map(([name, version]) => `package.json: ${group}.${name} is "${version}": give one exact version`),
  );
  return [...found, ...findInexactOverrides(manifest.overrides)];
}

/** Overrides may be nested; `$name` repeats a direct dependency, which is exact itself. */
function findInexactOverrides(overrides: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(overrides).flatMap(([name, value]) => {
    if (typeof value === "object" && value !== null) return findInexactOverrides({ ...value });
    if (typeof value === "string" && (value.startsWith("$") || EXACT_VERSION.test(value))) return [];
    return [`package.json: the override of ${name} is ${JSON.stringify(value)}: give one exact version`];
  });
}

/** What of the lockfile would let another content in, or bind the project to one registry. Never names the host. */
export function findLockfileProblems({ packages }: Lockfile): string[] {
  const entries = dependenciesIn(packages);
  if (entries.length === 0) return ["package-lock.json: there is no package in it"];
  const unhashed = entries.filter(([, { integrity }]) => integrity === undefined || !INTEGRITY.test(integrity));
  const bound = entries.filter(([, { resolved, link }]) => resolved !== undefined || link === true);
  return [
    ...unhashed.map(([path]) => `package-lock.json: ${path} has no SHA-512 hash`),
    ...bound.map(([path]) => `package-lock.json: ${path} says where it comes from; .npmrc sets that it must not`),
  ];
}

/** Settings of .npmrc that keep versions, lockfile and install scripts as they are checked here. */
export function findNpmrcProblems(npmrc: string): string[] {
  const lines = new Set(npmrc.split("\n").map((line) => line.replaceAll(/\s/g, "")));
  const missing = REQUIRED_SETTINGS.filter((setting) => !lines.has(`${setting}=true`));
  const registry = [...lines].some((line) => /^(?:@[^:]+:)?registry=/.test(line) || line.startsWith("//"));
  return [
    ...missing.map((setting) => `.npmrc: set ${setting}=true`),
    ...(registry ? [".npmrc: names a registry; that belongs into the settings of a machine"] : []),
  ];
}

/** All but the project itself. */
function dependenciesIn(packages: Lockfile["packages"]): [path: string, entry: Lockfile["packages"][string]][] {
  return Object.entries(packages).filter(([path]) => path !== "");
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
