/**
 * What is to go wrong at Google: slow, broken, or failing in Google's own words, at one endpoint or all of them, always, so
 * many times or by chance.
 */
import { frontEndPage, namedError } from "./errors.ts";
import { BREAK_HEADER, type Endpoint, type Fault, faultSchema } from "./protocol.ts";
import { createRandom, hashNumbers, hashText } from "./random.ts";
import { type Incoming, type Instance, nowMs, pause, type WaitingFault } from "./state.ts";

/** Those that are used up stay to be seen, as long as there are not many. */
const MOST_SPENT = 30;

/** Queues a fault. @throws ZodError where it makes no sense */
export function queueFault(instance: Instance, told: unknown): void {
  const { endpoint, ...fault } = faultSchema.parse(told);
  const left = fault.times === "always" ? Number.POSITIVE_INFINITY : (fault.times ?? 1);
  if (instance.faults.length > MOST_SPENT) instance.faults = instance.faults.filter((queued) => queued.left > 0);
  instance.faults.push({ endpoint, fault, skip: fault.after ?? 0, left, hits: 0, tries: new Map() });
}

/** Answers a call: rightly by `answer`, or as the faults say that hit it. Delays add up; the first error counts. */
export async function throughFaults(
  instance: Instance,
  { endpoint, call }: { readonly endpoint: Endpoint; readonly call: Incoming },
  answer: () => Promise<Response>,
): Promise<Response> {
  for (const queued of instance.faults) {
    if (queued.fault.maxConcurrent !== undefined || !concerns(queued, endpoint) || !hits(instance, queued, call))
      continue;
    const spoiled = await spoil(instance, queued.fault, answer);
    if (spoiled !== null) return spoiled;
  }
  return answer();
}

/**
 * Lets a read of an account in, or refuses it because too many are in flight. Decides at once: what is refused was never in
 * flight.
 *
 * @returns how it leaves, or the refusal
 */
export function enterRead(instance: Instance, sub: string, call: Incoming): Response | (() => void) {
  const { readsInFlight } = instance;
  const inFlight = readsInFlight.get(sub) ?? 0;
  for (const queued of instance.faults) {
    const { fault } = queued;
    if (inFlight < (fault.maxConcurrent ?? Number.POSITIVE_INFINITY) || !hits(instance, queued, call)) continue;
    instance.refused += 1;
    return namedError(fault.named ?? "tooManyRequests", fault, nowMs(instance));
  }
  readsInFlight.set(sub, inFlight + 1);
  return () => void readsInFlight.set(sub, (readsInFlight.get(sub) ?? 1) - 1);
}

function concerns({ endpoint }: WaitingFault, called: Endpoint): boolean {
  if (endpoint === "all") return called !== "auth";
  return endpoint === called || (endpoint === "token" && called.startsWith("token:"));
}

/** Whether it hits this call; if so, that is counted. */
function hits(instance: Instance, queued: WaitingFault, call: Incoming): boolean {
  const { fault } = queued;
  if (queued.left <= 0) return false;
  if (fault.match !== undefined && !`${call.url.href}\n${call.body}`.includes(fault.match)) return false;
  if (queued.skip > 0) {
    queued.skip -= 1;
    return false;
  }
  if (fault.share !== undefined && !draw(instance, queued, call)) return false;
  queued.left -= 1;
  queued.hits += 1;
  return true;
}

/** The same calls are hit whoever makes them in whichever order, and a second try has a chance of its own. */
function draw({ config, faults }: Instance, queued: WaitingFault, { method, url }: Incoming): boolean {
  const key = `${method} ${url.pathname}`;
  const tries = queued.tries.get(key) ?? 0;
  queued.tries.set(key, tries + 1);
  const seed = hashNumbers([config.seed, faults.indexOf(queued), hashText(key), tries]);
  return createRandom(seed).chance(queued.fault.share ?? 1);
}

/**
 * What becomes of a call by a fault; null where it is only late. `answer` gives the right answer, for what only cuts it or adds
 * headers: every other fault leaves Google as it was, as a server that failed before it did anything.
 */
async function spoil(instance: Instance, fault: Fault, answer: () => Promise<Response>): Promise<Response | null> {
  if (fault.delayMs !== undefined) await pause(fault.delayMs);
  if (fault.hang === true || fault.disconnect === true) {
    const how = fault.hang === true ? "hang" : "disconnect";
    return new Response(null, { status: 502, headers: { [BREAK_HEADER]: how } });
  }
  const response = badAnswer(instance, fault);
  if (response === null && fault.truncated !== true && fault.headers === undefined) return null;
  const right = response ?? (await answer());
  // A copy, since headers of what was fetched cannot be changed. Not text(): workerd warns of that for a batch.
  const copy = new Response(right.body === null ? null : await right.arrayBuffer(), right);
  for (const [name, value] of Object.entries(fault.headers ?? {})) copy.headers.set(name, value);
  if (fault.truncated === true) copy.headers.set(BREAK_HEADER, "truncated");
  return copy;
}

function badAnswer(instance: Instance, fault: Fault): Response | null {
  const { named, status = 200, body } = fault;
  if (named !== undefined) return namedError(named, fault, nowMs(instance));
  if (body === undefined) return fault.nonJson === true || fault.status !== undefined ? frontEndPage(status) : null;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return new Response(text, { status, headers: { "content-type": "application/json; charset=UTF-8" } });
}
