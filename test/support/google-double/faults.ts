/**
 * Faults on demand: what is queued for an endpoint spoils its next calls, in the order in which it was queued.
 */
import { BREAK_HEADER, type Endpoint, type Fault } from "./protocol.ts";
import { namedError } from "./responses.ts";
import { type Incoming, type Instance, nowMs } from "./state.ts";

/** A hung call is let go after this, so that no test run can hang with it. */
const HANG_LIMIT_MS = 120_000;

/** Queues a fault. */
export function queueFault(instance: Instance, endpoint: Endpoint, fault: Fault): void {
  const left = fault.times === "always" ? Number.POSITIVE_INFINITY : (fault.times ?? 1);
  instance.faults.push({ endpoint, fault, skip: fault.after ?? 0, left });
}

/** The fault for this call, if there is one; taking it uses it up. */
export function takeFault(instance: Instance, endpoint: Endpoint, call: Incoming): Fault | null {
  for (const queued of instance.faults) {
    const applies = queued.endpoint === endpoint || (queued.endpoint === "token" && endpoint.startsWith("token:"));
    if (!applies) continue;
    const { match } = queued.fault;
    if (match !== undefined && !`${call.url.href}\n${call.body}`.includes(match)) continue;
    if (queued.skip > 0) {
      queued.skip -= 1;
      continue;
    }
    queued.left -= 1;
    if (queued.left <= 0) instance.faults = instance.faults.filter((other) => other !== queued);
    return queued.fault;
  }
  return null;
}

/**
 * Answers a call through a fault. `answer` gives the right answer, for those faults that only delay or cut it:
 * every other fault leaves the double's state as it was, as a server that failed before it did anything.
 */
export async function applyFault(instance: Instance, fault: Fault, answer: () => Promise<Response>): Promise<Response> {
  if (fault.hang === true) {
    await pause(HANG_LIMIT_MS);
    return broken("disconnect");
  }
  if (fault.delayMs !== undefined) await pause(fault.delayMs);
  if (fault.disconnect === true) return broken("disconnect");
  if (fault.truncated === true) {
    const right = await answer();
    const headers = new Headers(right.headers);
    headers.set(BREAK_HEADER, "truncated");
    return new Response(await right.text(), { status: right.status, headers });
  }
  if (fault.named !== undefined) return withHeaders(namedError(fault.named, fault.detail, nowMs(instance)), fault);
  if (fault.nonJson === true) return withHeaders(htmlPage(fault.status ?? 200), fault);
  if (fault.status !== undefined || fault.body !== undefined) return withHeaders(plainFault(fault), fault);
  return withHeaders(await answer(), fault);
}

function plainFault(fault: Fault): Response {
  const status = fault.status ?? 200;
  if (fault.body === undefined) return htmlPage(status);
  if (typeof fault.body === "string") {
    return new Response(fault.body, { status, headers: { "content-type": "application/json; charset=UTF-8" } });
  }
  return Response.json(fault.body, { status });
}

/** The page that Google's front end shows for a failure behind it. */
function htmlPage(status: number): Response {
  return new Response(`<!DOCTYPE html>\n<html lang=en><title>Error ${status} (Server Error)!!1</title>`, {
    status,
    headers: { "content-type": "text/html; charset=UTF-8" },
  });
}

function withHeaders(response: Response, fault: Fault): Response {
  for (const [name, value] of Object.entries(fault.headers ?? {})) response.headers.set(name, value);
  return response;
}

function broken(how: string): Response {
  return new Response(null, { status: 502, headers: { [BREAK_HEADER]: how } });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer: unknown = setTimeout(resolve, ms);
    // In Node a pending pause must not keep the process alive after the tests.
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
      timer.unref();
  });
}
