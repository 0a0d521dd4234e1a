/**
 * What cleaned HTML may consist of, written down apart from src/mail/html.ts: as a grammar that each output must match, and
 * as lists that a browser's tree of it is compared with.
 */
import { expect } from "vitest";

export const ALLOWED_ELEMENTS = new Set(
  `a abbr acronym address area article aside b bdi bdo big blockquote body br caption center cite code col colgroup dd del details
  dfn dir div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr html i img ins kbd li main map mark menu nav nobr
  ol p pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul
  var wbr`.split(/\s+/),
);

export const ALLOWED_ATTRIBUTES = new Set(
  `abbr align alt aria-hidden aria-label background bgcolor border bordercolor cellpadding cellspacing clear color cols colspan compact
  coords datetime dir face frame height href hspace lang name noshade nowrap open rel reversed role rowspan rules scope shape size span src start
  style summary target text title type usemap valign value vspace width`.split(/\s+/),
);

const TAG = /<(\/?)([a-z][a-z\d]*)((?: [a-z-]+="[^"<>]*")*)>/g;
const ATTRIBUTE = / ([a-z-]+)="([^"]*)"/g;

/** Attributes whose values are for people, and may say anything. */
const PROSE = new Set(["abbr", "alt", "aria-label", "summary", "title"]);

/** Fails for HTML that has anything but allowed tags with allowed attributes, and text. */
export function expectAllowedOnly(html: string, what = html): void {
  const text = html.replaceAll(TAG, (tag: string, slash: string, name: string, attributes: string) => {
    if (!ALLOWED_ELEMENTS.has(name)) expect.fail(`${tag} of ${what}`);
    if (slash !== "" && attributes !== "") expect.fail(`${tag} of ${what}`);
    for (const [, attribute = "", value = ""] of attributes.matchAll(ATTRIBUTE)) {
      if (!isAllowed(name, attribute, value)) expect.fail(`${tag} of ${what}`);
    }
    return "";
  });
  if (/[<>\0]/.test(text)) expect.fail(`markup is left of ${what}: ${text}`);
}

function isAllowed(element: string, attribute: string, value: string): boolean {
  if (!ALLOWED_ATTRIBUTES.has(attribute)) return false;
  if (PROSE.has(attribute)) return true;
  if (attribute === "href")
    return (element === "a" || element === "area") && /^(?:https?:\/\/[^/]|mailto:|tel:)/.test(value);
  if (attribute === "src" && element !== "img") return false;
  if (attribute === "name" && element !== "map") return false;
  if (attribute === "src" || attribute === "background")
    return /^data:image\/(?:png|jpe?g|gif|webp);base64,/i.test(value);
  if (attribute === "target") return value === "_blank";
  if (attribute === "rel") return value === "noopener noreferrer";
  if (attribute === "style") return !/url\s*\(|src\(|[\\@{}]|\/\*|javascript:|expression|image-set|var\(/i.test(value);
  return !/:\/\/|url|[\\@{}]|\/\*|javascript|expression|image-set|var\(/i.test(value);
}
