/**
 * Gmail's batch endpoint, which `emulate` lacks: each part is a call of its own to the layer, so that
 * tokens, scopes and faults count for it as for any other.
 *
 * https://developers.google.com/workspace/gmail/api/guides/batch
 *
 * Known differences: Google's words for a batch that it refuses are guessed, but for their beginning; how
 * many parts it serves at once is not known, and here is no limit unless a fault sets one.
 */

import { Hono } from "hono";
import { bearerToken } from "./bearer.ts";
import { apiError, badRequest, INVALID_CREDENTIALS, NOT_FOUND } from "./google-errors.ts";
import type { FaultPlan } from "./faults.ts";
import type { Ledger } from "./ledger.ts";
import { composeBatch, MultipartError, parseBatch, type BatchPart, type BatchReply } from "./multipart.ts";

const BATCH_PATH = "/batch/gmail/v1";
const MAX_PARTS = 100;
/** Headers that belong to the connection or to the whole, and are no part's. */
const NOT_INHERITED = /^(?:content-.*|accept-encoding|connection|host|keep-alive|transfer-encoding|expect)$/;

/** What the batch endpoint needs. */
export interface BatchContext {
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  /** Answers one call, as if it had come alone. */
  readonly dispatch: (request: Request) => Response | Promise<Response>;
}

/** The route of the batch endpoint. */
export function batchRoutes(context: BatchContext): Hono {
  const app = new Hono();
  app.post(BATCH_PATH, async (c) => {
    const token = bearerToken(c.req.header("Authorization"));
    // Without a token of the whole it is for each part to bring one.
    if (token !== null && context.ledger.openAccessToken(token) === null) return apiError(INVALID_CREDENTIALS);
    const parts = readParts(c.req.header("Content-Type") ?? "", await c.req.arrayBuffer());
    if (!Array.isArray(parts)) return parts;
    const inherited = [...c.req.raw.headers].filter(([name]) => !NOT_INHERITED.test(name));
    const replies: BatchReply[] = [];
    await Promise.all(
      parts.map(async (part) => {
        const response = await answerPart(context, toRequest(part, { url: c.req.url, inherited }));
        // As they are done: Google promises no order, and a client must go by Content-ID.
        replies.push({ contentId: part.contentId, response });
      }),
    );
    return composeBatch(replies);
  });
  return app;
}

/** The parts, or Google's refusal of the whole batch. */
function readParts(contentType: string, body: ArrayBuffer): BatchPart[] | Response {
  let parts: BatchPart[];
  try {
    parts = parseBatch(contentType, body);
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    return refuse(error.message);
  }
  if (parts.length === 0) return refuse("0 items");
  if (parts.length > MAX_PARTS) return refuse(`${parts.length} items, more than the limit of ${MAX_PARTS}`);
  const foreign = parts.find(({ target }) => !/^\/(?!\/)/.test(target));
  return foreign === undefined ? parts : refuse(`the URL of a part must be a path, and is ${foreign.target}`);
}

function refuse(why: string): Response {
  return apiError(badRequest(`Failed to parse batch request, error: ${why}.`));
}

function toRequest(part: BatchPart, whole: { url: string; inherited: readonly [string, string][] }): Request {
  const headers = new Headers([...whole.inherited]);
  for (const [name, value] of part.headers) headers.set(name, value);
  const hasBody = part.method !== "GET" && part.method !== "HEAD" && part.body.byteLength > 0;
  return new Request(new URL(part.target, whole.url), {
    method: part.method,
    headers,
    ...(hasBody ? { body: part.body } : {}),
  });
}

function answerPart({ ledger, faults, dispatch }: BatchContext, request: Request): Promise<Response> {
  const token = bearerToken(request.headers.get("Authorization") ?? undefined);
  const account = token === null ? null : ledger.openAccessToken(token);
  return faults.apply({ endpoint: "batch-part", account: account?.grant.email ?? "" }, () => {
    // Neither other APIs nor uploads nor another batch can be reached by a part.
    if (!new URL(request.url).pathname.startsWith("/gmail/v1/")) return apiError(NOT_FOUND);
    return dispatch(request);
  });
}
