/**
 * The log: one JSON line per entry, for Workers Logs. Nothing secret may reach it: no tokens, no addresses, no search
 * text, no query strings.
 */
import type { AppError } from "./errors.ts";
import type { Trace } from "./trace.ts";

/** Logs what an operator has to see of an error: what failed, and the chain of causes without anything secret. */
export function logError(trace: Trace, error: AppError): void {
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

function describeCauses(cause: unknown): string[] {
  const lines: string[] = [];
  for (let current = cause; current instanceof Error && lines.length < 5; current = current.cause) {
    const frames = (current.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    lines.push(
      [`${current.name}: ${redact(current.message)}`, ...frames.slice(0, 5).map((line) => line.trim())].join(" | "),
    );
  }
  return lines;
}

/** Others' messages may quote a URL, an address or a token: everything that looks like one goes. */
export function redact(message: string): string {
  return message
    .replace(/\?\S*/g, "?…")
    .replace(/\S+@\S+/g, "…@…")
    .replace(/[A-Za-z0-9_\-.~+/]{24,}/g, "…")
    .slice(0, 300);
}
