/**
 * A page of rows as an object answers it: at once where all are known, else piece by piece while they are read. It is made
 * as fast as Gmail answers, however slow the reader of the rows is: others may wait for the same messages.
 */
import { AppError, rateLimited } from "../../errors.ts";
import { Gmail } from "../../gmail.ts";
import { GET_UNITS } from "../../gmail/quota.ts";
import { toRetryAfterSeconds, type Upstream } from "../../lib/upstream.ts";
import type { Trace } from "../../lib/trace.ts";
import type { Grant } from "../access.ts";
import { type Cost, toErrorData, type RowsAnswer, type RowsPart, type RowsRequest } from "../rpc.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import type { MinuteQuota } from "./minute.ts";
import { RowReader } from "./reader.ts";
import type { MailboxRows } from "./rows.ts";

/** What one request's calls are made with. */
export interface RowsCalls {
  readonly apiUrl: string;
  readonly grant: Grant;
  readonly upstream: Upstream;
  readonly trace: Trace;
  readonly now: () => number;
}

export interface AnswerParts extends RowsCalls {
  readonly rows: MailboxRows;
  readonly minute: MinuteQuota;
  readonly concurrency: ConcurrencyLimit;
}

/** The Gmail of one request, whose units count. @param signal ends its calls */
export function gmailFor({ apiUrl, grant, now, trace, upstream }: RowsCalls, signal?: AbortSignal): Gmail {
  return new Gmail({ apiUrl, access: grant, now, trace, upstream, signal });
}

/** @throws AppError where nothing is known of the page, and it cannot be read */
export async function answerRows(parts: AnswerParts, request: RowsRequest): Promise<RowsAnswer> {
  const { concurrency, minute, rows, trace, upstream, now } = parts;
  const { actor, budget, hasRows, isStreamed, moment, refs, sub } = request;
  const stop = new AbortController();
  const asked = { moment, sub, reader: gmailFor(parts) };
  const source = await rows.open(refs, asked, () => stop.abort());
  const known = source.allKnown(refs);
  if (known !== null) {
    trace.rowsKnown += known.length;
    return { kind: "known", rows: known, cost: costOf(trace) };
  }
  const reader = new RowReader({
    gmail: gmailFor(parts, stop.signal),
    access: parts.grant,
    upstream,
    trace,
    source,
    concurrency,
    isStreamed,
    hasRead: hasRows,
    quotaBudget: budget.units,
    minuteUnits: () => minute.available(actor.kind),
    now,
    signal: stop.signal,
  });
  async function* pieces(): AsyncGenerator<RowsPart, void> {
    let count = 0;
    try {
      for await (const run of reader.read(refs)) {
        count += run.length;
        if (isStreamed) upstream.restartDeadline();
        yield { rows: run, cost: costOf(trace) };
      }
      yield { end: { retryAfterSeconds: retryAfter(count) }, cost: costOf(trace) };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      yield { error: toErrorData(error), cost: costOf(trace) };
    } finally {
      source.end();
    }
  }
  /** Where the user's minute was what ended the rows. */
  function retryAfter(count: number): number | null {
    if (count === refs.length || minute.available(actor.kind) >= GET_UNITS) return null;
    const seconds = toRetryAfterSeconds(minute.waitMs(actor.kind, GET_UNITS));
    if (count > 0 || hasRows) return seconds;
    throw rateLimited(seconds);
  }
  const onCancel = (): void => {
    reader.giveUp();
    if (!source.giveUp()) stop.abort();
  };
  return { kind: "parts", parts: eagerStream(pieces(), onCancel) };
}

/** What was spent with a trace. */
export function costOf({ quotaUnits, rowsKnown, rowsRead, upstreamCalls }: Trace): Cost {
  return { units: quotaUnits, calls: upstreamCalls, rowsRead, rowsKnown };
}

/** Lines of JSON, each as soon as it is there. */
function eagerStream(pieces: AsyncGenerator<RowsPart, void>, onCancel: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let isOpen = true;
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      const drain = async (): Promise<void> => {
        try {
          // To the end, whether anybody takes it or not.
          for await (const piece of pieces) {
            if (isOpen) controller.enqueue(encoder.encode(`${JSON.stringify(piece)}\n`));
          }
          if (isOpen) controller.close();
        } catch (error) {
          if (isOpen) controller.error(error);
        }
      };
      void drain();
    },
    cancel() {
      isOpen = false;
      onCancel();
    },
  });
}
