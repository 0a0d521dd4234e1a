/**
 * Calls to Google: one request's budget, deadline and time limits, and the reading of JSON answers. Knows no
 * endpoint and no protocol. Failures of the network become `UPSTREAM_UNAVAILABLE` here and nowhere else.
 */
import type * as z from "zod/mini";
import { AppError } from "../errors.ts";
import type { Trace } from "./trace.ts";

/** How long one upstream call may take, answer included. */
export const CALL_TIMEOUT_MS = 10_000;
/** An answer of ours begins within 30 s; the rest is for what must follow the last upstream call. */
const ANSWER_DEADLINE_MS = 25_000;

/** Most bytes of an answer that is read whole: an isolate has 128 MB, and JSON takes several times its size there. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** An answer is larger than {@link MAX_ANSWER_BYTES}. Asked again, it would be as large. */
export class AnswerTooLargeError extends AppError {}

/** The request has no upstream call left. A loop that can stop and resume catches it. */
export class BudgetSpentError extends Error {
  override readonly name = "BudgetSpentError";
}

/** Starts a timer. @returns what stops it */
export type StartTimer = (ms: number, onTime: () => void) => () => void;

export interface UpstreamOptions {
  readonly fetch: typeof fetch;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly startTimer: StartTimer;
  /** Upstream calls that this request may make. */
  readonly maxCalls: number;
  /** Milliseconds that one call may take, usually {@link CALL_TIMEOUT_MS}. */
  readonly callTimeoutMs: number;
  /** Milliseconds until the answer must have begun; by default those of a request. */
  readonly deadlineMs?: number | undefined;
  /** Lets work continue when the client disconnects. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  readonly trace: Trace;
}

export interface CallOptions {
  /** What an error calls the endpoint, such as "Google's token endpoint". */
  readonly endpoint: string;
  /** True where the body is streamed on: then only the time until the headers is limited. `ok`: only that of a 200. */
  readonly streaming?: boolean | "ok";
  /** Ends the call when the client disconnects. */
  readonly signal?: AbortSignal | undefined;
}

/** One incoming request's access to Google: counts calls, ends them in time, and waits on its behalf. */
export class Upstream {
  readonly #options: UpstreamOptions;
  #deadlineMs: number;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#deadlineMs = options.now() + (options.deadlineMs ?? ANSWER_DEADLINE_MS);
  }

  /** Calls that are left of the budget. */
  get remainingCalls(): number {
    return this.#options.maxCalls - this.#options.trace.upstreamCalls;
  }

  /** Milliseconds until the answer must have begun. */
  get remainingMs(): number {
    return this.#deadlineMs - this.#options.now();
  }

  /** Milliseconds that a call may take which begins now. */
  get callTimeMs(): number {
    return Math.max(1, Math.min(this.#options.callTimeoutMs, this.remainingMs));
  }

  /** For an answer that has begun and goes on (a stream): the next piece has the whole time again. */
  restartDeadline(): void {
    this.#deadlineMs = this.#options.now() + ANSWER_DEADLINE_MS;
  }

  /** Lets a call finish although the client disconnects, because other requests wait for it. @param call settled, not rejected */
  outlive(call: Promise<PromiseSettledResult<unknown>>): void {
    this.#options.waitUntil(call);
  }

  /** Waits `ms` milliseconds between two tries. */
  async sleep(ms: number): Promise<void> {
    await this.#options.sleep(ms);
  }

  /** Calls back after `ms` milliseconds, unless what it returns is called before. */
  startTimer(ms: number, onTime: () => void): () => void {
    return this.#options.startTimer(ms, onTime);
  }

  /** Waits `ms` milliseconds while another request works. */
  async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#options.startTimer(ms, resolve));
  }

  /**
   * Makes one upstream call. Redirects are not followed, so that credentials go nowhere else.
   *
   * @throws BudgetSpentError when no call is left
   * @throws AppError `UPSTREAM_UNAVAILABLE`, 502 when the connection fails, 504 when time is up
   * @throws AnswerTooLargeError unless the answer is streamed
   */
  async fetch(input: string | URL, init: RequestInit, options: CallOptions): Promise<Response> {
    if (this.remainingCalls < 1) {
      throw new BudgetSpentError("No upstream call is left for this request.");
    }
    this.#options.trace.upstreamCalls += 1;
    const timeLimit = new AbortController();
    const stopTimer = this.#options.startTimer(this.callTimeMs, () => timeLimit.abort(timeoutReason()));
    const signal = options.signal ? AbortSignal.any([timeLimit.signal, options.signal]) : timeLimit.signal;
    try {
      const response = await this.#options.fetch(input, { ...init, redirect: "manual", signal });
      if (options.streaming === true || (options.streaming === "ok" && response.status === 200)) return response;
      // The body counts too: an answer that stalls half-way is as late as one that never starts.
      const body = await readWhole(response, options.endpoint);
      return new Response(body.size === 0 ? null : body, response);
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw networkError(error, options.endpoint, timeLimit.signal.aborted);
    } finally {
      stopTimer();
    }
  }
}

/** The body, if it is no longer than {@link MAX_ANSWER_BYTES}. Leaving the loop early ends the download. */
async function readWhole(response: Response, endpoint: string): Promise<Blob> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw tooLarge(endpoint);
    chunks.push(chunk);
  }
  return new Blob(chunks);
}

function tooLarge(endpoint: string): AnswerTooLargeError {
  const mib = MAX_ANSWER_BYTES / (1024 * 1024);
  return new AnswerTooLargeError("UPSTREAM_UNAVAILABLE", `${endpoint} answered with more than ${mib} MiB.`);
}

function timeoutReason(): DOMException {
  return new DOMException("The time limit is reached.", "TimeoutError");
}

function networkError(error: unknown, endpoint: string, isTimedOut: boolean): AppError {
  return isTimedOut
    ? timedOut(endpoint, error)
    : new AppError("UPSTREAM_UNAVAILABLE", `${endpoint} cannot be reached. Try again in a moment.`, { cause: error });
}

/** A call, or the beginning of its answer, took too long. */
export function timedOut(endpoint: string, cause?: unknown): AppError {
  const words = `${endpoint} did not answer in time. Try again in a moment.`;
  return new AppError("UPSTREAM_UNAVAILABLE", words, { code: 504, cause });
}

/**
 * Reads a JSON answer and checks its form.
 *
 * @param endpoint what an error calls the endpoint
 * @throws AppError `UPSTREAM_UNAVAILABLE` where it is not JSON or not of that form
 */
export async function readJson<T>(response: Response, schema: z.ZodMiniType<T>, endpoint: string): Promise<T> {
  const parsed = schema.safeParse(await readJsonOrNull(response));
  if (parsed.success) return parsed.data;
  throw unexpectedAnswer(endpoint, response.status);
}

/** The body as JSON, or null where it is not JSON. */
export async function readJsonOrNull(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** A text as JSON, or null where it is none. */
export function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Google answered, but not in a way that its documentation knows, or with a 5xx. */
export function unexpectedAnswer(endpoint: string, status: number, retryAfterSeconds?: number): AppError {
  return new AppError("UPSTREAM_UNAVAILABLE", `${endpoint} is not working properly. Try again in a moment.`, {
    logDetail: `HTTP ${status}`,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/**
 * Milliseconds to wait by a `Retry-After` header: seconds or an HTTP date.
 * https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 *
 * @param nowMs epoch milliseconds
 * @returns null where there is no header or it cannot be read
 */
export function parseRetryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\s*\d{1,9}\s*$/.test(header)) return Number(header) * 1000;
  // Date.parse alone takes almost anything for a date.
  return /^[a-z]+, .* GMT$/i.test(header.trim()) ? parseDateMs(header, nowMs) : null;
}

/** Milliseconds until a point in time, 0 when it is over; null where it is none. */
export function parseDateMs(time: string, nowMs: number): number | null {
  const dateMs = Date.parse(time);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}

/** Google answered with a status that says "not now": a 5xx, a 429, or one that makes no sense here. */
export function unavailable(endpoint: string, response: Response, nowMs = Date.now()): AppError {
  const waitMs = parseRetryAfterMs(response.headers.get("Retry-After"), nowMs);
  return unexpectedAnswer(endpoint, response.status, waitMs === null ? undefined : toRetryAfterSeconds(waitMs));
}

/** A wait as `Retry-After` says it: whole seconds, at least one. */
export function toRetryAfterSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}
