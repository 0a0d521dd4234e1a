/**
 * Reading an answer, strictly, to one line that says what it was: "200", "502 UPSTREAM_UNAVAILABLE", "302 Google".
 *
 * What has not the form that the contract gives it throws, and the case that met it fails.
 */
import * as z from "zod";
import { apiErrorSchema } from "../support/errors.ts";
import { MARKUP } from "./faults.ts";
import type { Stage } from "../support/stage.ts";

export interface Outcome {
  readonly label: string;
  /** All of it that a caller could read: headers and body, but not where Google's own page is. */
  readonly text: string;
  /** When the answer began, by the Worker's clock; when it was complete, where it is not read as a stream. */
  readonly beganAtMs: number;
}

const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store",
};
const COST_HEADERS = ["x-request-id", "server-timing", "x-gmail-quota-units"];
/** A redirect to Google or to ourselves, and what may stand in a `Location`. */
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Reads an answer of the Worker. @param success form of the body where there is no error */
export async function readOutcome(response: Response, stage: Stage, success: z.ZodType): Promise<Outcome> {
  const beganAtMs = stage.now();
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (response.headers.get(name)?.includes(value) !== true) throw new Error(`${name} is missing`);
  }
  for (const name of COST_HEADERS) if (!response.headers.has(name)) throw new Error(`${name} is missing`);
  const body = new TextDecoder().decode(await response.arrayBuffer());
  if (response.headers.get("content-type")?.startsWith("text/html") === true && body.includes(MARKUP)) {
    throw new Error("Gmail's words are markup of the page");
  }
  const headers = [...response.headers]
    .filter(([, value]) => !value.startsWith(`${stage.google.origin}/o/oauth2/`))
    .map(([name, value]) => `${name}: ${value}`);
  return { label: labelOf(response, body, stage, success), text: [...headers, body].join("\n"), beganAtMs };
}

function labelOf(response: Response, body: string, stage: Stage, success: z.ZodType): string {
  const location = response.headers.get("location");
  if (location !== null) return `${response.status} ${readRedirect(location, stage)}`;
  if (REDIRECTS.has(response.status)) return `passed ${response.status}`;
  const type = response.headers.get("content-type") ?? "";
  if (response.status >= 400 && type.startsWith("text/html") && body.includes("gmail-edge")) {
    return readErrorPage(response, body);
  }
  if (type.startsWith("application/x-ndjson")) return `200${readLines(body, success)}`;
  const json = type.startsWith("application/json") ? parseOrNull(body) : null;
  const error = apiErrorSchema.safeParse(json);
  if (error.success) return readError(response, error.data);
  if (response.ok && success.safeParse(json ?? body).success) {
    return `${response.status}${type.startsWith("text/html") ? failuresOfPage(body) : errorRows(json)}`;
  }
  if (response.headers.has("x-powered-by")) throw new Error("a header that says what it is made with");
  return `passed ${response.status}`;
}

function readRedirect(location: string, stage: Stage): string {
  const url = new URL(location, stage.origin);
  if (url.origin === stage.google.origin && url.pathname === "/o/oauth2/v2/auth") return "Google";
  if (url.origin !== stage.origin) throw new Error(`it leads to ${url.origin}`);
  if (url.pathname !== "/auth/login") return url.pathname;
  // A grant that is gone must end on Google's page: silent trips could go on for ever.
  return url.searchParams.get("prompt") === "consent" ? "sign-in with consent" : "sign-in";
}

function readError(response: Response, { error }: z.infer<typeof apiErrorSchema>): string {
  const [{ reason, metadata }] = error.details;
  if (error.code !== response.status) throw new Error(`code ${error.code} in a ${response.status}`);
  if (metadata["requestId"] !== response.headers.get("x-request-id")) throw new Error("another request ID");
  if (response.status === 401 && response.headers.get("www-authenticate") === null) throw new Error("no challenge");
  if (response.status === 429 && !/^[1-9]\d*$/.test(response.headers.get("retry-after") ?? "")) {
    throw new Error(`Retry-After: ${response.headers.get("retry-after")}`);
  }
  return `${response.status} ${reason}`;
}

function readErrorPage(response: Response, body: string): string {
  const reason = /([A-Z_]{6,}) · (\d{3}) · request/.exec(body);
  if (reason?.[2] !== String(response.status)) throw new Error("a page that does not name its error");
  return `${response.status} ${reason[1]}`;
}

/** Stands for the reason of a row on a page, which gives none. */
export const ROW_OF_PAGE = "UNNAMED";

/** What a page says in words of ours, and the reason that it stands for. Google's words stand on none. */
const REASONS_IN_WORDS: readonly (readonly [RegExp, string])[] = [
  [/Our storage cannot be reached/, "STORAGE_UNAVAILABLE"],
  [/did not answer in time|cannot be reached|is not working properly|refused to refresh/, "UPSTREAM_UNAVAILABLE"],
  [/You have reached Gmail's limit/, "RATE_LIMITED"],
  [/no longer grants access/, "CONSENT_REQUIRED"],
  [/not given a permission that this needs/, "SCOPE_REQUIRED"],
  [/not enabled in this site's project|not let apps use Gmail/, "ACCESS_BLOCKED"],
  [/Gmail refused this request/, "FAILED_PRECONDITION"],
  [/Gmail does not let you do this/, "PERMISSION_DENIED"],
  [/Gmail cannot find this/, "NOT_FOUND"],
];

/** Of a page that came with 200: messages that could not be read, in their place, and why the rest is missing. */
function failuresOfPage(html: string): string {
  if (!html.endsWith("</html>")) throw new Error("the page is cut off");
  const rows = [...html.matchAll(/<li class="row failed"><span>(.*?)<\/span>/gs)].map(([, text]) => rowFailureOf(text));
  const [alert] = [...html.matchAll(/<p class="notice" role="alert">(.*?)<\/p>/gs)].map(([, text]) => reasonOf(text));
  return alert === undefined ? withRows(rows) : `, then ${alert}`;
}

/** What a page says of a message that it lacks is the same for every reason. */
function rowFailureOf(text = ""): string {
  if (text !== "We could not load this message. Reload the page to try again.") throw new Error(`a row: ${text}`);
  return ROW_OF_PAGE;
}

function reasonOf(html = ""): string {
  const text = html.replaceAll("&#39;", "'");
  const found = REASONS_IN_WORDS.find(([words]) => words.test(text));
  if (found === undefined) throw new Error(`a page that gives no reason: ${text}`);
  return found[1];
}

const endSchema = z.strictObject({
  nextPageToken: z.string().exactOptional(),
  count: z.number().int(),
  quotaUnits: z.number().int(),
});

/** Of a stream: nothing where it ended well, and the error of its last line where it did not. */
function readLines(body: string, row: z.ZodType): string {
  if (!body.endsWith("\n")) throw new Error("the last line has no end");
  const lines = body
    .slice(0, -1)
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  const last = lines.pop();
  z.array(row).parse(lines);
  const error = apiErrorSchema.safeParse(last);
  if (error.success) return `, then ${error.data.error.details[0].reason}`;
  if (endSchema.parse(last).count !== lines.length) throw new Error("count is wrong");
  return errorRows({ messages: lines });
}

const rowsSchema = z.object({ messages: z.array(z.object({ error: apiErrorSchema.shape.error.optional() })) });

function errorRows(json: unknown): string {
  const rows = rowsSchema.safeParse(json).data?.messages ?? [];
  return withRows(rows.flatMap(({ error }) => error?.details[0].reason ?? []));
}

function withRows(reasons: readonly string[]): string {
  return reasons.length === 0 ? "" : ` with rows ${[...new Set(reasons)].toSorted().join(" ")}`;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
