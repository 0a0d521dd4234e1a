/**
 * What the tests of docs/storage-schema.md share: its examples by name, and storage with the time and the `kid` of those
 * examples.
 */
import { base64url, decodeProtectedHeader, jwtDecrypt } from "jose";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import * as z from "zod/mini";
import document from "../../../docs/storage-schema.md?raw";
import { KeyRing, type TokenKey } from "../../../src/lib/key-ring.ts";
import { CredentialSchema } from "../../../src/kv-store.ts";
import { SealedKv } from "../../../src/kv-store/sealed-kv.ts";
import type { Session } from "../../../src/auth/session.ts";
import { Trace } from "../../../src/lib/trace.ts";

/** Noon of the examples. */
export const NOW_MS = Date.parse("2026-11-22T12:00:00Z");
export const DAY_SECONDS = 24 * 60 * 60;
/** KV counts from its own clock. */
const CLOCK_TOLERANCE_SECONDS = 5;

/** The text of each fenced block that has a name: "```json credential" is `credential`. */
const blocks = new Map(
  [...document.matchAll(/^```(?:json|text) ([\w-]+)\n([\s\S]*?)\n```$/gm)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);

export function example(name: string): string {
  const text = blocks.get(name);
  if (text === undefined) throw new Error(`docs/storage-schema.md has no example "${name}"`);
  return text;
}

export function jsonExample(name: string): unknown {
  return JSON.parse(example(name));
}

/** The rows of the overview of KV keys. */
export function overviewRows(): string[] {
  return document.split("\n").filter((line) => line.startsWith("| `"));
}

export const credential = CredentialSchema.parse(jsonExample("credential"));
// `openSession` checks its form.
export const session = jsonExample("session") as Session;

const { kid } = z
  .strictObject({ alg: z.literal("dir"), enc: z.literal("A256GCM"), kid: z.string() })
  .parse(jsonExample("protected-header"));
const key: TokenKey = { kty: "oct", kid, k: base64url.encode(new Uint8Array(32).fill(7)) };

export const keyRing = new KeyRing([key]);
export const kv = new SealedKv({
  kv: env.CREDENTIALS,
  keyRing,
  trace: new Trace(() => NOW_MS),
  now: () => NOW_MS,
  sleep: async () => {},
});

/** The only key that is stored, as a listing shows it. */
export async function onlyKey(): Promise<KVNamespaceListKey<unknown>> {
  const { keys } = await env.CREDENTIALS.list();
  const [only] = keys;
  if (only === undefined || keys.length > 1) throw new Error(`${keys.length} keys are stored, not one`);
  return only;
}

/** One of the stored keys, as a listing shows it. */
export async function listedKey(name: string): Promise<KVNamespaceListKey<unknown>> {
  const found = (await env.CREDENTIALS.list()).keys.find((listed) => listed.name === name);
  if (found === undefined) throw new Error(`${name} is not stored`);
  return found;
}

/** The claims set that is sealed under a key, which must have the documented header. */
export async function claimsOf(name: string): Promise<unknown> {
  const sealed = (await env.CREDENTIALS.get(name)) ?? "";
  expect(decodeProtectedHeader(sealed)).toEqual(jsonExample("protected-header"));
  const { payload } = await jwtDecrypt(sealed, base64url.decode(key.k), { currentDate: new Date(NOW_MS) });
  return payload;
}

/** Expects a key to live for about that long from now on. */
export function expectTtl(stored: { expiration?: number }, seconds: number): void {
  const left = (stored.expiration ?? 0) - Date.now() / 1000;
  expect(Math.abs(left - seconds)).toBeLessThan(CLOCK_TOLERANCE_SECONDS);
}

/** Expects a key that holds a documented plain text, without metadata, for about that long. */
export async function expectMark(name: string, seconds: number): Promise<void> {
  const stored = await listedKey(example(`${name}-key`));
  expectTtl(stored, seconds);
  expect(stored.metadata).toBeUndefined();
  expect(await env.CREDENTIALS.get(stored.name)).toBe(example(name));
}
