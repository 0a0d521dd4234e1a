/**
 * All `wrangler dev` processes of a test run, in vitest's main process: a test file borrows one by its variables and gives it
 * back at its end for the next file, because starting one costs seconds. Vitest's `globalSetup`. Node only.
 */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import * as z from "zod";
import { type RunningGoogle, startGoogle } from "../google/server.ts";
import { Google } from "./google.ts";
import { makeTokenKeys, workerVars } from "./stage.ts";
import { type RunningWrangler, startWrangler } from "./wrangler-process.ts";

export const orderSchema = z.discriminatedUnion("order", [
  z.strictObject({
    order: z.literal("borrow"),
    /** The test file: two of them never have the same process at the same time. */
    borrower: z.string(),
    vars: z.record(z.string(), z.string()),
    /** Tests that name the same thing share a process with no others. */
    apart: z.string(),
  }),
  z.strictObject({ order: z.literal("return"), borrower: z.string() }),
]);
export type Order = z.infer<typeof orderSchema>;

export const deliverySchema = z.strictObject({
  origin: z.string(),
  googleOrigin: z.string(),
  tokenKeys: z.string(),
  stateDirectory: z.string(),
  /** What the process has printed so far. */
  outputFile: z.string(),
});
export type Delivery = z.infer<typeof deliverySchema>;

declare module "vitest" {
  interface ProvidedContext {
    wranglerPool: string;
  }
}

interface Running {
  readonly wrangler: RunningWrangler;
  readonly google: RunningGoogle;
  readonly delivery: Delivery;
}

interface Lent {
  /** Variables, and what it is kept apart for; of one that failed or has ended, nothing that is asked for. */
  kind: string;
  borrower: string | null;
  readonly running: Promise<Running>;
}

const pool: Lent[] = [];
let server: Server | null = null;

/** Opens the pool; no process is started before one is asked for. */
export async function setup(project: TestProject): Promise<void> {
  server = createServer((incoming, outgoing) => {
    readOrder(incoming)
      .then(carryOut)
      .then((delivery) => outgoing.end(JSON.stringify(delivery)))
      .catch((error: unknown) => outgoing.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  project.provide("wranglerPool", `http://127.0.0.1:${port}`);
}

/** Ends every process. */
export async function teardown(): Promise<void> {
  server?.close();
  const all = await Promise.allSettled(pool.map(({ running }) => running));
  pool.length = 0;
  await Promise.all(
    all.map(async (result) => {
      if (result.status === "rejected") return;
      await result.value.wrangler.close();
      await result.value.google.close();
    }),
  );
}

async function readOrder(incoming: IncomingMessage): Promise<Order> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return orderSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
}

async function carryOut(order: Order): Promise<Delivery | null> {
  const { borrower } = order;
  if (order.order === "return") {
    for (const lent of pool) if (lent.borrower === borrower) lent.borrower = null;
    return null;
  }
  const kind = JSON.stringify([order.apart, order.vars]);
  const own = pool.find((lent) => lent.kind === kind && lent.borrower === borrower);
  let lent = own ?? pool.find((free) => free.kind === kind && free.borrower === null);
  if (lent === undefined) {
    lent = { kind, borrower, running: startPatiently(order.vars) };
    pool.push(lent);
  }
  lent.borrower = borrower;
  try {
    const { delivery, wrangler } = await lent.running;
    if (!wrangler.hasEnded()) return delivery;
  } catch (error) {
    discard(lent);
    throw error;
  }
  // What ended it has failed its own test. Those after it have a process of their own again.
  discard(lent);
  return carryOut(order);
}

/** Nobody gets this one again, and what it leaves is closed at the end with all others. */
function discard(lent: Lent): void {
  lent.kind = "discarded";
}

/** A second try for a machine too busy for the first: how processes start is not what is tested with them. */
async function startPatiently(vars: Readonly<Record<string, string>>): Promise<Running> {
  try {
    return await start(vars);
  } catch (error) {
    console.warn(`A wrangler has not started, and is started again. ${String(error)}`);
    return await start(vars);
  }
}

async function start(vars: Readonly<Record<string, string>>): Promise<Running> {
  const google = await startGoogle({ name: `loopback-${crypto.randomUUID()}` });
  const tokenKeys = vars["TOKEN_KEYS"] ?? makeTokenKeys("first");
  const wrangler = await startWrangler({ ...workerVars(new Google(google.origin), tokenKeys), ...vars }).catch(
    async (error: unknown) => {
      await google.close();
      throw error;
    },
  );
  const { origin, stateDirectory, outputFile } = wrangler;
  return { wrangler, google, delivery: { origin, googleOrigin: google.origin, tokenKeys, stateDirectory, outputFile } };
}
