/**
 * Headers of a call to Gmail's API, alone or as a part of a batch: which are passed on, and which are refused because
 * Google would do something else without them. Headers that say only who asks, and by which way, are dropped.
 *
 * https://docs.cloud.google.com/apis/docs/system-parameters
 */
import { invalidArgument } from "../errors.ts";

/** What Gmail may see. Not `Authorization`: the caller's grant counts. Cookies and everything else stay here. */
const PASSED = [
  "Accept",
  "Accept-Language",
  "Content-Type",
  "If-Match",
  "If-Modified-Since",
  "If-None-Match",
  "If-Range",
  "If-Unmodified-Since",
  "Range",
  "X-Goog-Quota-User",
  "X-Goog-Request-Reason",
];

const NO_UPLOAD = "Uploads are not passed on. Send the message in the member raw.";

/** Name → what to do instead. */
const REFUSED: readonly (readonly [name: string, instead: string])[] = [
  ["X-Goog-FieldMask", "Use the parameter fields."],
  ["X-Goog-Api-Key", "The caller is known by the session or the API token."],
  ["X-Goog-Api-Version", "Gmail's API has one version here: v1."],
  ["X-Goog-Upload-Protocol", NO_UPLOAD],
  ["X-Goog-Upload-Command", NO_UPLOAD],
  ["X-Upload-Content-Type", NO_UPLOAD],
  ["X-Upload-Content-Length", NO_UPLOAD],
  ["Content-Range", "A body must be sent whole."],
];

/** Refuses headers that would not reach Google. @throws AppError `INVALID_ARGUMENT`, naming the header */
export function refuseHeaders(headers: Headers): void {
  const refused = REFUSED.find(([name]) => headers.has(name));
  if (refused === undefined) return;
  const [name, instead] = refused;
  throw invalidArgument(name, `The header ${name} is not passed on. ${instead}`);
}

/** Refuses a body that is not as it is meant, but coded. @throws AppError `INVALID_ARGUMENT`, naming the header */
export function refuseCodedBody(headers: Headers): void {
  for (const name of ["Content-Encoding", "Transfer-Encoding"]) {
    const coding = headers.get(name)?.trim().toLowerCase() ?? "";
    if (coding !== "" && coding !== "identity") throw invalidArgument(name, `${name} must be identity here.`);
  }
}

/** The headers that are passed on. */
export function passedHeaders(headers: Headers): [name: string, value: string][] {
  return PASSED.flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
}
