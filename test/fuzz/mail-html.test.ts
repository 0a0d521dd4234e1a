/**
 * The fuzz run of the sanitizer: HTML of a grammar that is made of what parsers stumble over. Whatever goes in, allowed markup
 * comes out, and sanitizing that again changes nothing.
 */
import * as fc from "fast-check";
import { afterAll, expect, inject, test } from "vitest";
import { sanitizeHtml } from "../../src/mail/html.ts";
import { print } from "../support/harness.workerd.ts";
import { mailHtml } from "../support/mail-grammar.ts";
import { expectAllowedOnly } from "../support/mail-markup.ts";

const OWN_URL = "https://mail.example.test/";
const seed = inject("fuzzSeed");
let inputs = 0;

afterAll(() => {
  print(`fuzz: ${inputs} inputs of HTML, seed ${seed}`);
  // A run that tries nothing must not pass.
  expect(inputs).toBeGreaterThan(0);
});

test("arbitrary HTML becomes allowed markup, which stays as it is", { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(mailHtml, (html) => {
      inputs += 1;
      const once = sanitizeHtml(html, { ownUrls: [OWN_URL] });
      expectAllowedOnly(once, html);
      if (sanitizeHtml(once, { ownUrls: [OWN_URL] }) !== once) expect.fail(`not the same again: ${once}`);
      for (const [, href = ""] of once.matchAll(/ href="([^"]+)" target="_blank"/g)) {
        const { hostname } = new URL(href.replaceAll("&amp;", "&"), OWN_URL);
        if (hostname.replace(/\.+$/, "") === new URL(OWN_URL).hostname) expect.fail(`a link to us: ${once}`);
      }
    }),
    { numRuns: inject("fuzzRuns"), seed },
  );
});
