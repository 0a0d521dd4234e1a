/** What every job of the benchmark works with. */
import type { Meters } from "../fake-gmail/behaviour.ts";
import type { FakeGmail } from "./fake.ts";
import { checkRows, WorkerClient } from "./worker.ts";

export interface Bench {
  readonly fake: FakeGmail;
  /** Runs of which a median is taken. */
  readonly runs: number;
  /** Origin of the Worker with the budgets of wrangler.toml, and of the same with budgets that do not end. */
  readonly worker: { readonly origin: string; readonly unboundedOrigin: string; readonly pid: number };
  /** Origins of the rivals. */
  readonly rivals: { readonly oneByOne: string; readonly sixAtATime: string; readonly fixedBatches: string };
  /** Starts the Worker in a fresh process, for what is measured of the process. */
  readonly startFresh: (stack: AsyncDisposableStack) => Promise<{ origin: string; pid: number }>;
  /** Keeps a trace of batches for whoever wants to know why. */
  readonly keepTrace: (name: string, meters: Meters) => void;
  /** Tells the most upstream calls at once that a request of the Worker's had. */
  readonly noteConcurrency: (meters: Meters) => void;
}

let users = 0;

/** Someone whom the isolate has not seen yet. */
export async function newUser(origin: string): Promise<WorkerClient> {
  users += 1;
  return WorkerClient.signIn(origin, `bench-user-${users}`);
}

/** Asks a rival for rows, checks them, and says how long it took, in milliseconds. */
export async function askRival(origin: string, limit: number, query = ""): Promise<number> {
  const startMs = performance.now();
  const response = await fetch(`${origin}/?limit=${limit}${query}`);
  const body = await response.text();
  const ms = performance.now() - startMs;
  checkRows(response.status, body, limit);
  return ms;
}

/** Requests to each Worker before anything is measured: what is compared is the work, not the compiler's warming up. */
const WARM_UPS = 5;

/** Makes requests that nobody measures. */
export async function warmUp({ fake, worker, rivals }: Bench): Promise<void> {
  await fake.reset({ mailboxSize: 1_000 });
  const clients = [await newUser(worker.origin), await newUser(worker.unboundedOrigin)];
  for (let run = 0; run < WARM_UPS; run += 1) {
    for (const client of clients) {
      await client.list("metadata", 100);
      await client.list("id", 1_000);
    }
    await askRival(rivals.oneByOne, 10);
    await askRival(rivals.sixAtATime, 50);
    await askRival(rivals.fixedBatches, 100, "&batches=3&size=20");
  }
}
