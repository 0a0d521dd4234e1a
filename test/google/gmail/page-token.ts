/** Page tokens, bound to what they were made for: who lists what. */
import { hashText } from "../random.ts";
import { BadArgument } from "./call.ts";

export interface Position {
  /** The next item is the newest one with this number or less. */
  readonly from: number;
  /** Which page it is, from 0. */
  readonly page: number;
}

/** A token for this position in that list. */
export function writeToken({ from, page }: Position, binding: object): string {
  return btoa(JSON.stringify([from, page, hashText(JSON.stringify(binding))]));
}

/** The position of a token; the beginning without one. @throws BadArgument for one of another list */
export function readToken(token: string | null, binding: object): Position {
  if (token === null) return { from: Number.MAX_SAFE_INTEGER, page: 0 };
  let parts: unknown;
  try {
    parts = JSON.parse(atob(token));
  } catch {
    throw new BadArgument("Invalid pageToken");
  }
  if (!Array.isArray(parts) || parts[2] !== hashText(JSON.stringify(binding)))
    throw new BadArgument("Invalid pageToken");
  return { from: Number(parts[0]), page: Number(parts[1]) };
}
