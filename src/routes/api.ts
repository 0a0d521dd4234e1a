/**
 * The JSON API of the caller: user, messages, attachments, labels. Throws AppError as {@link requireCaller} and the mailbox
 * do.
 */
import { Hono } from "hono/tiny";
import { requireCaller } from "../http/authentication.ts";
import { readParameters } from "../http/parameters.ts";
import { LIST_OPTION_NAMES, parseListOptions } from "../mailbox/options.ts";
import { reportError } from "../lib/log.ts";
import { fileResponse } from "../http/attachment.ts";
import { collectMessages, gmailOf, streamMessages } from "../mailbox/list.ts";
import { openAttachment, readMessage } from "../mailbox/message.ts";
import { wantsNdjson } from "../http/navigation.ts";
import { errorBody } from "../http/error-response.tsx";
import type { AppEnv } from "../http/types.ts";

export const apiRoutes = new Hono<AppEnv>()
  .get("/me", async (c) => {
    const { identity, scopes } = await requireCaller(c, "list");
    readParameters(c, []);
    return c.json({ ...identity, scopes });
  })
  .get("/messages", async (c) => {
    const { grant, identity } = await requireCaller(c, "list");
    const user = { ...identity, grant };
    const options = parseListOptions(readParameters(c, LIST_OPTION_NAMES, ["labelIds"]));
    const { scope } = c.var;
    if (!wantsNdjson(c)) return c.json(await collectMessages(scope, user, options));
    const lines = await streamMessages(
      scope,
      user,
      options,
      (error) => errorBody(c, reportError(scope.trace, error)).error,
    );
    return c.body(lines, 200, { "Content-Type": "application/x-ndjson; charset=utf-8" });
  })
  .get("/messages/:id", async (c) => {
    const { grant } = await requireCaller(c);
    readParameters(c, []);
    return c.json(await readMessage(c.var.scope, grant, c.req.param("id")));
  })
  .get("/messages/:id/attachments/:partId", async (c) => {
    const { grant } = await requireCaller(c);
    readParameters(c, []);
    const { attachment, body } = await openAttachment(c.var.scope, grant, c.req.param());
    return fileResponse(c, attachment, body);
  })
  .get("/labels", async (c) => {
    const { grant } = await requireCaller(c, "list");
    readParameters(c, []);
    const labels = await gmailOf(c.var.scope, grant).listLabels();
    return c.json({
      labels: labels.map(({ id, name, isOwn }) => ({
        id,
        name,
        type: isOwn ? ("user" as const) : ("system" as const),
      })),
    });
  });
