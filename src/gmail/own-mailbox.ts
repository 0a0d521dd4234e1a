/**
 * Paths of Gmail's API that a caller may ask for: those of the caller's own mailbox. The one defence against reaching
 * anything else with the caller's access token.
 */
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { AppError, invalidArgument } from "../errors.ts";
import type { Identity } from "../identity.ts";

/** What the path of every call begins with. */
export const MAILBOX_PATH = "/gmail/v1/users/me/";

/**
 * The path to ask Gmail for: below `users/me/`, whatever name the caller gave the mailbox, since Gmail knows `me` and
 * addresses, and no `sub`.
 *
 * @param path without query
 * @throws AppError `INVALID_ARGUMENT` for a path that a server could read as another one, `PERMISSION_DENIED` for another
 *   user's
 */
export function ownMailboxPath(path: string, { sub, email }: Identity): string {
  const [, userId, resource] = /^\/gmail\/v1\/users\/([^/]+)\/(.+)$/.exec(path) ?? [];
  const name = userId === undefined ? null : decodeOrNull(userId);
  if (name === null || resource === undefined || !isPlain(path)) {
    throw invalidArgument("path", "The path must begin with /gmail/v1/users/{userId}/ and hold no encoded separators.");
  }
  if (name !== "me" && name !== sub && toAsciiLowerCase(name) !== toAsciiLowerCase(email ?? "")) {
    const words = "You can only use your own mailbox: userId must be me, your address or your user ID.";
    throw new AppError("PERMISSION_DENIED", words, { metadata: { parameter: "userId" } });
  }
  // Each segment in its one spelling, so that Google reads no other path than the one that is checked here.
  return MAILBOX_PATH + resource.split("/").map(rewrite).join("/");
}

/**
 * No segment that is empty or made of dots, raw or encoded, with or without parameters (`..;x`), no separator in disguise
 * (overlong UTF-8 is none), no control character, and nothing that a second decoding would change.
 */
function isPlain(path: string): boolean {
  if (/%2f|%5c|%25|%[01]|%7f|[^\x21-\x7e]|[\\?#]/i.test(path)) return false;
  return path
    .slice(1)
    .split("/")
    .every((segment) => !/^\.{0,2}(?:;|$)/.test(decodeOrNull(segment) ?? "."));
}

/** `:` stands before a method of Google's own (`keypairs/1:disable`), and `@` in addresses. */
function rewrite(segment: string): string {
  const encoded = encodeURIComponent(decodeOrNull(segment) ?? segment);
  return encoded.replaceAll("%3A", ":").replaceAll("%40", "@");
}

function decodeOrNull(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
