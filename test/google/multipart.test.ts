/** Taking a batch apart, for any boundary, line break and bytes (RFC 2046, section 5.1). */

import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseBatch } from "../../scripts/emulator/multipart.ts";

const BOUNDARY_CHARACTERS = "abcXYZ019'()+_,-./:=?".split("");
const boundary = fc.string({ unit: fc.constantFrom(...BOUNDARY_CHARACTERS), minLength: 1, maxLength: 70 });
const eol = fc.constantFrom("\r\n", "\n");
const body = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.string({ unit: fc.constantFrom("-", "\r", "\n", "a", " "), maxLength: 30 }).map((text) => Buffer.from(text)),
);
const part = fc.record({ id: fc.uuid(), path: fc.webPath().map((path) => `/${path.replace(/^\/*/, "")}`), body });

it("finds every part again, with its bytes", () => {
  fc.assert(
    fc.property(boundary, eol, fc.array(part, { maxLength: 5 }), (mark, end, parts) => {
      const bytes = Buffer.concat([
        ...parts.flatMap(({ id, path, body: content }) => {
          const head = [`--${mark}`, "content-type: application/http", `content-id: <${id}>`, "", `POST ${path}`, ""];
          return [Buffer.from([...head, ""].join(end)), content, Buffer.from(end)];
        }),
        Buffer.from(`--${mark}--`),
      ]);
      // A body may hold what looks like the boundary; a client has to choose another one then.
      fc.pre(bytes.toString("latin1").split(`--${mark}`).length === parts.length + 2);
      // And where lines end with LF, a CR before the last one could belong to it.
      fc.pre(end === "\r\n" || parts.every(({ body: content }) => content.at(-1) !== 13));
      const whole = new Uint8Array(bytes).buffer;
      const found = parseBatch(`multipart/mixed; boundary="${mark}"`, whole);
      expect(found.map(({ contentId, target, body: content }) => [contentId, target, Buffer.from(content)])).toEqual(
        parts.map(({ id, path, body: content }) => [`<${id}>`, path, Buffer.from(content)]),
      );
    }),
  );
});

it("unfolds header lines, and takes headers of the part's call", () => {
  const text = [
    "--b  ",
    "Content-Type: application/http;",
    "  msgtype=request",
    "Content-Transfer-Encoding: binary",
    "",
    "",
    "GET /a?b=c HTTP/1.1",
    "X-Note:\tone",
    " two  ",
    "--b--",
    "ignored",
  ].join("\r\n");
  const [found, ...others] = parseBatch("multipart/mixed; boundary=b", new Uint8Array(Buffer.from(text)).buffer);
  expect([found?.method, found?.target, found?.contentId, found?.headers.get("X-Note"), others]).toEqual([
    "GET",
    "/a?b=c",
    null,
    "one two",
    [],
  ]);
});
