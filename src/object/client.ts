/**
 * The Worker's side of the objects: finds the one of a user or of an API token, asks it, and tells its outages. One try more
 * where the runtime says that it helps, as after a deployment: each method may be asked twice.
 *
 * https://developers.cloudflare.com/durable-objects/best-practices/error-handling/
 */
import type { Config } from "../config.ts";
import { storageUnavailable } from "../errors.ts";
import { inTime } from "../lib/settle.ts";
import type { StartTimer } from "../lib/upstream.ts";
import type { Trace } from "../lib/trace.ts";
import { fromOutcome, type MailboxQuestions, type MailboxRpc, type Outcome, type Question } from "./rpc.ts";

/** An object that does not answer counts as one that cannot be reached. Longer than a refresh takes. */
const ANSWER_TIMEOUT_MS = 12_000;

/** What is used of the binding `MAILBOXES`. */
export type MailboxNamespace = Pick<DurableObjectNamespace, "get" | "idFromName" | "idFromString">;

/**
 * The objects of a jurisdiction. A token's text names an object of its own jurisdiction, so that changing it ends all
 * sessions and tokens.
 *
 * @param warn logs what an operator should know
 * @returns null where the runtime refuses it: then nothing can be reached
 */
export function inJurisdiction(
  { mailboxes, jurisdiction }: Pick<Config, "jurisdiction" | "mailboxes">,
  warn: (detail: string) => void,
): MailboxNamespace | null {
  if (jurisdiction === null) return mailboxes;
  try {
    return mailboxes.jurisdiction(jurisdiction);
  } catch (error) {
    // The words of local workerd, which has no places.
    const isLocal = error instanceof Error && /not implemented in workerd/i.test(error.message);
    warn(`JURISDICTION ${isLocal ? "is ignored locally" : "is refused by the runtime"}.`);
    return isLocal ? mailboxes : null;
  }
}

export interface MailboxesOptions {
  /** Null: nothing can be reached. */
  readonly namespace: MailboxNamespace | null;
  readonly startTimer: StartTimer;
  readonly trace: Trace;
}

/** One request's way to the objects. */
export class Mailboxes {
  readonly #options: MailboxesOptions;

  constructor(options: MailboxesOptions) {
    this.#options = options;
  }

  /** The object of a user. */
  of(sub: string): Mailbox {
    const { namespace } = this.#options;
    return this.#open(() => namespace?.get(namespace.idFromName(sub)));
  }

  /** The object that an API token names; null where it is none of this deployment's. @param objectId in hexadecimal */
  byId(objectId: string): Mailbox | null {
    const { namespace } = this.#options;
    try {
      const id = namespace?.idFromString(objectId);
      return this.#open(() => (id === undefined ? undefined : namespace?.get(id)));
    } catch {
      return null;
    }
  }

  #open(connect: () => DurableObjectStub | undefined): Mailbox {
    return new Mailbox(() => {
      const stub = connect();
      if (stub === undefined) throw new Error("There is no namespace.");
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the class behind the binding is `Mailbox` of index.ts
      return stub as unknown as MailboxRpc;
    }, this.#options);
  }
}

/** The object of one user, as a Worker asks it. */
export class Mailbox {
  readonly #connect: () => MailboxRpc;
  readonly #options: Omit<MailboxesOptions, "namespace">;

  /** @param connect a stub is of no use after a failure */
  constructor(connect: () => MailboxRpc, options: Omit<MailboxesOptions, "namespace">) {
    this.#connect = connect;
    this.#options = options;
  }

  /** Asks the object. @throws AppError as the object says, and `STORAGE_UNAVAILABLE` where it cannot be reached */
  async ask<Q extends Question>(
    question: Q,
    ...values: Parameters<MailboxQuestions[Q]>
  ): Promise<Awaited<ReturnType<MailboxQuestions[Q]>>> {
    const outcome = await this.#options.trace.time("object", () => this.#reach(question, values));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the object answers each question as its interface says
    return fromOutcome(outcome as Outcome<Awaited<ReturnType<MailboxQuestions[Q]>>>);
  }

  async #reach(question: Question, values: readonly unknown[]): Promise<Outcome<unknown>> {
    try {
      return await this.#once(question, values);
    } catch (error) {
      if (!isRetryable(error)) throw storageUnavailable(error);
    }
    try {
      return await this.#once(question, values);
    } catch (error) {
      throw storageUnavailable(error);
    }
  }

  async #once(question: Question, values: readonly unknown[]): Promise<Outcome<unknown>> {
    const { startTimer } = this.#options;
    return inTime(this.#connect().ask(question, values), startTimer, ANSWER_TIMEOUT_MS, () => {
      throw new Error("The object does not answer.");
    });
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof Error && "retryable" in error && error.retryable === true && !("overloaded" in error);
}
