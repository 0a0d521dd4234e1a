/**
 * What makes the pages nicer where scripts run; everything works without it. Dates by the browser's own settings, the
 * search as one types, the keyboard, older messages as one scrolls, and copying a token.
 */

const SEARCH_DELAY_MS = 350;

const SHORT_TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const SHORT_DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const SHORT_DATE = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const LONG_DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** Writes the dates below an element in the reader's own language and time zone. */
function localizeDates(/** @type {ParentNode} */ root) {
  const now = new Date();
  for (const element of root.querySelectorAll("time[data-format]")) {
    const date = new Date(element.dateTime);
    const isToday = date.toDateString() === now.toDateString();
    const isThisYear = date.getFullYear() === now.getFullYear();
    const short = isToday ? SHORT_TIME : isThisYear ? SHORT_DAY : SHORT_DATE;
    const formats = { long: LONG_DATE, day: DAY, short };
    element.textContent = (formats[element.dataset.format] ?? short).format(date);
    element.title = LONG_DATE.format(date);
  }
}

/**
 * Reads pages of ours. The policy's name is the one that our Content-Security-Policy allows; a browser without Trusted
 * Types has only the latter. https://www.w3.org/TR/trusted-types/
 */
const PAGES = globalThis.trustedTypes?.createPolicy("gmail-edge-pages", { createHTML: (page) => page });

/** Fetches a mailbox page. @returns null where it is no mailbox (signed out, an error): the browser should go there */
async function fetchPage(/** @type {string} */ url, /** @type {AbortSignal | undefined} */ signal) {
  const response = await fetch(url, { headers: { Accept: "text/html" }, redirect: "manual", signal });
  if (!response.ok) return null;
  const text = await response.text();
  const page = new DOMParser().parseFromString(PAGES?.createHTML(text) ?? text, "text/html");
  if (page.querySelector(".rows") === null) return null;
  localizeDates(page);
  return page;
}

/** Searches while one types. */
function searchAsTyped() {
  const form = document.querySelector("form.search");
  const input = form?.querySelector("input");
  if (!input) return;
  let running = new AbortController();
  let timer = 0;
  const search = async () => {
    running.abort();
    running = new AbortController();
    const q = input.value.trim();
    const url = q === "" ? "/" : `/?${new URLSearchParams({ q })}`;
    try {
      const page = await fetchPage(url, running.signal);
      if (page === null) return location.assign(url);
      for (const selector of [".rows", ".pager"]) {
        const [shown, found] = [document.querySelector(selector), page.querySelector(selector)];
        if (shown && found) shown.replaceWith(found);
      }
      for (const passing of document.querySelectorAll("main > .empty, main > .notice")) passing.remove();
      const said = page.querySelector("main > .empty, main > .notice");
      if (said) document.querySelector(".pager")?.before(said);
      const count = page.querySelectorAll(".rows > li").length;
      const words = count === 1 ? "1 message" : `${count} messages`;
      say(said?.textContent ?? (page.querySelector(".pager a[rel=next]") ? `First ${words}` : words));
      history.replaceState(null, "", url);
      pageUrls = [url];
      growList();
    } catch (error) {
      if (error.name !== "AbortError") location.assign(url);
    }
  };
  const searchSoon = (event) => {
    clearTimeout(timer);
    // A word that is still being composed from keystrokes (Chinese, Japanese, Korean) is no search yet.
    if (event.isComposing) return;
    timer = setTimeout(() => void search(), SEARCH_DELAY_MS);
  };
  input.addEventListener("input", searchSoon);
  // Chromium's last input event of a composition still says that it is one.
  input.addEventListener("compositionend", searchSoon);
}

/** Tells those who do not see it what has changed. WCAG 2.2, 4.1.3 */
function say(/** @type {string} */ text) {
  status.textContent = text;
}

const status = document.createElement("p");
status.className = "visually-hidden";
status.role = "status";

/** Pages that come by themselves. After them the way to what is below the list is free, and a button asks for more. */
const MAX_PAGES = 3;

let olderObserver = null;
/** The addresses of the pages in the list, in its order. */
let pageUrls = [location.pathname + location.search];

function olderLink() {
  return document.querySelector(".pager a[rel=next]");
}

/** Lets the list grow: by itself as its end comes into view, and then by a button. */
function growList() {
  olderObserver?.disconnect();
  const link = olderLink();
  if (!link) return;
  if (pageUrls.length >= MAX_PAGES) return offerOlder(link);
  olderObserver = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    olderObserver.disconnect();
    void appendPage(link).then(growList);
  });
  olderObserver.observe(link);
}

/** A button in place of the link to older messages. */
function offerOlder(/** @type {HTMLAnchorElement} */ link) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Show older messages";
  let isBusy = false;
  const showOlder = async () => {
    if (isBusy) return;
    isBusy = true;
    if (await appendPage(link)) growList();
    // The page itself says what is wrong.
    else location.assign(link.href);
  };
  button.addEventListener("click", () => void showOlder());
  link.hidden = true;
  link.after(button);
}

/** Puts the page that a link leads to below this one. @returns false where it could not be read */
async function appendPage(/** @type {HTMLAnchorElement} */ link) {
  const page = await fetchPage(link.href).catch(() => null);
  // A search has come in between.
  if (!link.isConnected) return true;
  if (page === null || page.querySelector("main > [role=alert]") !== null) return false;
  const rows = [...page.querySelectorAll(".rows > li")];
  for (const row of rows) row.dataset.page = String(pageUrls.length);
  pageUrls.push(link.pathname + link.search);
  document.querySelector(".rows")?.append(...rows);
  say(rows.length === 1 ? "1 more message" : `${rows.length} more messages`);
  const button = link.parentElement.querySelector("button");
  const hadFocus = document.activeElement === link || document.activeElement === button;
  button?.remove();
  const next = page.querySelector(".pager a[rel=next]");
  if (next === null) link.remove();
  else link.replaceWith(next);
  // Who got here by keyboard goes on with the first of the new messages.
  if (hadFocus) rows[0]?.querySelector("a.open")?.focus({ preventScroll: true });
  return true;
}

/** Leaves in the history what the list can be shown with again when somebody comes back from a message. */
function rememberPlace() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest(".rows a.open") : null;
    if (link === null || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const page = Number(link.closest(".row").dataset.page ?? 0);
    // Each page costs a call: of a long list, the last pages up to this one are enough.
    const first = Math.max(0, page + 1 - MAX_PAGES);
    history.replaceState({ pages: page + 1 - first, row: link.pathname }, "", pageUrls[first]);
  });
}

/** Shows the list as it was left, with the message that was opened in view. */
async function restorePlace() {
  const { pages = 1, row = null } = history.state ?? {};
  while (pageUrls.length < pages) {
    const link = olderLink();
    if (link === null || !(await appendPage(link))) break;
  }
  const links = [...document.querySelectorAll(".rows a.open")];
  const opened = row === null ? undefined : links.find(({ pathname }) => pathname === row);
  opened?.scrollIntoView({ block: "center" });
  opened?.focus({ preventScroll: true });
}

const KEYS_ARE_OFF = "keyboard-shortcuts-off";

/** `/` goes to the search, `j` and `k` to the next and the previous message, unless the reader has turned that off. */
function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (localStorage.getItem(KEYS_ARE_OFF) !== null) return;
    const isTyping = event.target instanceof Element && event.target.closest("input, select, textarea") !== null;
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      const input = document.querySelector("form.search input");
      if (!input) return;
      event.preventDefault();
      input.focus();
      input.select();
    }
    if (event.key === "j" || event.key === "k") {
      const links = [...document.querySelectorAll(".rows a.open")];
      const current = links.indexOf(document.activeElement?.closest(".row")?.querySelector("a.open"));
      const step = event.key === "j" ? 1 : -1;
      links[Math.min(links.length - 1, Math.max(0, current + step))]?.focus();
    }
  });
}

/** A box to turn single keys off: who dictates would press them with every word. WCAG 2.2, 2.1.4 */
function offerKeySetting() {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = localStorage.getItem(KEYS_ARE_OFF) === null;
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(KEYS_ARE_OFF);
    else localStorage.setItem(KEYS_ARE_OFF, "");
  });
  const label = document.createElement("label");
  label.className = "setting";
  label.append(box, "Keyboard shortcuts: / searches, j and k go to the next and the previous message");
  document.querySelector(".help")?.append(label);
}

/** Copies what a button is for. */
function offerCopying() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => void copy(button));
  }
}

async function copy(/** @type {HTMLButtonElement} */ button) {
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy)?.textContent ?? "");
  button.textContent = "Copied";
  say("Copied");
}

/** Goes back to the list as it was, and not to a new one. */
function goBackToTheList() {
  const link = document.querySelector("a[data-back]");
  link?.addEventListener("click", (event) => {
    if (!document.referrer.startsWith(`${location.origin}/`) || history.length < 2) return;
    event.preventDefault();
    history.back();
  });
}

document.body.append(status);
localizeDates(document);
searchAsTyped();
rememberPlace();
void restorePlace().then(growList);
listenToKeys();
offerKeySetting();
offerCopying();
goBackToTheList();
