/**
 * The Worker's entry: reads the configuration once per isolate, hands every request to the app, and offers the
 * mailbox to other Workers.
 */
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { type Config, ConfigError, describeUnknownNames, parseConfig } from "./config.ts";
import { AppError, toErrorStatus } from "./errors.ts";
import type { GmailProfile } from "./gmail.ts";
import type { GmailMessage } from "./gmail/message.ts";
import { logConfigProblems, logUnknownNames, reportError } from "./lib/log.ts";
import type { MessagesAnswer } from "./mailbox/list.ts";
import * as offline from "./mailbox/offline.ts";
import { createApp } from "./routes.ts";
import type { MailboxCore } from "./object/core.ts";
import { answer, type MailboxRpc, type Outcome, type Question } from "./object/rpc.ts";
import {
  createMailboxCore,
  createRequestScope,
  createServices,
  logAtEnd,
  REAL_WORLD,
  type RequestScope,
  type Services,
  type World,
} from "./context.ts";

/** What an isolate has made of its environment; null where the configuration is wrong. */
type Instance = { readonly services: Services; readonly app: ReturnType<typeof createApp> } | null;

/** Makes a Worker. @param overrides what tests replace of the world outside */
export function createWorker(overrides: Partial<World> = {}) {
  const world = { ...REAL_WORLD, ...overrides };
  // An isolate has one env object for its whole life; only tests bring several.
  const instances = new WeakMap<Env, Instance>();
  const instanceFor = (env: Env): Instance => {
    const known = instances.get(env);
    if (known !== undefined) return known;
    const config = readConfig(env);
    const services = config === null ? null : createServices(config, world);
    const instance = services === null ? null : { services, app: createApp(services) };
    instances.set(env, instance);
    return instance;
  };
  return {
    fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response> {
      return instanceFor(env)?.app.fetch(request, env, ctx) ?? misconfigured();
    },
    /** What an object is made of; null where the configuration is wrong. */
    openMailbox(env: Env, state: DurableObjectState): MailboxCore | null {
      const instance = instanceFor(env);
      return instance === null ? null : createMailboxCore(instance.services, state);
    },
    /** The scope of a call by service binding; null where the configuration is wrong. */
    openScope(env: Env, ctx: ExecutionContext): RequestScope | null {
      const instance = instanceFor(env);
      if (instance === null) return null;
      const waitUntil = (work: Promise<unknown>): void => ctx.waitUntil(work);
      // Service-binding calls carry no abort signal.
      const clientSignal = new AbortController().signal;
      return createRequestScope(instance.services, { url: null, waitUntil, clientSignal });
    },
  };
}

/** @returns null, once everything that is wrong is logged */
function readConfig(env: Env): Config | null {
  // Also where the rest is wrong: a misspelt name is often why another one is missing.
  logUnknownNames(describeUnknownNames(env));
  try {
    return parseConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    logConfigProblems(error.problems);
    return null;
  }
}

/** Names no value and no name: what is wrong is the operator's to know. */
function misconfiguration(): AppError {
  return new AppError("INTERNAL", "The server is not set up correctly. Its log says what is wrong.");
}

/** Without an app there is no middleware to say it. */
const INERT = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
};

function misconfigured(): Response {
  const requestId = crypto.randomUUID();
  const error = misconfiguration();
  return Response.json(
    { error: toErrorStatus(error, { requestId }) },
    { status: error.code, headers: { ...INERT, "Cache-Control": "no-store", "X-Request-Id": requestId } },
  );
}

const worker = createWorker();

export default {
  fetch: (request, env, ctx) => worker.fetch(request, env, ctx),
} satisfies ExportedHandler<Env>;

/**
 * The object of one user, behind the binding `MAILBOXES`: object/core.ts says what it does. Reached by this Worker only.
 *
 * https://developers.cloudflare.com/durable-objects/
 */
export class Mailbox extends DurableObject<Env> implements MailboxRpc {
  #core: MailboxCore | null = null;

  /** Made when it is first asked: where the configuration is wrong, each question fails, and the next deployment's may not. */
  #open(): MailboxCore {
    this.#core ??= worker.openMailbox(this.env, this.ctx);
    if (this.#core === null) throw new Error("The configuration is wrong.");
    return this.#core;
  }

  async ask(question: Question, values: readonly unknown[]): Promise<Outcome<unknown>> {
    return answer(this.#open(), question, values);
  }

  override async alarm(): Promise<void> {
    await this.#open().alarm();
  }
}

/**
 * For other Workers on the same account, by service binding: a user's mailbox while the user is offline. `user` is a
 * `sub` or an address. What goes wrong is thrown as an Error whose `reason` and `code` are those of docs/errors.md,
 * and whose message begins with the reason, for callers whose runtime keeps only that.
 *
 * https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/rpc/
 */
export class GmailService extends WorkerEntrypoint<Env> {
  /** The object of `GET /api/messages`. */
  async listMessages(user: string, options?: offline.ListMessagesOptions): Promise<MessagesAnswer> {
    return this.#serve("listMessages", (scope) => offline.listMessages(scope, user, options));
  }

  /** The NDJSON of `GET /api/messages`. */
  async streamMessages(user: string, options?: offline.ListMessagesOptions): Promise<ReadableStream<Uint8Array>> {
    return this.#serve("streamMessages", (scope) => offline.openMessageStream(scope, user, options));
  }

  /** A message, as Gmail's `users.messages.get` has it. */
  async getMessage(user: string, id: string, options?: offline.GetMessageOptions): Promise<GmailMessage> {
    return this.#serve("getMessage", (scope) => offline.getMessage(scope, user, id, options));
  }

  /** Gmail's `users.getProfile`. */
  async profile(user: string): Promise<GmailProfile> {
    return this.#serve("profile", (scope) => offline.getProfile(scope, user));
  }

  /** Does the work, logs it in one line, and makes of an error one that crosses the binding. */
  async #serve<T>(method: string, work: (scope: RequestScope) => Promise<T>): Promise<T> {
    const scope = worker.openScope(this.env, this.ctx);
    if (scope === null) throw toServiceError(misconfiguration(), null);
    const { trace, world } = scope;
    const startMs = world.now();
    let status = 200;
    try {
      return await work(scope);
    } catch (error) {
      const failure = reportError(trace, error);
      status = failure.code;
      throw toServiceError(failure, trace.requestId);
    } finally {
      const route = `GmailService.${method}`;
      await logAtEnd(scope, () => ({ route, method: "RPC", status, ms: world.now() - startMs }));
    }
  }
}

/** An error that crosses a service binding: own properties where the runtime keeps them, the reason in any case. */
function toServiceError(
  { reason, code, programMessage, retryAfterSeconds }: AppError,
  requestId: string | null,
): Error {
  return Object.assign(new Error(`${reason}: ${programMessage}`), {
    reason,
    code,
    ...(requestId === null ? {} : { requestId }),
    ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
  });
}
