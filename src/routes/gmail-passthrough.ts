/**
 * `/gmail/v1/users/{userId}/…`: Gmail's own REST API for the caller, status and body untouched and streamed.
 */
import { Hono } from "hono/tiny";
import { requireCaller } from "../authentication.ts";
import { AppError, invalidArgument } from "../errors.ts";
import { quotaUnits } from "../quota.ts";
import { requireSameOrigin } from "../request.ts";
import type { AppContext, AppEnv, Caller } from "../scope.ts";

/** What Gmail may see of the request; cookies and everything else stay here. */
const REQUEST_HEADERS = ["Accept", "Accept-Language", "Content-Type", "If-Match", "If-None-Match", "Range"];
/** What the caller gets of Gmail's headers. The body is decoded, so its encoding and length do not apply. */
const RESPONSE_HEADERS = ["Content-Type", "Content-Language", "Content-Range", "ETag", "Last-Modified", "Retry-After"];

/** The body is kept for the replay after a 401. Larger messages go to Gmail's upload endpoint, which is not passed. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

export const gmailPassthroughRoutes = new Hono<AppEnv>().all("/users/:userId/*", async (c) => {
  const caller = await requireCaller(c);
  const isRead = c.req.method === "GET" || c.req.method === "HEAD";
  if (!isRead) requireSameOrigin(c, { originRequired: true });
  requireOwnUserId(c.req.param("userId"), caller);
  const { config, trace } = c.var.scope;
  const url = new URL(c.req.url);
  // The token's own mailbox, whatever name the caller gave it: Gmail knows `me`, but not a `sub`.
  const path = url.pathname.replace(/^\/gmail\/v1\/users\/[^/]+\//, "/gmail/v1/users/me/");
  trace.quotaUnits += quotaUnits(c.req.method, path);
  const init = {
    method: c.req.method,
    headers: pick(c.req.raw.headers, REQUEST_HEADERS),
    body: isRead ? null : await readBody(c),
  };
  const response = await trace.time("list", () =>
    caller.grant.fetch(`${config.gmailApiUrl}${path}${url.search}`, init, {
      endpoint: "Gmail",
      streaming: true,
      signal: c.req.raw.signal,
    }),
  );
  return new Response(response.body, { status: response.status, headers: pick(response.headers, RESPONSE_HEADERS) });
});

function requireOwnUserId(userId: string, { session }: Caller): void {
  const { sub, email } = session.identity;
  if (userId === "me" || userId === sub || userId.toLowerCase() === email?.toLowerCase()) return;
  throw new AppError("PERMISSION_DENIED", "userId must be me, or your own address or user ID.", {
    metadata: { parameter: "userId" },
  });
}

async function readBody(c: AppContext): Promise<ArrayBuffer | null> {
  const declaredBytes = Number(c.req.header("Content-Length") ?? 0);
  const body = declaredBytes > MAX_BODY_BYTES ? null : await c.req.arrayBuffer();
  if (body === null || body.byteLength > MAX_BODY_BYTES) {
    throw invalidArgument("body", `The body must have at most ${MAX_BODY_BYTES} bytes.`);
  }
  return body.byteLength === 0 ? null : body;
}

function pick(headers: Headers, names: readonly string[]): Headers {
  const picked = new Headers();
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) picked.set(name, value);
  }
  return picked;
}
