/**
 * The Hono app: which route is where, and what every answer has in common. docs: docs/api.md, "Routes".
 *
 * A path has one spelling. Of Hono's routers, `TrieRouter` alone takes no trailing slash for another (`LinearRouter` and
 * `PatternRouter` do); it is in the bundle for `methodNotAllowed` anyway.
 */
import { HonoBase } from "hono/hono-base";
import { TrieRouter } from "hono/router/trie-router";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { methodNotAllowed } from "hono/method-not-allowed";
import { routePath } from "hono/route";
import { finishAnswer } from "./http/authentication.ts";
import type { Config } from "./config.ts";
import { securityHeaders } from "./http/content-policy.ts";
import { AppError } from "./errors.ts";
import { isolate } from "./http/isolation.ts";
import { plainMeaning } from "./http/request-semantics.ts";
import { requireModestSize, requirePlainPath } from "./http/guards.ts";
import { handleError, handleNotFound } from "./http/error-response.tsx";
import { accountRoutes } from "./routes/account.tsx";
import { apiRoutes } from "./routes/api.ts";
import { authRoutes } from "./routes/auth.ts";
import { batchPassthroughRoutes, gmailPassthroughRoutes } from "./routes/passthrough.ts";
import { healthRoutes, operatorRoutes } from "./routes/operator.ts";
import { messageRoutes } from "./routes/message.tsx";
import { pageRoutes } from "./routes/mailbox.tsx";
import { tokenRoutes } from "./routes/api-tokens.ts";
import { activityRoutes, sessionRoutes } from "./routes/sessions.ts";
import { createRequestScope, logAtEnd, type Services } from "./context.ts";
import type { AppContext, AppEnv } from "./http/types.ts";

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;
/** Chromium's own limit for how long the answer to a preflight is kept. */
const PREFLIGHT_SECONDS = 2 * 60 * 60;

/** Makes the app for one configuration; it serves all requests of the isolate. */
export function createApp(services: Services) {
  const app = new HonoBase<AppEnv>({ router: new TrieRouter(), getPath: rawPath });
  app.onError(handleError).notFound(handleNotFound);
  app.use(
    requestScope(services),
    securityHeaders(services.config),
    finishAnswer,
    orderlyRequest,
    isolate,
    plainMeaning,
  );
  if (services.config.allowedOrigins.length > 0) {
    for (const path of ["/api/*", "/gmail/*", "/batch/*"]) app.use(path, crossOrigin(services.config));
  }
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        c.header("Allow", methods.join(", "));
        throw new AppError("METHOD_NOT_ALLOWED", `This address takes ${methods.join(", ")} only.`);
      },
    }),
  );
  return app
    .route("/healthz", healthRoutes)
    .route("/auth", authRoutes)
    .route("/api/tokens", tokenRoutes)
    .route("/api/sessions", sessionRoutes)
    .route("/api/activity", activityRoutes)
    .route("/api", apiRoutes)
    .route("/gmail/v1", gmailPassthroughRoutes)
    .route("/batch/gmail/v1", batchPassthroughRoutes)
    .route("/operator", operatorRoutes)
    .route("/account", accountRoutes)
    .route("/message", messageRoutes)
    .route("/", pageRoutes);
}

/**
 * The path as it came. Hono would decode it before it looks for a route, and `/%61pi/me` would be another spelling of
 * `/api/me`; a route's parameters are decoded by `c.req.param`.
 */
function rawPath(request: Request): string {
  return new URL(request.url).pathname;
}

/** Opens the request's scope, and tells with every answer what the request cost. */
function requestScope(services: Services) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startMs = services.world.now();
    const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work);
    const scope = createRequestScope(services, { url: c.req.url, waitUntil, clientSignal: c.req.raw.signal });
    c.set("scope", scope);
    await next();
    await logAtEnd(scope, () => ({
      route: routePath(c, -1),
      method: c.req.method,
      status: c.res.status,
      ms: services.world.now() - startMs,
    }));
    if (c.req.method === "HEAD") await dropBody(c);
    const { origin, trace } = scope;
    if (origin.startsWith("https:")) c.header("Strict-Transport-Security", `max-age=${ONE_YEAR_SECONDS}`);
    c.header("Cache-Control", "no-store");
    c.header("X-Request-Id", trace.requestId);
    c.header("X-Gmail-Quota-Units", String(trace.quotaUnits));
    c.header("Server-Timing", trace.serverTiming());
  });
}

/** Nobody reads the body of an answer to HEAD, so a stream of ours or of Gmail's would stay open. */
async function dropBody(c: AppContext): Promise<void> {
  await c.res.body?.cancel();
  c.res = new Response(null, c.res);
}

const orderlyRequest = createMiddleware<AppEnv>(async (c, next) => {
  requireModestSize(c.req.raw);
  requirePlainPath(c.req.url);
  await next();
});

/** What pages of other origins may do: call the API with an API token. Never with our cookie. */
function crossOrigin({ allowedOrigins }: Config) {
  return cors({
    origin: [...allowedOrigins],
    allowHeaders: [
      "Authorization",
      "Content-Encoding",
      "Content-Type",
      "If-Match",
      "If-None-Match",
      "Range",
      "X-HTTP-Method-Override",
    ],
    allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    exposeHeaders: [
      "Content-Range",
      "ETag",
      "Retry-After",
      "Server-Timing",
      "WWW-Authenticate",
      "X-Gmail-Quota-Units",
      "X-Request-Id",
    ],
    maxAge: PREFLIGHT_SECONDS,
  });
}
