/**
 * A text that is sent while it is made. The one place that knows when such an answer has ended: read to its end, given up by
 * its reader, or broken off by an error.
 */

/** The answer of one request, where it is streamed. */
export class TextStream {
  /** Resolves when the stream has ended; null where the answer is none. */
  ended: Promise<void> | null = null;
  readonly #onFailure: (error: unknown) => void;

  /** @param onFailure hears of what breaks the text off: its status was sent long before */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /**
   * Opens the stream. Its reader pulls it, so that memory stays flat.
   *
   * @param onEnd called when it has ended, once at least
   */
  open(pieces: AsyncGenerator<string, void>, onEnd: () => void = () => {}): ReadableStream<Uint8Array> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    let isOpen = true;
    const end = (): void => {
      isOpen = false;
      onEnd();
      resolve();
    };
    const fail = this.#onFailure;
    const encoder = new TextEncoder();
    // Of bytes, because that is what crosses a service binding.
    const source: UnderlyingByteSource = {
      type: "bytes",
      async pull(controller) {
        let isLast = true;
        try {
          const { value, done } = await pieces.next();
          // Its reader may have given it up meanwhile.
          if (!isOpen) return;
          if (done) return controller.close();
          controller.enqueue(encoder.encode(value));
          isLast = false;
        } catch (error) {
          if (isOpen) fail(error);
          throw error;
        } finally {
          if (isLast) end();
        }
      },
      async cancel() {
        // First: where the client is gone, nothing runs after an await.
        end();
        await pieces.return();
      },
    };
    return new ReadableStream(source);
  }
}
