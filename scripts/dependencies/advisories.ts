/**
 * Known vulnerabilities, as `npm audit` reports them. No answer is never taken for "none": the caller learns that nobody
 * could be asked, and why.
 */

import * as z from "zod/mini";
import type { Package } from "./manifest.ts";
import type { AcceptedAdvisory } from "./policy.ts";

/** From harmless to severe, as npm ranks them. */
const SEVERITIES = ["info", "low", "moderate", "high", "critical"] as const;
type Severity = (typeof SEVERITIES)[number];

const MAX_ACCEPTED_DAYS = 90;
const MS_PER_DAY = 86_400_000;

const reportSchema = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(
    z.string(),
    z.object({
      via: z.array(
        z.union([
          // The name of another vulnerable package that this one needs: that one has the advisory.
          z.string(),
          z.object({ url: z.string(), title: z.string(), severity: z.enum(SEVERITIES) }),
        ]),
      ),
      nodes: z.array(z.string()),
    }),
  ),
});

const failureSchema = z.object({
  statusCode: z.optional(z.number()),
  code: z.optional(z.string()),
  error: z.optional(z.object({ code: z.optional(z.nullable(z.string())) })),
});

/** One advisory about one package of the lockfile. */
export interface Advisory {
  /** `GHSA-…`, or the whole address where it has another form. */
  readonly id: string;
  readonly packageName: string;
  readonly title: string;
  readonly severity: Severity;
  /** Whether only development needs the package. */
  readonly isDevelopment: boolean;
}

/** What the registry said, or why it could not be asked. */
export type AuditAnswer =
  | { readonly asked: true; readonly advisories: readonly Advisory[] }
  | { readonly asked: false; readonly reason: string };

/** Reads what `npm audit --json` printed. The reason of a failure never names the registry. */
export function readAudit(stdout: string, packages: readonly Package[]): AuditAnswer {
  const json = parseJson(stdout);
  const report = z.safeParse(reportSchema, json);
  if (report.success) return { asked: true, advisories: advisoriesOf(report.data.vulnerabilities, packages) };
  const failure = z.safeParse(failureSchema, json);
  if (!failure.success) return { asked: false, reason: "npm audit printed no report" };
  const { statusCode, code, error } = failure.data;
  if (statusCode !== undefined) return { asked: false, reason: `the registry answered ${statusCode}` };
  return { asked: false, reason: `npm audit failed: ${code ?? error?.code ?? "the registry did not answer"}` };
}

function advisoriesOf(
  vulnerabilities: z.infer<typeof reportSchema>["vulnerabilities"],
  packages: readonly Package[],
): Advisory[] {
  const development = new Set(packages.filter(({ isDevelopment }) => isDevelopment).map(({ path }) => path));
  return Object.entries(vulnerabilities).flatMap(([packageName, { via, nodes }]) =>
    via
      .filter((cause) => typeof cause !== "string")
      .map(({ url, title, severity }) => ({
        id: /GHSA-[\w-]+$/.exec(url)?.[0] ?? url,
        packageName,
        title,
        severity,
        // A package that is not in the lockfile counts as production.
        isDevelopment: nodes.length > 0 && nodes.every((path) => development.has(path)),
      })),
  );
}

/** What the project accepts, and when it is looked at. */
export interface AdvisoryRules {
  readonly failingSeverity: { readonly production: Severity; readonly development: Severity };
  readonly accepted: readonly AcceptedAdvisory[];
  readonly now: Date;
}

/** Advisories that are severe enough to fail and not accepted, and accepted ones that no longer are needed. */
export function findAdvisoryProblems(advisories: readonly Advisory[], rules: AdvisoryRules): string[] {
  const accepted = new Set(rules.accepted.map(({ id }) => id));
  const reported = new Set(advisories.map(({ id }) => id));
  const failing = advisories.filter(({ id, severity, isDevelopment }) => {
    const from = rules.failingSeverity[isDevelopment ? "development" : "production"];
    return !accepted.has(id) && SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(from);
  });
  return [
    ...failing.map(
      ({ id, packageName, title, severity, isDevelopment }) =>
        `${packageName} (${isDevelopment ? "development" : "production"}): ${severity}: ${title} (${id})`,
    ),
    ...[...accepted].filter((id) => !reported.has(id)).map((id) => `accepted advisory ${id}: no longer reported`),
  ];
}

/** Accepted advisories without a reason, without a date, past it, or accepted for too long ahead. Needs no network. */
export function findAcceptanceProblems({ accepted, now }: Pick<AdvisoryRules, "accepted" | "now">): string[] {
  return accepted.flatMap(({ id, reason, expires }) => {
    const endsAtMs = Date.parse(`${expires}T00:00:00Z`) + MS_PER_DAY;
    const problems = [
      !/^GHSA(?:-[0-9a-z]{4}){3}$/.test(id) && "is no GHSA ID",
      reason.trim() === "" && "says no reason",
      !/^\d{4}-\d{2}-\d{2}$/.test(expires) || Number.isNaN(endsAtMs) ? "says no date as YYYY-MM-DD" : false,
      endsAtMs <= now.getTime() && `expired after ${expires}`,
      endsAtMs > now.getTime() + (MAX_ACCEPTED_DAYS + 1) * MS_PER_DAY &&
        `expires more than ${MAX_ACCEPTED_DAYS} days ahead`,
    ];
    return problems.filter((problem) => problem !== false).map((problem) => `accepted advisory ${id}: ${problem}`);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
