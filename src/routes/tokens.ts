/**
 * `/api/tokens`: making, listing and revoking API tokens. For a session only: a token cannot make tokens.
 */
import { Hono } from "hono/tiny";
import * as z from "zod/mini";
import { type ApiTokenInfo, MAX_TOKENS_PER_USER } from "../api-tokens.ts";
import { requireSession } from "../authentication.ts";
import { AppError } from "../errors.ts";
import { parseOptions } from "../list-options.ts";
import { limitRate } from "../rate-limit.ts";
import { readJsonBody, requireSameOrigin } from "../request.ts";
import type { AppEnv } from "../scope.ts";

const MAX_BODY_BYTES = 4 * 1024;
const MAX_NAME_CHARACTERS = 100;
const MAX_EXPIRES_IN_DAYS = 365;
const DEFAULT_EXPIRES_IN_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

const daysMessage = `must be a whole number of days, 1 to ${MAX_EXPIRES_IN_DAYS}`;

const NewTokenSchema = z.object({
  name: z
    .string("must be text")
    .check(
      z.trim(),
      z.minLength(1, "must not be empty"),
      z.maxLength(MAX_NAME_CHARACTERS, `must have at most ${MAX_NAME_CHARACTERS} characters`),
    ),
  expiresInDays: z._default(
    z.int(daysMessage).check(z.gte(1, daysMessage), z.lte(MAX_EXPIRES_IN_DAYS, daysMessage)),
    DEFAULT_EXPIRES_IN_DAYS,
  ),
});

export const tokenRoutes = new Hono<AppEnv>()
  .use(limitRate("tokens"))
  .get("/", async (c) => {
    const { identity } = await requireSession(c);
    const tokens = await c.var.scope.apiTokens.list(identity.sub);
    return c.json({ tokens: tokens.map(describeToken) });
  })
  .post("/", async (c) => {
    requireSameOrigin(c, { originRequired: false });
    const { identity, scopes } = await requireSession(c);
    const { apiTokens, world } = c.var.scope;
    const { name, expiresInDays } = parseOptions(NewTokenSchema, await readJsonBody(c, MAX_BODY_BYTES));
    if ((await apiTokens.list(identity.sub)).length >= MAX_TOKENS_PER_USER) {
      throw new AppError("FAILED_PRECONDITION", `You have ${MAX_TOKENS_PER_USER} API tokens. Revoke one first.`);
    }
    const createdAtMs = world.now();
    const expiresAtMs = createdAtMs + expiresInDays * DAY_MS;
    const { id, secret } = await apiTokens.create({
      name,
      identity,
      scopes: [...scopes],
      createdAtMs,
      expiresAtMs,
    });
    return c.json({ id, token: secret, name, expiresAt: toDateTime(expiresAtMs) }, 201);
  })
  .delete("/:id", async (c) => {
    requireSameOrigin(c, { originRequired: false });
    const { identity } = await requireSession(c);
    const id = c.req.param("id");
    if (!(await c.var.scope.apiTokens.revoke(identity.sub, id)))
      throw new AppError("NOT_FOUND", "You have no such API token.");
    c.var.scope.knownApiTokens.delete(id);
    return c.body(null, 204);
  });

function describeToken({ id, name, createdAtMs, expiresAtMs, lastUsedOn }: ApiTokenInfo) {
  return { id, name, createdAt: toDateTime(createdAtMs), expiresAt: toDateTime(expiresAtMs), lastUsedOn };
}

/** RFC 3339 in UTC. */
function toDateTime(ms: number): string {
  return new Date(ms).toISOString();
}
