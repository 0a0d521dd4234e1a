/**
 * `POST /batch/gmail/v1`: Gmail's batch endpoint for the caller, for clients that batch. Each part is checked as a call
 * of its own; the answer is passed on untouched and streamed.
 */
import { Hono } from "hono/tiny";
import { requireCaller } from "../http/authentication.ts";
import { type BatchCall, composeBatch } from "../gmail/batch.ts";
import { parseBatchRequest } from "../gmail/batch-request.ts";
import { randomToken } from "../lib/key-ring.ts";
import { checkGmailCall } from "../auth/gmail-call.ts";
import { checkQuery } from "../gmail/methods.ts";
import { forwardToGmail, MAX_BODY_BYTES } from "../http/gmail-forward.ts";
import { quotaUnits } from "../gmail/quota.ts";
import { requireOrigin } from "../http/isolation.ts";
import { readText } from "../http/request.ts";
import type { AppEnv } from "../http/types.ts";

export const batchPassthroughRoutes = new Hono<AppEnv>().post("/", async (c) => {
  // What a part needs is known once it is read.
  const caller = await requireCaller(c, "list");
  if (caller.session !== null) requireOrigin(c);
  // Of its own, a batch has no parameter that is passed on; what nobody knows is refused all the same.
  checkQuery(new URL(c.req.url).search.slice(1));
  const text = await readText(c, MAX_BODY_BYTES);
  const { config, trace } = c.var.scope;
  const calls: BatchCall[] = [];
  let units = 0;
  for (const call of parseBatchRequest(c.req.header("Content-Type") ?? null, text)) {
    const { method } = call;
    const { path, query } = checkGmailCall(caller, config.google.scopes, { method, target: call.path });
    calls.push({ ...call, path: path + query });
    units += quotaUnits(method, path);
  }
  trace.quotaUnits += units;
  // Long and random: no body can hold it.
  const boundary = `batch_${randomToken()}`;
  return forwardToGmail(c, caller, {
    path: "/batch/gmail/v1",
    method: "POST",
    headers: new Headers({ "Content-Type": `multipart/mixed; boundary=${boundary}` }),
    body: composeBatch(calls, boundary),
  });
});
