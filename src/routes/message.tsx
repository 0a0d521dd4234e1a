/**
 * `/message/{id}`: reading one message, and `/message/{id}/body`: its HTML, for a frame that nothing can get out of.
 */
import { Hono } from "hono/tiny";
import { requireSession } from "../authentication.ts";
import { AppError } from "../errors.ts";
import { Gmail } from "../gmail.ts";
import { gmailOptions } from "../mailbox.ts";
import { type ReadableMessage, toReadableMessage } from "../message-body.ts";
import { MessagePage } from "../pages/message-page.tsx";
import { readerOf } from "../request.ts";
import type { AppContext, AppEnv, SessionCaller } from "../scope.ts";

export const messageRoutes = new Hono<AppEnv>()
  .get("/:id", async (c) => {
    const caller = await requireSession(c);
    const message = await readMessage(c, caller);
    return c.html(<MessagePage identity={caller.identity} message={message} reader={readerOf(c)} />);
  })
  .get("/:id/body", async (c) => {
    const { html } = await readMessage(c, await requireSession(c));
    if (html === null) throw new AppError("NOT_FOUND", "This message has no HTML.");
    // Links leave the frame; the headers of this policy forbid everything else.
    c.set("contentPolicy", "mail");
    return c.html(`<!doctype html><meta charset="utf-8"><base target="_blank">${html}`);
  });

async function readMessage(c: AppContext, { identity, grant }: SessionCaller): Promise<ReadableMessage> {
  const id = c.req.param("id") ?? "";
  if (!/^[\w-]{1,64}$/.test(id)) throw new AppError("NOT_FOUND", "There is no such message.");
  const gmail = new Gmail(gmailOptions(c.var.scope, { sub: identity.sub, grant }));
  return toReadableMessage(await gmail.getMessage(id, new URLSearchParams({ format: "full", prettyPrint: "false" })));
}
