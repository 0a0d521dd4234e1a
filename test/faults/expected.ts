/**
 * Which answers the contract allows when a call is spoiled, as a pattern of the line that {@link readOutcome} gives.
 */
import type { Endpoint } from "../support/google.ts";
import type { Effect, Group } from "./faults.ts";
import { ROW_OF_PAGE } from "./outcome.ts";

export interface Spoiled {
  readonly endpoint: Endpoint;
  readonly group: Group;
  readonly effect: Effect;
  /** Not this call only, but every later one of the endpoint too. */
  readonly lasts: boolean;
  /** The answer when nothing is spoiled. */
  readonly undisturbed: string;
  /** The status of the call when nothing is spoiled. */
  readonly status: number;
  /** Something asks for the same beside it that the answer can do without: what fails once may fail for that one. */
  readonly isShared: boolean;
}

/** How an error of the API shows: as an answer, as the last line of a stream, or in rows. */
function shownAs(code: string, reason: string, { group }: Spoiled): string {
  const inRows = group === "batch" || group === "part" ? `|200 with rows (?:${reason}|${ROW_OF_PAGE})` : "";
  return `${code} ${reason}|200, then ${reason}${inRows}`;
}

/** A pattern of the whole line. */
export function expectedOutcome(spoiled: Spoiled): RegExp {
  const { isShared, lasts, undisturbed } = spoiled;
  return new RegExp(`^(?:${patternOf(spoiled)}${isShared && !lasts ? `|${undisturbed}` : ""})$`);
}

function patternOf(spoiled: Spoiled): string {
  const { effect, lasts, undisturbed } = spoiled;
  const consent = `302 sign-in with consent|${shownAs("401", "CONSENT_REQUIRED", spoiled)}`;
  const patterns: Readonly<Record<Effect, string>> = {
    right: undisturbed,
    outage: outage(spoiled),
    limit: shownAs("429", "RATE_LIMITED", spoiled) + recovered(spoiled),
    refused: `(?:302 Google → )+(?:400 CODE_EXCHANGE_FAILED${lasts ? "" : "|302 /healthz"})`,
    operator: "(?:302 Google → )*500 INTERNAL",
    unauthorized: lasts && spoiled.group !== "extra" ? consent : `${consent}|${undisturbed}`,
    gone: consent,
    scope: shownAs("403", "SCOPE_REQUIRED", spoiled),
    blocked: shownAs("403", "ACCESS_BLOCKED", spoiled),
    final: [
      shownAs("400", "FAILED_PRECONDITION", spoiled),
      shownAs("403", "PERMISSION_DENIED", spoiled),
      shownAs("404", "NOT_FOUND", spoiled),
    ].join("|"),
    nobody: "(?:302 Google → )*400 NO_USER_ID",
    empty: spoiled.endpoint === "list" ? "200" : outage(spoiled),
    status: "passed [2-5]\\d\\d",
    // Of a 401 the status is enough to go on with a new access token.
    broken: spoiled.status === 401 ? undisturbed : "broken off",
  };
  return patterns[effect];
}

function outage(spoiled: Spoiled): string {
  const shown = shownAs("50[24]", "UPSTREAM_UNAVAILABLE", spoiled);
  const ofSignIn = "(?:302 Google → )*50[24] UPSTREAM_UNAVAILABLE";
  const ofOthers: Partial<Record<Group, string>> = {
    revoke: "200 unconfirmed",
    code: ofSignIn,
    userinfo: ofSignIn,
    certs: ofSignIn,
    refresh: shown,
    // A 5xx makes Google deliver again.
    risc: "50[234] UPSTREAM_UNAVAILABLE",
  };
  return ofOthers[spoiled.group] ?? shown + recovered(spoiled);
}

/** One spoiled call of Gmail's may be tried again with success; when all are spoiled, that must not look like success. */
function recovered({ group, lasts, undisturbed }: Spoiled): string {
  return lasts || group === "passed" ? "" : `|${undisturbed}`;
}
