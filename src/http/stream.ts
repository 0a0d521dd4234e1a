/**
 * A page that is sent while it is made: the frame first, then what is in it, piece by piece and in order, so that it
 * needs no script in the browser.
 */
import type { AppContext } from "./types.ts";
import { type Html, slot } from "../pages/slot.ts";

/** Answers with a frame and the pieces in its {@link slot}. Pieces must not throw: the status is already sent. */
export async function streamPage(c: AppContext, frame: Html, pieces: AsyncIterable<Html>): Promise<Response> {
  const [head = "", tail = ""] = String(await frame).split(String(slot));
  const { origin, stream } = c.var.scope;
  // Without this, a browser may wait for more before it shows anything.
  c.header("X-Content-Type-Options", "nosniff");
  // `wrangler dev` compresses HTML and holds it back until there is enough of it; Cloudflare itself does not.
  // https://github.com/cloudflare/workers-sdk/issues/8004
  if (origin.startsWith("http:")) c.header("Content-Encoding", "identity");
  return c.body(stream.open(htmlChunks(head, pieces, tail)), 200, { "Content-Type": "text/html; charset=UTF-8" });
}

async function* htmlChunks(head: string, pieces: AsyncIterable<Html>, tail: string): AsyncGenerator<string, void> {
  yield head;
  for await (const piece of pieces) {
    const text = String(piece);
    // A stream of bytes takes no empty piece.
    if (text !== "") yield text;
  }
  yield tail;
}
