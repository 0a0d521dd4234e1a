/** `npm run check:dependencies`: versions, lockfile, licenses, install scripts and the page. Each check refuses a bad input. */

import { describe, expect, it } from "vitest";
import { findInstallScriptProblems } from "../../scripts/dependencies/install-scripts.ts";
import { findLicenseProblems } from "../../scripts/dependencies/licenses.ts";
import {
  findInexactVersions,
  findLockfileProblems,
  findNpmrcProblems,
  installedPackages,
  installedSchema,
  lockedPackages,
  lockfileSchema,
  manifestSchema,
  type Package,
} from "../../scripts/dependencies/manifest.ts";
import { findPageProblems } from "../../scripts/dependencies/page.ts";
import { ALLOWED_LICENSES } from "../../scripts/dependencies/policy.ts";

const INTEGRITY = `sha512-${"A".repeat(86)}==`;
const HONO: Package = {
  name: "hono",
  version: "4.0.0",
  path: "node_modules/hono",
  license: "MIT",
  isDevelopment: false,
  hasInstallScript: false,
};

function manifest(fields: object) {
  return manifestSchema.parse(fields);
}

function lockfile(packages: object) {
  return lockfileSchema.parse({ lockfileVersion: 3, packages: { "": {}, ...packages } });
}

describe("a version in package.json", () => {
  it.each(["1.2.3", "1.2.3-beta.1", "npm:@scope/name@1.2.3", "npm:name@1.2.3"])("may be %s", (version) => {
    expect(findInexactVersions(manifest({ dependencies: { hono: version } }))).toEqual([]);
  });

  it.each([
    "^1.2.3",
    "~1.2.3",
    ">=1.2.3",
    "1.2",
    "1.x",
    "1.2.3 || 2.0.0",
    "*",
    "",
    "latest",
    "npm:name@^1.2.3",
    "npm:name",
    "github:honojs/hono",
    "git+https://example.com/a.git#0123abc",
    "https://example.com/a.tgz",
    "file:../a",
  ])("must not be %j", (version) => {
    expect(findInexactVersions(manifest({ dependencies: { hono: version } }))).toHaveLength(1);
  });

  it.each(["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"])("is read in %s", (group) => {
    expect(findInexactVersions(manifest({ [group]: { hono: "^4.0.0" } }))).toEqual([
      `package.json: ${group}.hono is "^4.0.0": give one exact version`,
    ]);
  });

  it("is read in nested overrides", () => {
    const overrides = { a: "1.0.0", b: { "c@1": "^2.0.0", ".": "1.0.0" }, hono: "$hono" };
    expect(findInexactVersions(manifest({ overrides }))).toEqual([
      'package.json: the override of c@1 is "^2.0.0": give one exact version',
    ]);
  });
});

describe("the lockfile", () => {
  it("passes with a SHA-512 hash for every package", () => {
    expect(findLockfileProblems(lockfile({ "node_modules/a": { integrity: INTEGRITY } }))).toEqual([]);
  });

  it.each([
    ["no hash", {}],
    ["a SHA-1 hash", { integrity: "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=" }],
    ["half a hash", { integrity: "sha512-AAAA" }],
  ])("is refused with %s", (_, entry) => {
    expect(findLockfileProblems(lockfile({ "node_modules/a": entry }))).toEqual([
      "package-lock.json: node_modules/a has no SHA-512 hash",
    ]);
  });

  it.each([
    ["an address", { resolved: "https://registry.example/a/-/a-1.0.0.tgz" }],
    ["a folder outside", { resolved: "../a", link: true }],
  ])("is refused with %s, which is not repeated", (_, entry) => {
    const problems = findLockfileProblems(lockfile({ "node_modules/a": { integrity: INTEGRITY, ...entry } }));
    expect(problems).toEqual([
      "package-lock.json: node_modules/a says where it comes from; .npmrc sets that it must not",
    ]);
  });

  it("is refused when it is empty", () => {
    expect(findLockfileProblems(lockfile({}))).toHaveLength(1);
  });
});

describe(".npmrc", () => {
  const good = "omit-lockfile-registry-resolved=true\nsave-exact = true\nignore-scripts=true\n";

  it("passes with the settings that the other checks rely on", () => {
    expect(findNpmrcProblems(good)).toEqual([]);
  });

  it.each(["omit-lockfile-registry-resolved", "save-exact", "ignore-scripts"])("needs %s", (setting) => {
    const without = good.replace(new RegExp(`${setting} ?=`), `# ${setting}=`);
    expect(findNpmrcProblems(without)).toEqual([`.npmrc: set ${setting}=true`]);
  });

  it.each(["registry=https://registry.example/", "@a:registry = https://registry.example/", "//registry.example/:x=y"])(
    "must not say %s",
    (line) => {
      expect(findNpmrcProblems(good + line)).toHaveLength(1);
    },
  );
});

function problemsOf(license: string | null, isDevelopment = false): string[] {
  return findLicenseProblems([{ ...HONO, license, isDevelopment }], ALLOWED_LICENSES);
}

describe("a license", () => {
  it.each(["MIT", "MIT OR GPL-3.0-only", "(MIT OR GPL-3.0-only)", "MIT AND ISC", "GPL-3.0-only OR MIT AND ISC"])(
    "%s is accepted",
    (license) => {
      expect(problemsOf(license)).toEqual([]);
    },
  );

  it.each([
    "GPL-3.0-only",
    "MIT AND GPL-3.0-only",
    "(MIT AND GPL-3.0-only)",
    "MIT AND GPL-3.0-only OR AGPL-3.0-only",
    "(MIT OR GPL-3.0-only) AND GPL-2.0-only",
    "Apache-2.0 WITH LLVM-exception",
    "SEE LICENSE IN LICENSE",
    "UNLICENSED",
    "mit",
    "",
  ])("%j is refused", (license) => {
    expect(problemsOf(license)).toEqual([`hono@4.0.0: ${license} is not accepted (production)`]);
  });

  it("that nobody knows is refused", () => {
    expect(problemsOf(null)).toEqual(["hono@4.0.0: no license is known (production)"]);
  });

  it("of a tool may be one that a part of the Worker may not have", () => {
    expect(problemsOf("MPL-2.0", true)).toEqual([]);
    expect(problemsOf("MPL-2.0", false)).toHaveLength(1);
  });
});

describe("packages", () => {
  it("of the lockfile have their own name, and count as production unless they are marked", () => {
    const [alias, nested] = lockedPackages(
      lockfile({
        "node_modules/@a/pool": { name: "@a/plugin", version: "1.0.0", dev: true, license: "MIT" },
        "node_modules/@a/pool/node_modules/@b/c": { version: "2.0.0", hasInstallScript: true },
      }),
    );
    expect(alias).toMatchObject({ name: "@a/plugin", license: "MIT", isDevelopment: true, hasInstallScript: false });
    expect(nested).toMatchObject({ name: "@b/c", license: null, isDevelopment: false, hasInstallScript: true });
  });

  it.each(["preinstall", "install", "postinstall"])("that are installed are known by their %s script", (script) => {
    const installed = installedSchema.parse([
      { name: "project", location: "", dev: false, scripts: { [script]: "node project.js" } },
      {
        name: "a",
        location: "node_modules/a",
        dev: false,
        license: { type: "MIT" },
        scripts: { [script]: "node a.js" },
      },
      { name: "b", location: "node_modules/b", dev: true, license: "MIT", scripts: { test: "node b.js" } },
    ]);
    expect(installedPackages(installed)).toMatchObject([
      { name: "a", license: null, isDevelopment: false, hasInstallScript: true },
      { name: "b", license: "MIT", isDevelopment: true, hasInstallScript: false },
    ]);
  });
});

describe("allowScripts", () => {
  const scripted = { ...HONO, hasInstallScript: true };

  it.each([true, false])("decides about every install script, here %s", (allowed) => {
    expect(findInstallScriptProblems([scripted], manifest({ allowScripts: { hono: allowed } }))).toEqual([]);
  });

  it.each([{}, { "hono@4.0.0": false }])("of %j leaves one open", (allowScripts) => {
    expect(findInstallScriptProblems([scripted], manifest({ allowScripts }))).toContain(
      "package.json: hono has an install script: read it, and name it in allowScripts",
    );
  });

  it("must not name what has none", () => {
    expect(findInstallScriptProblems([HONO], manifest({ allowScripts: { hono: false } }))).toHaveLength(1);
  });
});

describe("docs/dependencies.md", () => {
  const row = "| `hono` | Routes | None | MIT     | 2026-11-16 |";
  const counts = "1 packages of production and 0 of development";
  const asked = manifest({ dependencies: { hono: "4.0.0" } });

  it("passes when it says what package.json and the lockfile say", () => {
    expect(findPageProblems(`${counts}\n${row}\n`, asked, [HONO])).toEqual([]);
  });

  it.each([
    ["lacks a row", counts, "no row for hono"],
    ["has a row too many", `${counts}\n${row}\n${row.replace("hono", "koa")}`, "koa is not in package.json"],
    ["has a row twice", `${counts}\n${row}\n${row}`, "two rows for hono"],
    ["says another license", `${counts}\n${row.replace("MIT ", "ISC ")}`, "the license of hono is MIT"],
    ["says another count", `2 ${counts.slice(2)}\n${row}`, `must say "${counts}"`],
  ])("is refused when it %s", (_, page, problem) => {
    expect(findPageProblems(page, asked, [HONO])).toEqual([`docs/dependencies.md: ${problem}`]);
  });
});
