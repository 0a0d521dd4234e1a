/**
 * The demo's steps that need a browser: signing in, saying no, losing the grant and coming back.
 */

import { BUSY_USER } from "../../test/google/accounts.ts";
import type { Page } from "../browser/without-script.ts";
import { check, checkEqual } from "./check.ts";
import type { Demo } from "./context.ts";
import { heading, line } from "./transcript.ts";

const GMAIL_SCOPE = "https://www.googleapis.com/auth/gmail.readonly";
const ALLOW = 'button[value="allow"]';
const DENY = 'button[value="deny"]';
const accountLink = `a[data-email="${BUSY_USER.email}"]`;

/** From the start page through Google's pages and back. */
export async function signIn({ worker, browser, api }: Demo): Promise<void> {
  heading("1. Sign in with Google");
  const start = await browser.visit(`${worker.url}/`);
  checkEqual("the start page answers", start.status, 200);

  const chooser = await browser.click(start, 'a[href^="/auth/login"]');
  showHops(chooser);
  checkEqual("the first trip sends no prompt", chooser.url.searchParams.get("prompt"), null);
  checkEqual("it uses PKCE with S256", chooser.url.searchParams.get("code_challenge_method"), "S256");

  const consent = await browser.click(chooser, accountLink);
  line(`Google asks: ${consent.document.querySelector("h1")?.text.trim()}`);
  const home = await browser.press(consent, ALLOW);
  showHops(home);
  checkEqual("signed in, back on the start page", [home.status, home.url.pathname], [200, "/"]);
  check("which shows who is signed in", home.document.text.includes(BUSY_USER.email), home.document.text);

  const [session, ...others] = await browser.cookies(worker.url);
  checkEqual("one cookie is left, and scripts cannot read it", [others.length, session?.httpOnly], [0, true]);
  const me = await api.me();
  checkEqual("GET /api/me says who that is", [me.email, me.name], [BUSY_USER.email, BUSY_USER.name]);
  check("and that Gmail may be read", me.scopes.includes(GMAIL_SCOPE), me.scopes);
}

/** The grant ends at Google: programs are told, people are led to consent and back. */
export async function loseGrant({ google, worker, browser, api }: Demo): Promise<void> {
  heading("6. The grant is gone");
  google.controls.revokeGrant(BUSY_USER);
  line(`${BUSY_USER.name} removes the app from the Google account: every token dies.`);

  const refused = await api.failure("/api/messages?limit=5");
  const detail = refused.error.details[0];
  checkEqual(
    "a program gets 401 CONSENT_REQUIRED",
    [refused.status, refused.error.status, detail?.reason],
    [401, "UNAUTHENTICATED", "CONSENT_REQUIRED"],
  );
  check("with a WWW-Authenticate header", refused.challenge?.startsWith("Bearer") === true, refused.challenge);
  const authorizationUrl = detail?.metadata["authorizationUrl"] ?? "";
  check(
    "and the address where its user can consent",
    authorizationUrl.startsWith(`${worker.url}/auth/login?`),
    authorizationUrl,
  );
  line(authorizationUrl);

  const where = "/?q=from%3Amaya+is%3Aunread";
  line(`In the browser, the person goes on to ${where}`);
  const consent = await browser.visit(`${worker.url}${where}`);
  showHops(consent);
  const login = consent.hops[1]?.url;
  checkEqual(
    "they are led to sign in, with consent forced and the way back kept",
    [login?.pathname, login?.searchParams.get("prompt"), login?.searchParams.get("return_to")],
    ["/auth/login", "consent", where],
  );
  checkEqual("Google shows its consent page", [consent.status, consent.url.origin], [200, google.url]);
  check("for the account that was signed in", consent.document.text.includes(BUSY_USER.email), consent.document.text);

  const back = await browser.press(consent, ALLOW);
  showHops(back);
  checkEqual("after consent they are where they were", [back.status, back.url.href], [200, `${worker.url}${where}`]);
  check("and see their messages", back.document.querySelectorAll(".rows > li").length > 0, back.document.text);
  const again = await api.listIds({ limit: "5" });
  checkEqual("the program is served again, too", again.messages.length, 5);
}

/** Saying no on Google's page ends on a page, and never in a loop. */
export async function denyConsent({ worker, browser }: Demo): Promise<void> {
  heading("7. Saying no");
  const login = new URL("/auth/login", worker.url);
  login.search = new URLSearchParams({ prompt: "consent", login_hint: BUSY_USER.email }).toString();
  const denied = await browser.press(await browser.visit(login.href), DENY);
  showHops(denied);
  checkEqual("the answer is 403", [denied.status, denied.url.pathname], [403, "/auth/callback"]);
  const retry = denied.document.querySelector('a[href*="/auth/login"]');
  check("on a page with a link to try again", retry !== null, denied.document.text);
}

/** Disconnecting ends the grant at Google and the session here. */
export async function disconnect({ google, worker, browser, api }: Demo): Promise<void> {
  heading("8. Disconnect");
  const account = await browser.visit(`${worker.url}/account`);
  const bye = await browser.press(account, 'form[action="/auth/disconnect"] button');
  showHops(bye);
  checkEqual("the person is signed out", [bye.status, bye.url.pathname], [200, "/"]);
  const grant = google.controls.snapshot().grants.find(({ email }) => email === BUSY_USER.email);
  checkEqual("Google knows of no grant any more", grant?.liveRefreshTokens, 0);
  const refused = await api.failure("/api/me");
  checkEqual(
    "a program is told to have its user sign in",
    [refused.status, refused.error.details[0]?.reason],
    [401, "SIGN_IN_REQUIRED"],
  );
}

/** The way a navigation took; secrets travel in queries, so only harmless parameters are shown. */
function showHops({ hops }: Page): void {
  for (const { method, url, status } of hops) {
    // Google echoes the prompt to the callback, where it means nothing.
    const names = url.pathname === "/auth/callback" ? ["error"] : ["prompt", "login_hint", "return_to", "error", "q"];
    const shown = names.flatMap((name) => {
      const value = url.searchParams.get(name);
      return value === null ? [] : [`${name}=${value}`];
    });
    if (url.searchParams.size > shown.length) shown.push("…");
    const query = shown.length === 0 ? "" : `?${shown.join("&")}`;
    line(`${method.padEnd(4)} ${url.origin}${url.pathname}${query} → ${status}`);
  }
}
