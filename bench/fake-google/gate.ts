/** Which messages may be read now: up to the hidden limit of a user, and not those that fail by chance. */
import type { Behaviour } from "./behaviour.ts";
import { type Answer, json, TOO_MANY, UNAVAILABLE } from "./errors.ts";
import { chance } from "./latency.ts";
import { messageMetadata, positionOf } from "./mailbox.ts";

/** Lets messages in, and counts. */
export class Gate {
  readonly #behaviour: Behaviour;
  /** Messages in reading by user. */
  readonly #inFlight = new Map<string, number>();
  /** How often a message was let in, so that its second try has a draw of its own. */
  readonly #tries = new Map<string, number>();
  reads = 0;
  refused = 0;
  failed = 0;

  constructor(behaviour: Behaviour) {
    this.#behaviour = behaviour;
  }

  /** Decides on each message at the moment that it is asked for. @returns the answers, and how to leave */
  enter(sub: string, messageIds: readonly string[]): { answers: Answer[]; leave: () => void } {
    let places = 0;
    const answers = messageIds.map((id) => {
      this.reads += 1;
      const inFlight = this.#inFlight.get(sub) ?? 0;
      if (inFlight >= this.#behaviour.hiddenLimit) {
        this.refused += 1;
        return TOO_MANY;
      }
      this.#inFlight.set(sub, inFlight + 1);
      places += 1;
      return this.#read(id);
    });
    return { answers, leave: () => void this.#inFlight.set(sub, (this.#inFlight.get(sub) ?? 0) - places) };
  }

  #read(id: string): Answer {
    const { seed, refuse429, fail503 } = this.#behaviour;
    if (refuse429 + fail503 > 0) {
      const attempt = this.#tries.get(id) ?? 0;
      this.#tries.set(id, attempt + 1);
      const draw = chance(seed, positionOf(id), attempt);
      if (draw < refuse429 + fail503) this.failed += 1;
      if (draw < refuse429) return TOO_MANY;
      if (draw < refuse429 + fail503) return UNAVAILABLE;
    }
    return json(messageMetadata(id));
  }
}
