/** The codec of batches: taking apart what it did not write, and what it wrote itself (RFC 2046, section 5.1). */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composeBatch, composeReply, MultipartError, parseBatch, parseReplies } from "./multipart.ts";

const BOUNDARY_CHARACTERS = "abcXYZ019'()+_,-./:=?".split("");
const boundary = fc.string({ unit: fc.constantFrom(...BOUNDARY_CHARACTERS), minLength: 1, maxLength: 70 });
const eol = fc.constantFrom("\r\n", "\n");
const body = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => text.toWellFormed()),
  fc.string({ unit: fc.constantFrom("-", "\r", "\n", "a", " "), maxLength: 30 }),
);
const part = fc.record({ id: fc.uuid(), path: fc.webPath().map((path) => `/${path.replace(/^\/*/, "")}`), body });

it("finds every part of a batch again, with its text", () => {
  fc.assert(
    fc.property(boundary, eol, fc.array(part, { maxLength: 5 }), (mark, end, parts) => {
      const outgoing = parts.map(({ id, path, body: content }) => ({
        contentId: `<${id}>`,
        head: [`POST ${path}`],
        body: content,
      }));
      const text = composeBatch(outgoing, mark, end);
      // A body may hold what looks like the boundary; a client has to choose another one then.
      fc.pre(text.split(`--${mark}`).length === parts.length + 2);
      // And where lines end with LF, a CR before the last one could belong to it.
      fc.pre(end === "\r\n" || parts.every(({ body: content }) => !content.endsWith("\r")));
      const found = parseBatch(`multipart/mixed; boundary="${mark}"`, text);
      expect(found.map(({ contentId, target, body: content }) => [contentId, target, content])).toEqual(
        parts.map(({ id, path, body: content }) => [`<${id}>`, path, content]),
      );
    }),
  );
});

it("finds every part of a reply again, with status, headers and length in bytes", async () => {
  const answer = Response.json({ name: "Zoë 🎉" }, { status: 201, headers: { "x-note": "one" } });
  const reply = await composeReply([
    { contentId: "<a>", response: answer },
    { contentId: null, response: new Response(null, { status: 204 }) },
  ]);
  const [first, second] = parseReplies(reply.headers.get("content-type") ?? "", await reply.text());
  expect([first?.contentId, first?.status, first?.body]).toEqual(["<response-a>", 201, '{"name":"Zoë 🎉"}']);
  expect([first?.headers.get("x-note"), first?.headers.get("content-length")]).toEqual(["one", "20"]);
  expect([second?.contentId, second?.status, second?.body]).toEqual([null, 204, ""]);
});

it("unfolds header lines, and takes headers of the part's call", () => {
  const text = [
    "--b  ",
    "Content-Type: application/http;",
    "  msgtype=request",
    "",
    "",
    "GET /a?b=c HTTP/1.1",
    "X-Note:\tone",
    " two  ",
    "--b--",
    "ignored",
  ].join("\r\n");
  const [found, ...others] = parseBatch("multipart/mixed; boundary=b", text);
  expect([found?.method, found?.target, found?.contentId, found?.headers.get("X-Note"), others]).toEqual([
    "GET",
    "/a?b=c",
    null,
    "one two",
    [],
  ]);
});

describe("refuses", () => {
  const good = composeBatch([{ head: ["GET /a"] }], "b");
  it.each([
    ["no Content-Type", "", good],
    ["another type", "multipart/related; boundary=b", good],
    ["no boundary", "multipart/mixed", good],
    ["a boundary that does not occur", "multipart/mixed; boundary=c", good],
    ["no closing delimiter", "multipart/mixed; boundary=b", good.replace("--b--", "")],
    ["a part of another type", "multipart/mixed; boundary=b", good.replace("application/http", "text/plain")],
    ["a part without a request line", "multipart/mixed; boundary=b", good.replace("GET /a", "hello")],
    ["a malformed header", "multipart/mixed; boundary=b", good.replace("GET /a", "GET /a\r\nno colon")],
  ])("%s", (_what, contentType, text) => {
    expect(() => parseBatch(contentType, text)).toThrow(MultipartError);
  });
});
