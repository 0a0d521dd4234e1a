/**
 * For the operator, who has `TOKEN_KEYS`: `POST /operator/rotate` and `GET /healthz?deep=1`. The way
 * in is a value sealed under those keys, so that there is no other secret to keep. `GET /healthz` alone is for everybody.
 */
import { createMiddleware } from "hono/factory";
import { Hono } from "hono/tiny";
import { AppError, invalidArgument } from "../errors.ts";
import { bearerToken } from "../http/bearer.ts";
import { limitRate } from "../http/rate-limit.ts";
import type { AppContext, AppEnv } from "../http/types.ts";
import { tryOpen } from "../lib/key-ring.ts";
import { checkHealth } from "../operator/health.ts";
import { resealPage } from "../operator/rotation.ts";

/** @throws AppError `PERMISSION_DENIED` */
async function requireOperator(c: AppContext): Promise<void> {
  const { keyRing, origin, world } = c.var.scope;
  const binding = { purpose: "operator", owner: origin } as const;
  const opened = await tryOpen(keyRing.open(binding, bearerToken(c) ?? "", world.now()));
  if (opened.kind === "opened") return;
  throw new AppError("PERMISSION_DENIED", "This is for the operator: see docs/operations.md.", { cause: opened.error });
}

/** Lets the operator in, and nobody else. */
export const operatorOnly = createMiddleware<AppEnv>(async (c, next) => {
  await requireOperator(c);
  await next();
});

const MAX_CURSOR_CHARACTERS = 4_096;

export const operatorRoutes = new Hono<AppEnv>().post("/rotate", limitRate("operator"), operatorOnly, async (c) => {
  const cursor = c.req.query("cursor") ?? null;
  if (cursor !== null && cursor.length > MAX_CURSOR_CHARACTERS) throw invalidArgument("cursor", "cursor is too long.");
  return c.json(await resealPage(c.var.scope, cursor));
});

export const healthRoutes = new Hono<AppEnv>()
  .get("/", async (c, next) => (c.req.query("deep") === undefined ? c.json({ status: "ok" }) : next()))
  .get("/", limitRate("operator"), operatorOnly, async (c) => {
    const checks = await checkHealth(c.var.scope);
    const isHealthy = checks.every(({ ok }) => ok);
    return c.json({ status: isHealthy ? "ok" : "failing", checks }, isHealthy ? 200 : 503);
  });
