/**
 * Inputs that nobody sends in good faith: requests of arbitrary methods, queries, cookies and headers, most of them close
 * enough to real ones to get past the first check.
 */
import * as fc from "fast-check";
import type { Outgoing } from "../support/browser.ts";
import type { Route } from "./routes.ts";
import { anyText, HUGE, MARKUP, spoiled } from "./values.ts";

/** What a real browser of the stage holds, for inputs that are nearly right. */
export interface Real {
  readonly origin: string;
  readonly sessionCookie: string;
  /** A sign-in under way. */
  readonly state: string;
  readonly transactionCookie: string;
  readonly pageToken: string;
  readonly address: string;
}

const PARAMETERS = [
  "state",
  "code",
  "iss",
  "error",
  "error_description",
  "scope",
  "authuser",
  "hd",
  "prompt",
  "session_state",
  "return_to",
  "login_hint",
  "everywhere",
  "q",
  "labelIds",
  "includeSpamTrash",
  "limit",
  "pageToken",
  "view",
  "userId",
  "id",
  "fields",
  "format",
  "maxResults",
  "metadataHeaders",
  "alt",
  "key",
  "$.xgafv",
  "callback",
];

/** Values that a parameter takes in good faith. */
function usualValue({ state, pageToken, origin, address }: Real): fc.Arbitrary<string> {
  return fc.oneof(
    spoiled(state),
    spoiled(pageToken),
    fc.constantFrom(
      "https://accounts.google.com",
      "access_denied",
      "interaction_required",
      "4/0AbCdEf",
      origin,
      address,
    ),
    fc.constantFrom(
      "true",
      "false",
      "1",
      "5",
      "all",
      "id",
      "metadata",
      "INBOX",
      "from:ann",
      "none",
      "consent",
      "/inbox",
    ),
  );
}

/** Percent-encodes as a form does, or hardly at all. */
const encoding = fc.constantFrom(
  (text: string) => encodeURIComponent(text.toWellFormed()),
  (text: string) => encodeURIComponent(text.toWellFormed()).replaceAll("%20", "+"),
  (text: string) => text.replaceAll(/[&#\s]/g, "%20"),
  (text: string) => `${encodeURIComponent(text.toWellFormed())}%`,
  (text: string) => `%c0%af%ff${encodeURIComponent(text.toWellFormed())}%zz`,
  (text: string) => encodeURIComponent(encodeURIComponent(text.toWellFormed())),
);

function queries(real: Real): fc.Arbitrary<string> {
  const name = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...PARAMETERS) },
    { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "toString", "", "q[]", "q.a", "STATE") },
    { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
  );
  const value = fc.oneof({ weight: 3, arbitrary: usualValue(real) }, { weight: 2, arbitrary: anyText });
  const pair = fc
    .tuple(name, value, encoding, fc.constantFrom("=", "=", "=", "", "=="))
    .map(([left, right, encode, equals]) => encode(left) + equals + encode(right));
  // A callback as Google sends it, so that the checks behind the state are reached too.
  const callback = fc
    .tuple(encoding, fc.oneof(anyText, fc.constant("access_denied")), fc.constantFrom("code", "code", "error"))
    .map(
      ([encode, text, parameter]) =>
        `state=${real.state}&iss=https%3A%2F%2Faccounts.google.com&${parameter}=${encode(text)}`,
    );
  return fc
    .tuple(fc.option(callback), fc.array(pair, { maxLength: 8 }), fc.constantFrom("&", "&", "&&", ";"))
    .map(([first, rest, separator]) => [...(first === null ? [] : [first]), ...rest].join(separator))
    .map((query) => (query === "" ? "" : `?${query}`));
}

function cookies({ sessionCookie, transactionCookie }: Real): fc.Arbitrary<string | null> {
  const value = fc.oneof(
    spoiled(sessionCookie.replace(/^[^=]*=/, "")),
    spoiled(transactionCookie.replace(/^[^=]*=/, "")),
    anyText,
  );
  const name = fc.constantFrom(
    "gmail_edge_session",
    "__Host-gmail_edge_session",
    "gmail_edge_notice",
    "gmail_edge_tx_",
    "other",
    "__proto__",
    "constructor",
    "",
    "gmail_edge_tx___proto__",
    transactionCookie.replace(/=.*$/s, ""),
  );
  const pair = fc.tuple(name, value).map(([left, right]) => `${left}=${right}`);
  const real = fc.constantFrom(sessionCookie, transactionCookie);
  const many = fc
    .nat(60)
    .map((count) => Array.from({ length: count }, (_, index) => `gmail_edge_tx_${index}=x`).join("; "));
  const several = fc
    .array(fc.oneof({ weight: 4, arbitrary: real }, { weight: 3, arbitrary: pair }, { weight: 1, arbitrary: many }), {
      maxLength: 5,
    })
    .map((pairs) => pairs.join("; "));
  const both = fc.constant(`${sessionCookie}; ${transactionCookie}`);
  return fc.option(fc.oneof(both, several), { freq: 4 });
}

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined, freq: 3 });
}

function headers(real: Real): fc.Arbitrary<Record<string, string>> {
  const site = fc.constantFrom("same-origin", "cross-site", "same-site", "none", "nonsense", MARKUP);
  const accept = fc.constantFrom(
    "application/json",
    "text/html",
    "text/html,*/*;q=0.1",
    "application/x-ndjson",
    "*/*",
    "text/html;q=nan",
    "application/json;q=1e9,text/html;q=-1",
    ",,,;;;",
    "a/b;".repeat(500),
    '"',
    MARKUP,
  );
  const authorization = fc.constantFrom(
    "Bearer",
    "Bearer ",
    "bearer x",
    `Bearer ${HUGE}`,
    "Basic dTpw",
    "Bearer a.b.c.d.e",
    MARKUP,
  );
  return fc
    .record({
      accept: optional(fc.oneof(accept, accept, anyText)),
      origin: optional(fc.constantFrom(real.origin, "null", "https://evil.test", MARKUP)),
      "sec-fetch-site": optional(site),
      "sec-fetch-mode": optional(fc.constantFrom("navigate", "cors", "no-cors", "nonsense")),
      authorization: fc.option(authorization, { nil: undefined, freq: 1 }),
      referer: optional(fc.oneof(fc.constantFrom(`${real.origin}/?q=fz`, "https://evil.test/", "//", MARKUP), anyText)),
      "content-type": optional(
        fc.constantFrom(
          "application/json",
          "application/x-www-form-urlencoded",
          "multipart/mixed; boundary=b",
          "multipart/mixed",
          MARKUP,
        ),
      ),
      "x-forwarded-host": optional(fc.constant("evil.test")),
      "accept-language": optional(anyText),
      cookie: cookies(real).map((value) => value ?? undefined),
    })
    .map(sendable);
}

/** What HTTP clients can send. Bytes above ASCII are left out: the runtime warns of each, and takes them for text. */
function sendable(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const sent: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) sent[name] = value.replaceAll(/[^\t\x20-\x7e]/g, "").trim();
  }
  return sent;
}

/** @param usual the method that the route is made for */
function methods(usual: string): fc.Arbitrary<string> {
  const others = fc.constantFrom("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND");
  return fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: others });
}

const bodies = fc.oneof(
  fc.constantFrom("{}", "[]", "null", "", "--b\r\n\r\n--b--", '{"__proto__":1}', HUGE),
  anyText,
  anyText.map((text) => `name=${encodeURIComponent(text.toWellFormed())}&expiresInDays=7`),
);

/** Requests to a route. */
export function requests(real: Real, { paths, method: usual = "GET" }: Route): fc.Arbitrary<Outgoing> {
  return fc
    .tuple(paths, queries(real), methods(usual), headers(real), bodies)
    .map(([path, query, method, sent, body]) => {
      const request = { path: path + query, method, headers: sent };
      return method === "GET" || method === "HEAD" ? request : Object.assign(request, { body: body.toWellFormed() });
    });
}
