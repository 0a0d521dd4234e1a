/** The Worker of a stage, asked under any URL and with any binding: for what a stage itself leaves out. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createWorker } from "../../src/index.ts";
import { inside } from "../support/contract.ts";
import { type Stage, workerVars } from "../support/stage.ts";

export type Ask = (url: string, init?: RequestInit) => Promise<Response>;

/** @param changes of the environment: variables and bindings */
export function openWorker(stage: Stage, changes: Readonly<Record<string, unknown>> = {}): Ask {
  const worker = createWorker();
  const vars = { ...workerVars(stage.google, stage.tokenKeys), ALLOWED_ACCOUNTS: "", PUBLIC_URL: "" };
  // Tests reach no more of a namespace.
  const MAILBOXES = inside(stage).mailboxes as Env["MAILBOXES"];
  // One object for its whole life, as in an isolate.
  const workerEnv = { ...env, ...vars, MAILBOXES, ...changes };
  return async (url, init = {}) => {
    const ctx = createExecutionContext();
    const response = await worker.fetch(new Request(url, { redirect: "manual", ...init }), workerEnv, ctx);
    // The whole of it: a stream that nobody reads never ends.
    const body = await response.arrayBuffer();
    await waitOnExecutionContext(ctx);
    return new Response(body.byteLength === 0 ? null : body, response);
  };
}

/** A request of a stage as `fetch` takes it, without its path. */
export function toInit(request: {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
}) {
  const { method = "GET", headers = {}, body } = request;
  return { method, headers, ...(body === undefined ? {} : { body }) };
}
