/**
 * Google's published keys: finding the one that a JWT names, fetching the set anew when it names one that is not known.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import * as z from "zod/mini";
import { AppError } from "../errors.ts";
import { DocumentCache, type DocumentSource } from "./document-cache.ts";
import { unexpectedAnswer, type Upstream } from "../lib/upstream.ts";

const KEYS_ENDPOINT = "Google's key endpoint";

const KeySetSchema = z.custom<JSONWebKeySet>(
  (value) => z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }).safeParse(value).success,
);

/** Finds the key that a JWS names in its header. */
type KeyResolver = (...jws: Parameters<ReturnType<typeof createLocalJWKSet>>) => Promise<CryptoKey>;

/** Which key set, and how often an unknown `kid` may fetch it anew. */
export interface KeySetOptions {
  readonly jwksUri: string;
  /** Milliseconds after a fetch in which an unknown `kid` does not fetch again. */
  readonly cooldownMs: number;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** The key sets that an isolate knows. */
export class GoogleKeys {
  readonly #documents = new DocumentCache<JSONWebKeySet>();
  // Imported keys are kept with their set.
  readonly #resolvers = new WeakMap<JSONWebKeySet, KeyResolver>();

  /**
   * The keys of one set, for a verification by jose, which throws JWKSNoMatchingKey where the set has no such key.
   *
   * @throws AppError `UPSTREAM_UNAVAILABLE` when the keys cannot be fetched, by the function that is returned
   */
  of(upstream: Upstream, { jwksUri, cooldownMs, nowMs }: KeySetOptions): KeyResolver {
    const source: DocumentSource<JSONWebKeySet> = { url: jwksUri, endpoint: KEYS_ENDPOINT, schema: KeySetSchema };
    return async (header, token) => {
      const known = await this.#documents.get(upstream, source, { nowMs });
      try {
        return await this.#resolver(known.content)(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        const isFresh = known.fetchedAtMs > nowMs - cooldownMs;
        if (isFresh) throw error;
        const newer = await this.#documents.get(upstream, source, { nowMs, sinceMs: known.fetchedAtMs });
        return this.#resolver(newer.content)(header, token);
      }
    };
  }

  /** What to throw where a verification failed because of the keys and not of the token; null where the token is bad. */
  keyFault(error: unknown, jwksUri: string): AppError | null {
    if (error instanceof AppError) return error;
    if (error instanceof errors.JOSEError && !isKeyError(error)) return null;
    // Broken keys: do not keep them.
    this.#documents.forget(jwksUri);
    return unexpectedAnswer(KEYS_ENDPOINT, 200);
  }

  #resolver(keySet: JSONWebKeySet): KeyResolver {
    const known = this.#resolvers.get(keySet);
    if (known !== undefined) return known;
    const resolver = createLocalJWKSet(keySet);
    this.#resolvers.set(keySet, resolver);
    return resolver;
  }
}

/** Errors of jose that are about the key set. What is no error of jose's at all comes from importing a broken key. */
function isKeyError(error: errors.JOSEError): boolean {
  return error instanceof errors.JWKSInvalid || error.code === "ERR_JOSE_GENERIC";
}
