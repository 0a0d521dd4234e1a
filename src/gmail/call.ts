/**
 * A call to Gmail, or a batch of them, with the user's access: the one place where quota units are counted.
 */
import type { CallOptions } from "../lib/upstream.ts";
import type { Trace } from "../lib/trace.ts";
import { GMAIL } from "./errors.ts";

/** What makes a call. */
export interface GmailCaller {
  /** Origin of the API, no trailing slash. */
  readonly apiUrl: string;
  readonly access: {
    fetch(input: string, init: RequestInit & { headers?: Headers }, options: CallOptions): Promise<Response>;
  };
  readonly trace: Trace;
}

/** A request to Gmail, without the access token. */
export interface GmailRequest extends Pick<RequestInit, "body" | "method"> {
  /** Path and query. */
  readonly path: string;
  /** Quota units that it costs, once: a call that answers 401 costs none. */
  readonly units: number;
  readonly headers?: Headers;
}

/** Makes a request, and counts what it costs. @throws AppError as the access does */
export async function callGmail(
  { apiUrl, access, trace }: GmailCaller,
  { path, units, ...init }: GmailRequest,
  options: Omit<CallOptions, "endpoint"> = {},
): Promise<Response> {
  // Before it is sent: what is decided meanwhile reckons with it.
  trace.spend(units);
  return access.fetch(apiUrl + path, init, { endpoint: GMAIL, ...options });
}
