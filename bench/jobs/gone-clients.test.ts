/**
 * Clients that go away while they wait, as a search as one types does with every letter. Here, because the runtime must be
 * workerd itself: `wrangler dev` and the test pool do not tell a Worker that its client has gone.
 */
import { ok } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { newVisitor } from "../lib/bench.ts";
import { Google, WORKERS_CAP } from "../lib/google.ts";
import type { Visitor } from "../lib/visitor.ts";
import { createGmailEdge, OAUTH_CLIENT } from "../subjects.ts";

const ROWS = 100;
const GONE = 30;
const POLL_MS = 5;
/** Several times what the slowest batch takes, and far less than places are held. */
const GOOGLE_IDLE_MS = 2_000;
/** With all places free it takes 8; with every place taken, rows are read by fours, by 25. */
const MOST_BATCHES = 16;

const stack = new AsyncDisposableStack();
let google: Google;
let visitor: Visitor;

before(async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "gmail-edge-gone-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  google = await Google.start(stack, OAUTH_CLIENT);
  const subject = await createGmailEdge(stack, { googleOrigin: google.origin, folder, cpu: null });
  const { origin } = await subject.start(stack, { vars: { MESSAGE_CACHE: "off" } });
  await google.reset({ medianMs: 0 });
  visitor = newVisitor(origin);
  await visitor.signIn();
  await google.setCap(WORKERS_CAP);
});

after(() => stack.disposeAsync());

async function countBatches(): Promise<number> {
  return (await google.meters()).calls["batch"] ?? 0;
}

async function batchesOfOneListing(): Promise<number> {
  await google.reset({ medianMs: 50, hiddenLimit: 50 });
  await visitor.list("metadata", ROWS);
  return countBatches();
}

/** Resolves when one more batch than `asked` has arrived at Google, which takes a while to answer. */
async function untilBatchAfter(asked: number): Promise<void> {
  while ((await countBatches()) <= asked) await wait(POLL_MS);
}

describe("clients that go away while their messages are read", () => {
  test("take nothing of Gmail's limit from the requests after them", { timeout: 60_000 }, async () => {
    await batchesOfOneListing();
    for (let n = 0; n < GONE; n += 1) {
      const asked = await countBatches();
      await visitor.leave("metadata", ROWS, () => untilBatchAfter(asked));
    }
    // What the last of them had sent is still being read at Google, and would be counted as the next one's.
    await wait(GOOGLE_IDLE_MS);
    const batches = await batchesOfOneListing();
    ok(batches <= MOST_BATCHES, `${batches} batches for ${ROWS} rows`);
  });
});
