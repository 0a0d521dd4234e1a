import { describe, expect, test } from "vitest";
import {
  type Binding,
  KeyRing,
  missingKey,
  randomToken,
  SealError,
  sha256,
  sha512,
  TokenKeysSchema,
} from "../../../src/lib/key-ring.ts";
import { failureOf, KEY_A, KEY_B, START_MS } from "../fixtures.ts";

const HERE: Binding = { purpose: "credential", owner: "credential:alice" };
const ring = new KeyRing([KEY_A]);

describe("a ring", () => {
  test("says which key is active, and whether a value was sealed with it", async () => {
    const rotated = new KeyRing([KEY_B, KEY_A]);
    expect(rotated.activeKid).toBe("b");
    expect(rotated.isActive(await rotated.seal(HERE, "value"))).toBe(true);
    expect(rotated.isActive(await ring.seal(HERE, "value"))).toBe(false);
  });

  test("says how many keys open", () => {
    expect([ring.size, new KeyRing([KEY_B, KEY_A]).size]).toEqual([1, 2]);
  });

  test("seals a value anew under the active key: same data, same end", async () => {
    const rotated = new KeyRing([KEY_B, KEY_A]);
    const after = new KeyRing([KEY_B]);
    const lasting = await rotated.reseal(HERE, await ring.seal(HERE, { a: 1 }), START_MS);
    expect(rotated.isActive(lasting)).toBe(true);
    expect(await after.open(HERE, lasting, START_MS + 10 ** 13)).toEqual({ a: 1 });
    const ending = await rotated.reseal(HERE, await ring.seal(HERE, 1, START_MS + 60_000), START_MS);
    expect(await after.open(HERE, ending, START_MS + 59_999)).toBe(1);
    expect(await failureOf(after.open(HERE, ending, START_MS + 60_000))).toMatchObject({ code: "expired" });
  });

  test("seals nothing anew that does not open", async () => {
    const sealed = await ring.seal(HERE, "value", START_MS);
    const attempts = [
      ring.reseal({ ...HERE, owner: "credential:bob" }, sealed, START_MS - 1),
      ring.reseal(HERE, sealed, START_MS),
      new KeyRing([KEY_B]).reseal(HERE, sealed, START_MS - 1),
    ];
    const errors = await Promise.all(attempts.map(failureOf));
    expect(errors).toMatchObject(["wrong-binding", "expired", "unknown-key"].map((code) => ({ code })));
  });

  test("that misses a key: the operator's fault, and only the log says which", () => {
    const cause = new SealError("unknown-key", "k1");
    const error = missingKey("A thing", cause);
    expect(error).toMatchObject({
      reason: "INTERNAL",
      code: 500,
      message: "The server is not set up correctly.",
      cause,
    });
    expect(error.logDetail).toBe("A thing is sealed under kid k1, which TOKEN_KEYS does not hold: add that key again");
  });

  test.each<[string, readonly object[]]>([
    ["must hold at least one key", []],
    ["must not repeat a kid", [KEY_A, { ...KEY_B, kid: KEY_A.kid }]],
    ["must not repeat a key", [KEY_A, { ...KEY_A, kid: "b" }]],
    ["must be 256 bits in base64url without padding", [{ ...KEY_A, k: KEY_A.k.slice(1) }]],
  ])("is refused with words for the operator: %s", (message, keys) => {
    const messages = TokenKeysSchema.safeParse({ keys }).error?.issues.map((issue) => issue.message);
    expect(messages).toEqual([message]);
  });
});

describe("helpers", () => {
  test("sha256 is that of FIPS 180-4, in base64url without padding", async () => {
    expect(await sha256("abc")).toBe("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    expect(await sha256("é💌")).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });

  test("sha512 is that of FIPS 180-4", async () => {
    const digest = await sha512(new TextEncoder().encode("abc"));
    expect(digest.toHex()).toMatch(/^ddaf35a193617aba.*2a9ac94fa54ca49f$/);
    expect(digest).toHaveLength(64);
  });

  test("randomToken gives 43 characters of base64url, none twice", () => {
    const tokens = Array.from({ length: 200 }, randomToken);
    for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(new Set(tokens).size).toBe(200);
  });
});
