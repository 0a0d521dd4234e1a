/**
 * One workerd for all runs of a vitest process. Mutation testing runs a few fast tests a thousand times, and starting a
 * runtime takes far longer than they do. Every run still evaluates all modules of the project anew, so that none keeps
 * what an earlier mutant left in it; `setup.ts` beside this file does the same for storage.
 */
import type { Plugin } from "vitest/config";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";

type Listener = (argument: unknown) => void;

/** A plugin that lets runtimes outlive the runs that ask for them. @param modules absolute paths to evaluate anew */
export function keptRuntime(modules: readonly string[]): Plugin {
  return {
    name: "kept-runtime",
    configureVitest({ project, vitest }) {
      const pool = project.config.poolRunner;
      if (pool === undefined) throw new Error("The project has no pool of its own.");
      const runtimes: KeptRuntime[] = [];
      project.config.poolRunner = {
        name: pool.name,
        createPoolWorker: (options) => {
          const kept = runtimes.find((runtime) => runtime.claim());
          if (kept !== undefined) return kept;
          const fresh = new KeptRuntime(pool, options, modules);
          runtimes.push(fresh);
          return fresh;
        },
      };
      vitest.onClose(async () => {
        for (const runtime of runtimes) await runtime.dispose();
      });
    },
  };
}

/** A worker of another pool that is started once, and set up by the first run. */
class KeptRuntime implements PoolWorker {
  readonly name: string;
  readonly #worker: PoolWorker;
  readonly #modules: readonly string[];
  readonly #listeners = new Map<string, Listener>();
  #state: "claimed" | "free" | "disposed" = "claimed";
  #isStarted = false;
  #isSetUp = false;
  #isRunning = false;
  /** The run has said that it is over; stopping without that means that something is wrong. */
  #isStopAsked = false;
  /** Of the present run: which tests it selects stands in it. */
  #config: unknown;

  constructor(pool: PoolRunnerInitializer, options: PoolOptions, modules: readonly string[]) {
    this.name = pool.name;
    this.#worker = pool.createPoolWorker(options);
    this.#modules = modules;
  }

  /** Takes the runtime for the next run. @returns false where it is in use or gone */
  claim(): boolean {
    if (this.#state !== "free") return false;
    this.#state = "claimed";
    this.#isStopAsked = false;
    return true;
  }

  async start(): Promise<void> {
    if (this.#isStarted) return;
    await this.#worker.start();
    this.#isStarted = true;
    for (const event of ["message", "error", "exit"]) {
      this.#worker.on(event, (argument: unknown) => this.#hear(event, argument));
    }
  }

  send(message: WorkerRequest): void {
    if (message.type === "stop") {
      this.#isStopAsked = true;
      if (!this.#isRunning) this.#answer("stopped");
    } else if (message.type === "start") {
      this.#config = message.context.config;
      if (this.#isSetUp) this.#answer("started");
      else this.#worker.send(message);
      this.#isSetUp = true;
    } else if (message.type === "run") {
      this.#isRunning = true;
      const context = { ...message.context, config: this.#config, invalidates: [...this.#modules] };
      this.#worker.send({ ...message, context });
    } else {
      this.#worker.send(message);
    }
  }

  on(event: string, listener: Listener): void {
    this.#listeners.set(event, listener);
  }

  off(event: string): void {
    this.#listeners.delete(event);
  }

  deserialize(data: unknown): unknown {
    return this.#worker.deserialize(data);
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    if (this.#isStopAsked && !this.#isRunning) this.#state = "free";
    else await this.dispose();
  }

  async dispose(): Promise<void> {
    if (this.#state === "disposed") return;
    this.#state = "disposed";
    this.#listeners.clear();
    if (this.#isStarted) await this.#worker.stop();
  }

  #hear(event: string, argument: unknown): void {
    if (event === "message" && isRunFinished(argument)) {
      this.#isRunning = false;
      if (this.#isStopAsked) this.#answer("stopped");
    }
    this.#listeners.get(event)?.(argument);
  }

  /** What the worker would answer, later, as from a worker. */
  #answer(type: "started" | "stopped"): void {
    queueMicrotask(() => this.#listeners.get("message")?.({ type, __vitest_worker_response__: true }));
  }
}

function isRunFinished(message: unknown): boolean {
  return typeof message === "object" && message !== null && "type" in message && message.type === "testfileFinished";
}
