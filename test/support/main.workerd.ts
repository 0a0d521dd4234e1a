/**
 * The entry of the Worker under test: that of src/, but that an object belongs to a stage, and so has its clock, its Google and
 * its variables. The stage is told by `objectsOf` before an object is reached.
 */
import { DurableObject } from "cloudflare:workers";
import type { MailboxCore } from "../../src/object/core.ts";
import { answer, type MailboxRpc, type Outcome, type Question } from "../../src/object/rpc.ts";
import { objectStages, type OpenCore } from "./object-stages.ts";

export { default, GmailService } from "../../src/index.ts";

export class Mailbox extends DurableObject<Env> implements MailboxRpc {
  #core: MailboxCore | null = null;
  #open: OpenCore | null = null;

  async ask(question: Question, values: readonly unknown[]): Promise<Outcome<unknown>> {
    return answer(this.core(), question, values);
  }

  override async alarm(): Promise<void> {
    await this.core().alarm();
  }

  core(): MailboxCore {
    const open = objectStages().get(this.ctx.id.toString());
    if (open === undefined) throw new Error("This object belongs to no stage.");
    if (this.#core === null || this.#open !== open) this.#core = open(this.ctx);
    this.#open = open;
    return this.#core;
  }
}
