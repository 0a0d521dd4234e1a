/**
 * What a Gmail API call costs, in quota units, of 6,000 per user and minute (since May 2026).
 * https://developers.google.com/workspace/gmail/api/reference/quota
 */

/** `messages.list`, the unit of the pagination loop. */
export const LIST_UNITS = 5;
/** `messages.get`, the price of a row. */
export const GET_UNITS = 20;
/** `history.list`, the price of kept rows that are up to date. */
export const HISTORY_UNITS = 2;
/** `labels.get`, the price of an unread count. */
export const LABEL_UNITS = 1;

/** Method (`*`: any) and path below `/gmail/v1/users/{userId}/` → units. The first match counts. */
const COSTS: readonly (readonly [method: string, path: RegExp, units: number])[] = [
  ["GET", /^messages$/, LIST_UNITS],
  ["GET", /^messages\/[^/]+$/, GET_UNITS],
  ["GET", /^messages\/[^/]+\/attachments\/[^/]+$/, 20],
  ["POST", /^messages\/send$/, 100],
  ["POST", /^messages(\/import)?$/, 25],
  ["POST", /^messages\/batch(Modify|Delete)$/, 50],
  ["POST", /^messages\/[^/]+\/(modify|untrash)$/, 5],
  ["POST", /^messages\/[^/]+\/trash$/, 20],
  ["DELETE", /^messages\/[^/]+$/, 10],
  ["GET", /^threads$/, 10],
  ["GET", /^threads\/[^/]+$/, 40],
  ["POST", /^threads\/[^/]+\/(modify|untrash)$/, 10],
  ["POST", /^threads\/[^/]+\/trash$/, 20],
  ["DELETE", /^threads\/[^/]+$/, 20],
  ["GET", /^drafts$/, 5],
  ["GET", /^drafts\/[^/]+$/, 20],
  ["POST", /^drafts$/, 10],
  ["POST", /^drafts\/send$/, 100],
  ["PUT", /^drafts\/[^/]+$/, 15],
  ["DELETE", /^drafts\/[^/]+$/, 10],
  ["GET", /^history$/, HISTORY_UNITS],
  ["GET", /^profile$/, 1],
  ["*", /^labels(\/[^/]+)?$/, LABEL_UNITS],
  ["GET", /^settings\//, 1],
  ["POST", /^settings\/(delegates|forwardingAddresses|sendAs)$/, 100],
  ["POST", /^settings\/sendAs\/[^/]+\/verify$/, 100],
  ["PUT", /^settings\/(pop|sendAs\/[^/]+)$/, 100],
  ["PATCH", /^settings\/sendAs\/[^/]+$/, 100],
  ["*", /^settings\//, 5],
  ["POST", /^watch$/, 100],
  ["POST", /^stop$/, 50],
];

/** For methods that are not listed above, such as new ones: an estimate. */
const OTHER_UNITS = 5;

/** Units of one call. @param path such as `/gmail/v1/users/me/messages` */
export function quotaUnits(method: string, path: string): number {
  const resource = resourceOf(path);
  const cost = COSTS.find(([verb, pattern]) => (verb === "*" || verb === method) && pattern.test(resource));
  return cost?.[2] ?? OTHER_UNITS;
}

/** Whether a call is `users.messages.get`. @param path as {@link quotaUnits} */
export function readsMessage(method: string, path: string): boolean {
  return method === "GET" && /^messages\/[^/]+$/.test(resourceOf(path));
}

function resourceOf(path: string): string {
  return path.replace(/^\/gmail\/v1\/users\/[^/]+\//, "");
}
