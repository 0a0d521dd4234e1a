/**
 * Everything that may become of one call to Google, and what it means to the endpoint that was called.
 */
import type { Fault, NamedFault } from "../support/google.ts";

/**
 * Endpoints that mean the same to whoever asked: `api` is Gmail called for ourselves, `passed` Gmail for the caller, `extra`
 * Gmail for what the answer can do without.
 */
export type Group =
  | "code"
  | "refresh"
  | "userinfo"
  | "certs"
  | "revoke"
  | "api"
  | "batch"
  | "part"
  | "passed"
  | "extra"
  | "risc";

/**
 * What a spoiled call means. `right`: nothing, it is only late. `outage`, `limit`: not now. `refused`: the token endpoint
 * says no. `operator`: it does not know us. `unauthorized`: the access token is dead. `gone`: the grant is. `scope`,
 * `blocked`: a setting. `final`: Gmail's last word. `nobody`: userinfo names nobody. `empty`: a list without messages. `status`: passed on.
 */
export type Effect =
  | "right"
  | "outage"
  | "limit"
  | "refused"
  | "operator"
  | "unauthorized"
  | "gone"
  | "scope"
  | "blocked"
  | "final"
  | "nobody"
  | "empty"
  | "status"
  | "broken";

export interface FaultKind {
  readonly name: string;
  readonly fault: Fault;
  /** It may last, too: one of each sort is enough for that. */
  readonly mayLast?: boolean;
  /** What it means to an endpoint; null where it makes no sense there. */
  readonly effect: (group: Group) => Effect | null;
}

/** Milliseconds: late, but well within the time that a call has in these tests. */
const SLOW_MS = 60;
const HUGE_CHARACTERS = 2_000_000;
/** Gmail's words are shown on pages, where they must be nothing but words. */
export const MARKUP = "<fz onfz=fz()>";

/** Where a redirect leads: another host, which must never hear of it. */
export function elsewhereOf(googleOrigin: string): string {
  return googleOrigin.replace("://t", "://elsewhere-");
}

/** All kinds of faults. @param googleOrigin of the Google that they are for */
export function faultKinds(googleOrigin: string): readonly FaultKind[] {
  const elsewhere = `${elsewhereOf(googleOrigin)}/collect`;
  const kinds: FaultKind[] = [
    { name: "slow", fault: { delayMs: SLOW_MS }, effect: () => "right" },
    { name: "disconnect", mayLast: true, fault: { disconnect: true }, effect: unlessPart("outage") },
    { name: "hang", fault: { hang: true }, effect: unlessPart("outage") },
    {
      name: "truncated",
      fault: { truncated: true },
      effect: (group) => (group === "passed" ? "broken" : unlessPart("outage")(group)),
    },
    { name: "HTML with 200", mayLast: true, fault: { nonJson: true }, effect: nonsense },
    { name: "empty body", fault: { body: "" }, effect: nonsense },
    { name: "half a JSON", fault: { body: '{"access_token": "ya29.' }, effect: nonsense },
    { name: "null", fault: { body: "null" }, effect: nonsense },
    { name: "an array", fault: { body: [] }, effect: nonsense },
    { name: "an empty object", fault: { body: {} }, effect: emptyObject },
    { name: "wrong types", fault: { body: WRONG_TYPES }, effect: nonsense },
    { name: "wrong types within", fault: { body: WRONG_WITHIN }, effect: wrongWithin },
    { name: "prototype names", fault: { body: '{"__proto__": {"sub": "1"}, "constructor": 1}' }, effect: emptyObject },
    { name: "huge", fault: { body: `["${"x".repeat(HUGE_CHARACTERS)}"]` }, effect: nonsense },
    ...[500, 502, 503, 504].map((status) => ({ name: `${status}`, fault: { status }, effect: status5xx })),
    {
      name: "503 with Retry-After",
      mayLast: true,
      fault: { status: 503, headers: { "retry-after": "2" } },
      effect: status5xx,
    },
    { name: "503 for a day", fault: { status: 503, headers: { "retry-after": "86400" } }, effect: status5xx },
    { name: "500 with an OAuth error", fault: { status: 500, body: { error: "invalid_grant" } }, effect: status5xx },
    { name: "429", mayLast: true, fault: { status: 429 }, effect: tooMany },
    { name: "429 with Retry-After", fault: { status: 429, headers: { "retry-after": "2" } }, effect: tooMany },
    { name: "429 for a day", fault: { status: 429, headers: { "retry-after": "86400" } }, effect: tooMany },
    { name: "429 with nonsense to wait", fault: { status: 429, headers: { "retry-after": "-1e9" } }, effect: tooMany },
    { name: "429 with an OAuth error", fault: { status: 429, body: { error: "invalid_grant" } }, effect: tooMany },
    {
      name: "302 elsewhere",
      mayLast: true,
      fault: { status: 302, headers: { location: elsewhere } },
      effect: redirect,
    },
    { name: "307 elsewhere", fault: { status: 307, headers: { location: elsewhere } }, effect: redirect },
    { name: "400 in HTML", fault: { status: 400, nonJson: true }, effect: badRequest },
    { name: "403 in HTML", fault: { status: 403, nonJson: true }, effect: clientError },
    { name: "404 in HTML", fault: { status: 404, nonJson: true }, effect: clientError },
    {
      name: "403 with markup in its words",
      fault: { status: 403, body: { error: { code: 403, message: MARKUP, status: "PERMISSION_DENIED" } } },
      effect: only({ api: "final", batch: "final", part: "final" }),
    },
    ...oauthErrors(),
    ...gmailErrors(),
  ];
  return kinds.map((kind) =>
    Object.assign({}, kind, {
      effect: (group: Group) => (group === "extra" ? effectOnExtra(kind) : kind.effect(group)),
    }),
  );
}

/** The answer does without it, but an access token that is dead is dead for all calls. */
function effectOnExtra({ name, effect }: FaultKind): Effect | null {
  if (effect("api") === null) return null;
  return name === "authError" ? "unauthorized" : "right";
}

/** Of every known answer something, and nothing as it should be. */
const WRONG_TYPES = {
  access_token: 1,
  expires_in: "soon",
  token_type: {},
  refresh_token: [],
  sub: 117,
  email: {},
  keys: "none",
  messages: "none",
  id: 1,
  threadId: {},
  emailAddress: [],
};
const WRONG_WITHIN = {
  keys: [1, null, { kty: "RSA" }],
  messages: [{ id: 1 }, null],
  sub: { value: "1" },
  access_token: "",
};

function unlessPart(effect: Effect): FaultKind["effect"] {
  // A part of a batch has no connection of its own.
  return (group) => (group === "part" ? null : effect);
}

/** 200 and no answer: to the revocation endpoint only the status counts, and Gmail's own answers are passed on. */
function nonsense(group: Group): Effect {
  if (group === "revoke") return "right";
  return group === "passed" ? "status" : "outage";
}

function emptyObject(group: Group): Effect {
  if (group === "userinfo") return "nobody";
  // Gmail answers just this where nothing is found.
  return group === "api" ? "empty" : nonsense(group);
}

function wrongWithin(group: Group): Effect {
  return group === "userinfo" ? "nobody" : nonsense(group);
}

function status5xx(group: Group): Effect {
  return group === "passed" ? "status" : "outage";
}

function tooMany(group: Group): Effect {
  if (group === "passed") return "status";
  return group === "api" || group === "batch" || group === "part" ? "limit" : "outage";
}

function redirect(group: Group): Effect {
  return group === "passed" ? "status" : "outage";
}

/** An unknown token answers 400 too, and is as good as revoked. */
function badRequest(group: Group): Effect {
  return group === "revoke" ? "right" : clientError(group);
}

function clientError(group: Group): Effect {
  return group === "passed" ? "status" : "outage";
}

function only(effects: Partial<Record<Group, Effect>>): FaultKind["effect"] {
  return (group) => effects[group] ?? null;
}

function oauthErrors(): FaultKind[] {
  const refused = { code: "refused", refresh: "outage", revoke: "right" } as const;
  return [
    {
      name: "invalid_grant",
      mayLast: true,
      fault: { named: "invalid_grant" },
      effect: only({ ...refused, refresh: "gone" }),
    },
    {
      name: "invalid_rapt",
      fault: { named: "invalid_grant", detail: "invalid_rapt" },
      effect: only({ ...refused, refresh: "gone" }),
    },
    { name: "invalid_request", fault: { named: "invalid_request" }, effect: only(refused) },
    { name: "invalid_token", fault: { named: "invalid_token" }, effect: only(refused) },
    {
      name: "invalid_client",
      mayLast: true,
      fault: { named: "invalid_client" },
      effect: only({ code: "operator", refresh: "operator", revoke: "outage" }),
    },
    {
      name: "unauthorized_client",
      fault: { status: 401, body: { error: "unauthorized_client" } },
      effect: only({ code: "refused", refresh: "blocked", userinfo: "outage" }),
    },
    {
      name: "400 of another form",
      fault: { status: 400, body: { error: { code: 400, message: "Bad Request" } } },
      effect: only({ code: "outage", refresh: "outage", userinfo: "outage", certs: "outage" }),
    },
  ];
}

/** One of Gmail's own errors, with what it means to ourselves. */
function named(name: NamedFault, effect: Effect, fault: Fault = {}): FaultKind {
  return {
    name: [name, ...Object.values(fault)].join(" "),
    mayLast: name === "authError" || name === "userRateLimitExceeded" || name === "backendError",
    fault: { named: name, ...fault },
    effect: (group) => {
      if (group === "userinfo") return name === "authError" || name === "notFound" ? "outage" : null;
      if (group === "passed") return name === "authError" ? "unauthorized" : "status";
      return group === "api" || group === "batch" || group === "part" ? effect : null;
    },
  };
}

function gmailErrors(): FaultKind[] {
  return [
    named("authError", "unauthorized"),
    named("tooManyRequests", "limit"),
    named("tooManyRequestsWithTime", "limit", { detail: "2" }),
    named("tooManyRequestsWithTime", "limit", { detail: "3600" }),
    named("rateLimitExceeded", "limit"),
    named("userRateLimitExceeded", "limit"),
    named("dailyLimitExceeded", "final"),
    named("domainPolicy", "blocked"),
    named("accessNotConfigured", "blocked"),
    named("failedPrecondition", "final"),
    named("notFound", "final"),
    named("insufficientPermissions", "scope"),
    named("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "scope"),
    named("backendError", "outage"),
    named("unavailable", "outage"),
  ];
}
