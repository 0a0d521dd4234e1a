/**
 * What is to go wrong at the emulated Google: it can be told to be slow, or to fail in Google's own words,
 * at one endpoint or all, always or by chance, so that a developer sees what a user would see.
 *
 * Only decides and answers; how it is told is in fault-routes.ts.
 */

import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod/mini";
import { API_REASONS, apiFault, ERROR_STATUSES, OAUTH_REASONS, oauthFault } from "./fault-answers.ts";

/** The endpoints that can be told to fail. A `batch-part` is a call within a batch, whatever it reads. */
const ENDPOINTS = ["token", "userinfo", "certs", "revoke", "list", "get", "batch", "batch-part"] as const;
/** Those that answer in OAuth's own form. */
const OAUTH_ENDPOINTS = new Set<string>(["token", "revoke"]);
const MAX_DELAY_MS = 120_000;

/** Where a call goes; `other` is a call that only a fault of all endpoints concerns. */
export type Endpoint = (typeof ENDPOINTS)[number] | "other";

/** A number in a form: an empty value is none. */
function number(minimum: number, maximum: number) {
  const inRange = z.number().check(z.gte(minimum), z.lte(maximum));
  return z.pipe(
    z.pipe(
      z.string(),
      z.transform((text) => (text.trim() === "" ? Number.NaN : Number(text))),
    ),
    inRange,
  );
}

function whole(minimum: number, maximum: number) {
  return z.pipe(number(minimum, maximum), z.int());
}

/** A fault as a form says it: every value is text. */
export const faultForm = z
  .strictObject({
    endpoint: z.optional(z.enum([...ENDPOINTS, "all"])),
    /** What to answer: by HTTP status, by Google's name for the error, or by both. */
    status: z.optional(z.pipe(whole(400, 599), z.literal([...ERROR_STATUSES]))),
    reason: z.optional(z.enum([...API_REASONS, ...OAUTH_REASONS])),
    /** The chance that a call is concerned, of 1. */
    share: z.optional(number(0, 1)),
    /** How many calls are concerned at most. */
    times: z.optional(whole(1, 1_000_000)),
    /** Milliseconds before the answer, which is the right one when there is neither status nor reason. */
    delayMs: z.optional(whole(0, MAX_DELAY_MS)),
    /** Seconds until the client may try again, and where the error says so. */
    retryAfter: z.optional(whole(0, 86_400)),
    retryAfterIn: z.optional(z.enum(["header", "message"])),
    /** Parts that one account may have in flight; those above are refused, with 429 unless told otherwise. */
    maxConcurrentParts: z.optional(whole(1, 1000)),
  })
  .check(
    z.refine((fault) => fault.endpoint !== undefined || fault.maxConcurrentParts !== undefined, "endpoint is missing"),
    z.refine(
      ({ status, reason, delayMs, maxConcurrentParts }) =>
        [status, reason, delayMs, maxConcurrentParts].some((value) => value !== undefined),
      "says nothing to do: give status, reason, delayMs or maxConcurrentParts",
    ),
    z.refine(
      ({ endpoint = "batch-part", delayMs, maxConcurrentParts }) =>
        maxConcurrentParts === undefined || (endpoint === "batch-part" && delayMs === undefined),
      "maxConcurrentParts is for batch-part, without delayMs (slow parts are a fault of their own)",
    ),
    z.refine(
      ({ endpoint = "batch-part", reason }) =>
        reason === undefined || OAUTH_REASONS.some((name) => name === reason) === OAUTH_ENDPOINTS.has(endpoint),
      `token and revoke take the reasons ${OAUTH_REASONS.join(", ")}, and other endpoints the other ones`,
    ),
    z.refine(
      ({ retryAfter, retryAfterIn, status, reason, maxConcurrentParts }) =>
        (retryAfter === undefined && retryAfterIn === undefined) ||
        (retryAfter !== undefined && [status, reason, maxConcurrentParts].some((value) => value !== undefined)),
      "retryAfter needs an error to stand in, and retryAfterIn needs retryAfter",
    ),
  );

/** A fault that is to happen. */
export type Fault = z.output<typeof faultForm>;

/** A fault, and how many calls it has hit. */
interface ActiveFault {
  readonly fault: Fault;
  hits: number;
}

/** A call that a fault may hit. */
export interface FaultyCall {
  readonly endpoint: Endpoint;
  /** Whose call it is, for the limit of parts in flight. */
  readonly account?: string;
}

/** The faults that are told, and the parts that are in flight. */
export class FaultPlan {
  #active: ActiveFault[] = [];
  readonly #partsInFlight = new Map<string, number>();
  readonly #now: () => number;
  readonly #random: () => number;

  /** `random` answers numbers from 0 up to 1, as `Math.random` does. */
  constructor({ now, random }: { now: () => number; random: () => number }) {
    this.#now = now;
    this.#random = random;
  }

  /** From now on this happens too, after what was told before. */
  add(fault: Fault): void {
    this.#active.push({ fault, hits: 0 });
  }

  /** Everything works again. */
  clear(): void {
    this.#active = [];
  }

  /** What is told, and how many calls each has hit; one that is used up stays to be seen. */
  list(): (Fault & { hits: number })[] {
    return this.#active.map(({ fault, hits }) => ({ ...fault, hits }));
  }

  /** Answers a call: rightly by `answer`, or as the faults that hit it say. Delays add up; the first error counts. */
  async apply(call: FaultyCall, answer: () => Response | Promise<Response>): Promise<Response> {
    if (call.endpoint !== "batch-part") return this.#answer(call, answer);
    const account = call.account ?? "";
    const inFlight = this.#partsInFlight.get(account) ?? 0;
    const limit = this.#active.find(
      (active) => inFlight >= (active.fault.maxConcurrentParts ?? Infinity) && this.#draw(active),
    );
    // Before anything is awaited: a part that is refused is never in flight.
    if (limit !== undefined) return this.#refuse(call, limit.fault);
    this.#partsInFlight.set(account, inFlight + 1);
    try {
      return await this.#answer(call, answer);
    } finally {
      this.#partsInFlight.set(account, (this.#partsInFlight.get(account) ?? 1) - 1);
    }
  }

  async #answer(call: FaultyCall, answer: () => Response | Promise<Response>): Promise<Response> {
    for (const active of this.#active) {
      const { endpoint, delayMs, maxConcurrentParts, status, reason } = active.fault;
      const concerns = endpoint === "all" || endpoint === call.endpoint;
      if (!concerns || maxConcurrentParts !== undefined || !this.#draw(active)) continue;
      // A slow answer that nobody waits for any more must not keep the process alive.
      if (delayMs !== undefined) await delay(delayMs, undefined, { ref: false });
      if (status !== undefined || reason !== undefined) return this.#refuse(call, active.fault);
    }
    return answer();
  }

  /** Whether the fault hits this call; if so, that is counted. */
  #draw(active: ActiveFault): boolean {
    const { times = Infinity, share = 1 } = active.fault;
    if (active.hits >= times || this.#random() >= share) return false;
    active.hits += 1;
    return true;
  }

  #refuse({ endpoint }: FaultyCall, fault: Fault): Response {
    const { reason, status = reason === undefined ? 429 : undefined, retryAfter, retryAfterIn = "header" } = fault;
    const retry = retryAfter === undefined ? undefined : { in: retryAfterIn, seconds: retryAfter, nowMs: this.#now() };
    return (OAUTH_ENDPOINTS.has(endpoint) ? oauthFault : apiFault)({ status, reason, retry });
  }
}
