/** Batches of 8 MiB, in the shapes that would cost most: what is split into lines is small, whatever is sent. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { MAX_HEAD_CHARACTERS, MAX_HEAD_LINES, parseBatch } from "../../../src/gmail/batch.ts";
import { parseBatchRequest } from "../../../src/gmail/batch-request.ts";
import { AppError } from "../../../src/errors.ts";
import { LARGEST_BYTES, largeBatches } from "../../support/large-batches.ts";

const TYPE = "multipart/mixed; boundary=b";
const PATH = "/gmail/v1/users/me/profile";

/** A good reply. */
function replyTo(id: string): string {
  return `--b\r\nContent-Type: application/http\r\nContent-ID: <response-${id}>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n`;
}

/** A batch of one part with further header lines, outside and inside. */
function batchWith(outer: string, inner: string): string {
  return `--b\r\nContent-Type: application/http\r\n${outer}\r\nGET ${PATH}\r\n${inner}\r\n--b--`;
}

function batchBy(boundary: string): string {
  return batchWith("", "").replaceAll("--b", `--${boundary}`);
}

afterEach(() => vi.restoreAllMocks());

/** What becomes of a batch, and the largest pieces that were made of it on the way. */
function watch(read: () => unknown): { outcome: unknown; longest: number; most: number; headers: number } {
  const splits = vi.spyOn(String.prototype, "split");
  const replaces = vi.spyOn(String.prototype, "replaceAll");
  const appends = vi.spyOn(Headers.prototype, "append");
  let outcome: unknown;
  try {
    outcome = read();
  } catch (error) {
    outcome = error;
  }
  const lengths = [...splits.mock.contexts, ...replaces.mock.contexts].map((text) => String(text).length);
  const counts = splits.mock.results.map(({ value }) => (Array.isArray(value) ? value.length : 0));
  const found = {
    outcome,
    longest: Math.max(0, ...lengths),
    most: Math.max(0, ...counts),
    headers: appends.mock.calls.length,
  };
  vi.restoreAllMocks();
  return found;
}

describe("a batch of 8 MiB", () => {
  test("is refused by what is wrong with it, or read, and no text is split that is longer than a head", () => {
    let count = 0;
    for (const { shape, text, refusal } of largeBatches()) {
      count += 1;
      const { outcome, longest, most, headers } = watch(() => parseBatchRequest(TYPE, text));
      expect(longest, shape).toBeLessThanOrEqual(MAX_HEAD_CHARACTERS);
      expect(most, shape).toBeLessThanOrEqual(MAX_HEAD_LINES);
      expect(headers, shape).toBeLessThanOrEqual(100 * 2 * MAX_HEAD_LINES);
      if (refusal === null) {
        expect(outcome, shape).toBeInstanceOf(Array);
        continue;
      }
      expect(outcome, shape).toBeInstanceOf(AppError);
      expect(outcome, shape).toMatchObject({ reason: "INVALID_ARGUMENT", metadata: { parameter: "body" } });
      expect((outcome as AppError).message, shape).toContain(refusal);
    }
    expect(count).toBeGreaterThan(20);
  });

  test("as Gmail's answer gives no reply for a part with such a head, and no text is split", () => {
    for (const { shape, text } of largeBatches()) {
      const { outcome, longest } = watch(() => parseBatch(TYPE, text));
      expect(longest, shape).toBe(0);
      expect(outcome, shape).toEqual(new Map());
    }
  });

  test("as Gmail's answer with one part of a large head gives the other parts", () => {
    const bad = replyTo("bad").replace("200 OK\r\n", `200 OK\r\n${"a:b\r\n".repeat(LARGEST_BYTES / 10)}`);
    expect([...(parseBatch(TYPE, `${replyTo("one")}${bad}${replyTo("two")}--b--`) ?? [])].map(([id]) => id)).toEqual([
      "one",
      "two",
    ]);
  });
});

describe("the head of a part", () => {
  const refusal = `Part 1 of the batch must have at most ${MAX_HEAD_LINES} header lines, and ${MAX_HEAD_CHARACTERS} characters in them.`;

  test("may have 100 lines, and no more", () => {
    for (const where of [0, 1]) {
      const make = (lines: number): string => {
        const text = "A: b\r\n".repeat(lines - 1);
        return where === 0 ? batchWith(text, "") : batchWith("", text);
      };
      expect(parseBatchRequest(TYPE, make(MAX_HEAD_LINES)), String(where)).toHaveLength(1);
      expect(() => parseBatchRequest(TYPE, make(MAX_HEAD_LINES + 1)), String(where)).toThrow(refusal);
    }
  });

  test("may have a URL of 16 KiB, and 32 KiB in all", () => {
    const path = `${PATH}?q=${"a".repeat(16 * 1024)}`;
    const [call] = parseBatchRequest(TYPE, batchWith("", "").replace(PATH, path));
    expect(call?.path).toBe(path);
    expect(() => parseBatchRequest(TYPE, batchWith(`X: ${"a".repeat(MAX_HEAD_CHARACTERS)}\r\n`, ""))).toThrow(refusal);
    expect(() => parseBatchRequest(TYPE, batchWith("", `X: ${"a".repeat(MAX_HEAD_CHARACTERS)}\r\n`))).toThrow(refusal);
  });
});

test("a boundary has 1 to 70 characters, as RFC 2046 says", () => {
  const [longest, tooLong] = ["x".repeat(70), "x".repeat(71)];
  expect(parseBatchRequest(`multipart/mixed; boundary=${longest}`, batchBy(longest))).toHaveLength(1);
  expect(() => parseBatchRequest(`multipart/mixed; boundary=${tooLong}`, batchBy(tooLong))).toThrow(
    "1 to 70 characters",
  );
  expect(parseBatch(`multipart/mixed; boundary="${tooLong}"`, batchBy(tooLong))).toBeNull();
});
