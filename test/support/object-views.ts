/** The objects of a stage as a Worker reaches them that something stands in front of. workerd only. */
import type { MailboxNamespace } from "../../src/object/client.ts";
import type { MailboxRpc, Outcome, Question } from "../../src/object/rpc.ts";

/** Stands in front of a question: waits, throws, or lets it pass. */
export type InFront = (question: Question, ask: () => Promise<Outcome<unknown>>) => Promise<Outcome<unknown>>;

/** The binding of a Worker whose questions meet something on their way. */
export function reachedThrough(objects: MailboxNamespace, inFront: InFront): MailboxNamespace {
  const get: MailboxNamespace["get"] = (id) => {
    // As src/object/client.ts has it.
    const stub = objects.get(id) as DurableObjectStub & MailboxRpc;
    const ask: MailboxRpc["ask"] = async (question, values) => inFront(question, () => stub.ask(question, values));
    return new Proxy(stub, { get: (target, name) => (name === "ask" ? ask : Reflect.get(target, name)) });
  };
  return { ...objects, get };
}
