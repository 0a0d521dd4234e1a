/**
 * A person's browser, as far as signing in needs one: it keeps cookies, follows redirects, and submits
 * the forms that it is shown. On `node:http`, because `fetch` does not let its caller be a navigation:
 * it sets `Sec-Fetch-Mode` itself.
 */

import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { parse, type HTMLElement } from "node-html-parser";
import { CookieJar, type Cookie } from "tough-cookie";

const MAX_REDIRECTS = 10;

/** One answer on the way to a page. */
interface Hop {
  readonly method: string;
  readonly url: URL;
  readonly status: number;
}

/** The page that a navigation ended on. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly document: HTMLElement;
  /** Every answer on the way, this page's own last. */
  readonly hops: readonly Hop[];
}

interface Navigation {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly form: URLSearchParams | null;
  /** The site that caused it; null for an address typed by hand. */
  readonly initiator: URL | null;
}

/** A browser without JavaScript. */
export class Browser {
  readonly #jar = new CookieJar();

  /** Types an address. */
  visit(url: string): Promise<Page> {
    return this.#navigate({ method: "GET", url: new URL(url), form: null, initiator: null });
  }

  /** Follows a link on a page. Throws when there is none that fits the CSS selector. */
  click(page: Page, selector: string): Promise<Page> {
    const href = find(page, selector).getAttribute("href") ?? "";
    const url = new URL(href, page.url);
    return this.#navigate({ method: "GET", url, form: null, initiator: page.url });
  }

  /** Submits the form that a button belongs to. Throws when there is no such button. */
  press(page: Page, buttonSelector: string): Promise<Page> {
    const button = find(page, buttonSelector);
    const form = button.closest("form");
    if (form === null) throw new Error(`${buttonSelector} is in no form.`);
    const fields = fieldsOf(form, button);
    const url = new URL(form.getAttribute("action") ?? "", page.url);
    if (form.getAttribute("method")?.toLowerCase() === "post") {
      return this.#navigate({ method: "POST", url, form: fields, initiator: page.url });
    }
    url.search = fields.toString();
    return this.#navigate({ method: "GET", url, form: null, initiator: page.url });
  }

  /** The cookies that this origin would get. */
  cookies(url: string): Promise<Cookie[]> {
    return this.#jar.getCookies(url);
  }

  /**
   * A request of a program with this browser's cookies: what it gets is JSON, not a redirect.
   *
   * @param body sent as JSON
   */
  async fetch(url: string, { method = "GET", body }: { method?: string; body?: object } = {}): Promise<Response> {
    return fetch(url, {
      method,
      redirect: "manual",
      headers: {
        Accept: "application/json",
        Cookie: await this.#jar.getCookieString(url),
        ...(method === "GET" ? {} : { Origin: new URL(url).origin }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async #navigate(first: Navigation): Promise<Page> {
    const hops: Hop[] = [];
    let next = first;
    while (hops.length <= MAX_REDIRECTS) {
      const { status, location, body } = await this.#send(next);
      hops.push({ method: next.method, url: next.url, status });
      if (location === null || status < 300 || status > 399) {
        return { url: next.url, status, document: parse(body), hops };
      }
      const url = new URL(location, next.url);
      const keepsMethod = status === 307 || status === 308;
      next = keepsMethod ? { ...next, url } : { ...next, url, method: "GET", form: null };
    }
    const trail = hops.map(({ url }) => url.pathname).join(" → ");
    throw new Error(`More than ${MAX_REDIRECTS} redirects: ${trail}`);
  }

  async #send(navigation: Navigation): Promise<{ status: number; location: string | null; body: string }> {
    const { method, url, form, initiator } = navigation;
    const isSameSite = initiator === null || initiator.hostname === url.hostname;
    // RFC 6265bis, section 5.2: Lax cookies go along on another site's link, not on its POST.
    const crossSite = method === "GET" ? "lax" : "none";
    const cookie = await this.#jar.getCookieString(url.href, {
      sameSiteContext: isSameSite ? "strict" : crossSite,
    });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(url.href, {
        method,
        agent: false,
        headers: {
          Accept: "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
          "Sec-Fetch-Mode": "navigate",
          "Sec-Fetch-Dest": "document",
          "Sec-Fetch-Site": siteRelation(initiator, url),
          "Upgrade-Insecure-Requests": "1",
          ...(cookie === "" ? {} : { Cookie: cookie }),
          ...(form === null ? {} : { "Content-Type": "application/x-www-form-urlencoded" }),
          ...(form === null || initiator === null ? {} : { Origin: initiator.origin }),
        },
      });
      outgoing.once("response", resolve).once("error", reject).end(form?.toString());
    });
    for (const line of response.headers["set-cookie"] ?? []) await this.#jar.setCookie(line, url.href);
    return {
      status: response.statusCode ?? 0,
      location: response.headers.location ?? null,
      body: await text(response),
    };
  }
}

function siteRelation(initiator: URL | null, url: URL): string {
  if (initiator === null) return "none";
  if (initiator.origin === url.origin) return "same-origin";
  return initiator.hostname === url.hostname ? "same-site" : "cross-site";
}

function find(page: Page, selector: string): HTMLElement {
  const element = page.document.querySelector(selector);
  if (element === null) throw new Error(`No ${selector} on ${page.url.pathname} (HTTP ${page.status}).`);
  return element;
}

/** What a browser sends for a form: its inputs, boxes only when ticked, and the button pressed. */
function fieldsOf(form: HTMLElement, button: HTMLElement): URLSearchParams {
  const fields = new URLSearchParams();
  for (const input of form.querySelectorAll("input")) {
    const name = input.getAttribute("name");
    if (name === undefined) continue;
    if (input.getAttribute("type") === "checkbox" && !input.hasAttribute("checked")) continue;
    fields.append(name, input.getAttribute("value") ?? "on");
  }
  const name = button.getAttribute("name");
  if (name !== undefined) fields.append(name, button.getAttribute("value") ?? "");
  return fields;
}
