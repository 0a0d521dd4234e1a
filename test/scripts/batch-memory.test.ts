/** Reading a batch takes little memory beside its text: measured by a heap that holds no more. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** Megabytes: an isolate has 128 for everything. The text has 8, and what is cut out of it shares them. */
const HEAP_MB = 48;

const SCRIPT = `
  import { parseBatch } from "./src/gmail/batch.ts";
  import { parseBatchRequest } from "./src/gmail/batch-request.ts";
  import { largeBatches } from "./test/support/large-batches.ts";
  let count = 0;
  for (const { text, refusal } of largeBatches()) {
    count += 1;
    parseBatch("multipart/mixed; boundary=b", text);
    let refused = false;
    try { parseBatchRequest("multipart/mixed; boundary=b", text); } catch { refused = true; }
    if (refused !== (refusal !== null)) throw new Error("read otherwise than expected: " + refusal);
  }
  console.log(count);
`;

test("batches of 8 MiB in every shape are read in a heap of 48 MB", async () => {
  const options = [`--max-old-space-size=${HEAP_MB}`, "--input-type=module", "--eval", SCRIPT];
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: process.cwd() });
  expect(Number(stdout)).toBeGreaterThan(20);
});
