/** The text of an API token: what can be told of one without asking the object that it names. */
import { describe, expect, test } from "vitest";
import { sha256 } from "../../../src/lib/key-ring.ts";
import { makeTokenText, parseTokenText } from "../../../src/object/token-text.ts";

const OBJECT_ID = `00ff${"0123456789abcdef".repeat(3)}a0b1c2d3e4f5`;
const { text, hash } = await makeTokenText(OBJECT_ID);

test("a token names its object, and is known by the hash of its text", async () => {
  expect(text).toMatch(/^gmedge_[A-Za-z0-9_-]{92}$/);
  expect(hash).toBe(await sha256(text));
  expect(await parseTokenText(text)).toEqual({ objectId: OBJECT_ID, hash });
  expect((await makeTokenText(OBJECT_ID)).text).not.toBe(text);
});

test("one character that is another one, is missing or is too many makes it none", async () => {
  for (let at = 0; at < text.length; at += 1) {
    const other = text[at] === "A" ? "B" : "A";
    const mistyped = text.slice(0, at) + other + text.slice(at + 1);
    expect(await parseTokenText(mistyped), mistyped).toBeNull();
    expect(await parseTokenText(text.slice(0, at) + text.slice(at + 1)), `without ${at}`).toBeNull();
    expect(await parseTokenText(text.slice(0, at) + other + text.slice(at)), `${other} at ${at}`).toBeNull();
  }
});

test("two characters that have changed places are told", async () => {
  for (let at = 0; at + 1 < text.length; at += 1) {
    const [one = "", two = ""] = text.slice(at, at + 2);
    const swapped = text.slice(0, at) + two + one + text.slice(at + 2);
    if (one !== two) expect(await parseTokenText(swapped), swapped).toBeNull();
  }
});

describe("what is none", () => {
  test.each([
    "",
    "gmedge_",
    ` ${text}`,
    `${text}\n`,
    `${text} `,
    text.toUpperCase(),
    text.replace("gmedge_", "gmedge-"),
    `${text}${text}`,
    // That of 0.x: 63 characters.
    `gmedge_${"x".repeat(63)}`,
    "\u0000".repeat(99),
  ])("%j", async (other) => {
    expect(await parseTokenText(other)).toBeNull();
  });
});

test("a token of another object is another token, and names that one", async () => {
  const other = OBJECT_ID.replace(/^00/, "01");
  expect((await parseTokenText((await makeTokenText(other)).text))?.objectId).toBe(other);
  // Who has only put another object's ID into it has no checksum for that.
  const [begin, end] = [text.slice(0, 7), text.slice(50)];
  expect(await parseTokenText(begin + (await makeTokenText(other)).text.slice(7, 50) + end)).toBeNull();
});
