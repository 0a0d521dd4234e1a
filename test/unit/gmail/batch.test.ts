/** Gmail's batch format (RFC 2046 §5.1): what we compose others can read, and what they write we read or leave out. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BatchReply, composeBatch, parseBatch, parseHeaders, readingCall } from "../../../src/gmail/batch.ts";

/** RFC 2046 §5.1.1: bchars. */
const BCHARS = "abcXYZ019'()+_,-./:=?".split("");
const boundary = fc
  .string({ unit: fc.constantFrom(...BCHARS, " "), minLength: 1, maxLength: 70 })
  .filter((text) => !text.endsWith(" "));
const eol = fc.constantFrom("\r\n", "\n");
const partId = fc.stringMatching(/^[A-Za-z0-9-]{1,20}$/);
const body = fc.oneof(fc.json(), fc.string(), fc.string({ unit: fc.constantFrom("-", "\r", "\n", "a", " ", ":") }));

/** One reply as a server writes it; null for what it leaves out. */
interface Written {
  readonly id: string | null;
  readonly status: number | null;
  readonly body: string;
}

const written: fc.Arbitrary<Written> = fc.record({
  id: fc.option(partId, { freq: 6 }),
  status: fc.option(fc.integer({ min: 100, max: 999 }), { freq: 6 }),
  body,
});
const intact: fc.Arbitrary<Written & { id: string; status: number }> = fc.record({
  id: partId,
  status: fc.integer({ min: 100, max: 599 }),
  body,
});

function write({ id, status, body: content }: Written, end: string): string {
  const outer = ["Content-Type: application/http", ...(id === null ? [] : [`Content-ID: <response-${id}>`]), ""];
  const inner = [...(status === null ? [] : [`HTTP/1.1 ${status} Some Words`]), "X-Note: a: b ", "Vary: Origin", ""];
  return [...outer, ...inner, content].join(end);
}

function writeAll(parts: readonly Written[], mark: string, end: string): string {
  return [...parts.map((part) => `--${mark}${end}${write(part, end)}${end}`), `--${mark}--${end}`].join("");
}

/** `boundary` as a header has it: quoted where a token would not do (RFC 2045 §5.1). */
function contentTypeOf(mark: string): string {
  return `multipart/mixed; boundary=${/^[\w'+.-]+$/.test(mark) ? mark : `"${mark}"`}`;
}

/** Whether a body could be taken for a delimiter; no server would choose that boundary. */
function isAmbiguous(parts: readonly Written[], mark: string, end: string): boolean {
  const occurrences = writeAll(parts, mark, end).split(`--${mark}`).length - 1;
  // Where lines end in LF, a CR at the end of a body could belong to the delimiter.
  return occurrences !== parts.length + 1 || (end === "\n" && parts.some((part) => part.body.endsWith("\r")));
}

function essence(replies: ReadonlyMap<string, BatchReply> | null): Record<string, [number, string]> | null {
  if (replies === null) return null;
  return Object.fromEntries([...replies].map(([id, reply]) => [id, [reply.status, reply.body]]));
}

const uniqueIntact = fc.uniqueArray(intact, { maxLength: 6, selector: ({ id }) => id });
const expected = (parts: readonly { id: string; status: number; body: string }[]): Record<string, [number, string]> =>
  Object.fromEntries(parts.map((part) => [part.id, [part.status, part.body]]));

describe("a batch answer", () => {
  test("is read whatever its boundary, its line breaks and the order of its parts (property)", () => {
    fc.assert(
      fc.property(uniqueIntact, boundary, eol, (parts, mark, end) => {
        fc.pre(!isAmbiguous(parts, mark, end));
        const shuffled = parts.toReversed();
        expect(essence(parseBatch(contentTypeOf(mark), writeAll(shuffled, mark, end)))).toEqual(expected(parts));
      }),
    );
  });

  test("with broken parts among them gives the intact ones and invents none (property)", () => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 6 }), boundary, eol, (parts, mark, end) => {
        fc.pre(!isAmbiguous(parts, mark, end));
        // Without a status line, a body could pass for one.
        fc.pre(parts.every(({ status, body: content }) => status !== null || !content.startsWith("HTTP/")));
        const found = essence(parseBatch(contentTypeOf(mark), writeAll(parts, mark, end))) ?? {};
        const good = parts.filter((part): part is Written & { id: string; status: number } => {
          return part.id !== null && part.status !== null;
        });
        expect(Object.keys(found).toSorted()).toEqual([...new Set(good.map(({ id }) => id))].toSorted());
        for (const [id, [status, text]] of Object.entries(found)) {
          // Of two replies to one part either will do, but not a mixture.
          expect(good.some((part) => part.id === id && part.status === status && part.body === text)).toBe(true);
        }
      }),
    );
  });

  test("cut off anywhere gives each part before the cut as it was, and no other (property)", () => {
    const cut = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(uniqueIntact, boundary, eol, cut, (parts, mark, end, share) => {
        fc.pre(!isAmbiguous(parts, mark, end));
        const text = writeAll(parts, mark, end);
        const length = Math.floor(text.length * share);
        const found = essence(parseBatch(contentTypeOf(mark), text.slice(0, length))) ?? {};
        // A part is whole once the delimiter behind it is; while that is being written, it may be taken for whole.
        const ends = parts.map(
          (_, index) => writeAll(parts.slice(0, index + 1), mark, end).length - `--${mark}--${end}`.length,
        );
        const before = (tail: string) => parts.filter((_, index) => (ends[index] ?? 0) + tail.length <= length);
        expect(found).toMatchObject(expected(before(`--${mark}--${end}`)));
        expect(expected(before(`--${mark}`))).toMatchObject(found);
      }),
    );
  });

  test("of any text, under any type, throws nothing (property)", () => {
    const noise = fc.string({
      unit: fc.constantFrom("--b", "\r", "\n", "\r\n", ":", "HTTP/1.1 200 ", "Content-ID", "<response-a>", "é", "\0"),
    });
    const type = fc.oneof(fc.constant("multipart/mixed; boundary=b"), fc.string(), fc.constant(null));
    fc.assert(
      fc.property(type, fc.oneof(noise, fc.string()), (contentType, text) => {
        for (const [id, reply] of parseBatch(contentType, text) ?? []) {
          expect(text).toContain(id);
          expect(text).toContain(String(reply.status));
        }
      }),
    );
  });

  test.each(["a.b", "a*", "(a|b)", "a+b?", "[x]", "^a$", String.raw`a\b`, "a{2}", "--", "a-b_c"])(
    "whose boundary %j means something in a pattern is read by the letter",
    (mark) => {
      const parts = [{ id: "one", status: 200, body: "{}" }];
      const quoted = `multipart/mixed; boundary="${mark.replaceAll("\\", String.raw`\\`)}"`;
      expect(essence(parseBatch(quoted, writeAll(parts, mark, "\r\n")))).toEqual(expected(parts));
      const other = writeAll(parts, `${mark.slice(0, -1)}!`, "\r\n");
      expect(essence(parseBatch(quoted, other))).toEqual({});
    },
  );

  test("whose boundary begins with another one's is not confused by it", () => {
    const inner = [{ id: "one", status: 200, body: "--batch_12\r\nnot a delimiter\r\n--batch_1x" }];
    expect(essence(parseBatch("multipart/mixed; boundary=batch_1", writeAll(inner, "batch_1", "\r\n")))).toEqual(
      expected(inner),
    );
  });

  test.each([
    'Multipart/Mixed;charset=utf-8; BOUNDARY="b"',
    "multipart/mixed;boundary=b",
    "multipart/mixed ; boundary = b ; x=y",
    " multipart/mixed; boundary=b",
  ])("of the type %j is a batch", (type) => {
    const parts = [{ id: "one", status: 200, body: "{}" }];
    expect(essence(parseBatch(type, writeAll(parts, "b", "\r\n")))).toEqual(expected(parts));
  });

  test.each([null, "", "application/json", "text/html; boundary=b", "multipart/mixed", "multipart/mixedx; boundary=b"])(
    "of the type %j is none",
    (type) => {
      expect(parseBatch(type, writeAll([{ id: "one", status: 200, body: "{}" }], "b", "\r\n"))).toBeNull();
    },
  );

  test("has a preamble and an epilogue that mean nothing, and blanks behind a boundary (RFC 2046 §5.1.1)", () => {
    const part = { id: "one", status: 200, body: "{}" };
    const text = `ignored\r\n--b  \r\n${write(part, "\r\n")}\r\n--b-- \r\n--b\r\n${write({ ...part, id: "two" }, "\r\n")}\r\n--b--`;
    expect(essence(parseBatch("multipart/mixed; boundary=b", text))).toEqual(expected([part]));
  });

  test("gives the headers of each reply, and leaves out what is none", () => {
    const head = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nno header\r\nX-Bad: \u0001\r\nX-Empty:\r\n";
    const text = `--b\r\ncontent-id: <response-one>\r\n\r\n${head}\r\n{}\r\n--b--`;
    const reply = parseBatch("multipart/mixed; boundary=b", text)?.get("one");
    const headers = parseHeaders(reply?.head ?? "");
    expect([reply?.status, headers.get("Retry-After"), headers.get("X-Bad")]).toEqual([429, "7", null]);
  });

  test.each<[string, string | undefined]>([
    ["<response-one>", "one"],
    ["response-one", "one"],
    ["<response-response-one>", "response-one"],
    ["<one>", undefined],
    ["", undefined],
  ])("with the Content-ID %j answers part %j", (contentId, id) => {
    const text = `--b\r\nContent-ID: ${contentId}\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--b--`;
    const replies = parseBatch("multipart/mixed; boundary=b", text);
    expect([...(replies?.keys() ?? [])]).toEqual(id === undefined ? [] : [id]);
  });
});

/** The first body part of RFC 2046, read by another hand: by lines, with no pattern over the whole. */
function readByLines(text: string, mark: string): { head: string[]; content: string[] }[] {
  const parts: { head: string[]; content: string[] }[] = [];
  let isHead = true;
  for (const line of text.split("\r\n")) {
    if (line === `--${mark}--`) return parts;
    if (line === `--${mark}`) {
      parts.push({ head: [], content: [] });
      isHead = true;
    } else if (line === "" && isHead) isHead = false;
    else parts.at(-1)?.[isHead ? "head" : "content"].push(line);
  }
  throw new Error("The batch has no end.");
}

test("what we compose is read by another reader, part by part (property)", () => {
  const path = fc.webPath().map((text) => `/${text.replace(/^\/*/, "")}`);
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 100 }), fc.uuid(), (paths, mark) => {
      const found = readByLines(composeBatch(paths.map(readingCall), mark), mark);
      expect(found.map(({ head }) => head)).toEqual(
        paths.map((_, index) => ["Content-Type: application/http", `Content-ID: <part-${index}>`]),
      );
      expect(found.map(({ content }) => content)).toEqual(paths.map((target) => [`GET ${target} HTTP/1.1`, "", ""]));
    }),
  );
});

test("time grows with the text, not faster", () => {
  const started = Date.now();
  for (const unit of ["\r\n", "\n--b", "--b", "\r\n\r\n", "<response-", "HTTP/1.1 ", "a: "]) {
    parseBatch("multipart/mixed; boundary=b", `--b\r\n${unit.repeat(100_000)}`);
  }
  expect(Date.now() - started).toBeLessThan(2_000);
});
