/** A batch as a client sends it: read strictly, and composed anew so that Google sees the calls that were checked. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BatchCall, composeBatch } from "../../../src/gmail/batch.ts";
import { parseBatchRequest } from "../../../src/gmail/batch-request.ts";
import { AppError } from "../../../src/errors.ts";
import { SENTENCE } from "../fixtures.ts";
import pythonBatch from "../../fixtures/python-client-batch.txt?raw";

const TYPE = "multipart/mixed; boundary=b";
const PATH = "/gmail/v1/users/me/messages/1";

/** A batch of parts, each given as its lines. */
function batchOf(...parts: readonly (readonly string[])[]): string {
  return parts.map((lines) => `--b\r\n${lines.join("\r\n")}\r\n`).join("") + "--b--\r\n";
}

function part(...inner: readonly string[]): readonly string[] {
  return ["Content-Type: application/http", "Content-ID: <one>", "", ...inner, "", ""];
}

/** A part with these headers beside its type. */
function partWith(...headers: readonly string[]): readonly string[] {
  return ["Content-Type: application/http", ...headers, "", `GET ${PATH}`, "", ""];
}

function errorOf(text: string, contentType: string | null = TYPE): AppError {
  try {
    return expect.fail(`It was read as ${JSON.stringify(parseBatchRequest(contentType, text))}`);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function only(text: string): BatchCall | undefined {
  const calls = parseBatchRequest(TYPE, text);
  expect(calls).toHaveLength(1);
  return calls[0];
}

const visible = fc.stringMatching(/^[\x21-\x7e]{1,20}$/);
/** A batch of so many parts. */
function many(count: number): string {
  return batchOf(...Array.from({ length: count }, () => part(`GET ${PATH}`)));
}

const call: fc.Arbitrary<BatchCall> = fc.record({
  contentId: fc.option(visible, { freq: 5 }),
  method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE"),
  path: fc.stringMatching(/^\/[\x21-\x7e]{0,40}$/),
  headers: fc
    .uniqueArray(fc.constantFrom("Accept", "Content-Type", "If-Match", "If-None-Match"))
    .chain((names) => fc.tuple(...names.toSorted().map((name) => fc.tuple(fc.constant(name), visible)))),
  body: fc.oneof(
    fc.json(),
    fc.string(),
    fc.string({ unit: fc.constantFrom("-", "\r", "\n", "\r\n", ":", "é", "שלום") }),
  ),
});
const calls = fc.array(call, { minLength: 1, maxLength: 10 });

describe("a batch", () => {
  test("that was read and composed is read as the same calls (property)", () => {
    fc.assert(
      fc.property(calls, fc.uuid(), fc.uuid(), (given, first, second) => {
        const read = parseBatchRequest(`multipart/mixed; boundary=${first}`, composeBatch(given, first));
        expect(read).toEqual(given);
        expect(parseBatchRequest(`multipart/mixed; boundary="${second}"`, composeBatch(read, second))).toEqual(given);
      }),
    );
  });

  test("of any text is refused, or read as calls that survive being composed (property)", () => {
    const noise = fc.constantFrom(
      ..."--b|--b--|\r\n|\n|\r|\r\n\r\n| |\t|:|é|\0|POST /x|HTTP/2|If-Match: e|Content-ID: <a>".split("|"),
      "Content-Type: application/http",
      `GET ${PATH} HTTP/1.1`,
    );
    const line = fc.constantFrom("Content-Type: application/http\r\n\r\n", `GET ${PATH}\r\n\r\n`);
    const text = fc
      .array(fc.oneof(noise, line), { maxLength: 25 })
      .map((pieces) => `--b\r\n${pieces.join("")}\r\n--b--`);
    fc.assert(
      fc.property(text, (given) => {
        let read: BatchCall[];
        try {
          read = parseBatchRequest(TYPE, given);
        } catch (error) {
          if (error instanceof AppError) return;
          throw error;
        }
        expect(parseBatchRequest("multipart/mixed; boundary=other", composeBatch(read, "other"))).toEqual(read);
        for (const { contentId, path, headers } of read) {
          expect(`${contentId} ${path} ${JSON.stringify(headers)}`).not.toMatch(/[\r\n\0]/);
        }
      }),
      { numRuns: 500 },
    );
  });

  test.each(["\r\n", "\n"])("may end its lines in %j", (eol) => {
    const text = batchOf(part(`POST ${PATH}/modify`, "Content-Type: application/json", "", '{"a":1}'));
    const read = only(text.replaceAll("\r\n", eol));
    expect(read).toMatchObject({ contentId: "<one>", method: "POST", path: `${PATH}/modify` });
    expect(read?.headers).toEqual([["Content-Type", "application/json"]]);
    expect(read?.body.trim()).toBe('{"a":1}');
  });

  // Captured from google-api-python-client 1.7.12 (Debian's python3-googleapi) with httplib2, sent to a loopback server.
  test("of Google's Python client is read as the calls that were made with it", () => {
    const [, boundary = ""] = /^--(.*)$/m.exec(pythonBatch) ?? [];
    expect(boundary).toMatch(/^=+\d+==$/);
    const id = "7b841d0c-dc9a-44d8-8078-471346bea451";
    const headers = [
      ["Accept", "*/*"],
      ["Content-Type", "application/json"],
    ];
    expect(parseBatchRequest(`multipart/mixed; boundary="${boundary}"`, pythonBatch)).toEqual([
      {
        contentId: `<${id} + 1>`,
        method: "GET",
        path: "/gmail/v1/users/me/messages/MESSAGE-1?format=metadata&metadataHeaders=Subject&metadataHeaders=From",
        headers,
        body: "",
      },
      {
        contentId: `<${id} + 2>`,
        method: "POST",
        path: "/gmail/v1/users/me/messages/MESSAGE-2/modify",
        headers,
        body: '{"addLabelIds": ["STARRED"]}',
      },
      { contentId: `<${id} + 3>`, method: "DELETE", path: "/gmail/v1/users/me/messages/MESSAGE-3", headers, body: "" },
    ]);
  });

  test("has 1 to 100 parts", () => {
    expect(parseBatchRequest(TYPE, many(100))).toHaveLength(100);
    const message = "A batch must have 1 to 100 parts.";
    expect(errorOf(many(101))).toMatchObject({ message, metadata: { parameter: "body" } });
    expect(errorOf("--b--\r\n")).toMatchObject({ message, metadata: { parameter: "body" } });
  });

  test.each([
    null,
    "",
    "application/json",
    "multipart/mixed",
    "multipart/mixed; boundary=",
    'multipart/mixed; boundary=""',
    "multipart/form-data; boundary=b",
    "multipart/related; boundary=b",
    "application/x-www-form-urlencoded",
    "text/plain",
  ])("is not of the type %j", (contentType) => {
    const error = errorOf(batchOf(part(`GET ${PATH}`)).replaceAll("--b", "--"), contentType);
    expect(error).toMatchObject({ reason: "INVALID_ARGUMENT", metadata: { parameter: "Content-Type" } });
    expect(error.message).toContain("multipart/mixed");
  });

  test("that is cut off anywhere is refused: half of it is not what the client wants done", () => {
    const text = batchOf(part(`DELETE ${PATH}1`), part(`DELETE ${PATH}2`)).trimEnd();
    for (let length = 0; length < text.length; length += 1) {
      const { message, metadata, reason } = errorOf(text.slice(0, length));
      expect([reason, metadata], text.slice(0, length)).toEqual(["INVALID_ARGUMENT", { parameter: "body" }]);
      expect(message).toMatch(SENTENCE);
    }
  });

  test.each(["b.", "(b|c)", "b+", "[b]", "b{1}", "^b$", "-", "--"])(
    "with the boundary %j is read by the letter, and not by what it means in a pattern",
    (boundary) => {
      const text = batchOf(part(`GET ${PATH}`));
      const type = `multipart/mixed; boundary="${boundary}"`;
      expect(parseBatchRequest(type, text.replaceAll("--b", `--${boundary}`))).toHaveLength(1);
      expect(errorOf(text, type).reason).toBe("INVALID_ARGUMENT");
    },
  );

  test("does not end a part at a boundary that only begins like its own", () => {
    const body = "--bc\r\nGET /other HTTP/1.1\r\n--b-\r\n --b";
    expect(only(batchOf(["Content-Type: application/http", "", `POST ${PATH}`, "", body]))?.body).toBe(body);
  });

  test("whose text is hostile takes time that grows with it, not faster", () => {
    const started = Date.now();
    for (const unit of ["\r\n", "\n--b", "--b", "\r\n\r\n", "\n ", " ", "a: ", "GET / "]) {
      expect(() => parseBatchRequest(TYPE, `--b\r\n${unit.repeat(200_000)}\r\n--b--`)).toThrow(AppError);
    }
    expect(Date.now() - started).toBeLessThan(4_000);
  });
});

describe("a part", () => {
  test.each<[string, readonly string[]]>([
    ["no type", ["Content-ID: <one>", "", `GET ${PATH}`]],
    ["another type", ["Content-Type: application/json", "", "{}"]],
    ["a type that begins alike", ["Content-Type: application/http2", "", `GET ${PATH}`]],
    ["a type that ends alike", ["Content-Type: x-application/http", "", `GET ${PATH}`]],
    ["a batch of its own", ["Content-Type: multipart/mixed; boundary=c", "", "--c", ...part(`GET ${PATH}`), "--c--"]],
    ["nothing at all", []],
    ["only headers", ["Content-Type: application/http", ""]],
  ])("with %s is refused", (_title, lines) => {
    expect(errorOf(batchOf(lines)).message).toMatch(/^Part 1 of the batch must (be of type|begin with) .+\.$/);
  });

  test.each([
    "GET",
    `get ${PATH}`,
    `HEAD ${PATH}`,
    `TRACE ${PATH}`,
    `CONNECT gmail.googleapis.com:443 HTTP/1.1`,
    `OPTIONS ${PATH}`,
    `POST  ${PATH}`,
    ` GET ${PATH}`,
    `GET ${PATH} `,
    `GET ${PATH} HTTP/1.1 x`,
    `GET ${PATH}\tHTTP/1.1`,
    `GET ${PATH} http/1.1`,
    `GET https://gmail.googleapis.com${PATH} HTTP/1.1`,
    "GET https://evil.test/ HTTP/1.1",
    `GET gmail/v1/users/me/messages HTTP/1.1`,
    `GET * HTTP/1.1`,
    `GET ${PATH} x HTTP/1.1`,
    `GET ${PATH}é HTTP/1.1`,
    `GET ${PATH}\rHost: evil.test HTTP/1.1`,
    "PRI * HTTP/2.0",
    "HTTP/1.1 200 OK",
    ":method: GET",
  ])("that begins with %j is refused", (requestLine) => {
    const { message, metadata, reason } = errorOf(batchOf(part(requestLine)));
    expect([reason, metadata]).toEqual(["INVALID_ARGUMENT", { parameter: "body" }]);
    expect(message).toContain("Part 1 of the batch must begin with a method");
  });

  test("may begin with empty lines before its request", () => {
    expect(only(batchOf(part("", "", `GET ${PATH}`)))).toMatchObject({ method: "GET", path: PATH });
  });

  test.each(["", " HTTP/1.1", " HTTP/1.0", " HTTP/2", " HTTP/2.0"])("may name its protocol: %j", (protocol) => {
    expect(only(batchOf(part(`GET ${PATH}${protocol}`)))).toMatchObject({ method: "GET", path: PATH });
  });

  test("is named where it is wrong", () => {
    const good = part(`GET ${PATH}`);
    expect(errorOf(batchOf(good, good, part("nonsense"))).message).toContain("Part 3 of the batch");
  });

  test("hands on no header but those that Gmail needs", () => {
    const read = only(
      batchOf(
        part(
          `PUT ${PATH}`,
          "Authorization: Bearer ya29.somebody-elses",
          "Cookie: a=b",
          "Host: evil.test",
          "Content-Length: 3",
          "Transfer-Encoding: chunked",
          "X-HTTP-Method-Override: DELETE",
          "X-Goog-User-Project: other",
          "if-match: etag-1",
          "accept: application/json",
        ),
      ),
    );
    expect(read?.headers).toEqual([
      ["Accept", "application/json"],
      ["If-Match", "etag-1"],
    ]);
  });

  test.each([
    "Content-ID: <a>\rAuthorization: Bearer x",
    "Content-ID: <a\0>",
    "Content-ID: <é>",
    "Content-ID : <a>",
    "Content-ID",
    ": <a>",
    "Content ID: <a>",
  ])("with the header %j, outside or inside, is refused", (line) => {
    for (const lines of [partWith(line), part(`GET ${PATH}`, line)]) {
      expect(errorOf(batchOf(lines)).message).toContain("has a header that cannot be read");
    }
  });

  test("with a line break in its Content-ID gives another header, which goes nowhere", () => {
    const smuggled = batchOf(partWith("Content-ID: <a>", "Authorization: x"));
    expect(composeBatch(parseBatchRequest(TYPE, smuggled), "c")).not.toContain("Authorization");
  });

  test("may fold a long header, and not its request line", () => {
    const text = batchOf(partWith("Content-ID: <a-long-one +", "\t  1>"));
    for (const eol of ["\r\n", "\n"]) {
      expect(only(text.replaceAll("\r\n", eol))?.contentId).toBe("<a-long-one + 1>");
    }
    expect(errorOf(batchOf(part(`GET ${PATH}`, " HTTP/1.1"))).reason).toBe("INVALID_ARGUMENT");
  });
});
