/**
 * Google's own pages: account chooser, consent, errors. Plain HTML forms, no script, so that a browser without JavaScript can
 * use them.
 */
import { PAGE_ERROR_HEADER, type User } from "../protocol.ts";
import { escapeHtml as text } from "../text.ts";
import { DESCRIPTIONS, isIdentityScope } from "./scopes.ts";

const CLIENT_NAME = "gmail-edge (development)";
const STYLE = `
  :root { color-scheme: light dark; --accent: light-dark(#1a5fd0, #8ab4f8); }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.5 system-ui, sans-serif; }
  main { max-width: 29rem; border: 1px solid #8885; border-radius: 1rem; padding: 2rem; }
  ul { list-style: none; padding: 0; }
  li { border-top: 1px solid #8885; padding: .75rem .25rem; }
  a, button { color: var(--accent); }
  .note { font-size: .85rem; opacity: .75; }`;

function page(title: string, body: string, error: string | null = null): Response {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(title)} (emulated Google)</title><style>${STYLE}</style></head><body><main>
<p class="note">Emulated Google, for development. Nothing here is real.</p>${body}</main></body></html>`;
  return new Response(html, {
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
export function chooserPage(users: Iterable<User>, linkFor: (user: User) => string): Response {
  const items = Array.from(
    users,
    (user) => `<li><a href="${text(linkFor(user))}" data-email="${text(user.email)}"><strong>${text(user.name)}</strong>
<br>${text(user.email)}<br><span class="note">${text(user.about)}</span></a></li>`,
  );
  const heading = `<h1>Choose an account</h1><p>to continue to ${CLIENT_NAME}</p>`;
  return page("Choose an account", `${heading}<ul>${items.join("")}</ul>`);
}

interface ConsentQuestion {
  readonly user: User;
  readonly scopes: readonly string[];
  readonly action: string;
  /** The parameters of the authorization request, which the form sends along. */
  readonly hidden: URLSearchParams;
  /** The same request with the account chooser. */
  readonly otherAccount: string;
}

/** The consent page: a box for every scope that may be refused, "Continue" and "Cancel". */
export function consentPage({ user, scopes, action, hidden, otherAccount }: ConsentQuestion): Response {
  const fields = [...hidden].map(
    ([name, value]) => `<input type="hidden" name="${text(name)}" value="${text(value)}">`,
  );
  const items = scopes.map((scope) => {
    const input = `name="granted" value="${text(scope)}"`;
    const what = text(DESCRIPTIONS[scope] ?? scope);
    if (isIdentityScope(scope)) return `<li><input type="hidden" ${input}>${what}</li>`;
    return `<li><label><input type="checkbox" ${input} checked>
<span>${what}<br><span class="note">${text(scope)}</span></span></label></li>`;
  });
  const body = `<h1>${CLIENT_NAME} wants access to your Google Account</h1>
<p>${text(user.name)}, ${text(user.email)} · <a href="${text(otherAccount)}">Use another account</a></p>
<form method="post" action="${action}" id="consent">${fields.join("")}<ul>${items.join("")}</ul>
<p class="note">What you untick is not granted, as with Google's granular consent.</p>
<div class="actions"><button type="submit" name="decision" value="deny">Cancel</button>
<button type="submit" name="decision" value="allow">Continue</button></div></form>`;
  return page("Consent", body);
}

/** Google shows these itself and never sends the person back to the client. */
export function blockedPage(error: string, explanation: string): Response {
  const heading = "<h1>Access blocked: this app's request is invalid</h1>";
  const title = `Error 400: ${error}`;
  return page(title, `${heading}<p>${text(title)}</p><p class="note">${text(explanation)}</p>`, error);
}
