/**
 * Messages that somebody has just opened, so that the frame within their page need not read them again. In memory, for ten
 * minutes, and never stored.
 */
const KEPT_MS = 10 * 60 * 1000;
/** Characters of JSON. An object has 128 MB of memory. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
const MAX_CHARACTERS_EACH = 2 * 1024 * 1024;

export class OpenedMessages {
  readonly #now: () => number;
  /** The one opened longest ago first. */
  readonly #messages = new Map<string, { readonly json: string; readonly untilMs: number }>();

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param json as Gmail answered */
  set(id: string, json: string): void {
    if (json.length > MAX_CHARACTERS_EACH) return;
    this.#messages.delete(id);
    this.#messages.set(id, { json, untilMs: this.#now() + KEPT_MS });
    let characters = 0;
    for (const [other, message] of [...this.#messages].toReversed()) {
      characters += message.json.length;
      if (characters > MAX_CHARACTERS || message.untilMs <= this.#now()) this.#messages.delete(other);
    }
  }

  /** The JSON of a message; null where it is not kept. */
  get(id: string): string | null {
    const message = this.#messages.get(id);
    return message !== undefined && message.untilMs > this.#now() ? message.json : null;
  }

  delete(id: string): void {
    this.#messages.delete(id);
  }

  clear(): void {
    this.#messages.clear();
  }
}
