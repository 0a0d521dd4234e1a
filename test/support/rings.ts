/** Rings of keys for tests of rotation: what a stage's `TOKEN_KEYS` becomes, and what the operator seals with it. */
import { KeyRing, type Purpose, type TokenKey, TokenKeysSchema } from "../../src/lib/key-ring.ts";
import { makeTokenKeys, type Stage } from "./stage.ts";

const OPERATOR_TOKEN_LIFETIME_MS = 5 * 60_000;

export function keysOf(tokenKeys: string): TokenKey[] {
  return TokenKeysSchema.parse(JSON.parse(tokenKeys)).keys;
}

/** A value with a new key before the present ones. */
export function withNewKey(tokenKeys: string, kid: string): string {
  return JSON.stringify({ keys: [...keysOf(makeTokenKeys(kid)), ...keysOf(tokenKeys)] });
}

/** A value of the first key alone. */
export function firstKeyOnly(tokenKeys: string): string {
  return JSON.stringify({ keys: keysOf(tokenKeys).slice(0, 1) });
}

export interface OperatorTokenChanges {
  readonly tokenKeys?: string;
  readonly purpose?: Purpose;
  readonly owner?: string;
  /** From the stage's time on. */
  readonly lifetimeMs?: number;
}

/** What `npm run rotate` sends, or something like it. */
export async function operatorToken(stage: Stage, changes: OperatorTokenChanges = {}): Promise<string> {
  const ring = new KeyRing(keysOf(changes.tokenKeys ?? stage.tokenKeys));
  const binding = { purpose: changes.purpose ?? "operator", owner: changes.owner ?? stage.origin };
  return ring.seal(binding, null, stage.now() + (changes.lifetimeMs ?? OPERATOR_TOKEN_LIFETIME_MS));
}

/** A call of the walk. @param authorization the whole header; null for none */
export function rotate(stage: Stage, authorization: string | null, query = ""): Promise<Response> {
  return stage.send({
    path: `/operator/rotate${query}`,
    method: "POST",
    headers: { accept: "application/json", ...(authorization === null ? {} : { authorization }) },
  });
}
