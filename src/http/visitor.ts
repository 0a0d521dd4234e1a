/**
 * The browser that signs in, in words for the list of sessions: "Firefox on Linux", "Zurich, Switzerland". The header itself
 * is kept nowhere. Words of ours only: what a header may claim stands on no page.
 */
import type { AppContext } from "./types.ts";

/** In this order: most browsers also name those that they descend from. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\bOPR\/|\bOpera\b/, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Chrome|Chromium|CriOS|HeadlessChrome)\//, "Chrome"],
  [/\bVersion\/[\d.]+.*\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
  [/\bpython|^Python/i, "Python"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMacintosh\b|\bMac OS X\b/, "Mac"],
  [/\bLinux\b|\bX11\b/, "Linux"],
];

/** A browser and its system, as far as it tells. */
export function describeDevice(c: AppContext): string {
  const userAgent = c.req.header("User-Agent") ?? "";
  const browser = nameIn(BROWSERS, userAgent);
  const system = nameIn(SYSTEMS, userAgent);
  if (browser === null) return system === null ? "Unknown device" : `Browser on ${system}`;
  return system === null ? browser : `${browser} on ${system}`;
}

/** Where Cloudflare says that the request came from; null where it does not. */
export function describePlace(c: AppContext): string | null {
  const { city, country } = c.req.raw.cf ?? {};
  const parts = [city, typeof country === "string" ? countryName(country) : null];
  const known = parts.filter((part) => typeof part === "string" && part !== "");
  return known.length === 0 ? null : known.join(", ");
}

function nameIn(names: readonly (readonly [RegExp, string])[], userAgent: string): string | null {
  return names.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null;
}

/** @param code ISO 3166-1 alpha-2; Cloudflare also has T1 for Tor, and XX for unknown */
function countryName(code: string): string | null {
  if (code === "T1") return "Tor";
  if (!/^[A-Z]{2}$/.test(code) || code === "XX") return null;
  return new Intl.DisplayNames("en", { type: "region" }).of(code) ?? null;
}
