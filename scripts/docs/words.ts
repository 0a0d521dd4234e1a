/** Words to avoid in documents and comments, and what to write instead. `scripts/check-words.ts` holds the list. */

/** What to avoid, whatever its case, and what an engineer would search for. */
export const WORDS: readonly (readonly [avoid: RegExp, write: string])[] = [
  [/\banew\b/, "again, or re-seal"],
  [/\bat hand\b/, "cached, valid, or available"],
  [/\bwhom?ever\b/, "the caller, the user, or everybody who"],
  [/\bwhat(?:ever)? (?:is|was) (?:sealed|asked for|kept)\b/, "the record, the value, or the request"],
  [/\bwhat becomes of\b/, "the result of"],
  [
    /\b\w+ of (?:Google|Gmail|Cloudflare|KV|jose|Hono|zod)'s(?=[.,;:)]|$| (?:and|or|that|which|in|is|are|to|for)\b)/,
    "the noun after the name: jose errors, Gmail labels",
  ],
  [/\b(?:is|are|was|were|be) told\b|\btells? of\b/, "is reported, or says"],
  [/\b(?:goes|go|went|going|gone) away\b/, "disconnects, or ends"],
  [/(?<!\bround )\btrips?\b/, "redirect, authorization flow, or round trip"],
  [/\bunder way\b/, "in progress"],
  [/\b(?:a|the|user|used|dead|each|its|their) marks?\b(?! as)/, "marker, or revocation marker"],
  [/\bnobody that\b/, "an unknown user"],
  [/\bthat is no \w+ (?:request|call)\b/, "what it is: a service-binding call"],
  [/\b(?:Google|Gmail|Cloudflare|our)'?s? doing\b/, "Google has a problem"],
  [/\bwill (?:not )?do\b(?! (?:it|so|this|that))/, "is usable, is enough"],
  [/\bmend(?:s|ed|ing)?\b/, "fix"],
  [/\bsoon over\b/, "usually passes within minutes"],
];
