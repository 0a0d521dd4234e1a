/**
 * What a page says once, after a redirect.
 */

export const NOTICES = {
  "revocation-unconfirmed":
    "We deleted everything stored here, but could not reach Google to end the access. Please end it yourself at " +
    "myaccount.google.com/permissions.",
  "delegation-remains":
    "We deleted everything stored here. The access that your organization's administrator gave this site remains.",
} as const;

export type Notice = keyof typeof NOTICES;

export function isNotice(name: string): name is Notice {
  return Object.hasOwn(NOTICES, name);
}
