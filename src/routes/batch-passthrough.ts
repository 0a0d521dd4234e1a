/**
 * `POST /batch/gmail/v1`: Gmail's batch endpoint for the caller, for clients that batch. Each part is checked as a call
 * of its own; the answer is passed on untouched and streamed.
 */
import { Hono } from "hono/tiny";
import { requireCaller } from "../authentication.ts";
import { type BatchCall, composeBatch } from "../batch.ts";
import { parseBatchRequest } from "../batch-request.ts";
import { randomToken } from "../keys.ts";
import { ownMailboxPath } from "../own-mailbox.ts";
import { forwardToGmail, MAX_BODY_BYTES } from "../gmail-forward.ts";
import { quotaUnits } from "../quota.ts";
import { requireOrigin } from "../isolation.ts";
import { readText } from "../request.ts";
import type { AppEnv } from "../scope.ts";
import type { Identity } from "../session.ts";

export const batchPassthroughRoutes = new Hono<AppEnv>().post("/", async (c) => {
  const caller = await requireCaller(c);
  if (caller.session !== null) requireOrigin(c);
  const text = await readText(c, MAX_BODY_BYTES);
  const calls = parseBatchRequest(c.req.header("Content-Type") ?? null, text).map((call) =>
    ownCall(call, caller.identity),
  );
  for (const { method, path } of calls) c.var.scope.trace.quotaUnits += quotaUnits(method, withoutQuery(path));
  // Long and random: no body can hold it.
  const boundary = `batch_${randomToken()}`;
  return forwardToGmail(c, caller, {
    path: "/batch/gmail/v1",
    method: "POST",
    headers: new Headers({ "Content-Type": `multipart/mixed; boundary=${boundary}` }),
    body: composeBatch(calls, boundary),
  });
});

function ownCall(call: BatchCall, identity: Identity): BatchCall {
  const path = withoutQuery(call.path);
  return { ...call, path: ownMailboxPath(path, identity) + call.path.slice(path.length) };
}

function withoutQuery(path: string): string {
  return path.replace(/\?.*$/, "");
}
