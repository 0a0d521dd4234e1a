/**
 * Errors in the document: an example of each reason, and answers that name the reasons they may have.
 */
import { AppError, type Reason, REASONS, toErrorStatus } from "../../src/errors.ts";
import { refTo } from "./schemas.ts";
import type { Header, Reference, ResponseObject, Schema } from "./types.ts";

/** Which reasons an answer with a status may have. */
export type Errors = Readonly<Record<string, readonly Reason[]>>;

/** On every address, before anything else is looked at. */
const ANYWHERE: Errors = {
  400: ["INVALID_ARGUMENT"],
  // Plain HTTP, and what a page of another origin makes a browser send.
  403: ["PERMISSION_DENIED"],
  414: ["INVALID_ARGUMENT"],
  431: ["INVALID_ARGUMENT"],
  500: ["INTERNAL"],
};
/** Where the caller must be known. */
export const AUTHENTICATED: Errors = { 401: ["SIGN_IN_REQUIRED"], 503: ["STORAGE_UNAVAILABLE"] };
/** Where the user's grant is used, too. */
export const GRANTED: Errors = {
  ...AUTHENTICATED,
  401: ["SIGN_IN_REQUIRED", "CONSENT_REQUIRED"],
  403: ["ACCOUNT_NOT_ALLOWED", "SCOPE_REQUIRED", "ACCESS_BLOCKED"],
  429: ["RATE_LIMITED"],
  502: ["UPSTREAM_UNAVAILABLE"],
  504: ["UPSTREAM_UNAVAILABLE"],
};
/** Where one network may not come too often. */
export const LIMITED: Errors = { 429: ["RATE_LIMITED"] };

const MESSAGES: Readonly<Partial<Record<Reason, string>>> = {
  SIGN_IN_REQUIRED: "You are not signed in. Sign in with Google, or send an API token.",
  INVALID_ARGUMENT: "limit must be a whole number of 1 or more, or all.",
  RATE_LIMITED: "You have reached Gmail's limit for your account. Try again later.",
};
const LEADS_TO_GOOGLE: ReadonlySet<Reason> = new Set([
  "SIGN_IN_REQUIRED",
  "CONSENT_REQUIRED",
  "SCOPE_REQUIRED",
  "CONSENT_DENIED",
  "CODE_EXCHANGE_FAILED",
  "INVALID_ID_TOKEN",
  "NO_REFRESH_TOKEN",
]);

/** An example of each reason, as the code itself would answer it. */
export function errorExamples(): Record<string, { summary: string; value: unknown }> {
  const reasons = Object.keys(REASONS) as Reason[];
  return Object.fromEntries(
    reasons.map((reason) => {
      const { title } = REASONS[reason];
      const error = new AppError(reason, MESSAGES[reason] ?? `${title}.`);
      const metadata = {
        ...(reason === "INVALID_ARGUMENT" ? { parameter: "limit" } : {}),
        ...(LEADS_TO_GOOGLE.has(reason) ? { authorizationUrl: "https://mail.example.com/auth/login" } : {}),
        requestId: "0b7f6a52-58ab-4c31-9c0c-0d7a3a2b6c41",
      };
      return [reason, { summary: title, value: { error: toErrorStatus(error, metadata) } }];
    }),
  );
}

/** Answers for these errors, and for those that every address has. */
export function errorResponses(...sets: readonly Errors[]): Record<string, ResponseObject> {
  const byCode = new Map<string, Set<Reason>>();
  for (const set of [ANYWHERE, ...sets]) {
    for (const [code, reasons] of Object.entries(set)) {
      byCode.set(code, new Set([...(byCode.get(code) ?? []), ...reasons]));
    }
  }
  return Object.fromEntries([...byCode].map(([code, reasons]) => [code, errorResponse(code, [...reasons])]));
}

/** One answer for these reasons: JSON for programs, a page for people. */
export function errorResponse(code: string, reasons: readonly Reason[]): ResponseObject {
  return {
    description: reasons.map((reason) => `\`${reason}\`: ${REASONS[reason].title}.`).join(" "),
    headers: { ...(code === "500" ? ALWAYS : COMMON_HEADERS), ...headersOf(code) },
    content: {
      "application/json": { schema: errorOf(reasons), examples: examplesOf(reasons) },
      // For navigations: the same for a person.
      "text/html": {},
    },
  };
}

/** The shape of all errors, with these reasons only. */
export function errorOf(reasons: readonly Reason[]): Schema {
  const info = { properties: { reason: { enum: reasons } } };
  const narrowed = { properties: { error: { properties: { details: { prefixItems: [info] } } } } };
  return { allOf: [refTo("Error"), narrowed] };
}

function examplesOf(reasons: readonly Reason[]): Record<string, Reference> {
  return Object.fromEntries(reasons.map((reason) => [reason, { $ref: `#/components/examples/${reason}` }]));
}

function headersOf(code: string): Record<string, Reference> {
  if (code === "401") return { "WWW-Authenticate": headerRef("WWW-Authenticate") };
  return code === "429" ? { "Retry-After": headerRef("Retry-After") } : {};
}

function headerRef(name: keyof typeof HEADERS): Reference {
  return { $ref: `#/components/headers/${name}` };
}

/** The headers that have a meaning of their own here. */
export const HEADERS = {
  "X-Request-Id": {
    description: "Names the request in the log; errors have it in their body, too.",
    required: true,
    schema: { type: "string", format: "uuid" },
  },
  "Cache-Control": { description: "No answer may be kept.", required: true, schema: { const: "no-store" } },
  "X-Gmail-Quota-Units": {
    description: "Gmail quota units that the request spent until the answer began.",
    required: true,
    schema: { type: "integer", minimum: 0 },
  },
  "Server-Timing": {
    description: "Milliseconds by `storage`, `refresh`, `list`, `hydrate` and `object`. They overlap.",
    required: true,
    schema: { type: "string" },
  },
  "Retry-After": {
    description: "Seconds after which to try again.",
    required: true,
    schema: { type: "integer", minimum: 1 },
  },
  "WWW-Authenticate": {
    description: "How to call: RFC 6750.",
    required: true,
    schema: { type: "string", pattern: "^Bearer" },
  },
  Location: { description: "Where to go.", required: true, schema: { type: "string", format: "uri-reference" } },
} as const satisfies Record<string, Header>;

/** What even a Worker that is not set up says. */
const ALWAYS = { "X-Request-Id": headerRef("X-Request-Id"), "Cache-Control": headerRef("Cache-Control") };

/** What every other answer of the Worker has. */
export const COMMON_HEADERS = {
  ...ALWAYS,
  "X-Gmail-Quota-Units": headerRef("X-Gmail-Quota-Units"),
  "Server-Timing": headerRef("Server-Timing"),
};

/** A redirect. */
export function redirect(description: string): ResponseObject {
  return { description, headers: { ...COMMON_HEADERS, Location: headerRef("Location") } };
}
