/**
 * Documents of Google's that seldom change (key sets, configuration), fetched once for all requests of an isolate.
 */
import type * as z from "zod/mini";
import { readJson, unavailable, type Upstream } from "../lib/upstream.ts";
import { SharedWork } from "../isolate/shared-work.ts";

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
   * @param at.sinceMs fetch it anew where it was fetched before this
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
