/** `npm run keys`: what it prints opens what older keys sealed, and shows no key in an error. */

import { describe, expect, it } from "vitest";
import { addTokenKey, parseTokenKeys } from "../../scripts/lib/token-keys.ts";

const NOW = new Date("2026-11-22T23:59:00Z");

describe("TOKEN_KEYS", () => {
  it("is a JWK Set of one 256-bit oct key with a dated key ID", () => {
    const { keys } = addTokenKey(NOW);
    expect(keys).toHaveLength(1);
    expect(keys[0]).toMatchObject({ kty: "oct", kid: expect.stringMatching(/^2026-11-22-[0-9a-f]{4}$/) });
    expect(Buffer.from(keys[0]?.k ?? "", "base64url")).toHaveLength(32);
  });

  it("gets a new key in front when it is rotated, and keeps the others", () => {
    const before = addTokenKey(NOW);
    const after = addTokenKey(NOW, before);
    expect(after.keys.slice(1)).toEqual(before.keys);
    expect(after.keys[0]?.k).not.toBe(before.keys[0]?.k);
  });

  it("never gives two keys the same ID", () => {
    const draws = ["aaaa", "aaaa", "bbbb"];
    const random = (size: number) => (size === 2 ? Buffer.from(draws.shift() ?? "", "hex") : Buffer.alloc(size, 7));
    const first = addTokenKey(NOW, undefined, random);
    const { keys } = addTokenKey(NOW, first, random);
    expect(keys.map(({ kid }) => kid)).toEqual(["2026-11-22-bbbb", "2026-11-22-aaaa"]);
  });

  it("is read back from JSON and from .dev.vars", () => {
    const set = addTokenKey(NOW);
    const json = JSON.stringify(set);
    expect(parseTokenKeys(json)).toEqual(set);
    expect(parseTokenKeys(`# comment\nGOOGLE_CLIENT_ID="x"\nTOKEN_KEYS='${json}'\n`)).toEqual(set);
  });

  it.each([
    ["nothing", ""],
    ["no TOKEN_KEYS", "GOOGLE_CLIENT_ID=x"],
    ["an empty TOKEN_KEYS", "TOKEN_KEYS=''"],
    ["broken JSON", `{"keys":[{"k":"hunter2"`],
    ["a short key", `{"keys":[{"kty":"oct","kid":"a","k":"hunter2"}]}`],
    ["a key without an ID", `{"keys":[{"kty":"oct","k":"hunter2"}]}`],
  ])("is refused without showing a key: %s", (_, text) => {
    expect(() => parseTokenKeys(text)).toThrow(/^(?!.*hunter2).*TOKEN_KEYS/);
  });
});
