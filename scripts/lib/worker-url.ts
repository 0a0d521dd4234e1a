/** The `--url` of scripts that call a Worker as its operator. */

import { ScriptError } from "./script-error.ts";

/** Where `npm run dev` and `npm run dev:google` answer. */
export const LOCAL_URL = "http://localhost:8787";

/**
 * The origin that an option gives. Over HTTP an operator's token would be readable, so that is for this machine only.
 *
 * @throws {ScriptError} that names the option
 */
export function parseOrigin(option: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
    throw new ScriptError(`${option} must be the Worker's origin, such as https://mail.example.com, without a path.`);
  }
  if (url.protocol === "http:" && !isLoopback(url.origin)) {
    throw new ScriptError(`${option} must be https, but on this machine.`);
  }
  return url.origin;
}

/** Whether an origin is on this machine. */
export function isLoopback(origin: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(origin).hostname);
}
