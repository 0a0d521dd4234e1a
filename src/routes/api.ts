/**
 * `/api/me` and `/api/messages`: the JSON API of the signed-in user.
 */
import { Hono } from "hono/tiny";
import { requireCaller } from "../http/authentication.ts";
import { invalidArgument } from "../errors.ts";
import { LIST_OPTION_NAMES, type ListOptions, parseListOptions } from "../mailbox/options.ts";
import { reportError } from "../lib/log.ts";
import { collectMessages, streamMessages } from "../mailbox/list.ts";
import { wantsNdjson } from "../http/request.ts";
import { errorBody } from "../http/error-response.tsx";
import type { AppContext, AppEnv } from "../http/types.ts";
import { unknownName } from "../lib/unknown-name.ts";

export const apiRoutes = new Hono<AppEnv>()
  .get("/me", async (c) => {
    const { identity, scopes } = await requireCaller(c, "list");
    return c.json({ ...identity, scopes });
  })
  .get("/messages", async (c) => {
    const { grant, identity } = await requireCaller(c, "list");
    const user = { sub: identity.sub, grant };
    const options = parseQuery(c);
    const { scope } = c.var;
    if (!wantsNdjson(c)) return c.json(await collectMessages(scope, user, options));
    const lines = await streamMessages(
      scope,
      user,
      options,
      (error) => errorBody(c, reportError(scope.trace, error)).error,
    );
    return c.body(lines, 200, { "Content-Type": "application/x-ndjson; charset=utf-8" });
  });

/** Only `labelIds` may be repeated. */
function parseQuery(c: AppContext): ListOptions {
  const values: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(c.req.queries())) {
    if (!LIST_OPTION_NAMES.includes(name)) throw unknownName("parameter", name, LIST_OPTION_NAMES);
    if (name !== "labelIds" && given.length > 1) throw invalidArgument(name, `${name} must be given once at most.`);
    values[name] = name === "labelIds" ? given : given[0];
  }
  return parseListOptions(values);
}
