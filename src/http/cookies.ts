/**
 * The cookies: their names, attributes and limits on the wire. What is in them is sealed elsewhere (session,
 * transaction).
 */
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { CookieOptions } from "hono/utils/cookie";
import type { AppContext } from "./types.ts";
import { isNotice, type Notice, NOTICES } from "../pages/notices.ts";
import { SESSION_TTL_SECONDS } from "../object/sessions.ts";
import { TRANSACTION_TTL_SECONDS, transactionId } from "../auth/transaction.ts";

const SESSION = "gmail_edge_session";
const TRANSACTION_PREFIX = "gmail_edge_tx_";
const RETURN_TO = "gmail_edge_return_to";
const NOTICE = "gmail_edge_notice";

const NOTICE_TTL_SECONDS = 60;
/** Sign-ins in progress per browser. The oldest are dropped, or abandoned ones would fill the header. */
const MAX_TRANSACTIONS = 5;

function isHttps(c: AppContext): boolean {
  return c.var.scope.origin.startsWith("https:");
}

/** On HTTPS the `__Host-` prefix pins a cookie to this host: RFC 6265bis §4.1.3.2. */
function nameOf(c: AppContext, name: string): string {
  return isHttps(c) ? `__Host-${name}` : name;
}

function attributes(c: AppContext): CookieOptions {
  return { path: "/", httpOnly: true, sameSite: "Lax", secure: isHttps(c) };
}

function set(c: AppContext, name: string, value: string, maxAge: number): void {
  setCookie(c, nameOf(c, name), value, { ...attributes(c), maxAge });
}

function remove(c: AppContext, name: string): void {
  deleteCookie(c, nameOf(c, name), attributes(c));
}

export function readSessionCookie(c: AppContext): string | null {
  return getCookie(c, nameOf(c, SESSION)) ?? null;
}

/** @param maxAgeSeconds until the session ends */
export function writeSessionCookie(c: AppContext, sealed: string, maxAgeSeconds: number): void {
  set(c, SESSION, sealed, Math.min(maxAgeSeconds, SESSION_TTL_SECONDS));
}

export function clearSessionCookie(c: AppContext): void {
  remove(c, SESSION);
}

export function readTransactionCookie(c: AppContext, state: string): string | null {
  return getCookie(c, nameOf(c, TRANSACTION_PREFIX + transactionId(state))) ?? null;
}

export function writeTransactionCookie(c: AppContext, state: string, sealed: string): void {
  // Browsers send older cookies first (RFC 6265 §5.4), so the surplus at the front is the oldest.
  const prefix = nameOf(c, TRANSACTION_PREFIX);
  const underWay = Object.keys(getCookie(c)).filter((name) => name.startsWith(prefix));
  for (const name of underWay.slice(0, Math.max(0, underWay.length - MAX_TRANSACTIONS + 1))) {
    deleteCookie(c, name, attributes(c));
  }
  set(c, TRANSACTION_PREFIX + transactionId(state), sealed, TRANSACTION_TTL_SECONDS);
}

export function clearTransactionCookie(c: AppContext, state: string): void {
  remove(c, TRANSACTION_PREFIX + transactionId(state));
}

/** Where the last finished sign-in of this browser has led; null for none. */
export function readReturnToCookie(c: AppContext): string | null {
  return getCookie(c, nameOf(c, RETURN_TO)) ?? null;
}

export function writeReturnToCookie(c: AppContext, sealed: string): void {
  set(c, RETURN_TO, sealed, TRANSACTION_TTL_SECONDS);
}

export function writeNotice(c: AppContext, notice: Notice): void {
  set(c, NOTICE, notice, NOTICE_TTL_SECONDS);
}

/** The text to show, once; null for none. */
export function takeNotice(c: AppContext): string | null {
  const notice = getCookie(c, nameOf(c, NOTICE));
  if (notice === undefined) return null;
  remove(c, NOTICE);
  return isNotice(notice) ? NOTICES[notice] : null;
}
