/**
 * Headers of an answer of Gmail that is passed on: set by the pass-through, and dropped where the answer is withheld.
 */

/** What the caller gets of Gmail's headers. The body is decoded, so its encoding and length do not apply. */
export const RESPONSE_HEADERS = [
  "Content-Type",
  "Content-Language",
  "Content-Range",
  "ETag",
  "Last-Modified",
  "Retry-After",
];

/** All headers of a passed-on answer, beside those of every answer. */
export const ANSWER_HEADERS = [...RESPONSE_HEADERS, "Content-Disposition"];
