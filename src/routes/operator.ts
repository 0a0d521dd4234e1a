/**
 * `/operator/*`: for whoever runs this deployment, by `npm run rotate`. The way in is a value sealed under `TOKEN_KEYS`,
 * so who has the keys is the operator, and there is no other secret to keep.
 */
import { Hono } from "hono/tiny";
import { createMiddleware } from "hono/factory";
import { AppError, invalidArgument } from "../errors.ts";
import { SealError } from "../keys.ts";
import { limitRate } from "../rate-limit.ts";
import { resealPage } from "../rotation.ts";
import { bearerToken } from "../token-authentication.ts";
import type { AppEnv } from "../scope.ts";

const MAX_CURSOR_CHARACTERS = 4_096;

const operatorOnly = createMiddleware<AppEnv>(async (c, next) => {
  const { keyRing, origin, world } = c.var.scope;
  try {
    await keyRing.open({ purpose: "operator", owner: origin }, bearerToken(c) ?? "", world.now());
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new AppError("PERMISSION_DENIED", "This is for the operator: see docs/operations.md.", { cause: error });
  }
  await next();
});

export const operatorRoutes = new Hono<AppEnv>().use(limitRate("operator"), operatorOnly).post("/rotate", async (c) => {
  const cursor = c.req.query("cursor") ?? null;
  if (cursor !== null && cursor.length > MAX_CURSOR_CHARACTERS) throw invalidArgument("cursor", "cursor is too long.");
  return c.json(await resealPage(c.var.scope, cursor));
});
