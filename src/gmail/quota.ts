/**
 * What a Gmail API call costs, in quota units, of 6,000 per user and minute (since May 2026).
 * https://developers.google.com/workspace/gmail/api/reference/quota
 */

/** `messages.list`, the unit of the pagination loop. */
export const LIST_UNITS = 5;
/** `messages.get`, the price of a row. */
export const GET_UNITS = 20;
/** `labels.get`, the price of an unread count. */
export const LABEL_UNITS = 1;

/** Method (`*`: any) and path below `/gmail/v1/users/{userId}/` → units. The first match counts. */
const COSTS: readonly (readonly [method: string, path: RegExp, units: number])[] = [
  ["GET", /^messages$/, LIST_UNITS],
  ["GET", /^messages\/[^/]+$/, GET_UNITS],
  ["GET", /^messages\/[^/]+\/attachments\/[^/]+$/, 20],
  ["GET", /^threads$/, 10],
  ["GET", /^threads\/[^/]+$/, 40],
  ["GET", /^history$/, 2],
  ["GET", /^profile$/, 1],
  ["*", /^labels(\/[^/]+)?$/, LABEL_UNITS],
  ["POST", /^watch$/, 100],
];

/** For methods that are not listed above: an estimate. */
const OTHER_UNITS = 5;

/** Units of one call. @param path such as `/gmail/v1/users/me/messages` */
export function quotaUnits(method: string, path: string): number {
  const resource = path.replace(/^\/gmail\/v1\/users\/[^/]+\//, "");
  const cost = COSTS.find(([verb, pattern]) => (verb === "*" || verb === method) && pattern.test(resource));
  return cost?.[2] ?? OTHER_UNITS;
}
