/**
 * Who runs this deployment: whoever holds `TOKEN_KEYS`. The way in is a value sealed under them, so that there is no other
 * secret to keep.
 */
import { createMiddleware } from "hono/factory";
import { AppError } from "../errors.ts";
import { SealError } from "../lib/key-ring.ts";
import type { AppContext, AppEnv } from "./types.ts";
import { bearerToken } from "./bearer.ts";

/** @throws AppError `PERMISSION_DENIED` */
async function requireOperator(c: AppContext): Promise<void> {
  const { keyRing, origin, world } = c.var.scope;
  try {
    await keyRing.open({ purpose: "operator", owner: origin }, bearerToken(c) ?? "", world.now());
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new AppError("PERMISSION_DENIED", "This is for the operator: see docs/operations.md.", { cause: error });
  }
}

/** Lets the operator in, and nobody else. */
export const operatorOnly = createMiddleware<AppEnv>(async (c, next) => {
  await requireOperator(c);
  await next();
});
