/**
 * Google documents that seldom change: key sets and configuration, each fetched once for all requests of an isolate.
 * Finds the key that a JWT names, and fetches the set again when it names one that is not known.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import * as z from "zod/mini";
import { AppError } from "../errors.ts";
import { SharedWork } from "../isolate/shared-work.ts";
import { readJson, unavailable, unexpectedAnswer, type Upstream } from "../lib/upstream.ts";

/** How long a document is used. Google's own keys are good for some hours. */
const MAX_AGE_MS = 60 * 60 * 1000;

/** A document to fetch. */
export interface DocumentSource<T> {
  readonly url: string;
  /** What an error calls the endpoint. */
  readonly endpoint: string;
  readonly schema: z.ZodMiniType<T>;
}

/** A document as it was fetched. */
export interface FetchedDocument<T> {
  readonly content: T;
  /** Epoch milliseconds. */
  readonly fetchedAtMs: number;
}

/** The documents of one kind that an isolate knows, by URL. */
export class DocumentCache<T> {
  readonly #documents = new Map<string, FetchedDocument<T>>();
  readonly #fetches = new SharedWork<FetchedDocument<T>>();

  /**
   * A document that was fetched within the hour, and not before `sinceMs`.
   *
   * @param at.nowMs epoch milliseconds
   * @param at.sinceMs fetch it again where it was fetched before this
   * @throws AppError `UPSTREAM_UNAVAILABLE`
   */
  async get(
    upstream: Upstream,
    source: DocumentSource<T>,
    at: { nowMs: number; sinceMs?: number },
  ): Promise<FetchedDocument<T>> {
    const oldestMs = Math.max(at.nowMs - MAX_AGE_MS, at.sinceMs ?? 0);
    return this.#fetches.share(upstream, source.url, {
      nowMs: at.nowMs,
      find: () => {
        const known = this.#documents.get(source.url);
        return known !== undefined && known.fetchedAtMs > oldestMs ? known : null;
      },
      work: () => this.#fetch(upstream, source, at.nowMs),
    });
  }

  /** Forgets a document that turned out to be of no use. */
  forget(url: string): void {
    this.#documents.delete(url);
  }

  async #fetch(upstream: Upstream, source: DocumentSource<T>, nowMs: number): Promise<FetchedDocument<T>> {
    const { url, endpoint, schema } = source;
    const response = await upstream.fetch(url, {}, { endpoint });
    if (response.status !== 200) throw unavailable(endpoint, response, nowMs);
    const document = { content: await readJson(response, schema, endpoint), fetchedAtMs: nowMs };
    this.#documents.set(url, document);
    return document;
  }
}

const KEYS_ENDPOINT = "Google's key endpoint";

const KeySetSchema = z.custom<JSONWebKeySet>(
  (value) => z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }).safeParse(value).success,
);

/** Finds the key that a JWS names in its header. */
type KeyResolver = (...jws: Parameters<ReturnType<typeof createLocalJWKSet>>) => Promise<CryptoKey>;

/** Which key set, and how often an unknown `kid` may fetch it again. */
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
