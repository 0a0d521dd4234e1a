/**
 * Refuses requests before a route is chosen: too large, or with a path that a server behind us might read as another one.
 */
import { AppError, invalidArgument } from "../errors.ts";

/** The most that a URL may have: Cloudflare's own limit, which nothing enforces locally. */
const MAX_URL_CHARACTERS = 16 * 1024;
/** All headers together. Our own cookies need 4 KB each at most; the platform takes 128 KB. */
const MAX_HEADER_BYTES = 64 * 1024;

/** Refuses what is larger than anything that is meant for us. @throws AppError `INVALID_ARGUMENT`, 414 or 431 */
export function requireModestSize(request: Request): void {
  if (request.url.length > MAX_URL_CHARACTERS) {
    throw new AppError("INVALID_ARGUMENT", `The URL must have at most ${MAX_URL_CHARACTERS} characters.`, {
      code: 414,
    });
  }
  let bytes = 0;
  for (const [name, value] of request.headers) bytes += name.length + value.length;
  if (bytes > MAX_HEADER_BYTES) {
    throw new AppError("INVALID_ARGUMENT", `The headers must have at most ${MAX_HEADER_BYTES} bytes.`, { code: 431 });
  }
}

/**
 * Refuses a path that a server behind us might read as another one. Dot segments are not looked for: the runtime
 * resolves them (raw and as `%2e`) before a route is chosen, so they lead nowhere that could not be asked for directly.
 *
 * @throws AppError `INVALID_ARGUMENT`
 */
export function requirePlainPath(requestUrl: string): void {
  if (!/%2f|%5c|%00/i.test(new URL(requestUrl).pathname)) return;
  throw invalidArgument("path", "The path must not hold encoded separators.");
}
