import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { safeReturnTo } from "../../../src/auth/return-to.ts";

const ORIGIN = "https://mail.example.test";

describe("a path on this origin is kept", () => {
  test.each([
    ["/", "/"],
    ["/inbox", "/inbox"],
    ["/?q=from%3Aann&pageToken=a.b", "/?q=from%3Aann&pageToken=a.b"],
    ["/a/../b", "/b"],
    ["/a#b", "/a#b"],
    ["/?next=https://evil.test/", "/?next=https://evil.test/"],
    ["/?q=/auth/login", "/?q=/auth/login"],
    ["/é?q=שלום", "/%C3%A9?q=%D7%A9%D7%9C%D7%95%D7%9D"],
    ["/author", "/author"],
    ["/authorize/x", "/authorize/x"],
    ["/x/auth/login", "/x/auth/login"],
    ["/a//b", "/a//b"],
    ["/api/messages?limit=3", "/api/messages?limit=3"],
    ["/a%2Fb", "/a%2Fb"],
  ])("%j → %j", (value, path) => {
    expect(safeReturnTo(value)).toBe(path);
  });

  test("up to 2,000 characters", () => {
    const longest = `/${"a".repeat(1999)}`;
    expect(safeReturnTo(longest)).toBe(longest);
    expect(safeReturnTo(`${longest}a`)).toBe("/");
    expect(safeReturnTo(`/${"é".repeat(400)}`)).toBe("/");
  });
});

describe("what leaves the origin becomes /", () => {
  test.each([
    "//evil.test",
    "///evil.test",
    "////evil.test",
    "//evil.test/%2f..",
    "//user@evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "\\/evil.test",
    "/\\/evil.test",
    "//\\evil.test",
    "/.//evil.test",
    "/..//evil.test",
    "/a/..//evil.test",
    "/%2e//evil.test",
    "/%2E%2e//evil.test",
    "/.\\\\evil.test",
    "/./\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r\n/evil.test",
    "/.\t//evil.test",
    "\t//evil.test",
    " //evil.test",
    " /inbox",
    "https://evil.test/",
    "https:evil.test",
    "HTTPS://evil.test",
    "http:///evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    "mailto:a@evil.test",
    "evil.test",
    "?a=b",
    "#a",
    "",
    "//[",
    "//:99999",
  ])("%j", (value) => {
    expect(safeReturnTo(value)).toBe("/");
  });

  test("null, where nothing was asked for", () => {
    expect(safeReturnTo(null)).toBe("/");
  });
});

describe("what leads to sign-in again becomes /", () => {
  test.each([
    "/auth",
    "/auth/",
    "/auth/login",
    "/auth/callback?code=x&state=y",
    "/auth?x",
    "/auth#x",
    "/AUTH/",
    "/Auth/Login",
    "/%61uth/login",
    "/%41UTH/login",
    "/auth%2flogin",
    "/auth%2Flogout",
    "/x/../auth/callback",
    "/./auth/login",
    "/%2e/auth/login",
    "/x/%2e%2e/auth/login",
    "/au\tth/login",
    "/auth\\login",
    "/%2fauth/login",
    "/x/..//auth/login",
    "/%",
    "/%c3",
  ])("%j", (value) => {
    expect(safeReturnTo(value)).toBe("/");
  });
});

describe("properties", () => {
  const pieces = ["/", "\\", ".", "..", "%2e", "%2f", "%5c", "%61", "%", "\t", "\n", "@", ":", "?", "#", " ", "auth"];
  const words = ["login", "evil.test", "//", "https:", "é", "return-to.invalid", "AUTH", ";", "\u0000", "…"];
  const hostile = fc.array(fc.constantFrom(...pieces, ...words), { maxLength: 12 }).map((parts) => parts.join(""));
  const anything = fc.oneof(
    hostile,
    hostile.map((rest) => `/${rest}`),
    fc.string({ unit: "binary" }).map((rest) => `/${rest}`),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
    fc.webPath(),
  );
  const options = { numRuns: 3_000 };

  test("the result begins with exactly one slash", () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(safeReturnTo(value)).toMatch(/^\/(?![/\\])/);
      }),
      options,
    );
  });

  test("the result is printable ASCII, fit for a Location header", () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(safeReturnTo(value)).toMatch(/^[\x21-\x7e]+$/);
      }),
      options,
    );
  });

  test("the result resolves to this origin, whichever it is, and stays as it is", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const path = safeReturnTo(value);
        const resolved = new URL(path, ORIGIN);
        expect(resolved.origin).toBe(ORIGIN);
        expect(resolved.href).toBe(ORIGIN + path);
      }),
      options,
    );
  });

  test("the result is never under /auth, however it is decoded", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const { pathname } = new URL(safeReturnTo(value), ORIGIN);
        expect(decodeURIComponent(pathname)).not.toMatch(/^\/+auth(\/|$)/i);
      }),
      options,
    );
  });

  test("once more changes nothing", () => {
    fc.assert(
      fc.property(anything, (value) => {
        const once = safeReturnTo(value);
        expect(safeReturnTo(once)).toBe(once);
      }),
      options,
    );
  });
});
