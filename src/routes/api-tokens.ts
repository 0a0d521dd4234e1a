/**
 * `/api/tokens`: making, listing and revoking API tokens. For a session only: a token cannot make tokens.
 */
import { Hono } from "hono/tiny";
import type { TokenInfo } from "../object/rpc.ts";
import { requireSession } from "../http/authentication.ts";
import { readParameters } from "../http/parameters.ts";
import { limitRate } from "../http/rate-limit.ts";
import { readJsonBody } from "../http/body.ts";
import type { AppEnv } from "../http/types.ts";
import { toDateTime } from "../lib/times.ts";
import { makeToken, revokeToken } from "../auth/api-tokens.ts";

const MAX_BODY_BYTES = 4 * 1024;

export const tokenRoutes = new Hono<AppEnv>()
  .use(limitRate("tokens"))
  .get("/", async (c) => {
    const { mailbox } = await requireSession(c);
    readParameters(c, []);
    const tokens = await mailbox.ask("listTokens");
    return c.json({ tokens: tokens.map(describeToken) });
  })
  .post("/", async (c) => {
    const caller = await requireSession(c);
    readParameters(c, []);
    const request = await readJsonBody(c, MAX_BODY_BYTES);
    const { id, secret, name, access, expiresAtMs } = await makeToken(caller, request, c.var.scope.world.now());
    return c.json({ id, token: secret, name, access, expiresAt: toDateTime(expiresAtMs) }, 201);
  })
  .delete("/:id", async (c) => {
    const caller = await requireSession(c);
    readParameters(c, []);
    await revokeToken(caller, c.req.param("id"));
    return c.body(null, 204);
  });

function describeToken({ id, name, access, createdAtMs, expiresAtMs, lastUsedAtMs }: TokenInfo) {
  return {
    id,
    name,
    access,
    createdAt: toDateTime(createdAtMs),
    expiresAt: toDateTime(expiresAtMs),
    lastUsedAt: lastUsedAtMs === null ? null : toDateTime(lastUsedAtMs),
  };
}
