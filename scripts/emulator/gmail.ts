/**
 * What stands in front of the emulated Gmail API: only live access tokens with a Gmail scope pass,
 * and answers are put right where `emulate` differs from Google in ways that a client meets at once.
 *
 * Known differences that stay: `q` knows `from:`, `to:`, `subject:`, `label:`, `in:`, `is:`,
 * `before:`, `after:`, `has:attachment` and words, all of which must match (`OR` is ignored, as are
 * `-words`, and quotes work around a whole term but not after `subject:`); page tokens are offsets, so
 * mail that arrives meanwhile shifts the pages; bad page tokens and unknown labels are not refused;
 * header names in `metadataHeaders` are compared with case; `fields` masks nothing.
 */

import { Hono, type Context, type MiddlewareHandler } from "hono";
import * as z from "zod/mini";
import type { Ledger } from "./ledger.ts";
import { allowsGmail } from "./scopes.ts";
import type { Upstream } from "./upstream.ts";

const REALM = 'Bearer realm="https://accounts.google.com/"';
const HELP =
  "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
  "See https://developers.google.com/identity/sign-in/web/devconsole-project.";

const listReply = z.looseObject({
  messages: z.optional(z.array(z.looseObject({ id: z.string() }))),
  threads: z.optional(z.array(z.looseObject({ id: z.string(), historyId: z.string() }))),
  resultSizeEstimate: z.optional(z.number()),
});

/** Lets a request pass only with a live access token; `gmail: true` also asks for a Gmail scope. */
export function bearerGate(ledger: Ledger, options: { gmail: boolean }): MiddlewareHandler {
  return async (c, next) => {
    const token = /^Bearer\s+(\S+)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
    const access = token === undefined ? null : ledger.openAccessToken(token);
    if (access === null) return unauthenticated(c, token === undefined);
    if (options.gmail && !allowsGmail(access.scopes, c.req.method)) return insufficientScope(c);
    return next();
  };
}

function unauthenticated(c: Context, isMissing: boolean): Response {
  const [message, reason] = isMissing
    ? [`Request is missing required authentication credential. ${HELP}`, "required"]
    : [`Request had invalid authentication credentials. ${HELP}`, "authError"];
  c.header("WWW-Authenticate", isMissing ? REALM : `${REALM}, error="invalid_token"`);
  return c.json(
    {
      error: {
        code: 401,
        message,
        errors: [
          {
            message: isMissing ? "Login Required." : "Invalid Credentials",
            domain: "global",
            reason,
            location: "Authorization",
            locationType: "header",
          },
        ],
        status: "UNAUTHENTICATED",
      },
    },
    401,
  );
}

function insufficientScope(c: Context): Response {
  c.header("WWW-Authenticate", `${REALM}, error="insufficient_scope"`);
  return c.json(
    {
      error: {
        code: 403,
        message: "Request had insufficient authentication scopes.",
        errors: [
          {
            message: "Insufficient Permission",
            domain: "global",
            reason: "insufficientPermissions",
          },
        ],
        status: "PERMISSION_DENIED",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            domain: "googleapis.com",
            metadata: { service: "gmail.googleapis.com" },
          },
        ],
      },
    },
    403,
  );
}

/** The Gmail routes whose answers `emulate` words differently, or lacks. */
export function gmailRoutes(context: { ledger: Ledger; upstream: Upstream }): Hono {
  const { ledger, upstream } = context;
  const app = new Hono();

  // Google leaves `messages` out when a page has none; `emulate` answers an empty array.
  app.get("/gmail/v1/users/:userId/messages", async (c) => {
    const reply = await upstream.forward(c);
    if (!reply.ok) return reply;
    const { messages, ...rest } = listReply.parse(await reply.json());
    return c.json(messages === undefined || messages.length === 0 ? rest : { messages, ...rest });
  });

  // `emulate` has no users.getProfile.
  app.get("/gmail/v1/users/:userId/profile", async (c) => {
    const token = c.req.header("Authorization")?.replace(/^Bearer\s+/i, "") ?? "";
    const email = ledger.openAccessToken(token)?.grant.email ?? "";
    const userId = c.req.param("userId");
    if (userId !== "me" && userId !== email) return delegationDenied(c, userId);
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

function delegationDenied(c: Context, userId: string): Response {
  const message = `Delegation denied for ${userId}`;
  return c.json(
    {
      error: {
        code: 403,
        message,
        errors: [{ message, domain: "global", reason: "forbidden" }],
        status: "PERMISSION_DENIED",
      },
    },
    403,
  );
}
