/**
 * Every route, and what protects it: the table that the attacks run over. routes.test.ts compares it with the app.
 */

import type { Access } from "../../src/access.ts";

/** Who may call a route. */
type Caller =
  /** Anybody. */
  | "public"
  /** Anybody; somebody with a session gets more. */
  | "session-or-nobody"
  /** The session cookie only: an API token may not do it. */
  | "session"
  /** The session cookie or an API token. */
  | "session-or-token"
  /** Whoever has `TOKEN_KEYS`. */
  | "operator"
  /** Google, by its signature. */
  | "google";

export interface Route {
  /** Of the app's pattern: a method, or ALL. */
  readonly method: string;
  /** Pattern of the app. */
  readonly path: string;
  readonly caller: Caller;
  /** The least access that an API token needs for the example; null where no API token opens the route. */
  readonly access: Access | null;
  /**
   * What a request of another site meets. `refused`: an `Origin` or `Sec-Fetch-Site` that is not ours, and neither of them.
   * `origin-required`: also one without `Origin`, with a session. Null: the route changes nothing, or no cookie opens it.
   */
  readonly crossSite: "refused" | "origin-required" | null;
  /** Group of the rate limit; null for none. */
  readonly rateGroup: string | null;
  /** Most bytes of a body; null: no body is read. */
  readonly maxBodyBytes: number | null;
  /** A request that would do something, if it were let in. */
  readonly example: { readonly method: string; readonly path: string; readonly type?: string; readonly body?: string };
}

const KIB = 1024;

/** A batch with one part. @param path what the part asks for */
export function batchOf(path: string, method = "GET", headers = ""): string {
  const part = `Content-Type: application/http\r\nContent-ID: <1>\r\n${headers}\r\n${method} ${path} HTTP/1.1\r\n\r\n`;
  return `--b\r\n${part}\r\n--b--\r\n`;
}

export const BATCH_TYPE = "multipart/mixed; boundary=b";

const PASSTHROUGH = {
  path: "/gmail/v1/users/:userId/*",
  caller: "session-or-token",
  rateGroup: null,
  maxBodyBytes: 8 * KIB * KIB,
} as const;

/** The pass-through with a method that changes something. */
function changing(method: string): Route {
  const path = "/gmail/v1/users/me/messages/0/modify";
  const example = { method, path, type: "application/json", body: '{"addLabelIds":["UNREAD"]}' };
  return { ...PASSTHROUGH, method, access: "full", crossSite: "origin-required", example };
}

const TOKENS = { caller: "session", access: null, rateGroup: "tokens", maxBodyBytes: null } as const;
const SESSIONS = {
  caller: "session",
  access: null,
  crossSite: "refused",
  rateGroup: "sessions",
  maxBodyBytes: null,
} as const;
/** What somebody signed in reads: a page, or a list of their own. */
const PAGE = {
  method: "GET",
  caller: "session",
  access: null,
  crossSite: null,
  rateGroup: null,
  maxBodyBytes: null,
} as const;
/** A form of such a page. */
const FORM = { ...TOKENS, method: "POST", crossSite: "refused" } as const;
const FORM_TYPE = "application/x-www-form-urlencoded";
/** Of nothing that exists. */
const SOME_ID = "0".repeat(43);

export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/healthz",
    caller: "public",
    access: null,
    crossSite: null,
    rateGroup: null,
    maxBodyBytes: null,
    example: { method: "GET", path: "/healthz" },
  },
  {
    method: "GET",
    path: "/healthz",
    caller: "operator",
    access: null,
    crossSite: null,
    rateGroup: "operator",
    maxBodyBytes: null,
    example: { method: "GET", path: "/healthz?deep=1" },
  },
  {
    method: "GET",
    path: "/",
    caller: "session-or-nobody",
    access: null,
    crossSite: null,
    rateGroup: null,
    maxBodyBytes: null,
    example: { method: "GET", path: "/" },
  },
  {
    method: "GET",
    path: "/auth/login",
    caller: "public",
    access: null,
    crossSite: null,
    rateGroup: "login",
    maxBodyBytes: null,
    example: { method: "GET", path: "/auth/login" },
  },
  {
    method: "GET",
    path: "/auth/callback",
    caller: "public",
    access: null,
    crossSite: null,
    rateGroup: "callback",
    maxBodyBytes: null,
    example: { method: "GET", path: `/auth/callback?code=c&state=${SOME_ID}` },
  },
  {
    method: "POST",
    path: "/auth/logout",
    caller: "session-or-nobody",
    access: null,
    crossSite: "refused",
    rateGroup: "logout",
    maxBodyBytes: null,
    example: { method: "POST", path: "/auth/logout" },
  },
  {
    method: "POST",
    path: "/auth/logout",
    caller: "session",
    access: null,
    crossSite: "refused",
    rateGroup: "logout",
    maxBodyBytes: null,
    example: { method: "POST", path: "/auth/logout?everywhere=true" },
  },
  {
    method: "POST",
    path: "/auth/disconnect",
    caller: "session",
    access: null,
    crossSite: "refused",
    rateGroup: "disconnect",
    maxBodyBytes: null,
    example: { method: "POST", path: "/auth/disconnect" },
  },
  {
    method: "POST",
    path: "/auth/security-events",
    caller: "google",
    access: null,
    crossSite: null,
    rateGroup: "security-events",
    maxBodyBytes: 64 * KIB,
    example: { method: "POST", path: "/auth/security-events", type: "application/secevent+jwt", body: "a.b.c" },
  },
  {
    ...TOKENS,
    method: "GET",
    path: "/api/tokens",
    crossSite: null,
    example: { method: "GET", path: "/api/tokens" },
  },
  {
    ...TOKENS,
    method: "POST",
    path: "/api/tokens",
    crossSite: "refused",
    maxBodyBytes: 4 * KIB,
    example: { method: "POST", path: "/api/tokens", type: "application/json", body: '{"name":"mine"}' },
  },
  {
    ...TOKENS,
    method: "DELETE",
    path: "/api/tokens/:id",
    crossSite: "refused",
    example: { method: "DELETE", path: `/api/tokens/${SOME_ID}` },
  },
  { ...PAGE, path: "/api/sessions", example: { method: "GET", path: "/api/sessions" } },
  {
    ...SESSIONS,
    method: "DELETE",
    path: "/api/sessions/:id",
    example: { method: "DELETE", path: `/api/sessions/${SOME_ID}` },
  },
  { ...PAGE, path: "/api/activity", example: { method: "GET", path: "/api/activity" } },
  {
    method: "GET",
    path: "/api/me",
    caller: "session-or-token",
    access: "list",
    crossSite: null,
    rateGroup: null,
    maxBodyBytes: null,
    example: { method: "GET", path: "/api/me" },
  },
  {
    method: "GET",
    path: "/api/messages",
    caller: "session-or-token",
    access: "list",
    crossSite: null,
    rateGroup: null,
    maxBodyBytes: null,
    example: { method: "GET", path: "/api/messages?limit=2" },
  },
  ...(
    [
      ["/api/messages/:id", "read", "/api/messages/0"],
      ["/api/messages/:id/attachments/:partId", "read", "/api/messages/0/attachments/1"],
      ["/api/labels", "list", "/api/labels"],
    ] as const
  ).map(([path, access, example]): Route => ({
    method: "GET",
    path,
    caller: "session-or-token",
    access,
    crossSite: null,
    rateGroup: null,
    maxBodyBytes: null,
    example: { method: "GET", path: example },
  })),
  {
    ...PASSTHROUGH,
    method: "GET",
    access: "read",
    crossSite: null,
    maxBodyBytes: null,
    example: { method: "GET", path: "/gmail/v1/users/me/profile" },
  },
  changing("POST"),
  changing("PUT"),
  changing("PATCH"),
  changing("DELETE"),
  {
    ...PASSTHROUGH,
    method: "POST",
    path: "/batch/gmail/v1",
    access: "read",
    crossSite: "origin-required",
    example: {
      method: "POST",
      path: "/batch/gmail/v1",
      type: BATCH_TYPE,
      body: batchOf("/gmail/v1/users/me/messages/0"),
    },
  },
  { ...PAGE, path: "/account", example: { method: "GET", path: "/account" } },
  {
    ...FORM,
    path: "/account/tokens",
    maxBodyBytes: 4 * KIB,
    example: { method: "POST", path: "/account/tokens", type: FORM_TYPE, body: "name=mine&expiresInDays=90" },
  },
  {
    ...FORM,
    path: "/account/tokens/:id/revoke",
    example: { method: "POST", path: `/account/tokens/${SOME_ID}/revoke` },
  },
  {
    ...SESSIONS,
    method: "POST",
    path: "/account/sessions/:id/end",
    example: { method: "POST", path: `/account/sessions/${SOME_ID}/end` },
  },
  { ...PAGE, path: "/message/:id", example: { method: "GET", path: "/message/0" } },
  { ...PAGE, path: "/message/:id/body", example: { method: "GET", path: "/message/0/body" } },
  {
    method: "POST",
    path: "/operator/rotate",
    caller: "operator",
    access: null,
    crossSite: null,
    rateGroup: "operator",
    maxBodyBytes: null,
    example: { method: "POST", path: "/operator/rotate" },
  },
];

/** Routes that a session opens, and nothing else but perhaps an API token. */
export const SESSION_ROUTES = ROUTES.filter(({ caller }) => caller === "session" || caller === "session-or-token");
/** Routes that an API token opens. */
export const TOKEN_ROUTES = ROUTES.filter(({ caller }) => caller === "session-or-token");
/** Routes that only a session opens. */
export const SESSION_ONLY_ROUTES = ROUTES.filter(({ caller }) => caller === "session");

/** What a test calls a route. */
export function nameOf({ example }: Route): string {
  return `${example.method} ${example.path}`;
}
