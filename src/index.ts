/**
 * The Worker's entry: reads the configuration once per isolate and hands every request to the app.
 */
import { type Config, ConfigError, parseConfig } from "./config.ts";
import { AppError, toErrorStatus } from "./errors.ts";
import { logConfigProblems } from "./log.ts";
import { createApp } from "./routes.ts";
import { createServices, REAL_WORLD, type World } from "./scope.ts";

type App = ReturnType<typeof createApp>;

/** Makes a Worker. @param overrides what tests replace of the world outside */
export function createWorker(overrides: Partial<World> = {}) {
  const world = { ...REAL_WORLD, ...overrides };
  // An isolate has one env object for its whole life; only tests bring several.
  const apps = new WeakMap<Env, App | null>();
  const appFor = (env: Env): App | null => {
    const known = apps.get(env);
    if (known !== undefined) return known;
    const config = readConfig(env);
    const app = config === null ? null : createApp(createServices(config, world));
    apps.set(env, app);
    return app;
  };
  return {
    fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response> {
      return appFor(env)?.fetch(request, env, ctx) ?? misconfigured();
    },
  } satisfies ExportedHandler<Env>;
}

/** @returns null, once everything that is wrong is logged */
function readConfig(env: Env): Config | null {
  try {
    return parseConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    logConfigProblems(error.problems);
    return null;
  }
}

/** Names no value and no name: what is wrong is the operator's to know. */
function misconfigured(): Response {
  const requestId = crypto.randomUUID();
  const error = new AppError(
    "INTERNAL",
    `The server is not set up correctly. Its log says what is wrong (${requestId}).`,
  );
  return Response.json(
    { error: toErrorStatus(error, { requestId }) },
    { status: error.code, headers: { "Cache-Control": "no-store", "X-Request-Id": requestId } },
  );
}

export default createWorker();
