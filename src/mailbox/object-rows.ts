/**
 * The rows of a request, as the user's object answers them: it knows them, or reads them. It is asked how new its rows are
 * while Gmail lists the messages, so that a list whose rows are known takes one round trip.
 */
import { AppError, signInRequired, storageUnavailable } from "../errors.ts";
import type { MessageRef } from "../gmail.ts";
import type { Grant } from "../object/access.ts";
import type { Mailbox } from "../object/client.ts";
import { type Actor, type Cost, type RowsCaller, type RowsPart, toAppError } from "../object/rpc.ts";
import type { MetadataRow } from "../object/rows/queue.ts";
import type { Config } from "../config.ts";
import { GET_UNITS, HISTORY_UNITS, LIST_UNITS } from "../gmail/quota.ts";
import { handled, settle } from "../lib/settle.ts";
import type { RequestScope } from "../context.ts";

export interface ObjectRowsOptions extends Pick<RequestScope, "config" | "trace" | "upstream"> {
  /** Who acts; null for nobody any more. */
  readonly acting: { readonly mailbox: Mailbox; readonly actor: Actor } | null;
  readonly user: { readonly sub: string; readonly email: string | null };
  readonly grant: Grant;
  /** Rows are wanted one by one, each as soon as it is there. */
  readonly isStreamed: boolean;
  /** Aborted when the reader of the rows disconnects. */
  readonly signal: AbortSignal;
}

/** Whether rows are kept: a budget of a row and a list has nothing left for history. */
function keepsRows({ keepsRows: isOn, quotaBudget }: Config): boolean {
  return isOn && quotaBudget >= LIST_UNITS + GET_UNITS + HISTORY_UNITS;
}

/** Quota units that a request may spend, without those of its history. */
export function rowsBudget(config: Config): number {
  return config.quotaBudget - (keepsRows(config) ? HISTORY_UNITS : 0);
}

export class ObjectRows {
  readonly #options: ObjectRowsOptions;
  /** Names the request: all its rows are of some moment since it began. Null where rows are not kept. */
  readonly #moment: string | null;
  readonly #synced: Promise<Cost | null>;
  #hasRows = false;
  /** Seconds until rows can be had again, where the user's minute has ended them; else null. */
  retryAfterSeconds: number | null = null;

  constructor(options: ObjectRowsOptions) {
    this.#options = options;
    this.#moment = keepsRows(options.config) ? crypto.randomUUID() : null;
    this.#synced = this.#moment === null ? Promise.resolve(null) : handled(this.#sync(this.#moment));
  }

  async #sync(moment: string): Promise<Cost> {
    return this.#acting.mailbox.ask("sync", moment, await this.#caller());
  }

  get #acting(): NonNullable<ObjectRowsOptions["acting"]> {
    const { acting } = this.#options;
    if (acting === null) throw signInRequired();
    return acting;
  }

  async #caller(): Promise<RowsCaller> {
    const { grant, trace, user } = this.#options;
    const { actor } = this.#acting;
    await grant.accessToken();
    const accessToken = grant.inUse;
    if (accessToken === null) throw signInRequired();
    return { ...user, actor, accessToken, spentUnits: trace.tellUnits() };
  }

  /** Yields the rows of a page in order, in runs. Ends before the last where a budget is nearly spent. @throws AppError */
  async *read(refs: readonly MessageRef[]): AsyncGenerator<readonly MetadataRow[], void> {
    if (refs.length === 0) return;
    const { config, grant, isStreamed, trace, upstream } = this.#options;
    try {
      const answer = await this.#acting.mailbox.ask("rows", {
        ...(await this.#caller()),
        requestId: trace.requestId,
        moment: this.#moment,
        refs,
        isStreamed,
        hasRows: this.#hasRows,
        budget: {
          calls: upstream.remainingCalls,
          units: rowsBudget(config) - trace.quotaUnits,
          ms: upstream.remainingMs,
        },
      });
      if (answer.kind === "known") {
        trace.addCost(answer.cost);
        yield* this.#pass(answer.rows);
      } else {
        yield* this.#take(answer.parts);
      }
    } catch (error) {
      if (error instanceof AppError && error.reason === "CONSENT_REQUIRED") grant.lose();
      throw error;
    }
  }

  async *#take(stream: ReadableStream<Uint8Array>): AsyncGenerator<readonly MetadataRow[], void> {
    const { trace } = this.#options;
    let cost: Cost = { units: 0, calls: 0, rowsRead: 0, rowsKnown: 0 };
    for await (const part of partsOf(stream, this.#options)) {
      trace.addCost(difference(part.cost, cost));
      cost = part.cost;
      if ("error" in part) throw toAppError(part.error);
      if ("end" in part) this.retryAfterSeconds = part.end.retryAfterSeconds;
      else yield* this.#pass(part.rows);
    }
  }

  *#pass(rows: readonly MetadataRow[]): Generator<readonly MetadataRow[], void> {
    this.#hasRows = true;
    if (rows.length > 0) yield rows;
  }

  /** How many messages are unread under labels; one that could not be read is missing. @throws AppError */
  async countUnread(labelIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (labelIds.length === 0) return new Map();
    const { counts, cost } = await this.#acting.mailbox.ask(
      "countUnread",
      this.#moment,
      await this.#caller(),
      labelIds,
    );
    this.#options.trace.addCost(cost);
    return counts;
  }

  /** To be called when no more rows are wanted: what the object has spent beside them counts. */
  async end(): Promise<void> {
    const synced = await settle(this.#synced);
    if (synced.status === "fulfilled" && synced.value !== null) this.#options.trace.addCost(synced.value);
  }
}

/** What has been spent since. */
function difference(now: Cost, before: Cost): Cost {
  return {
    units: now.units - before.units,
    calls: now.calls - before.calls,
    rowsRead: now.rowsRead - before.rowsRead,
    rowsKnown: now.rowsKnown - before.rowsKnown,
  };
}

/** The lines of a stream of parts. Left early, or where the client is gone, the stream is given up, and so is its reading. */
async function* partsOf(
  stream: ReadableStream<Uint8Array>,
  { signal, trace }: Pick<ObjectRowsOptions, "signal" | "trace">,
): AsyncGenerator<RowsPart, void> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  const giveUp = (): void => void handled(reader.cancel());
  signal.addEventListener("abort", giveUp);
  let rest = "";
  let isDone = false;
  try {
    for (;;) {
      const { done, value } = await trace.time("hydrate", () => readNext(reader));
      isDone = done;
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop() ?? "";
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- object/rows/answer.ts writes them
      for (const line of lines) yield JSON.parse(line) as RowsPart;
    }
  } finally {
    signal.removeEventListener("abort", giveUp);
    if (!isDone) giveUp();
  }
}

/** @throws AppError where the object was stopped */
async function readNext(reader: ReadableStreamDefaultReader<string>): Promise<ReadableStreamReadResult<string>> {
  try {
    return await reader.read();
  } catch (error) {
    throw storageUnavailable(error);
  }
}
