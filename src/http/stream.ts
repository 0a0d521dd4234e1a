/**
 * A page that is sent while it is made: the frame first, then what is in it, piece by piece and in order, so that it
 * needs no script in the browser.
 */
import type { AppContext } from "./types.ts";
import { type Html, slot } from "../pages/slot.ts";

/**
 * Answers with a frame and the pieces in its {@link slot}.
 *
 * @param pieces must not throw: the status is long sent
 */
export async function streamPage(c: AppContext, frame: Html, pieces: AsyncIterable<Html>): Promise<Response> {
  const [head = "", tail = ""] = String(await frame).split(String(slot));
  const { promise, resolve } = Promise.withResolvers<void>();
  c.var.scope.trace.streamEnd = promise;
  const chunks = htmlChunks(head, pieces, tail);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (!done) return controller.enqueue(encoder.encode(value));
      controller.close();
      resolve();
    },
    async cancel() {
      resolve();
      await chunks.return();
    },
  });
  // Without this, a browser may wait for more before it shows anything.
  c.header("X-Content-Type-Options", "nosniff");
  // `wrangler dev` compresses HTML and holds it back until there is enough of it; Cloudflare itself does not.
  // https://github.com/cloudflare/workers-sdk/issues/8004
  if (c.var.scope.origin.startsWith("http:")) c.header("Content-Encoding", "identity");
  return c.body(body, 200, { "Content-Type": "text/html; charset=UTF-8" });
}

async function* htmlChunks(head: string, pieces: AsyncIterable<Html>, tail: string): AsyncGenerator<string, void> {
  yield head;
  for await (const piece of pieces) yield String(piece);
  yield tail;
}
