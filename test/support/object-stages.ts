/**
 * The objects of a stage: those of the runtime, under names of the stage's own, so that two stages of a file share none. An
 * object is made with the services of the Worker that reached it last.
 */
import type { MailboxCore } from "../../src/object/core.ts";

export type OpenCore = (state: DurableObjectState) => MailboxCore;

declare global {
  // oxlint-disable-next-line no-var -- tests and objects may see modules of their own, but the same global
  var objectStagesById: Map<string, OpenCore> | undefined;
}

/** How to make an object, by its ID in hexadecimal. */
export function objectStages(): Map<string, OpenCore> {
  globalThis.objectStagesById ??= new Map();
  return globalThis.objectStagesById;
}

/** What a Worker sees of the objects. @param open makes one with the Worker's services */
export function objectsOf(
  namespace: DurableObjectNamespace,
  stage: string,
  open: OpenCore,
): Pick<DurableObjectNamespace, "get" | "idFromName" | "idFromString" | "jurisdiction"> {
  return {
    idFromName: (name) => namespace.idFromName(`${stage}:${name}`),
    idFromString: (id) => namespace.idFromString(id),
    get: (id) => {
      objectStages().set(id.toString(), open);
      return namespace.get(id);
    },
    jurisdiction: (jurisdiction) => namespace.jurisdiction(jurisdiction),
  };
}
