/**
 * What is known of Gmail's methods: their query parameters, which of them only list, and which scopes let one write.
 *
 * https://developers.google.com/workspace/gmail/api/reference/rest
 */
import { type Access, accessForMethod, isRead } from "../access.ts";
import { invalidArgument } from "../errors.ts";
import { parseQuery } from "../lib/query.ts";
import { unknownName } from "../lib/unknown-name.ts";

/** Parameters that may be given several times. */
const REPEATABLE = ["labelIds", "metadataHeaders", "historyTypes"];

/**
 * Query parameters that reach Google: Gmail's own, and those of Google's system parameters that change nothing but how
 * an answer is written. Not among them: `callback`, which makes a script of an answer, `$httpMethod` and the like, which
 * make another call of it, and `access_token`, `oauth_token` and `key`, which make it somebody else's.
 * https://docs.cloud.google.com/apis/docs/system-parameters
 */
export const PASSED_PARAMETERS: readonly string[] = [
  ...REPEATABLE,
  "maxResults",
  "pageToken",
  "pageSize",
  "q",
  "includeSpamTrash",
  "format",
  "startHistoryId",
  "labelId",
  "internalDateSource",
  "neverMarkSpam",
  "processForCalendar",
  "deleted",
  "chainValidation",
  "fields",
  "alt",
  "prettyPrint",
  "quotaUser",
  "$.xgafv",
];

/**
 * Checks a query and writes it again from the checked parts: same names, same values, one spelling. What another parser
 * would take for a separator (`;`) or for the end of the query (`#`) is encoded then.
 *
 * @param query without `?`
 * @throws AppError `INVALID_ARGUMENT`, naming the parameter
 */
export function checkQuery(query: string): string {
  const checked = new URLSearchParams();
  for (const [name, value] of parseQuery(query)) {
    if (!PASSED_PARAMETERS.includes(name)) throw unknownName("parameter", name, PASSED_PARAMETERS);
    if (name === "alt" && value !== "json") throw invalidArgument(name, "alt must be json.");
    if (checked.has(name) && !REPEATABLE.includes(name)) {
      throw invalidArgument(name, `You sent ${name} more than once. Send it once.`);
    }
    checked.append(name, value);
  }
  return checked.toString();
}

/** Gmail's lists of IDs. */
const LISTS = /^(?:messages|threads|history)$/;

/** The access that a call needs. @param resource path below `/gmail/v1/users/{userId}/`, as Google will see it */
export function accessForCall(method: string, resource: string): Access {
  return isRead(method) && LISTS.test(resource) ? "list" : accessForMethod(method);
}

const FULL = "https://mail.google.com/";

function scopes(...names: readonly string[]): string[] {
  return names.map((name) => `https://www.googleapis.com/auth/gmail.${name}`);
}

const MODIFY = [FULL, ...scopes("modify")];
const SETTINGS = { basic: scopes("settings.basic"), sharing: scopes("settings.sharing") };

/**
 * Method (`*`: any) and resource → the scopes of which one permits to write there. The first match counts. What is not
 * listed needs the scope that permits everything.
 */
const WRITERS: readonly (readonly [method: string, resource: RegExp, anyOf: readonly string[]])[] = [
  ["POST", /^messages\/send$/, [...MODIFY, ...scopes("compose", "send")]],
  ["POST", /^messages(\/import)?$/, [...MODIFY, ...scopes("insert")]],
  ["POST", /^messages\/batchModify$/, MODIFY],
  ["POST", /^(messages|threads)\/[^/]+\/(modify|trash|untrash)$/, MODIFY],
  ["*", /^drafts(\/[^/]+)?$/, [...MODIFY, ...scopes("compose")]],
  ["*", /^labels(\/[^/]+)?$/, [...MODIFY, ...scopes("labels")]],
  ["POST", /^(watch|stop)$/, [...MODIFY, ...scopes("readonly", "metadata")]],
  ["*", /^settings\/(autoForwarding|forwardingAddresses|delegates)(\/[^/]+)?$/, SETTINGS.sharing],
  ["*", /^settings\/((imap|pop|language|vacation)$|filters(\/|$))/, SETTINGS.basic],
  ["POST", /^settings\/sendAs(\/[^/]+\/verify)?$/, SETTINGS.sharing],
  ["DELETE", /^settings\/sendAs\/[^/]+$/, SETTINGS.sharing],
  ["*", /^settings\//, [...SETTINGS.basic, ...SETTINGS.sharing]],
];

/** The scopes of which one permits a call; null where the call only reads, which is Google's to permit. */
export function writingScopes(method: string, resource: string): readonly string[] | null {
  if (isRead(method)) return null;
  const found = WRITERS.find(([verb, pattern]) => (verb === "*" || verb === method) && pattern.test(resource));
  return found?.[2] ?? [FULL];
}
