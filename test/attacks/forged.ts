/**
 * Spoiled and forged sealed values: everything that can be made of a compact JWE without the key, and what other keys
 * and algorithms make (RFC 7516, RFC 7518, RFC 8725).
 */
import { base64url, CompactEncrypt, EncryptJWT, type JWTPayload, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";

/** A name, and what it makes of a real sealed value. */
export type Forgery = readonly [title: string, forge: (sealed: string) => string | Promise<string>];

const SEGMENTS = ["header", "key", "initialization vector", "ciphertext", "tag"] as const;

function encode(value: unknown): string {
  return base64url.encode(JSON.stringify(value));
}

function replaceSegment(sealed: string, index: number, change: (segment: string) => string): string {
  return sealed
    .split(".")
    .map((segment, at) => (at === index ? change(segment) : segment))
    .join(".");
}

/** Flips one bit of what a segment decodes to; a change of the text alone may decode to the same. */
function flipBit(segment: string, byte: (length: number) => number): string {
  const bytes = base64url.decode(segment);
  if (bytes.length === 0) return "AA";
  const at = byte(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return base64url.encode(bytes);
}

/** The same value under another protected header. */
function withHeader(title: string, header: Record<string, unknown>): Forgery {
  const merged = { alg: "dir", enc: "A256GCM", kid: "first", ...header };
  return [`header: ${title}`, (sealed) => replaceSegment(sealed, 0, () => encode(merged))];
}

/** What the Worker would believe, if only it opened. */
const CLAIMS: JWTPayload = {
  aud: "session",
  sub: "http://mail.localhost",
  data: {
    id: "forged",
    identity: { sub: "1", email: null, name: null, picture: null },
    scopes: [],
    signedInAtMs: Date.now(),
    accessToken: null,
  },
};

function encrypted(header: { alg: string; enc: string; kid?: string }, key: CryptoKey | Uint8Array): Promise<string> {
  const plaintext = new TextEncoder().encode(JSON.stringify(CLAIMS));
  return new CompactEncrypt(plaintext).setProtectedHeader({ kid: "first", ...header }).encrypt(key);
}

const OWN_KEY = crypto.getRandomValues(new Uint8Array(32));

/** Everything that is tried in place of a sealed value. */
export const FORGERIES: readonly Forgery[] = [
  ["empty", () => ""],
  ["garbage", () => "garbage"],
  ["five empty segments", () => "...."],
  ["four segments", (sealed) => sealed.split(".").slice(0, 4).join(".")],
  ["six segments", (sealed) => `${sealed}.AAAA`],
  ["very long", () => "a".repeat(7000)],
  ["cut in half", (sealed) => sealed.slice(0, sealed.length / 2)],
  ["without its last character", (sealed) => sealed.slice(0, -1)],
  ["a longer tag", (sealed) => `${sealed}AAAA`],
  [
    "a shorter tag",
    (sealed) => replaceSegment(sealed, 4, (tag) => base64url.encode(base64url.decode(tag).slice(0, 12))),
  ],
  ["in JSON serialization", (sealed) => encode(Object.fromEntries(sealed.split(".").entries()))],
  ...SEGMENTS.flatMap((name, index): Forgery[] => [
    [
      `a flipped bit at the beginning of the ${name}`,
      (sealed) => replaceSegment(sealed, index, (text) => flipBit(text, () => 0)),
    ],
    [
      `a flipped bit at the end of the ${name}`,
      (sealed) => replaceSegment(sealed, index, (text) => flipBit(text, (length) => length - 1)),
    ],
    [`no ${name}`, (sealed) => replaceSegment(sealed, index, (text) => (text === "" ? "AAAA" : ""))],
  ]),
  withHeader("no kid", { kid: undefined }),
  withHeader("kid of no key", { kid: "nobody" }),
  withHeader("kid __proto__", { kid: "__proto__" }),
  withHeader("kid constructor", { kid: "constructor" }),
  withHeader("kid as a path", { kid: "../../first" }),
  withHeader("kid as a number", { kid: 0 }),
  withHeader("kid as a list", { kid: ["first"] }),
  withHeader("alg none", { alg: "none" }),
  withHeader("no alg", { alg: undefined }),
  withHeader("alg A256KW", { alg: "A256KW" }),
  withHeader("alg A256GCMKW", { alg: "A256GCMKW", iv: "AAAAAAAAAAAAAAAA", tag: "AAAAAAAAAAAAAAAAAAAAAA" }),
  withHeader("alg PBES2 with a great many rounds", { alg: "PBES2-HS512+A256KW", p2c: 2 ** 31 - 1, p2s: "AAAAAAAAAAA" }),
  withHeader("alg RSA-OAEP", { alg: "RSA-OAEP-256" }),
  withHeader("alg ECDH-ES", { alg: "ECDH-ES", epk: { kty: "OKP", crv: "X25519", x: "A".repeat(43) } }),
  withHeader("enc A128GCM", { enc: "A128GCM" }),
  withHeader("enc A256CBC-HS512", { enc: "A256CBC-HS512" }),
  withHeader("no enc", { enc: undefined }),
  withHeader("zip", { zip: "DEF" }),
  withHeader("crit", { crit: ["exp"] }),
  withHeader("crit that nobody knows", { crit: ["x"], x: 1 }),
  withHeader("a key of its own", { jwk: { kty: "oct", k: base64url.encode(OWN_KEY) } }),
  withHeader("a key from a URL", { jku: "https://evil.test/keys", x5u: "https://evil.test/key" }),
  ["header: not JSON", (sealed) => replaceSegment(sealed, 0, () => base64url.encode("{"))],
  ["header: a list", (sealed) => replaceSegment(sealed, 0, () => encode([]))],
  ["header: null", (sealed) => replaceSegment(sealed, 0, () => encode(null))],
  ["an unsecured JWT", () => new UnsecuredJWT(CLAIMS).encode()],
  [
    "a JWT signed with HS256",
    () => new SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256", kid: "first" }).sign(OWN_KEY),
  ],
  [
    "sealed under the key of another deployment, of the same kid",
    () => new EncryptJWT(CLAIMS).setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: "first" }).encrypt(OWN_KEY),
  ],
  ["sealed under a key of zeros", () => encrypted({ alg: "dir", enc: "A256GCM" }, new Uint8Array(32))],
  [
    "encrypted with a password",
    () => encrypted({ alg: "PBES2-HS256+A128KW", enc: "A256GCM" }, new TextEncoder().encode("first")),
  ],
  [
    "encrypted to a public key",
    async () => {
      const { publicKey } = await generateKeyPair("RSA-OAEP-256");
      return encrypted({ alg: "RSA-OAEP-256", enc: "A256GCM" }, publicKey);
    },
  ],
];
