/**
 * Google's own pages: account chooser, consent, errors. Plain HTML forms, no script, so that a browser without JavaScript can
 * use them.
 */
import { PAGE_ERROR_HEADER, type User } from "../protocol.ts";
import { describeScope, isIdentityScope } from "./scopes.ts";

const STYLE = `
  :root { color-scheme: light dark; --line: #8885; --accent: #1a5fd0; }
  @media (prefers-color-scheme: dark) { :root { --accent: #8ab4f8; } }
  * { box-sizing: border-box; }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
    font: 1rem/1.5 system-ui, sans-serif; }
  main { width: 100%; max-width: 29rem; border: 1px solid var(--line); border-radius: 1rem; padding: 2rem; }
  h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
  p { margin: .25rem 0 1rem; }
  .note { font-size: .85rem; opacity: .75; }
  ul { list-style: none; padding: 0; margin: 1rem 0; }
  li { border-top: 1px solid var(--line); padding: .75rem .25rem; }
  li:last-child { border-bottom: 1px solid var(--line); }
  li a { display: block; text-decoration: none; color: inherit; }
  li a:hover strong, li a:focus strong { text-decoration: underline; }
  label { display: flex; gap: .75rem; align-items: baseline; }
  a { color: var(--accent); }
  .actions { display: flex; gap: .75rem; justify-content: flex-end; margin-top: 1.5rem; }
  button { font: inherit; padding: .5rem 1.25rem; border-radius: 2rem; cursor: pointer;
    border: 1px solid var(--line); background: none; color: var(--accent); }
  button[value=allow] { background: var(--accent); color: Canvas; border-color: var(--accent); }`;

/** Text for HTML, with the entities that Gmail uses in snippets. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** A template whose values are text, but for lists of what this made itself. */
function html(parts: TemplateStringsArray, ...values: readonly (string | readonly Markup[])[]): Markup {
  const texts = values.map((value) =>
    typeof value === "string" ? escapeHtml(value) : value.map(({ markup }) => markup).join(""),
  );
  return { markup: String.raw({ raw: parts }, ...texts) };
}

interface Markup {
  readonly markup: string;
}

function page(title: string, body: Markup, error: string | null = null): Response {
  const text = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)} (emulated Google)</title><style>${STYLE}</style></head><body><main>
<p class="note">Emulated Google, for development. Nothing here is real.</p>${body.markup}</main></body></html>`;
  return new Response(text, {
    status: error === null ? 200 : 400,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      ...(error === null ? {} : { [PAGE_ERROR_HEADER]: error }),
    },
  });
}

/** "Choose an account": one link each, made by `linkFor`. */
export function chooserPage(clientName: string, users: Iterable<User>, linkFor: (user: User) => string): Response {
  const items = Array.from(
    users,
    (user) =>
      html`<li>
        <a href="${linkFor(user)}" data-email="${user.email}"
          ><strong>${user.name}</strong><br />${user.email}<br /><span class="note">${user.about}</span></a
        >
      </li>`,
  );
  return page(
    "Choose an account",
    html`<h1>Choose an account</h1>
      <p>to continue to ${clientName}</p>
      <ul>
        ${items}
      </ul>`,
  );
}

/** What the consent page asks. */
export interface ConsentQuestion {
  readonly clientName: string;
  readonly user: User;
  readonly scopes: readonly string[];
  /** Where the form goes. */
  readonly action: string;
  /** The parameters of the authorization request, which the form sends along. */
  readonly hidden: URLSearchParams;
  /** The same request with the account chooser. */
  readonly otherAccount: string;
}

/** The consent page: a box for every scope that may be refused, "Continue" and "Cancel". */
export function consentPage(question: ConsentQuestion): Response {
  const { clientName, user, scopes } = question;
  const hidden = [...question.hidden].map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  );
  const items = scopes.map((scope) =>
    isIdentityScope(scope)
      ? html`<li><input type="hidden" name="granted" value="${scope}" />${describeScope(scope)}</li>`
      : html`<li>
          <label
            ><input type="checkbox" name="granted" value="${scope}" checked />
            <span>${describeScope(scope)}<br /><span class="note">${scope}</span></span></label
          >
        </li>`,
  );
  return page(
    "Consent",
    html`<h1>${clientName} wants access to your Google Account</h1>
      <p>${user.name}, ${user.email} · <a href="${question.otherAccount}">Use another account</a></p>
      <form method="post" action="${question.action}" id="consent">
        ${hidden}
        <ul>
          ${items}
        </ul>
        <p class="note">What you untick is not granted, as with Google's granular consent.</p>
        <div class="actions">
          <button type="submit" name="decision" value="deny">Cancel</button>
          <button type="submit" name="decision" value="allow">Continue</button>
        </div>
      </form>`,
  );
}

/** Google shows these itself and never sends the person back to the client. */
export function blockedPage(error: string, explanation: string): Response {
  const body = html`<h1>Access blocked: this app's request is invalid</h1>
    <p>Error 400: ${error}</p>
    <p class="note">${explanation}</p>`;
  return page(`Error 400: ${error}`, body, error);
}
