/** The steps of the demo: what a person and a program do, each compared with what the local Google has. */

import { BUSY_USER } from "../../test/google/accounts.ts";
import type { DevelopmentGoogle, SeededMail } from "../../test/google/development.ts";
import type { Browser, Page } from "../browser/without-script.ts";
import type { Api, MetadataRow } from "./api.ts";
import { describeRow, type Transcript } from "./transcript.ts";

/** What the steps work with. */
export interface Demo {
  readonly out: Transcript;
  readonly google: DevelopmentGoogle;
  /** The Worker's. */
  readonly origin: string;
  readonly browser: Browser;
  readonly api: Api;
}

/** Each with its title; it resolves to what it did, in one line. */
export const STEPS: readonly (readonly [title: string, step: (demo: Demo) => Promise<string>])[] = [
  ["Sign in with Google", signIn],
  ["List messages", listMessages],
  ["Search", search],
  ["The access token expires", outliveAccessToken],
  ["Rate limits", outliveRateLimits],
  ["The grant is gone", loseGrant],
  ["Saying no", denyConsent],
  ["Disconnect", disconnect],
];

const { email: EMAIL, name: NAME } = BUSY_USER;
const GMAIL_SCOPE = "https://www.googleapis.com/auth/gmail.readonly";
const ALLOW = 'button[value="allow"]';
/** A list call and a read per message stay within the 50 subrequests of Workers Free. */
const ROWS_PER_PAGE = 40;
const PAGES = 6;
const SCRIPTS = ["Latin", "Arabic", "Hebrew", "Han", "Hiragana", "Hangul", "Thai", "Greek", "Cyrillic"];

/** From the start page through Google's pages and back. */
async function signIn({ out, origin, browser, api }: Demo): Promise<string> {
  const start = await browser.visit(`${origin}/`);
  out.equal("the start page answers", start.status, 200);
  const chooser = await browser.click(start, 'a[href^="/auth/login"]');
  showHops(out, chooser);
  out.equal("the first trip sends no prompt", chooser.url.searchParams.get("prompt"), null);
  out.equal("it uses PKCE with S256", chooser.url.searchParams.get("code_challenge_method"), "S256");

  const consent = await browser.click(chooser, `a[data-email="${EMAIL}"]`);
  out.line(`Google asks: ${consent.document.querySelector("h1")?.text.trim()}`);
  const home = await browser.press(consent, ALLOW);
  showHops(out, home);
  out.equal("signed in, back on the start page", [home.status, home.url.pathname], [200, "/"]);
  out.check("which shows who is signed in", home.document.text.includes(EMAIL), home.document.text);

  const [session, ...others] = await browser.cookies(origin);
  out.equal("one cookie is left, and scripts cannot read it", [others.length, session?.httpOnly], [0, true]);
  const me = await api.me();
  out.equal("GET /api/me says who that is", [me.email, me.name], [EMAIL, NAME]);
  out.check("and that Gmail may be read", me.scopes.includes(GMAIL_SCOPE), me.scopes);
  return `Signed in with Google as ${NAME}`;
}

/** Every ID of the mailbox by one request, then a few hundred messages with their subjects. */
async function listMessages(demo: Demo): Promise<string> {
  const { out, api } = demo;
  const expected = visibleMail(demo);
  out.line("GET /api/messages?limit=all: the pagination loop, 500 IDs a page");
  const all = await api.listIds({ limit: "all" });
  out.equal(
    `all ${expected.length} messages are there, newest first, none twice, none left out`,
    idsOf(all.messages),
    idsOf(expected),
  );
  const pages = Math.ceil(expected.length / 500);
  out.equal(`it took ${pages} pages, 5 quota units each`, all.quotaUnits, pages * 5);
  out.equal("and there is no next page", all.nextPageToken, undefined);

  const rows = await listPages(demo);
  const wanted = expected.slice(0, rows.length);
  out.equal(
    `the ${rows.length} messages are the newest ones, in order, across the pages`,
    rows.map(({ id, threadId }) => ({ id, threadId })),
    expected.slice(0, PAGES * ROWS_PER_PAGE).map(({ id, threadId }) => ({ id, threadId })),
  );
  out.equal(
    "dates and unread marks are those of the mailbox",
    rows.map(({ date, unread }) => ({ at: Date.parse(date), unread })),
    wanted.map(({ internalDateMs, labelIds }) => ({ at: internalDateMs, unread: labelIds.includes("UNREAD") })),
  );
  // Encoded words are decoded; control characters and bidi overrides are taken out.
  const plain = wanted.filter(({ subject }) => !/=\?|[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(subject));
  const shown = new Map(rows.map((row) => [row.id, row.subject ?? ""]));
  out.equal(
    `${plain.length} subjects come back as they were written`,
    plain.map(({ id }) => shown.get(id)?.trim()),
    plain.map(({ subject }) => subject.trim()),
  );
  const subjects = rows.map(({ subject }) => subject ?? "").join("\n");
  const missing = SCRIPTS.filter((script) => !new RegExp(`\\p{Script=${script}}`, "u").test(subjects));
  out.equal(`in ${SCRIPTS.length} scripts and more: ${SCRIPTS.join(", ")}`, missing, []);
  const [first] = rows;
  return `Listed ${all.messages.length} messages; ${first === undefined ? "" : describeRow(first)}`;
}

async function listPages({ out, api }: Demo): Promise<MetadataRow[]> {
  const rows: MetadataRow[] = [];
  let next: { pageToken?: string } = {};
  for (let page = 1; page <= PAGES; page += 1) {
    const { messages, nextPageToken } = await api.listMetadata({ limit: String(ROWS_PER_PAGE), ...next });
    out.line(`\n  GET /api/messages?view=metadata&limit=${ROWS_PER_PAGE}, page ${page} of ${PAGES}`);
    out.table(messages);
    rows.push(...messages);
    out.check(`page ${page} leads to another one`, nextPageToken !== undefined, nextPageToken);
    next = nextPageToken === undefined ? {} : { pageToken: nextPageToken };
  }
  out.line("");
  return rows;
}

/** A search by sender, one that is not in ASCII, one without a hit, and one by label. */
async function search(demo: Demo): Promise<string> {
  const { out, api } = demo;
  const mail = visibleMail(demo);
  const searches: readonly (readonly [q: string, fits: (message: SeededMail) => boolean])[] = [
    ["from:maya", ({ from }) => from.toLowerCase().includes("maya")],
    ["subject:نوروزت", ({ subject }) => subject.includes("نوروزت")],
    ["subject:unobtainium", () => false],
  ];
  for (const [q, fits] of searches) {
    const { messages } = await api.listMetadata({ q, limit: String(ROWS_PER_PAGE) });
    out.line(`\n  GET /api/messages?q=${q}&view=metadata`);
    out.table(messages.slice(0, 6));
    out.equal(
      `${messages.length} messages, all that fit`,
      idsOf(messages),
      idsOf(mail.filter(fits).slice(0, ROWS_PER_PAGE)),
    );
  }
  const { messages } = await api.listIds({ labelIds: "STARRED" });
  const wanted = mail.filter(({ labelIds }) => labelIds.includes("STARRED"));
  out.line("\n  GET /api/messages?labelIds=STARRED");
  out.equal(`${wanted.length} starred messages`, idsOf(messages), idsOf(wanted));
  return "Searched by sender, in Arabic script, by label, and without a hit";
}

/** An expired access token is refreshed without anyone noticing. */
async function outliveAccessToken({ out, api, google }: Demo): Promise<string> {
  google.controls.killAccessTokens(BUSY_USER);
  out.line("An hour passes at Google: it answers 401 to the token that the session holds.");
  const { messages } = await api.listIds({ limit: "5" });
  out.equal("the next request is served all the same, with a fresh token", messages.length, 5);
  return "Refreshed an access token that had expired";
}

/** Gmail serves few parts of a batch at once and fails at some: every row comes all the same. */
async function outliveRateLimits(demo: Demo): Promise<string> {
  const { out, api, google } = demo;
  // Rows that are known would not be read again.
  google.controls.forgetHistory(BUSY_USER);
  google.controls.fault({ endpoint: "part", maxConcurrent: 8, times: "always" });
  google.controls.fault({ endpoint: "part", named: "unavailable", times: 5 });
  out.line("Gmail now serves 8 parts of a batch at once, which it tells nobody, and is not available for 5 of them.");
  try {
    const { messages } = await api.listMetadata({ limit: "100" });
    const [limited = 0, failed = 0] = google.controls.snapshot().faults.map(({ hits }) => hits);
    out.line(`GET /api/messages?view=metadata&limit=100: ${limited} parts got 429 and ${failed} got 503`);
    out.check("both happened", limited > 0 && failed === 5, google.controls.snapshot().faults);
    out.equal(
      "all 100 rows are there, in order, none twice, each with its own date",
      messages.map(({ id, date }) => [id, Date.parse(date)]),
      visibleMail(demo)
        .slice(0, 100)
        .map(({ id, internalDateMs }) => [id, internalDateMs]),
    );
    return `Listed 100 rows while Gmail refused ${limited} of their reads and failed at ${failed}`;
  } finally {
    google.controls.clearFaults();
  }
}

/** The grant ends at Google: programs are told, people are led to consent and back. */
async function loseGrant({ out, google, origin, browser, api }: Demo): Promise<string> {
  google.controls.revokeGrant(BUSY_USER);
  out.line(`${NAME} removes the app from the Google account: every token dies.`);
  const { status, challenge, error } = await api.failure("/api/messages?limit=5");
  const [detail] = error.details;
  out.equal(
    "a program gets 401 CONSENT_REQUIRED",
    [status, error.status, detail?.reason],
    [401, "UNAUTHENTICATED", "CONSENT_REQUIRED"],
  );
  out.check("with a WWW-Authenticate header", challenge?.startsWith("Bearer") === true, challenge);
  const authorizationUrl = detail?.metadata["authorizationUrl"] ?? "";
  const leadsToLogin = authorizationUrl.startsWith(`${origin}/auth/login?`);
  out.check("and the address where its user can consent", leadsToLogin, authorizationUrl);
  out.line(authorizationUrl);

  const where = "/?q=from%3Amaya+is%3Aunread";
  out.line(`In the browser, the person goes on to ${where}`);
  const consent = await browser.visit(`${origin}${where}`);
  showHops(out, consent);
  const login = consent.hops[1]?.url;
  out.equal(
    "they are led to sign in, with consent forced and the way back kept",
    [login?.pathname, login?.searchParams.get("prompt"), login?.searchParams.get("return_to")],
    ["/auth/login", "consent", where],
  );
  out.equal("Google shows its consent page", [consent.status, consent.url.origin], [200, google.url]);
  out.check("for the account that was signed in", consent.document.text.includes(EMAIL), consent.document.text);

  const back = await browser.press(consent, ALLOW);
  showHops(out, back);
  out.equal("after consent they are where they were", [back.status, back.url.href], [200, `${origin}${where}`]);
  out.check("and see their messages", back.document.querySelectorAll(".rows > li").length > 0, back.document.text);
  out.equal("the program is served again, too", (await api.listIds({ limit: "5" })).messages.length, 5);
  return "Lost the grant: the program got 401 CONSENT_REQUIRED, the person consented again";
}

/** Saying no on Google's page ends on a page, and never in a loop. */
async function denyConsent({ out, origin, browser }: Demo): Promise<string> {
  const login = new URL("/auth/login", origin);
  login.search = new URLSearchParams({ prompt: "consent", login_hint: EMAIL }).toString();
  const denied = await browser.press(await browser.visit(login.href), 'button[value="deny"]');
  showHops(out, denied);
  out.equal("the answer is 403", [denied.status, denied.url.pathname], [403, "/auth/callback"]);
  const retry = denied.document.querySelector('a[href*="/auth/login"]');
  out.check("on a page with a link to try again", retry !== null, denied.document.text);
  return "Denied consent: 403, on a page with a link to try again";
}

/** Disconnecting ends the grant at Google and the session here. */
async function disconnect({ out, google, origin, browser, api }: Demo): Promise<string> {
  const bye = await browser.press(await browser.visit(`${origin}/account`), 'form[action="/auth/disconnect"] button');
  showHops(out, bye);
  out.equal("the person is signed out", [bye.status, bye.url.pathname], [200, "/"]);
  const grant = google.controls.snapshot().grants.find(({ email }) => email === EMAIL);
  out.equal("Google knows of no grant any more", grant?.liveRefreshTokens, 0);
  const { status, error } = await api.failure("/api/me");
  const told = [status, error.details[0]?.reason];
  out.equal("a program is told to have its user sign in", told, [401, "SIGN_IN_REQUIRED"]);
  return "Disconnected: no grant is left at Google, no session here";
}

/** What a listing shows that does not ask for spam and trash. */
function visibleMail({ google }: Demo): SeededMail[] {
  return google.mailOf(EMAIL).filter(({ labelIds }) => !labelIds.includes("SPAM") && !labelIds.includes("TRASH"));
}

function idsOf(messages: readonly { readonly id: string }[]): string[] {
  return messages.map(({ id }) => id);
}

/** The way a navigation took; secrets travel in queries, so only harmless parameters are shown. */
function showHops(out: Transcript, { hops }: Page): void {
  for (const { method, url, status } of hops) {
    // Google echoes the prompt to the callback, where it means nothing.
    const names = url.pathname === "/auth/callback" ? ["error"] : ["prompt", "login_hint", "return_to", "error", "q"];
    const shown = [...url.searchParams].filter(([name]) => names.includes(name)).map((pair) => pair.join("="));
    if (url.searchParams.size > shown.length) shown.push("…");
    const query = shown.length === 0 ? "" : `?${shown.join("&")}`;
    out.line(`${method.padEnd(4)} ${url.origin}${url.pathname}${query} → ${status}`);
  }
}
