/**
 * The log: one JSON line per entry, for Workers Logs. Nothing secret may reach it: no tokens, no addresses, no search
 * text, no query strings.
 */
import type { AppError } from "./errors.ts";
import type { Trace } from "./trace.ts";

const MAX_CAUSES = 5;
const MAX_FRAMES = 5;
const MAX_MESSAGE_LENGTH = 300;

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
