/**
 * Documents of Google's that seldom change (key sets, configuration), fetched once for all requests of an isolate.
 *
 * A request must not await a promise of another one, because the runtime may end that one at any time. So whoever finds
 * a fetch under way looks again every few milliseconds, and fetches itself when nothing has come of it.
 * https://developers.cloudflare.com/workers/observability/errors/#cannot-perform-io-on-behalf-of-a-different-request
 */
import type * as z from "zod/mini";
import { CALL_TIMEOUT_MS, readJson, unavailable, type Upstream } from "./http.ts";

/** How long a document is used. Google's own keys are good for some hours. */
const MAX_AGE_MS = 60 * 60 * 1000;
/** How often a waiting request looks whether the fetch of another one is done. */
const POLL_MS = 10;

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
  /** URLs that a request is fetching. One that was ended by the runtime leaves its entry behind. */
  readonly #underWay = new Map<string, { readonly startedAtMs: number }>();

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
    let waitedMs = 0;
    for (; waitedMs < CALL_TIMEOUT_MS; waitedMs += POLL_MS) {
      const known = this.#documents.get(source.url);
      if (known !== undefined && known.fetchedAtMs > oldestMs) return known;
      const other = this.#underWay.get(source.url);
      const isOver = other === undefined || at.nowMs + waitedMs - other.startedAtMs >= CALL_TIMEOUT_MS;
      if (isOver) break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    return this.#fetch(upstream, source, { nowMs: at.nowMs, startedAtMs: at.nowMs + waitedMs });
  }

  /** Forgets a document that turned out to be of no use. */
  forget(url: string): void {
    this.#documents.delete(url);
  }

  async #fetch(
    upstream: Upstream,
    source: DocumentSource<T>,
    { nowMs, startedAtMs }: { nowMs: number; startedAtMs: number },
  ): Promise<FetchedDocument<T>> {
    const { url, endpoint, schema } = source;
    const mark = { startedAtMs };
    this.#underWay.set(url, mark);
    try {
      const response = await upstream.fetch(url, {}, { endpoint });
      if (response.status !== 200) throw unavailable(endpoint, response, nowMs);
      const document = { content: await readJson(response, schema, endpoint), fetchedAtMs: nowMs };
      this.#documents.set(url, document);
      return document;
    } finally {
      if (this.#underWay.get(url) === mark) this.#underWay.delete(url);
    }
  }
}
