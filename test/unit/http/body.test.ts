/** A body that does not say how long it is: what is read of it ends at the limit. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createWorker } from "../../../src/index.ts";
import { CLIENT_ID, CLIENT_SECRET, KEY_A } from "../fixtures.ts";

const CHUNK_BYTES = 16 * 1024;
/** The limit of `/auth/security-events`. */
const LIMIT_BYTES = 64 * 1024;

/** An upload without Content-Length that counts what is taken of it. */
function upload(chunks: number) {
  const seen = { pulled: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (seen.pulled === chunks) return controller.close();
      seen.pulled += 1;
      controller.enqueue(new Uint8Array(CHUNK_BYTES).fill(0x78));
    },
    cancel() {
      seen.isCancelled = true;
    },
  });
  return { seen, request: new Request("http://mail.localhost/auth/security-events", { method: "POST", body }) };
}

async function statusOf(request: Request): Promise<number> {
  const workerEnv = {
    ...env,
    GOOGLE_CLIENT_ID: CLIENT_ID,
    GOOGLE_CLIENT_SECRET: CLIENT_SECRET,
    TOKEN_KEYS: JSON.stringify({ keys: [KEY_A] }),
  };
  const response = await createWorker().fetch(request, workerEnv, createExecutionContext());
  await response.body?.cancel();
  return response.status;
}

describe("an upload of unknown length", () => {
  test("is read to its end while it is within the limit", async () => {
    const { seen, request } = upload(LIMIT_BYTES / CHUNK_BYTES);
    // What it says is another matter.
    expect(await statusOf(request)).not.toBe(413);
    expect(seen).toEqual({ pulled: LIMIT_BYTES / CHUNK_BYTES, isCancelled: false });
  });

  test("is ended at the limit, and never held in memory as a whole", async () => {
    const { seen, request } = upload(10_000);
    expect(await statusOf(request)).toBe(413);
    expect(seen.pulled).toBeLessThan(20);
    expect(seen.isCancelled).toBe(true);
  });
});
