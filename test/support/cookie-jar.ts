/**
 * The cookies of one browser, with those rules of RFC 6265bis that a mistake in a Worker would meet.
 */

/** Name, value and attributes together; what is larger a browser may drop. */
const LARGEST_COOKIE_BYTES = 4096;

export interface Cookie {
  readonly name: string;
  readonly value: string;
  /** Attribute names in lower case; flags have the value `""`. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly expiresAtMs: number;
}

export class CookieJar {
  readonly cookies = new Map<string, Cookie>();
  /** Every `Set-Cookie` that came, also the refused ones. */
  readonly seen: string[] = [];
  /** Why a browser would not have kept a cookie. A test that expects none checks that this is empty. */
  readonly refused: string[] = [];
  readonly #secureOrigin: boolean;
  readonly #now: () => number;

  constructor(options: { secureOrigin: boolean; now: () => number }) {
    this.#secureOrigin = options.secureOrigin;
    this.#now = options.now;
  }

  /** Takes the cookies of an answer, as a browser does. */
  store(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      this.seen.push(line);
      const cookie = parseSetCookie(line, this.#now());
      const why = refusal(line, cookie, this.#secureOrigin);
      if (why !== null) {
        this.refused.push(`${cookie.name}: ${why}`);
        continue;
      }
      // A browser keeps the position of a cookie that is set again.
      if (cookie.expiresAtMs <= this.#now()) this.cookies.delete(cookie.name);
      else this.cookies.set(cookie.name, cookie);
    }
  }

  /** The `Cookie` header, or null when there is none to send. */
  header(): string | null {
    const live = [...this.cookies.values()].filter((cookie) => cookie.expiresAtMs > this.#now());
    return live.length === 0 ? null : live.map(({ name, value }) => `${name}=${value}`).join("; ");
  }

  /** The cookies whose name contains `part`. */
  named(part: string): Cookie[] {
    return [...this.cookies.values()].filter(({ name }) => name.includes(part));
  }

  /** A jar with the same cookies, for a browser that is copied. */
  copyTo(other: CookieJar): void {
    for (const [name, cookie] of this.cookies) other.cookies.set(name, cookie);
  }
}

/** Reads one `Set-Cookie` line. */
export function parseSetCookie(line: string, nowMs: number): Cookie {
  const [pair = "", ...rest] = line.split(";");
  const equals = pair.indexOf("=");
  const attributes = new Map(
    rest.map((part) => {
      const [name = "", ...value] = part.trim().split("=");
      return [name.toLowerCase(), value.join("=")] as const;
    }),
  );
  return {
    name: pair.slice(0, equals).trim(),
    value: pair.slice(equals + 1).trim(),
    attributes,
    expiresAtMs: expiry(attributes, nowMs),
  };
}

function expiry(attributes: ReadonlyMap<string, string>, nowMs: number): number {
  const maxAge = attributes.get("max-age");
  if (maxAge !== undefined) return nowMs + Number(maxAge) * 1000;
  const expires = attributes.get("expires");
  return expires === undefined ? Number.POSITIVE_INFINITY : Date.parse(expires);
}

function refusal(line: string, { name, attributes }: Cookie, secureOrigin: boolean): string | null {
  if (new TextEncoder().encode(line).byteLength > LARGEST_COOKIE_BYTES) return `${line.length} bytes`;
  if (attributes.has("secure") && !secureOrigin) return "Secure on plain HTTP";
  if (!name.startsWith("__Host-")) return null;
  const pinned = attributes.has("secure") && attributes.get("path") === "/" && !attributes.has("domain");
  return pinned ? null : "a __Host- cookie needs Secure, Path=/ and no Domain";
}
