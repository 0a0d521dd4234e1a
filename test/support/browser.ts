/**
 * A tiny browser in front of one Worker: keeps cookies, follows redirects, and lets a person answer Google's consent page.
 */
import { CookieJar } from "./cookie-jar.ts";
import type { Google, Person } from "./google.ts";

/** A request to the Worker. `path` is sent as it stands, so that odd paths stay odd. */
export interface Outgoing {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Gives the answer as soon as it begins, instead of when it is complete. */
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
}

export type Send = (request: Outgoing) => Promise<Response>;

/** Where a navigation ended and how it got there. */
export interface Visit {
  readonly response: Response;
  /** Address bar at the end: a path on the Worker, or a full URL elsewhere. */
  readonly url: string;
  /** Everything that was visited, the first address included. */
  readonly trail: readonly string[];
  /** How often the browser was sent to Google. */
  readonly trips: number;
  readonly text: string;
}

export interface NavigateOptions {
  /** What the person does when Google asks; without it, the browser stops where it leaves the Worker. */
  readonly person?: Person;
  readonly headers?: Readonly<Record<string, string>>;
}

/** More hops than any sign-in needs: who gets here is in a loop. */
const HOP_LIMIT = 12;
const NAVIGATION = {
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
  "upgrade-insecure-requests": "1",
};

export class Browser {
  readonly jar: CookieJar;
  readonly origin: string;
  readonly #send: Send;
  readonly #google: Google;
  readonly #now: () => number;

  constructor(options: { origin: string; send: Send; google: Google; now: () => number }) {
    this.origin = options.origin;
    this.#send = options.send;
    this.#google = options.google;
    this.#now = options.now;
    this.jar = new CookieJar({ secureOrigin: options.origin.startsWith("https:"), now: options.now });
  }

  /** Opens an address as a person does, and follows redirects. */
  async navigate(path: string, options: NavigateOptions = {}): Promise<Visit> {
    const trail = [path];
    let trips = 0;
    let here = path;
    for (let hop = 0; hop < HOP_LIMIT; hop += 1) {
      const response = await this.fetch(here, {
        headers: { ...NAVIGATION, "sec-fetch-site": "same-origin", ...options.headers },
      });
      const location = response.headers.get("location");
      const isRedirect = response.status >= 300 && response.status < 400 && location !== null;
      if (!isRedirect) return { response, url: here, trail, trips, text: await response.clone().text() };
      const target = new URL(location, this.origin);
      trail.push(target.href);
      if (target.origin === this.#google.origin) trips += 1;
      if (target.origin !== this.origin) {
        if (options.person === undefined || target.origin !== this.#google.origin) {
          return { response, url: target.href, trail, trips, text: "" };
        }
        const callback = new URL(await this.#google.consent(target.href, options.person));
        if (callback.origin !== this.origin) throw new Error(`Google sent the browser to ${callback.origin}`);
        trail.push(callback.href);
        here = callback.pathname + callback.search;
      } else {
        here = target.pathname + target.search;
      }
    }
    throw new Error(`redirect loop: ${trail.join(" → ")}`);
  }

  /**
   * One request with the browser's cookies, our origin where it may change something, and nothing else of a browser;
   * redirects are not followed.
   */
  async fetch(path: string, options: Omit<Outgoing, "path"> = {}): Promise<Response> {
    const cookie = this.jar.header();
    const isRead = ["GET", "HEAD", "OPTIONS"].includes(options.method ?? "GET");
    const headers = {
      ...(cookie === null ? {} : { cookie }),
      ...(isRead ? {} : { origin: this.origin }),
      ...options.headers,
    };
    const response = await this.#send({ ...options, path, headers });
    this.jar.store(response);
    return response;
  }

  /** One request of a navigation: no redirect is followed. */
  step(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return this.fetch(path, { headers: { ...NAVIGATION, ...headers } });
  }

  /** Sends a form of one of our own pages. */
  submit(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    fields: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return this.fetch(path, {
      method: "POST",
      body: new URLSearchParams(fields).toString(),
      headers: {
        ...NAVIGATION,
        origin: this.origin,
        "sec-fetch-site": "same-origin",
        "content-type": "application/x-www-form-urlencoded",
        ...headers,
      },
    });
  }

  /** Signs in, and returns where the person ended. */
  signIn(person: Person = {}, returnTo = "/healthz"): Promise<Visit> {
    return this.navigate(`/auth/login?return_to=${encodeURIComponent(returnTo)}`, { person });
  }

  /** Begins a sign-in and stops in front of Google: the authorization URL. */
  async begin(query = ""): Promise<URL> {
    const response = await this.step(`/auth/login${query}`);
    const location = response.headers.get("location");
    if (response.status !== 302 || location === null) throw new Error(`login answered ${response.status}`);
    return new URL(location);
  }

  /** Comes back from Google with a callback URL; no redirect is followed. */
  comeBack(callbackUrl: string): Promise<Response> {
    const { pathname, search } = new URL(callbackUrl);
    return this.step(pathname + search, { "sec-fetch-site": "cross-site" });
  }

  /** Another browser with the same cookies, as they are now. */
  copy(): Browser {
    const other = new Browser({ origin: this.origin, send: this.#send, google: this.#google, now: this.#now });
    this.jar.copyTo(other.jar);
    return other;
  }
}
