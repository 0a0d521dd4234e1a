/**
 * How the emulated Google is told what is to go wrong, and which calls that concerns:
 *
 *   curl -d 'endpoint=batch-part&status=429&share=0.3' …/__emulator/faults   tells of one more fault
 *   curl …/__emulator/faults                                                shows them, with their hits
 *   curl -X DELETE …/__emulator/faults                                      ends them all
 */

import { Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { faultForm, type Endpoint, type FaultPlan } from "./faults.ts";

/** Where each call goes; the first that fits. What is on none of these paths never fails. */
const CALLS: readonly (readonly [pattern: RegExp, endpoint: Endpoint])[] = [
  [/^POST \/oauth2\/token$/, "token"],
  [/^POST \/oauth2\/revoke$/, "revoke"],
  [/ \/oauth2\/v2\/userinfo$/, "userinfo"],
  [/ \/oauth2\/v3\/certs$/, "certs"],
  [/^POST \/batch\/gmail\/v1$/, "batch"],
  [/^GET \/gmail\/v1\/users\/[^/]+\/messages$/, "list"],
  [/^GET \/gmail\/v1\/users\/[^/]+\/messages\/[^/]+$/, "get"],
  [/ (?:\/upload)?\/gmail\//, "other"],
];

/** Lets the faults at the calls that come from outside; parts of a batch meet theirs in the batch. */
export function faultGate(faults: FaultPlan): MiddlewareHandler {
  return async (c, next) => {
    const call = `${c.req.method} ${c.req.path}`;
    const endpoint = CALLS.find(([pattern]) => pattern.test(call))?.[1];
    if (endpoint === undefined) return next();
    return faults.apply({ endpoint }, async () => {
      await next();
      return c.res;
    });
  };
}

/** The control routes for faults. */
export function faultRoutes(faults: FaultPlan): Hono {
  const app = new Hono();
  app.get("/", (c) => c.json({ faults: faults.list() }));
  app.post("/", async (c) => {
    const form = new URLSearchParams(await c.req.text());
    // zod/mini has no words for its errors unless it is given some.
    const parsed = faultForm.safeParse(Object.fromEntries(form), { error: z.locales.en().localeError });
    if (!parsed.success) return c.text(`${z.prettifyError(parsed.error)}\n`, 400);
    faults.add(parsed.data);
    return c.json({ faults: faults.list() }, 201);
  });
  app.delete("/", (c) => {
    faults.clear();
    return c.json({ faults: faults.list() });
  });
  return app;
}
