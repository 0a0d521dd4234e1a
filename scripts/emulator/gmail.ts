/**
 * What stands in front of the emulated Gmail API: answers are put right where `emulate` differs from
 * Google in ways that a client meets at once.
 *
 * Known differences that stay: `q` knows `from:`, `to:`, `subject:`, `label:`, `in:`, `is:`,
 * `before:`, `after:`, `has:attachment` and words, all of which must match (`OR` is ignored, as are
 * `-words`, and quotes work around a whole term but not after `subject:`); page tokens are offsets, so
 * mail that arrives meanwhile shifts the pages; bad page tokens and unknown labels are not refused;
 * header names in `metadataHeaders` are compared with case; a name in `fields` that no answer has is
 * not refused.
 */

import { Hono, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import { bearerToken } from "./bearer.ts";
import { applyFieldMask, parseFieldMask } from "./fields.ts";
import { apiError, badRequest } from "./google-errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Upstream } from "./upstream.ts";

const listReply = z.looseObject({
  messages: z.optional(z.array(z.looseObject({ id: z.string() }))),
  threads: z.optional(z.array(z.looseObject({ id: z.string(), historyId: z.string() }))),
  resultSizeEstimate: z.optional(z.number()),
});

/** Cuts a right answer down to what `fields` asks for; `emulate` always answers everything. */
const partialResponse: MiddlewareHandler = async (c, next) => {
  const fields = c.req.query("fields") ?? "";
  if (fields === "") return next();
  const mask = parseFieldMask(fields);
  if (mask === null) {
    const message = `Invalid field selection ${fields}`;
    return apiError({ ...badRequest(message), reason: "invalidParameter", location: ["parameter", "fields"] });
  }
  await next();
  if (c.res.ok && /\bjson\b/.test(c.res.headers.get("Content-Type") ?? "")) {
    const whole: unknown = await c.res.json();
    // Set to nothing first: Hono would keep the old headers, and with them the old length.
    c.res = undefined;
    c.res = Response.json(applyFieldMask(whole, mask));
  }
  return undefined;
};

/** The Gmail routes whose answers `emulate` words differently, or lacks. */
export function gmailRoutes(context: { ledger: Ledger; upstream: Upstream }): Hono {
  const { ledger, upstream } = context;
  const app = new Hono();

  app.use("/gmail/*", partialResponse);

  // Google leaves `messages` out when a page has none; `emulate` answers an empty array.
  app.get("/gmail/v1/users/:userId/messages", async (c) => {
    const reply = await upstream.forward(c);
    if (!reply.ok) return reply;
    const { messages, ...rest } = listReply.parse(await reply.json());
    return c.json(messages === undefined || messages.length === 0 ? rest : { messages, ...rest });
  });

  // `emulate` has no users.getProfile.
  app.get("/gmail/v1/users/:userId/profile", async (c) => {
    const token = bearerToken(c.req.header("Authorization")) ?? "";
    const email = ledger.openAccessToken(token)?.grant.email ?? "";
    const userId = c.req.param("userId");
    if (userId !== "me" && userId !== email) return delegationDenied(userId);
    const list = async (kind: "messages" | "threads"): Promise<z.infer<typeof listReply>> => {
      const path = `/gmail/v1/users/me/${kind}?maxResults=1&includeSpamTrash=true`;
      const reply = await upstream.fetch(path, { headers: { Authorization: `Bearer ${token}` } });
      return listReply.parse(await reply.json());
    };
    const [messages, threads] = await Promise.all([list("messages"), list("threads")]);
    return c.json({
      emailAddress: email,
      messagesTotal: messages.resultSizeEstimate ?? 0,
      threadsTotal: threads.resultSizeEstimate ?? 0,
      historyId: threads.threads?.[0]?.historyId ?? "1",
    });
  });

  return app;
}

function delegationDenied(userId: string): Response {
  return apiError({ code: 403, message: `Delegation denied for ${userId}`, reason: "forbidden" });
}
