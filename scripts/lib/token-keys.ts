/**
 * Making and rotating `TOKEN_KEYS`: a JWK Set of 256-bit `oct` keys, of which the first seals and
 * every one opens.
 */

import { randomBytes } from "node:crypto";
import { parseEnv } from "node:util";
import { EncryptJWT } from "jose";
import * as z from "zod/mini";

const KEY_BYTES = 32;

const keySet = z.object({
  keys: z.array(
    z.looseObject({
      kty: z.literal("oct"),
      kid: z.string().check(z.minLength(1)),
      k: z.string().check(z.refine(isKeyMaterial, "must be 256 bits as base64url")),
    }),
  ),
});

/** A JWK Set of symmetric keys. */
export type TokenKeySet = z.infer<typeof keySet>;

/**
 * A set with a new key in front of those of `existing`, so that what they sealed still opens. The key
 * ID is the date and four random hex digits.
 */
export function addTokenKey(
  now: Date,
  existing: TokenKeySet = { keys: [] },
  random: (size: number) => Buffer = randomBytes,
): TokenKeySet {
  const day = now.toISOString().slice(0, 10);
  const taken = new Set(existing.keys.map(({ kid }) => kid));
  let kid = "";
  do kid = `${day}-${random(2).toString("hex")}`;
  while (taken.has(kid));
  return { keys: [{ kty: "oct", kid, k: random(KEY_BYTES).toString("base64url") }, ...existing.keys] };
}

/**
 * Reads a set from JSON, or from a file in dotenv format that has it as `TOKEN_KEYS`.
 *
 * @throws {Error} with a message that shows no key, when there is none or it is not valid
 */
export function parseTokenKeys(text: string): TokenKeySet {
  const json = /^\s*\{/.test(text) ? text : parseEnv(text)["TOKEN_KEYS"];
  if (json === undefined || json === "") throw new Error("There is no TOKEN_KEYS in it.");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error("TOKEN_KEYS is not JSON.");
  }
  const parsed = keySet.safeParse(value);
  if (!parsed.success) throw new Error("TOKEN_KEYS is not a JWK Set of 256-bit oct keys with a kid.");
  return parsed.data;
}

/**
 * What shows the Worker that it is called by who has its keys: sealed as `src/lib/key-ring.ts` opens it, for the purpose `operator`
 * at one origin.
 */
export async function sealOperatorToken(
  { keys }: TokenKeySet,
  { origin, expiresAtMs }: { origin: string; expiresAtMs: number },
): Promise<string> {
  const [first] = keys;
  if (first === undefined) throw new Error("There is no key in TOKEN_KEYS.");
  return new EncryptJWT({ data: null })
    .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: first.kid })
    .setAudience("operator")
    .setSubject(origin)
    .setExpirationTime(Math.floor(expiresAtMs / 1000))
    .encrypt(Buffer.from(first.k, "base64url"));
}

function isKeyMaterial(text: string): boolean {
  return /^[\w-]+$/.test(text) && Buffer.from(text, "base64url").length === KEY_BYTES;
}
