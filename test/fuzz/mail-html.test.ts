/**
 * The fuzz run of the sanitizer: HTML of a grammar that is made of what parsers stumble over. Whatever goes in, allowed markup
 * comes out, and sanitizing that again changes nothing.
 */
import * as fc from "fast-check";
import { afterAll, expect, inject, test } from "vitest";
import { sanitizeHtml } from "../../src/mail-html.ts";
import { print } from "../support/harness.workerd.ts";
import { mailHtml } from "../support/mail-grammar.ts";
import { expectAllowedOnly } from "../support/mail-markup.ts";

const OWN_URLS = ["https://mail.example.test/"];
const seed = inject("fuzzSeed");
let inputs = 0;

afterAll(() => print(`fuzz: ${inputs} inputs of HTML, seed ${seed}`));

test("arbitrary HTML becomes allowed markup, which stays as it is", { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(mailHtml, (html) => {
      inputs += 1;
      const once = sanitizeHtml(html, OWN_URLS);
      expectAllowedOnly(once, html);
      if (sanitizeHtml(once, OWN_URLS) !== once) expect.fail(`not the same again: ${once}`);
      if (/href="[^"]*mail\.example\.test/.test(once)) expect.fail(`a link to us: ${once}`);
    }),
    { numRuns: inject("fuzzRuns"), seed },
  );
});
