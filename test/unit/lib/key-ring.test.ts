import * as fc from "fast-check";
import { base64url, decodeProtectedHeader, EncryptJWT, jwtDecrypt } from "jose";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod/mini";
import {
  type Binding,
  KeyRing,
  openedOrNull,
  type Purpose,
  PURPOSES,
  SealError,
  type SealErrorCode,
  tryOpen,
} from "../../../src/lib/key-ring.ts";
import { appErrorOf, failureOf, KEY_A, KEY_B, START_MS, tokenKey } from "../fixtures.ts";

const HERE: Binding = { purpose: "credential", owner: "credential:alice" };
const ring = new KeyRing([KEY_A]);

function rawKey({ k }: { k: string }): Uint8Array {
  return base64url.decode(k);
}

async function refusal(sealed: string, keys = ring, nowMs = START_MS): Promise<SealError> {
  const error = await failureOf(keys.open(HERE, sealed, nowMs));
  if (!(error instanceof SealError)) throw new Error("It failed with something else", { cause: error });
  return error;
}

/** `sealed` under another protected header, as somebody without the key can make it. */
function withHeader(sealed: string, header: object): string {
  const [, ...rest] = sealed.split(".");
  return [base64url.encode(JSON.stringify(header)), ...rest].join(".");
}

function claims(data: unknown): EncryptJWT {
  return new EncryptJWT({ data }).setAudience(HERE.purpose).setSubject(HERE.owner);
}

async function refused(sealed: string, code: SealErrorCode, keys = ring): Promise<void> {
  expect((await refusal(sealed, keys)).code).toBe(code);
}

/** What `sealed` says, by its bytes; null where it is no base64url. */
function bytesOf(sealed: string): string | null {
  const [header, ...parts] = sealed.split(".");
  try {
    return [header, ...parts.map((part) => String(base64url.decode(part)))].join();
  } catch {
    return null;
  }
}

describe("sealing", () => {
  test("what is sealed opens to the same JSON value (property)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const opened = await ring.open(HERE, await ring.seal(HERE, value), START_MS);
        expect(JSON.stringify(opened)).toBe(JSON.stringify(value));
      }),
    );
  });

  test("any purpose's owner may be any text, and another text is another owner (property)", async () => {
    const owner = fc.string({ unit: "grapheme" });
    await fc.assert(
      fc.asyncProperty(owner, owner, async (mine, yours) => {
        fc.pre(mine !== yours);
        const sealed = await ring.seal({ purpose: "page-token", owner: mine }, 1);
        expect(await ring.open({ purpose: "page-token", owner: mine }, sealed, START_MS)).toBe(1);
        const error = await failureOf(ring.open({ purpose: "page-token", owner: yours }, sealed, START_MS));
        expect(error).toMatchObject({ name: "SealError", code: "wrong-binding" });
      }),
    );
  });

  test("the first key seals, as compact JWE with dir and A256GCM, its kid in the header (RFC 7516 §3.1)", async () => {
    const sealed = await new KeyRing([KEY_B, KEY_A]).seal(HERE, "value");
    expect(sealed.split(".")).toHaveLength(5);
    expect(sealed.split(".")[1]).toBe("");
    expect(decodeProtectedHeader(sealed)).toEqual({ alg: "dir", enc: "A256GCM", kid: "b" });
  });

  test("the same value never seals to the same text", async () => {
    const sealed = await Promise.all(Array.from({ length: 20 }, () => ring.seal(HERE, "value")));
    expect(new Set(sealed.map((text) => text.split(".")[2])).size).toBe(20);
  });

  test("every key of the ring opens, in whichever place it stands", async () => {
    const sealed = await ring.seal(HERE, "value");
    for (const keys of [[KEY_A], [KEY_A, KEY_B], [KEY_B, KEY_A], [KEY_B, tokenKey("c", 3), KEY_A]]) {
      expect(await new KeyRing(keys).open(HERE, sealed, START_MS)).toBe("value");
    }
  });

  test("a ring without a key is refused", () => {
    expect(() => new KeyRing([])).toThrow(new TypeError("A key ring needs a key."));
  });

  test("a key is imported once, and cannot be exported", async () => {
    using importKey = vi.spyOn(crypto.subtle, "importKey");
    const keys = new KeyRing([KEY_A]);
    await keys.open(HERE, await keys.seal(HERE, "value"), START_MS);
    const usages = ["encrypt", "decrypt"];
    expect(importKey.mock.calls).toEqual([["raw", rawKey(KEY_A), "AES-GCM", false, usages]]);
  });

  test("jose opens it with the raw key, and it opens what jose seals (interoperability)", async () => {
    const { payload } = await jwtDecrypt(await ring.seal(HERE, { a: [1] }), rawKey(KEY_A), {
      audience: "credential",
      subject: "credential:alice",
    });
    expect(payload["data"]).toEqual({ a: [1] });
    const theirs = await claims({ b: 2 })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: "a" })
      .encrypt(rawKey(KEY_A));
    expect(await ring.open(HERE, theirs, START_MS)).toEqual({ b: 2 });
  });
});

describe("what does not open", () => {
  test("a value for another purpose or of another owner: wrong-binding", async () => {
    await refused(await ring.seal({ ...HERE, purpose: "session" }, "value"), "wrong-binding");
    await refused(await ring.seal({ ...HERE, owner: "credential:mallory" }, "value"), "wrong-binding");
    await refused(await ring.seal({ ...HERE, owner: "" }, "value"), "wrong-binding");
  });

  test.each(PURPOSES)("a value for %s opens for that, and for nothing else", async (purpose) => {
    const sealed = await ring.seal({ ...HERE, purpose }, "value");
    expect(await ring.open({ ...HERE, purpose }, sealed, START_MS)).toBe("value");
    for (const other of PURPOSES.filter((each) => each !== purpose)) {
      const error = await failureOf(ring.open({ ...HERE, purpose: other }, sealed, START_MS));
      expect(error).toMatchObject({ name: "SealError", code: "wrong-binding" });
    }
  });

  test("a value that names no purpose or owner: wrong-binding (RFC 7519 §4.1)", async () => {
    const header = { alg: "dir", enc: "A256GCM", kid: "a" };
    const key = rawKey(KEY_A);
    const unbound = new EncryptJWT({ data: 1 }).setProtectedHeader(header);
    await refused(await unbound.encrypt(key), "wrong-binding");
    const ownerless = new EncryptJWT({ data: 1 }).setAudience(HERE.purpose).setProtectedHeader(header);
    await refused(await ownerless.encrypt(key), "wrong-binding");
  });

  test("a value under a key that is not in the ring: unknown-key, with its kid", async () => {
    const error = await refusal(await new KeyRing([KEY_B]).seal(HERE, "value"));
    expect(error).toMatchObject({ code: "unknown-key", kid: "b" });
    expect(error.message).toContain("kid b");
  });

  test("a value under another key of the same kid: not-authentic, the cause kept for the log", async () => {
    const error = await refusal(await new KeyRing([tokenKey("a", 9)]).seal(HERE, "value"));
    expect(String(error)).toBe("SealError: Sealed value does not open: not-authentic (kid a)");
    expect(error.cause).toMatchObject({ code: "ERR_JWE_DECRYPTION_FAILED" });
  });

  test("a value from its expiry on: expired (RFC 7519 §4.1.4)", async () => {
    const sealed = await ring.seal(HERE, "value", START_MS + 60_000);
    expect(await ring.open(HERE, sealed, START_MS + 59_999)).toBe("value");
    expect((await refusal(sealed, ring, START_MS + 60_000)).code).toBe("expired");
    expect((await refusal(sealed, ring, START_MS + 10 ** 12)).code).toBe("expired");
  });

  test("a value without expiry opens for ever", async () => {
    expect(await ring.open(HERE, await ring.seal(HERE, "value"), START_MS + 10 ** 13)).toBe("value");
  });

  test.each(["", ".", "....", "a.b.c.d.e", "not a token", "e30....", "{}", "\u0000", "💌.💌.💌.💌.💌"])(
    "%j: malformed",
    async (text) => {
      const error = await refusal(text);
      expect(String(error)).toBe("SealError: Sealed value does not open: malformed");
    },
  );

  test("a header that cannot be read: malformed, the cause kept for the log", async () => {
    expect((await refusal("not a token")).cause).toBeInstanceOf(TypeError);
  });

  test("a fault of ours while its form is checked is told, and not taken for a value that does not open", async () => {
    const broken = z.string().check(
      z.refine(() => {
        throw new RangeError("our fault");
      }),
    );
    const sealed = await ring.seal(HERE, "value");
    expect(await failureOf(ring.openAs(HERE, sealed, START_MS, broken))).toBeInstanceOf(RangeError);
  });

  test.each([
    ["alg none", { alg: "none" }],
    ["another alg", { alg: "A256KW" }],
    ["a password's alg", { alg: "PBES2-HS256+A128KW", p2c: 1_000_000, p2s: "c2FsdA" }],
    ["another enc", { enc: "A128GCM" }],
    ["another enc of the same key size", { enc: "A128CBC-HS256" }],
    ["a critical extension", { crit: ["exp"], exp: 1 }],
    ["no alg", { alg: undefined }],
    ["a kid that is no text", { kid: 1 }],
  ])("a header with %s: malformed (RFC 7516 §5.2)", async (_, changes) => {
    const header = { alg: "dir", enc: "A256GCM", kid: "a", ...changes };
    await refused(withHeader(await ring.seal(HERE, "value"), header), "malformed");
  });

  test("a zip header that was put on it: not-authentic, or malformed, and nothing is inflated", async () => {
    const sealed = await ring.seal(HERE, "value");
    const zipped = withHeader(sealed, { alg: "dir", enc: "A256GCM", kid: "a", zip: "DEF" });
    expect(["not-authentic", "malformed"]).toContain((await refusal(zipped)).code);
  });

  test("a header that was only written differently: not-authentic", async () => {
    const header = { kid: "a", enc: "A256GCM", alg: "dir" };
    await refused(withHeader(await ring.seal(HERE, "value"), header), "not-authentic");
  });

  test("a JWE that jose made with another alg under the same key: malformed", async () => {
    const wrapped = await claims("value")
      .setProtectedHeader({ alg: "A256KW", enc: "A256GCM", kid: "a" })
      .encrypt(rawKey(KEY_A));
    await refused(wrapped, "malformed");
  });

  test("what is cut off anywhere (property)", async () => {
    const sealed = await ring.seal(HERE, { refreshToken: "secret" });
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length - 1), async (length) => {
        expect(await refusal(sealed.slice(0, length))).toBeInstanceOf(SealError);
      }),
    );
  });

  test("any single character changed, by its bytes, never opens (property)", async () => {
    const sealed = await ring.seal(HERE, { refreshToken: "secret" });
    const character = fc.oneof(
      fc.constantFrom("A", "B", "a", "b", "0", "1", "-", "_", ".", "=", "+", "/", " ", "\n"),
      fc.string({ minLength: 1, maxLength: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(sealed.length - 1), character, async (index, replacement) => {
        const changed = sealed.slice(0, index) + replacement + sealed.slice(index + 1);
        // The last character of a base64url part may carry bits that mean nothing (RFC 4648 §3.5).
        fc.pre(bytesOf(changed) !== bytesOf(sealed));
        expect(await refusal(changed)).toBeInstanceOf(SealError);
      }),
      { numRuns: 400 },
    );
  });

  test("for every purpose and owner but its own (property)", async () => {
    const purpose = fc.constantFrom<Purpose[]>(
      ...(["session", "transaction", "credential", "address", "access-token", "page-token"] as const),
    );
    const binding = fc.record({ purpose, owner: fc.oneof(fc.constantFrom("a", "b", ""), fc.string()) });
    await fc.assert(
      fc.asyncProperty(binding, binding, fc.jsonValue(), async (mine, yours, value) => {
        fc.pre(mine.purpose !== yours.purpose || mine.owner !== yours.owner);
        const error = await failureOf(ring.open(yours, await ring.seal(mine, value), START_MS));
        expect(error).toMatchObject({ name: "SealError", code: "wrong-binding" });
      }),
      { numRuns: 200 },
    );
  });

  test("what is wrong is told without what is in it", async () => {
    const sealed = await ring.seal({ ...HERE, owner: "credential:bob" }, "top-secret", START_MS);
    const error = await refusal(sealed);
    expect(error.message).not.toContain("top-secret");
    expect(error.message).not.toContain(sealed.slice(40));
  });
});

describe("a value that may not open", () => {
  const missing = new SealError("unknown-key", "retired");
  const damaged = new SealError("malformed", null);

  test("is what it holds, where it opens", async () => {
    expect(await openedOrNull(Promise.resolve("held"), "A credential")).toBe("held");
  });

  test("counts as not there, where it is damaged or only a shortcut", async () => {
    expect(await openedOrNull(Promise.reject(damaged), "A credential")).toBeNull();
    expect(await openedOrNull(Promise.reject(missing))).toBeNull();
  });

  test.each<[SealErrorCode, string]>([
    ["unknown-key", "unknown-key"],
    ["expired", "expired"],
    ["malformed", "tampered"],
    ["not-authentic", "tampered"],
    ["wrong-binding", "tampered"],
  ])("that does not open for %s is %s", async (code, kind) => {
    const error = new SealError(code, null);
    expect(await tryOpen(Promise.reject(error))).toEqual({ kind, error });
  });

  test("is the operator's fault, where its key is gone and it matters", async () => {
    expect(await appErrorOf(openedOrNull(Promise.reject(missing), "A credential"))).toMatchObject({
      reason: "INTERNAL",
      logDetail: expect.stringContaining("retired"),
    });
  });

  test("fails with what is no question of opening", async () => {
    const outage = new Error("KV GET failed");
    expect(await failureOf(openedOrNull(Promise.reject(outage), "A credential"))).toBe(outage);
  });
});
