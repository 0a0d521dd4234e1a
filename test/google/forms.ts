/**
 * Faults and security events as people tell them, by forms: every value is text, and a mistake is told in words.
 */
import * as z from "zod";
import { API_REASONS, OAUTH_REASONS } from "./errors.ts";
import { type Fault, type FaultEndpoint, faultSchema, namedFaultSchema, type NamedFault } from "./protocol.ts";

/** The endpoints that a form can tell to fail. A `batch-part` is a call within a batch, whatever it reads. */
const ENDPOINTS = ["token", "userinfo", "certs", "revoke", "list", "get", "batch", "batch-part", "history"] as const;
/** Those that answer in OAuth's own form. */
const OAUTH_ENDPOINTS = new Set<string>(["token", "revoke"]);
const MAX_DELAY_MS = 120_000;

/** What an API, and what an OAuth endpoint, answers with a status of which no more is said. */
const API_STATUSES = {
  400: "badRequest",
  401: "authError",
  403: "forbidden",
  404: "notFound",
  429: "tooManyRequests",
  500: "backendError",
  502: "badGateway",
  503: "unavailable",
  504: "deadlineExceeded",
} as const satisfies Record<number, NamedFault>;
type ErrorStatus = keyof typeof API_STATUSES;

/** A number in a form: an empty value is none. */
function number(minimum: number, maximum: number) {
  const parsed = z.string().transform((text) => (text.trim() === "" ? Number.NaN : Number(text)));
  return parsed.pipe(z.number().min(minimum).max(maximum));
}

function whole(minimum: number, maximum: number) {
  return number(minimum, maximum).pipe(z.int());
}

/** A fault as a form says it. */
export const faultFormSchema = z
  .strictObject({
    endpoint: z.enum([...ENDPOINTS, "all"]).optional(),
    /** What to answer: by HTTP status, by Google's name for the error, or by both. */
    status: whole(400, 599)
      .pipe(z.literal(Object.keys(API_STATUSES).map((status) => Number(status) as ErrorStatus)))
      .optional(),
    reason: namedFaultSchema.optional(),
    share: number(0, 1).optional(),
    times: whole(1, 1_000_000).optional(),
    delayMs: whole(0, MAX_DELAY_MS).optional(),
    retryAfter: whole(0, 86_400).optional(),
    retryAfterIn: z.enum(["header", "message"]).optional(),
    /** Parts and reads that one account may have in flight; those above are refused, with 429 unless told otherwise. */
    maxConcurrentParts: whole(1, 1000).optional(),
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
        reason === undefined || (OAUTH_ENDPOINTS.has(endpoint) ? OAUTH_REASONS : API_REASONS).includes(reason),
      `token and revoke take the reasons ${OAUTH_REASONS.join(", ")}, and other endpoints the other ones`,
    ),
    z.refine(
      ({ retryAfter, retryAfterIn, status, reason, maxConcurrentParts }) =>
        (retryAfter === undefined && retryAfterIn === undefined) ||
        (retryAfter !== undefined && [status, reason, maxConcurrentParts].some((value) => value !== undefined)),
      "retryAfter needs an error to stand in, and retryAfterIn needs retryAfter",
    ),
  );
type FaultForm = z.output<typeof faultFormSchema>;

/** The fault that a form means, and where. It lasts unless it says how often. */
export function faultOfForm(form: FaultForm): { endpoint: FaultEndpoint; fault: Fault } {
  const { endpoint: named = "batch-part", status, reason, times, maxConcurrentParts, ...rest } = form;
  const fault = faultSchema.parse({
    ...defined(rest),
    ...defined({ maxConcurrent: maxConcurrentParts, status, named: reason ?? nameOf(named, status) }),
    times: times ?? "always",
  });
  return { endpoint: named === "batch-part" ? "part" : named, fault };
}

function nameOf(endpoint: string, status: ErrorStatus | undefined): NamedFault | undefined {
  if (status === undefined) return undefined;
  if (!OAUTH_ENDPOINTS.has(endpoint)) return API_STATUSES[status];
  if (status >= 500) return "internal_failure";
  if (status === 429) return "rate_limit_exceeded";
  return status === 401 ? "invalid_client" : "invalid_request";
}

/** What of an object is there. */
function defined(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** A security event as a form says it. @param types short names of the event types */
export function eventFormSchema(types: readonly string[]) {
  return z.strictObject({
    type: z.enum(types, `must be one of ${types.join(", ")}`),
    /** Whom it is about. Only a verification is about nobody. */
    email: z.string().optional(),
    /** How that is said. An account by default; for `token-revoked`, the last refresh token by `prefix` or by `hash`. */
    subject: z.enum(["iss-sub", "id_token_claims", "prefix", "hash"]).optional(),
    /** Of `account-disabled`. */
    reason: z.enum(["hijacking", "bulk-account"]).optional(),
    /** Of `verification`. */
    state: z.string().optional(),
    /** Of an event that was sent already, to send it again. */
    jti: z.string().optional(),
  });
}
export type EventForm = z.infer<ReturnType<typeof eventFormSchema>>;
