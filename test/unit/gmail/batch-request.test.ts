/** A batch as a client sends it: read strictly, and composed anew so that Google sees the calls that were checked. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BatchCall, composeBatch } from "../../../src/gmail/batch.ts";
import { parseBatchRequest } from "../../../src/gmail/batch-request.ts";
import { AppError } from "../../../src/errors.ts";
import {
  type ClientBatch,
  dotnetBatch,
  javaBatch,
  javaLongGet,
  phpBatch,
  rubyBatch,
} from "../../support/client-batches.ts";
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
    `GET ftp://mail.test${PATH} HTTP/1.1`,
    `GET https://ann@mail.test${PATH} HTTP/1.1`,
    `GET https://mail.test\\@evil.test${PATH} HTTP/1.1`,
    "GET https://mail.test HTTP/1.1",
    "GET https://mail.test?q=a HTTP/1.1",
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

  test.each<[header: string, name: string]>([
    ["X-HTTP-Method-Override: DELETE", "X-HTTP-Method-Override"],
    ["x-http-method-override: PATCH", "X-HTTP-Method-Override"],
    ["X-HTTP-Method-Override:", "X-HTTP-Method-Override"],
    ["X-HTTP-Method: GET", "X-HTTP-Method"],
    ["X-Method-Override: GET", "X-Method-Override"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding"],
    ["Content-Encoding: gzip", "Content-Encoding"],
    ["X-Goog-FieldMask: id", "X-Goog-FieldMask"],
    ["X-Goog-Api-Key: AIza", "X-Goog-Api-Key"],
    ["X-Upload-Content-Type: message/rfc822", "X-Upload-Content-Type"],
    ["Content-Range: bytes 0-1/2", "Content-Range"],
  ])("with the header %j, which would change its meaning, is refused by its name", (header, name) => {
    const { message, metadata } = errorOf(batchOf(part(`GET ${PATH}`), part(`POST ${PATH}/modify`, header, "", "{}")));
    expect(metadata).toEqual({ parameter: name });
    expect(message).toMatch(new RegExp(`^Part 2 of the batch: .*${name}.*\\.$`));
  });

  test.each(["X-HTTP-Method-Override: GET", "Content-Encoding: identity", "Content-Encoding:"])(
    "with the header %j, which changes nothing, is read",
    (header) => {
      expect(only(batchOf(part(`GET ${PATH}`, header)))).toMatchObject({ method: "GET", path: PATH });
    },
  );

  test.each(["base64", "quoted-printable", "x-gzip"])("that came as %s is refused", (encoding) => {
    const { metadata } = errorOf(batchOf(partWith(`Content-Transfer-Encoding: ${encoding}`)));
    expect(metadata).toEqual({ parameter: "Content-Transfer-Encoding" });
  });

  test.each(["binary", "8bit", "7BIT"])("that came as %s is read", (encoding) => {
    expect(only(batchOf(partWith(`Content-Transfer-Encoding: ${encoding}`)))).toMatchObject({ path: PATH });
  });

  test("hands on the conditions and the range of a read", () => {
    const headers = ["If-Modified-Since: a", "If-Range: b", "If-Unmodified-Since: c", "Range: bytes=0-1"];
    const read = only(batchOf(part(`GET ${PATH}`, ...headers)));
    expect(read?.headers.map(([name, value]) => `${name}: ${value}`).toSorted()).toEqual(headers);
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

describe("a part with a whole URL (RFC 9112 §3.2.2)", () => {
  test.each<[url: string, origin: string, path: string]>([
    [`https://mail.test${PATH}`, "https://mail.test", PATH],
    [`https://mail.test:443${PATH}?format=full`, "https://mail.test", `${PATH}?format=full`],
    [`https://Mail.TEST:8443${PATH}`, "https://mail.test:8443", PATH],
    [`http://127.0.0.1:8787${PATH}`, "http://127.0.0.1:8787", PATH],
    [`http://[::1]:80${PATH}`, "http://[::1]", PATH],
    [
      "https://mail.test/gmail/v1/users/me/messages?q=a%20b&q2=%2F",
      "https://mail.test",
      "/gmail/v1/users/me/messages?q=a%20b&q2=%2F",
    ],
    ["https://mail.test/a/%2e%2e/b", "https://mail.test", "/a/%2e%2e/b"],
  ])("%s", (url, origin, path) => {
    for (const version of ["", " HTTP/1.1"]) {
      expect(only(batchOf(part(`GET ${url}${version}`)))).toMatchObject({ method: "GET", origin, path });
    }
  });

  test("is sent on as a path", () => {
    const read = parseBatchRequest(TYPE, batchOf(part(`GET https://mail.test${PATH} HTTP/1.1`)));
    expect(composeBatch(read, "c")).toContain(`\r\nGET ${PATH} HTTP/1.1\r\n`);
  });

  test("whose origin is none is refused", () => {
    const { message } = errorOf(batchOf(part(`GET https://mail.test:99999${PATH}`)));
    expect(message).toContain("Part 1 of the batch has a URL that cannot be read");
  });
});

describe("a POST that means a GET", () => {
  const OVERRIDE = "X-HTTP-Method-Override: GET";
  const FORM = "Content-Type: application/x-www-form-urlencoded; charset=UTF-8";
  const LIST = "/gmail/v1/users/me/messages";

  test.each<[target: string, form: string, path: string]>([
    [LIST, "q=from%3Aana&maxResults=5", `${LIST}?q=from%3Aana&maxResults=5`],
    [LIST, "q=a+b%20c&labelIds=A&labelIds=B", `${LIST}?q=a+b+c&labelIds=A&labelIds=B`],
    [`${LIST}?alt=json`, "q=x", `${LIST}?alt=json&q=x`],
    [LIST, "q=a\r\n", `${LIST}?q=a`],
    [LIST, "q=\u05e9", `${LIST}?q=%D7%A9`],
    [LIST, "", LIST],
    [LIST, "q=#x?y", `${LIST}?q=%23x%3Fy`],
  ])("%s with the form %j", (target, form, path) => {
    const read = only(batchOf(part(`POST ${target} HTTP/1.1`, FORM, OVERRIDE, "Accept: a/b", "", form)));
    expect(read).toEqual({ contentId: "<one>", method: "GET", path, headers: [["Accept", "a/b"]], body: "" });
  });

  test("with a body of another type is refused by the name of its type", () => {
    const text = batchOf(part(`POST ${LIST}`, "Content-Type: application/json", OVERRIDE, "", "{}"));
    expect(errorOf(text).metadata).toEqual({ parameter: "Content-Type" });
  });

  test("with a form that is no UTF-8 is refused by the name of the parameter", () => {
    expect(errorOf(batchOf(part(`POST ${LIST}`, FORM, OVERRIDE, "", "q=%ff"))).metadata).toEqual({ parameter: "q" });
  });

  test("with a form of more than 32 KiB is refused", () => {
    const text = batchOf(part(`POST ${LIST}`, FORM, OVERRIDE, "", `q=${"x".repeat(32_768)}`));
    expect(errorOf(text)).toMatchObject({ code: 413, metadata: { parameter: "body" } });
  });
});

describe("a batch of a client of Google's", () => {
  const origin = "https://mail.test";
  const GET = { method: "GET", path: `${PATH}?format=metadata&metadataHeaders=Subject` };
  const body = '{"addLabelIds":["STARRED"]}';
  const MODIFY = { method: "POST", path: `${PATH}/modify`, body };
  const made = [GET, MODIFY, GET];

  test.each<[client: string, batch: ClientBatch, ids: readonly (string | null)[], isWhole: boolean]>([
    ["Java", javaBatch(origin, made), ["1", "2", "3"], true],
    [".NET", dotnetBatch(origin, made), [null, null, null], true],
    ["PHP", phpBatch("mail.test", made), ["846930886", "846930887", "846930888"], false],
    ["Ruby", rubyBatch("mail.test", made), ["<b29c5de2+0>", "<b29c5de2+1>", "<b29c5de2+2>"], false],
  ])("%s is read as the calls that were made with it", (_, batch, ids, isWhole) => {
    const read = parseBatchRequest(batch.type, batch.body);
    expect(read.map(({ method, path }) => ({ method, path }))).toEqual(
      made.map(({ method, path }) => ({ method, path })),
    );
    expect(read.map(({ contentId }) => contentId)).toEqual(ids);
    expect(read.map(({ origin: named }) => named)).toEqual(made.map(() => (isWhole ? origin : undefined)));
    expect(read.map((each) => each.body.trim())).toEqual(["", body, ""]);
    expect(read[1]?.headers).toEqual([["Content-Type", expect.stringMatching(/^application\/json/)]]);
  });

  test("Java, with a long search, is read as the GET that is meant", () => {
    const q = Array.from({ length: 300 }, (_, index) => `rfc822msgid:${index}@mail.test`).join(" OR ");
    const { type, body: text } = javaLongGet(
      origin,
      "/gmail/v1/users/me/messages",
      `q=${encodeURIComponent(q)}&maxResults=5`,
    );
    const [read] = parseBatchRequest(type, text);
    expect(read).toMatchObject({ method: "GET", contentId: "1", headers: [], body: "" });
    expect([...new URL(read?.path ?? "", origin).searchParams]).toEqual([
      ["q", q],
      ["maxResults", "5"],
    ]);
  });
});
