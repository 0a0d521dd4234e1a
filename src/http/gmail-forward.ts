/**
 * Sending a caller's request on to Gmail, and Gmail's answer back: status and body untouched, streamed. A browser may do
 * nothing with it but keep it: what is in it was written by strangers.
 */
import type { AppContext, Caller } from "./types.ts";

/** The body is kept for the replay after a 401. Larger messages go to Gmail's upload endpoint, which is not passed. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** What the caller gets of Gmail's headers. The body is decoded, so its encoding and length do not apply. */
export const RESPONSE_HEADERS = [
  "Content-Type",
  "Content-Language",
  "Content-Range",
  "ETag",
  "Last-Modified",
  "Retry-After",
];

/** What an answer that is passed on has of headers, beside those of every answer. */
export const ANSWER_HEADERS = [...RESPONSE_HEADERS, "Content-Disposition"];

/** Types that programs read, and that no browser shows as a page. */
const DATA_TYPES =
  /^(?:application\/(?:json|[\w.+-]+\+json|(?:x-|vnd\.google\.)?protobuf)|multipart\/(?!x-mixed-replace)[\w.+-]+)\s*(?:;|$)/i;

/** A request to Gmail, without the access token. */
export interface GmailRequest {
  /** Path and query. */
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string | ArrayBuffer | null;
}

/** Makes a request with the caller's grant. @throws AppError as Grant.fetch */
export async function forwardToGmail(c: AppContext, { grant }: Caller, request: GmailRequest): Promise<Response> {
  const { clientSignal, config, trace } = c.var.scope;
  const { path, ...init } = request;
  const response = await trace.time("list", () =>
    grant.fetch(`${config.gmailApiUrl}${path}`, init, {
      endpoint: "Gmail",
      streaming: true,
      signal: clientSignal,
    }),
  );
  const headers = pickHeaders(response.headers, RESPONSE_HEADERS);
  if (response.body !== null && !DATA_TYPES.test(headers.get("Content-Type") ?? "")) {
    headers.set("Content-Disposition", "attachment");
  }
  c.set("contentPolicy", "passed");
  return new Response(response.body, { status: response.status, headers });
}

/** The headers of these names. */
export function pickHeaders(headers: Headers, names: readonly string[]): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}
