/** Known vulnerabilities: what `npm audit` prints is read, no answer is not "none", and what was accepted ends. */

import { describe, expect, it } from "vitest";
import {
  findAcceptanceProblems,
  findAdvisoryProblems,
  readAudit,
  type Advisory,
} from "../../scripts/dependencies/advisories.ts";
import type { Package } from "../../scripts/dependencies/manifest.ts";
import { FAILING_SEVERITY } from "../../scripts/dependencies/policy.ts";

const NOW = new Date("2026-11-22T12:00:00Z");
const ID = "GHSA-aaaa-bbbb-cccc";
const TITLE = "Prototype pollution";

function lockedPackage(name: string, isDevelopment: boolean): Package {
  const path = `node_modules/${name}`;
  return { name, version: "1.0.0", path, license: "MIT", isDevelopment, hasInstallScript: false };
}

const LOCKED = [lockedPackage("served", false), lockedPackage("tool", true), lockedPackage("inner", true)];

/** What npm 10 and 11 print for an advisory of `inner`, which `tool` needs. */
function auditReport(nodes: readonly string[]): string {
  const cause = {
    source: 1,
    name: "inner",
    title: TITLE,
    url: `https://github.com/advisories/${ID}`,
    severity: "high",
  };
  return JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: {
      inner: { name: "inner", severity: "high", via: [cause], effects: ["tool"], nodes, fixAvailable: true },
      tool: { name: "tool", severity: "high", via: ["inner"], effects: [], nodes: ["node_modules/tool"] },
    },
    metadata: {},
  });
}

function advisory(fields: Partial<Advisory>): Advisory {
  return { id: ID, packageName: "inner", title: TITLE, severity: "high", isDevelopment: true, ...fields };
}

function rules(accepted: { id: string; reason: string; expires: string }[] = []) {
  return { failingSeverity: FAILING_SEVERITY, accepted, now: NOW };
}

describe("the answer of npm audit", () => {
  it("names each advisory once, at the package that has it", () => {
    expect(readAudit(auditReport(["node_modules/inner"]), LOCKED)).toEqual({ asked: true, advisories: [advisory({})] });
  });

  it.each([
    ["one of its places is production", ["node_modules/inner", "node_modules/served"]],
    ["a place is not in the lockfile", ["node_modules/other"]],
    ["no place is named", []],
  ])("counts an advisory as production when %s", (_, nodes) => {
    expect(readAudit(auditReport(nodes), LOCKED)).toEqual({
      asked: true,
      advisories: [advisory({ isDevelopment: false })],
    });
  });

  it("may be that there are none", () => {
    const report = JSON.stringify({ auditReportVersion: 2, vulnerabilities: {}, metadata: {} });
    expect(readAudit(report, LOCKED)).toEqual({ asked: true, advisories: [] });
  });

  it.each([
    ["a refusal", '{"statusCode":405,"uri":"https://registry.example/x","message":"no"}', "the registry answered 405"],
    ["a broken connection", '{"error":{"code":"ECONNREFUSED"}}', "npm audit failed: ECONNREFUSED"],
    ["an error without a code", '{"error":{"summary":""}}', "npm audit failed: the registry did not answer"],
    ["nothing", "", "npm audit printed no report"],
    ["a report in a form that is not known", '[{"auditReportVersion":3}]', "npm audit printed no report"],
  ])("that is %s is no answer, and the reason names no registry", (_, stdout, reason) => {
    expect(readAudit(stdout, LOCKED)).toEqual({ asked: false, reason });
  });

  it("that is a report without its list is no answer", () => {
    expect(readAudit('{"auditReportVersion":2}', LOCKED)).toMatchObject({ asked: false });
  });
});

describe("an advisory", () => {
  it.each(["info", "low", "moderate", "high", "critical"] as const)("of production fails when it is %s", (severity) => {
    expect(findAdvisoryProblems([advisory({ severity, isDevelopment: false })], rules())).toEqual([
      `inner (production): ${severity}: ${TITLE} (${ID})`,
    ]);
  });

  it.each(["high", "critical"] as const)("of development fails when it is %s", (severity) => {
    expect(findAdvisoryProblems([advisory({ severity })], rules())).toHaveLength(1);
  });

  it.each(["info", "low", "moderate"] as const)("of development passes when it is %s", (severity) => {
    expect(findAdvisoryProblems([advisory({ severity })], rules())).toEqual([]);
  });

  it("that was accepted passes, and another does not", () => {
    const accepted = rules([{ id: ID, reason: "Not called here", expires: "2026-12-31" }]);
    const other = advisory({ id: "GHSA-dddd-eeee-ffff" });
    expect(findAdvisoryProblems([advisory({}), other], accepted)).toEqual([
      `inner (development): high: ${TITLE} (GHSA-dddd-eeee-ffff)`,
    ]);
  });

  it("that was accepted and is gone fails until the entry is gone, too", () => {
    const accepted = rules([{ id: ID, reason: "Not called here", expires: "2026-12-31" }]);
    expect(findAdvisoryProblems([], accepted)).toEqual([`accepted advisory ${ID}: no longer reported`]);
  });
});

describe("an accepted advisory", () => {
  const entry = { id: ID, reason: "Not called here", expires: "2026-11-22" };

  it("is accepted on its last day", () => {
    expect(findAcceptanceProblems(rules([entry]))).toEqual([]);
  });

  it("may be accepted for 90 days", () => {
    expect(findAcceptanceProblems(rules([{ ...entry, expires: "2027-02-20" }]))).toEqual([]);
  });

  it.each([
    ["its day is over", { expires: "2026-11-21" }, "expired after 2026-11-21"],
    ["it is accepted for too long", { expires: "2027-02-21" }, "expires more than 90 days ahead"],
    ["it has no date", { expires: "soon" }, "says no date as YYYY-MM-DD"],
    ["its date is none", { expires: "2026-13-01" }, "says no date as YYYY-MM-DD"],
    ["it has no reason", { reason: " " }, "says no reason"],
    ["its ID is none", { id: "inner" }, "is no GHSA ID"],
  ])("is refused when %s", (_, fields, problem) => {
    const bad = { ...entry, ...fields };
    expect(findAcceptanceProblems(rules([bad]))).toEqual([`accepted advisory ${bad.id}: ${problem}`]);
  });
});
