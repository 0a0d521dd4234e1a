/**
 * `/operator/*`: for whoever runs this deployment, by `npm run rotate`.
 */
import { Hono } from "hono/tiny";
import { invalidArgument } from "../errors.ts";
import { operatorOnly } from "../http/operator.ts";
import { limitRate } from "../http/rate-limit.ts";
import { resealPage } from "../operator/rotation.ts";
import type { AppEnv } from "../http/types.ts";

const MAX_CURSOR_CHARACTERS = 4_096;

export const operatorRoutes = new Hono<AppEnv>().post("/rotate", limitRate("operator"), operatorOnly, async (c) => {
  const cursor = c.req.query("cursor") ?? null;
  if (cursor !== null && cursor.length > MAX_CURSOR_CHARACTERS) throw invalidArgument("cursor", "cursor is too long.");
  return c.json(await resealPage(c.var.scope, cursor));
});
