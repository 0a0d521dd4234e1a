/**
 * Storage that fails: one question to the object of a user, or one operation of KV, whether the Worker or the object asks.
 */
import { inside } from "../support/contract.ts";
import { reachedThrough } from "../support/object-views.ts";
import type { Scene } from "../support/scenes.ts";

/** A question to the object, or an operation of KV with what its key begins with. */
export interface Operation {
  readonly kind: "ask" | "get" | "put" | "delete" | "list";
  readonly what: string;
}

/** `unreachable`: it is not done. `answer lost`: it is done, and nobody hears of it. */
export type Failure = "unreachable" | "answer lost";

/** Which operation fails: the `nth` (from 0) of its sort. */
export interface Failing extends Operation {
  readonly nth: number;
  readonly failure: Failure;
  /** Not this one only, but every later one of its sort, too. */
  readonly lasts: boolean;
}

const KV_KINDS = ["get", "put", "delete", "list"] as const;

function isSame(one: Operation, other: Operation): boolean {
  return one.kind === other.kind && one.what === other.what;
}

/** All storage of a scene, watched, with at most one thing that fails. */
export class Storage {
  readonly operations: Operation[] = [];
  failing: Failing | null = null;
  /** How often something failed. */
  failures = 0;

  async run<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    const nth = this.operations.filter((other) => isSame(other, operation)).length;
    this.operations.push(operation);
    const { failing } = this;
    const fails =
      failing !== null && isSame(failing, operation) && (failing.lasts ? nth >= failing.nth : nth === failing.nth);
    if (!fails) return work();
    this.failures += 1;
    if (failing.failure === "answer lost") await work();
    throw new Error("Storage is out of reach.");
  }

  /** Forgets what was done, and lets this fail from now on. */
  begin(failing: Failing | null): void {
    this.operations.length = 0;
    this.failing = failing;
  }
}

/** The same people before a Worker whose storage, and that of its objects, is watched. */
export function withStorage(scene: Scene): { scene: Scene; storage: Storage } {
  const storage = new Storage();
  const { kv, redeploy } = inside(scene.stage);
  const CREDENTIALS = new Proxy(kv, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      const kind = KV_KINDS.find((one) => one === name);
      if (kind === undefined || typeof method !== "function") return method;
      return (keys: unknown, ...rest: unknown[]) =>
        storage.run({ kind, what: prefixOf(keys) }, async () => Reflect.apply(method, target, [keys, ...rest]));
    },
  });
  // The objects are made by a Worker with this KV, and reached by one that is watched as well.
  const { mailboxes } = inside(redeploy({}, { CREDENTIALS }));
  const MAILBOXES = reachedThrough(mailboxes, (question, ask) => storage.run({ kind: "ask", what: question }, ask));
  const stage = redeploy({}, { CREDENTIALS, MAILBOXES });
  const browser = stage.browser();
  scene.browser.jar.copyTo(browser.jar);
  return { scene: { ...scene, stage, browser }, storage };
}

/** What a key, or the first of several, begins with. */
function prefixOf(keys: unknown): string {
  return String([keys].flat()[0]).split(":")[0] ?? "";
}
