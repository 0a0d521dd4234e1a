/**
 * What an API token may do: its access, in three levels that contain one another. A session has all of it. Gmail calls
 * are decided in auth/gmail-call.ts.
 */
import { AppError } from "./errors.ts";

/** From the least to the most. `list`: what is there. `read`: every GET and HEAD. `full`: everything. */
export const ACCESS_LEVELS = ["list", "read", "full"] as const;

export type Access = (typeof ACCESS_LEVELS)[number];

/** Whether a method changes nothing: RFC 9110 §9.2.1. */
export function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** What a method needs where nothing is known of its target. */
export function accessForMethod(method: string): Access {
  return isRead(method) ? "read" : "full";
}

/** Refuses a caller whose access is less than `needed`. @throws AppError `PERMISSION_DENIED` */
export function requireAccess({ access }: { readonly access: Access }, needed: Access): void {
  if (ACCESS_LEVELS.indexOf(access) >= ACCESS_LEVELS.indexOf(needed)) return;
  throw new AppError(
    "PERMISSION_DENIED",
    `Your API token has the access "${access}", but this needs "${needed}". Make a token with "${needed}" at /account.`,
    { metadata: { requiredAccess: needed } },
  );
}
