/**
 * Where inputs that nobody sends in good faith go: every route, with paths that are nearly right.
 */
import * as fc from "fast-check";
import { messageId } from "../google/mail/numbered.ts";
import { anyText } from "./values.ts";

/** A path segment: encoded, or as it is where that is a path at all. */
const segment = fc.oneof(
  fc.constantFrom(
    "me",
    "%6de",
    "messages",
    "profile",
    "..",
    ".",
    "%2e%2e",
    "a%2Fb",
    "a%5cb",
    "%00",
    "%",
    "%ff",
    ";",
    "@",
  ),
  anyText.map((text) => encodeURIComponent(text.toWellFormed())),
);

export interface Route {
  readonly name: string;
  readonly paths: fc.Arbitrary<string>;
  /** The method that it is made for; GET unless said. */
  readonly method?: string;
  readonly percent: number;
  readonly statuses: readonly number[];
}

const ownMailbox = fc.oneof(
  { weight: 1, arbitrary: fc.constant("/gmail/v1/users/me/profile") },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom("me", "ME", "%6de", "1", "someone@example.test"), fc.array(segment, { maxLength: 4 }))
      .map(([user, rest]) => `/gmail/v1/users/${user}/${rest.join("/")}`),
  },
);
const oneOfUser = fc.tuple(fc.constantFrom("tokens", "sessions"), segment).map(([kind, id]) => `/api/${kind}/${id}`);
const oneMessage = fc
  .tuple(fc.oneof(fc.constant(messageId(1)), segment), fc.constantFrom("", "", "/body"))
  .map(([id, rest]) => `/message/${id}${rest}`);
const ending = fc
  .tuple(fc.constantFrom("tokens", "sessions"), segment)
  .map(([kind, id]) => `/account/${kind}/${id}/${kind === "tokens" ? "revoke" : "end"}`);
const anyPath = fc.array(segment, { maxLength: 5 }).map((parts) => `/${parts.join("/")}`);

/** Where inputs go, how many of a hundred, and the answers that must come up: one that is refused at the door says little. */
export const ROUTES: readonly Route[] = [
  { name: "callback", paths: fc.constant("/auth/callback"), percent: 26, statuses: [302, 400, 403, 405] },
  { name: "login", paths: fc.constant("/auth/login"), percent: 14, statuses: [302, 400, 405] },
  { name: "listing", paths: fc.constant("/api/messages"), percent: 20, statuses: [200, 400, 401, 405] },
  { name: "passthrough", paths: ownMailbox, percent: 10, statuses: [200, 400, 401, 403, 404] },
  { name: "page", paths: fc.constant("/"), percent: 7, statuses: [200, 400, 405] },
  {
    name: "leaving",
    paths: fc.constantFrom("/auth/logout", "/auth/disconnect"),
    method: "POST",
    percent: 3,
    statuses: [200, 403, 405],
  },
  { name: "message", paths: oneMessage, percent: 2, statuses: [200, 302, 401, 404, 405] },
  { name: "account", paths: fc.constant("/account"), percent: 1, statuses: [200, 302, 401, 405] },
  {
    name: "forms of the account",
    paths: fc.oneof(fc.constant("/account/tokens"), ending),
    method: "POST",
    percent: 2,
    statuses: [400, 401, 403, 405],
  },
  {
    name: "lists of the account",
    paths: fc.constantFrom("/api/tokens", "/api/sessions", "/api/activity"),
    percent: 2,
    statuses: [200, 401, 405],
  },
  {
    name: "making API tokens",
    paths: fc.constant("/api/tokens"),
    method: "POST",
    percent: 2,
    statuses: [400, 403, 405],
  },
  { name: "one API token or session", paths: oneOfUser, method: "DELETE", percent: 2, statuses: [403, 404, 405] },
  { name: "batch", paths: fc.constant("/batch/gmail/v1"), method: "POST", percent: 3, statuses: [400, 401, 403, 405] },
  {
    name: "security events",
    paths: fc.constant("/auth/security-events"),
    method: "POST",
    percent: 2,
    statuses: [400, 405],
  },
  { name: "operator", paths: fc.constant("/operator/rotate"), method: "POST", percent: 1, statuses: [403] },
  {
    name: "others",
    paths: fc.oneof(fc.constantFrom("/api/me", "/healthz", "/auth", "/auth/", "//", "/.well-known/x"), anyPath),
    percent: 3,
    statuses: [200, 404, 405],
  },
];
