/**
 * What a page says once, after a redirect.
 */

export const NOTICES = {
  "revocation-unconfirmed":
    "Everything stored here is deleted, but Google could not be reached to end the access. You can end it yourself at " +
    "myaccount.google.com/permissions.",
} as const;

export type Notice = keyof typeof NOTICES;

export function isNotice(name: string): name is Notice {
  return Object.hasOwn(NOTICES, name);
}
