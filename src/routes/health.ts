/**
 * `/healthz`: that the Worker runs; with `?deep=1` and for an operator, whether all that it needs works.
 */
import { Hono } from "hono/tiny";
import { checkHealth } from "../operator/health.ts";
import { operatorOnly } from "../http/operator.ts";
import { limitRate } from "../http/rate-limit.ts";
import type { AppEnv } from "../http/types.ts";

export const healthRoutes = new Hono<AppEnv>()
  .get("/", async (c, next) => (c.req.query("deep") === undefined ? c.json({ status: "ok" }) : next()))
  .get("/", limitRate("operator"), operatorOnly, async (c) => {
    const checks = await checkHealth(c.var.scope);
    const isHealthy = checks.every(({ ok }) => ok);
    return c.json({ status: isHealthy ? "ok" : "failing", checks }, isHealthy ? 200 : 503);
  });
