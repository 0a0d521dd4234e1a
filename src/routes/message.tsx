/**
 * `/message/{id}`: reading one message, and `/message/{id}/body`: its HTML, for a frame that nothing can get out of.
 */
import { Hono } from "hono/tiny";
import { requireSession } from "../http/authentication.ts";
import { scriptNonce } from "../http/content-policy.ts";
import { AppError } from "../errors.ts";
import { AnswerTooLargeError } from "../lib/upstream.ts";
import { toFrameDocument } from "../mail/html.ts";
import { gmailOf } from "../mailbox/list.ts";
import { type ReadableMessage, toReadableMessage } from "../mail/body.ts";
import { gmailUrl } from "../pages/mailbox.tsx";
import { MessagePage } from "../pages/message.tsx";
import { page, requireFrame } from "../http/isolation.ts";
import { readerOf } from "../http/request.ts";
import type { AppContext, AppEnv, SessionCaller } from "../http/types.ts";

export const messageRoutes = new Hono<AppEnv>()
  .get("/:id", page, async (c) => {
    const caller = await requireSession(c);
    const message = await readMessage(c, caller);
    return c.html(
      <MessagePage identity={caller.identity} message={message} reader={readerOf(c)} nonce={scriptNonce(c)} />,
    );
  })
  .get("/:id/body", async (c) => {
    const caller = await requireSession(c);
    requireFrame(c);
    const { html } = await readMessage(c, caller);
    if (html === null) throw new AppError("NOT_FOUND", "This message has no HTML.");
    c.set("contentPolicy", "mail");
    return c.html(toFrameDocument(html, [c.var.scope.origin, c.req.url]));
  });

async function readMessage(c: AppContext, { identity, grant }: SessionCaller): Promise<ReadableMessage> {
  const id = c.req.param("id") ?? "";
  if (!/^[\w-]{1,64}$/.test(id)) throw new AppError("NOT_FOUND", "There is no such message.");
  const gmail = gmailOf(c.var.scope, grant);
  try {
    return toReadableMessage(await gmail.getMessage(id, new URLSearchParams({ format: "full", prettyPrint: "false" })));
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    throw new AppError("UPSTREAM_UNAVAILABLE", "This message is too large to be shown here. Gmail shows it.", {
      link: { href: gmailUrl(id, identity.email), text: "Open the message in Gmail" },
      cause: error,
    });
  }
}
