/**
 * How often one network may call what costs something before anybody is known: by the platform's rate-limiting binding,
 * counted per location. https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/
 */
import { createMiddleware } from "hono/factory";
import { AppError } from "../errors.ts";
import type { AppEnv } from "./types.ts";

/** The period of `[[ratelimits]]` in wrangler.toml. */
const PERIOD_SECONDS = 60;
/** An IPv6 customer has a /64 at least: its addresses count as one. */
const IPV6_NETWORK_GROUPS = 4;
/** The machine itself, which is who calls under `wrangler dev`: the edge never sees it. */
const LOOPBACK = /^(?:127\.[\d.]+|::1)$/;

/**
 * Limits a group of routes.
 *
 * @param group each has a count of its own
 */
export function limitRate(group: string) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { rateLimiter } = c.var.scope.config;
    // Cloudflare's edge sets it and overwrites the client's. Without it callers cannot be distinguished.
    const address = c.req.header("CF-Connecting-IP");
    if (rateLimiter !== null && address !== undefined && !LOOPBACK.test(address)) {
      const { success } = await rateLimiter.limit({ key: `${group}:${networkOf(address)}` });
      if (!success) {
        throw new AppError("RATE_LIMITED", "Too many requests from your network. Wait a minute and try again.", {
          retryAfterSeconds: PERIOD_SECONDS,
        });
      }
    }
    await next();
  });
}

/** An IPv4 address as it is, also where it is written as IPv6; of an IPv6 address the /64. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const before = head.split(":").filter(Boolean);
  const after = tail === undefined ? [] : tail.split(":").filter(Boolean);
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  const groups = tail === undefined ? before : [...before, ...zeros, ...after];
  return groups.slice(0, IPV6_NETWORK_GROUPS).join(":");
}
