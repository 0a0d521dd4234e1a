/**
 * The log: one JSON line per entry, for Workers Logs. Nothing secret may reach it: no tokens, no addresses, no search
 * text, no query strings.
 */
import { AppError } from "../errors.ts";
import { sha256 } from "./key-ring.ts";
import type { Trace } from "./trace.ts";

const SUBJECT_CHARACTERS = 12;
const MAX_CAUSES = 5;
const MAX_FRAMES = 5;
const MAX_MESSAGE_LENGTH = 300;

/**
 * Any error as an AppError: what nobody foresaw becomes `INTERNAL` and says no more than its request ID. Logs what an
 * operator has to see.
 */
export function reportError(trace: Trace, error: unknown): AppError {
  const found = error instanceof AppError ? error : new AppError("INTERNAL", "Unexpected error", { cause: error });
  if (found.code >= 500 || found.logDetail !== null) logError(trace, found);
  trace.reason = found.reason;
  if (found.reason !== "INTERNAL") return found;
  return new AppError(
    "INTERNAL",
    `We could not finish your request. Try again. If it fails again, give whoever runs this site the request ID ${trace.requestId}.`,
  );
}

/** What a request was and what became of it. */
export interface RequestSummary {
  /** Pattern of the route, such as `/api/messages`: never the URL. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  /** Milliseconds from its arrival to the end of its answer. */
  readonly ms: number;
}

/** Logs a request, one line each. Whose it was is hashed. */
export async function logRequest(trace: Trace, summary: RequestSummary): Promise<void> {
  const { requestId, reason, ...counts } = trace.summary();
  const subject = await shortHash(trace.subject);
  console.log(JSON.stringify({ level: "info", requestId, ...summary, reason, subject, ...counts }));
}

/** Enough to tell users apart, and too little to look one up. */
async function shortHash(sub: string | null): Promise<string | null> {
  return sub === null ? null : (await sha256(sub)).slice(0, SUBJECT_CHARACTERS);
}

/** Logs a security event, also one without effect. Its user is hashed. */
export async function logSecurityEvent(
  trace: Trace,
  event: { type: string; sub: string | null; reason: string | null; state: string | null },
): Promise<void> {
  const { type, sub, reason, state } = event;
  const subject = await shortHash(sub);
  const [shortType, shortReason, shortState] = [type, reason, state].map((text) => text?.slice(0, MAX_MESSAGE_LENGTH));
  console.log(
    JSON.stringify({
      level: "info",
      requestId: trace.requestId,
      securityEvent: shortType,
      subject,
      reason: shortReason,
      state: shortState,
    }),
  );
}

/** Logs that something went wrong beside a request whose answer does not depend on it. */
export function logBackgroundFailure(trace: Trace, error: unknown): void {
  logError(
    trace,
    error instanceof AppError ? error : new AppError("INTERNAL", "Background work failed", { cause: error }),
  );
}

/** Logs what an operator should know although the request goes well. @param detail never a secret */
export function logWarning(trace: Trace, detail: string): void {
  console.warn(JSON.stringify({ level: "warn", requestId: trace.requestId, detail }));
}

/** The chain of causes without anything secret. */
function logError(trace: Trace, error: AppError): void {
  console.error(
    JSON.stringify({
      level: error.code >= 500 ? "error" : "warn",
      requestId: trace.requestId,
      reason: error.reason,
      code: error.code,
      detail: error.logDetail,
      causes: describeCauses(error.cause),
    }),
  );
}

/** Logs that the configuration is wrong, every problem at once. */
export function logConfigProblems(problems: readonly string[]): void {
  console.error(JSON.stringify({ level: "error", reason: "CONFIGURATION", problems }));
}

/** Logs names that are set and mean nothing, all at once. */
export function logUnknownNames(problems: readonly string[]): void {
  if (problems.length > 0) console.warn(JSON.stringify({ level: "warn", reason: "CONFIGURATION", problems }));
}

function describeCauses(cause: unknown): string[] {
  const lines: string[] = [];
  for (let current = cause; current instanceof Error && lines.length < MAX_CAUSES; current = current.cause) {
    lines.push([`${current.name}: ${redact(current.message)}`, ...stackFrames(current)].join(" | "));
  }
  return lines;
}

/** The frames of a stack. Its first lines are the message, which may look like frames and hold anything. */
function stackFrames({ message, stack = "" }: Error): string[] {
  const start = stack.indexOf(message);
  const frames = start === -1 ? stack : stack.slice(start + message.length);
  return frames
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, MAX_FRAMES)
    .map((line) => line.trim());
}

/** Others' messages may quote a URL, an address or a token: everything that looks like one goes. */
export function redact(message: string): string {
  return message
    .slice(0, MAX_MESSAGE_LENGTH)
    .replace(/\?\S*/g, "?…")
    .replace(/\S+@\S+/g, "…@…")
    .replace(/[A-Za-z0-9_\-.~+/]{24,}/g, "…");
}
