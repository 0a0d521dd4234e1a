/**
 * Reading messages at the fake: which of them are let in, which fail by chance, and the multipart text of a batch.
 */
import { messageMetadata } from "./mailbox.ts";
import { type Behaviour, MAX_PARTS } from "./behaviour.ts";

/** One message that was asked for. */
export interface PartRequest {
  /** Its Content-ID, without angle brackets. */
  readonly contentId: string;
  readonly messageId: string;
}

export interface PartAnswer {
  readonly status: 200 | 429 | 503;
  readonly body: string;
}

const TOO_MANY = JSON.stringify({
  error: {
    code: 429,
    message: "Too many concurrent requests for user.",
    errors: [{ domain: "global", reason: "rateLimitExceeded", message: "Too many concurrent requests for user." }],
    status: "RESOURCE_EXHAUSTED",
  },
});

const UNAVAILABLE = JSON.stringify({
  error: {
    code: 503,
    message: "The service is currently unavailable.",
    errors: [{ domain: "global", reason: "backendError", message: "The service is currently unavailable." }],
    status: "UNAVAILABLE",
  },
});

/** Lets messages in up to the hidden limit and draws the failures. */
export class Gate {
  readonly #behaviour: Behaviour;
  #random: number;
  #inFlight = 0;
  refused = 0;
  failed = 0;
  maxInFlight = 0;

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
    this.#random = behaviour.seed;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Decides on each part at the moment that it arrives. @returns the answers, and how many places they take */
  enter(parts: readonly PartRequest[]): { answers: PartAnswer[]; places: number; refused: number } {
    const { hiddenLimit, refuse429, fail503 } = this.#behaviour;
    let places = 0;
    let refused = 0;
    const answers = parts.map(({ messageId }): PartAnswer => {
      if (hiddenLimit !== null && this.#inFlight >= hiddenLimit) {
        refused += 1;
        return { status: 429, body: TOO_MANY };
      }
      this.#inFlight += 1;
      places += 1;
      const draw = this.#draw();
      if (draw < refuse429 + fail503) this.failed += 1;
      if (draw < refuse429) return { status: 429, body: TOO_MANY };
      if (draw < refuse429 + fail503) return { status: 503, body: UNAVAILABLE };
      return { status: 200, body: messageMetadata(messageId) };
    });
    this.refused += refused;
    this.maxInFlight = Math.max(this.maxInFlight, this.#inFlight);
    return { answers, places, refused };
  }

  leave(places: number): void {
    this.#inFlight -= places;
  }

  /** 0 to 1, by mulberry32: the same failures in every run. */
  #draw(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** The parts of a batch request. @throws Error where it has none, or more than Gmail takes */
export function readBatch(body: string): PartRequest[] {
  const part = /Content-ID: <([^>]+)>\r?\n(?:[^\r\n]+\r?\n)*\r?\nGET \/gmail\/v1\/users\/me\/messages\/([0-9a-f]+)\?/gi;
  const parts = Array.from(body.matchAll(part), ([, contentId = "", messageId = ""]) => ({ contentId, messageId }));
  if (parts.length === 0 || parts.length > MAX_PARTS) throw new Error(`A batch of ${parts.length} parts`);
  return parts;
}

/** The answer to a batch, parts in the order that they were sent. */
export function writeBatch(parts: readonly PartRequest[], answers: readonly PartAnswer[], boundary: string): string {
  const texts = parts.map(({ contentId }, index) => {
    const { status, body } = answers[index] ?? { status: 503, body: UNAVAILABLE };
    return [
      `--${boundary}`,
      "Content-Type: application/http",
      `Content-ID: <response-${contentId}>`,
      "",
      `HTTP/1.1 ${status} ${status === 200 ? "OK" : "Error"}`,
      "Content-Type: application/json; charset=UTF-8",
      "",
      body,
      "",
    ].join("\r\n");
  });
  return `${texts.join("")}--${boundary}--\r\n`;
}
