/**
 * The Hono app: which route is where, and what every answer has in common. docs: README.md, "Routes".
 *
 * `hono/tiny` has the smallest of Hono's routers; for a dozen routes it is as fast as any.
 */
import { Hono } from "hono/tiny";
import { createMiddleware } from "hono/factory";
import { methodNotAllowed } from "hono/method-not-allowed";
import { routePath } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import { keepSession } from "./authentication.ts";
import type { Config } from "./config.ts";
import { AppError } from "./errors.ts";
import { logRequest } from "./log.ts";
import { requirePlainPath } from "./request.ts";
import { handleError, handleNotFound } from "./responses.tsx";
import { apiRoutes } from "./routes/api.ts";
import { authRoutes } from "./routes/auth.ts";
import { gmailPassthroughRoutes } from "./routes/gmail-passthrough.ts";
import { pageRoutes } from "./routes/page.tsx";
import { type AppEnv, createRequestScope, type Services } from "./scope.ts";

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;

/** Makes the app for one configuration; it serves all requests of the isolate. */
export function createApp(services: Services) {
  const app = new Hono<AppEnv>();
  app.onError(handleError).notFound(handleNotFound);
  app.use(requestScope(services), securityHeaders(services.config), keepSession, plainPath);
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
    .get("/healthz", (c) => c.json({ status: "ok" }))
    .route("/auth", authRoutes)
    .route("/api", apiRoutes)
    .route("/gmail/v1", gmailPassthroughRoutes)
    .route("/", pageRoutes);
}

/** Opens the request's scope, and tells with every answer what the request cost. */
function requestScope(services: Services) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startMs = services.world.now();
    const scope = createRequestScope(services, c.req.url);
    c.set("scope", scope);
    await next();
    const logged = logRequest(scope.trace, () => ({
      route: routePath(c, -1),
      method: c.req.method,
      status: c.res.status,
      ms: services.world.now() - startMs,
    }));
    if (scope.trace.streamEnd === null) await logged;
    else c.executionCtx.waitUntil(logged);
    const { origin, trace } = scope;
    if (origin.startsWith("https:")) c.header("Strict-Transport-Security", `max-age=${ONE_YEAR_SECONDS}`);
    c.header("Cache-Control", "no-store");
    c.header("X-Request-Id", trace.requestId);
    c.header("X-Gmail-Quota-Units", String(trace.quotaUnits));
    c.header("Server-Timing", trace.serverTiming());
  });
}

const plainPath = createMiddleware<AppEnv>(async (c, next) => {
  requirePlainPath(c.req.url);
  await next();
});

/** What browsers may do with our pages: show them, unframed, with our own style and no script. */
function securityHeaders({ google }: Config) {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      // Chromium applies this to redirects too: a search by somebody whose grant is gone ends at Google's consent page.
      formAction: ["'self'", new URL(google.authorizationEndpoint).origin],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // The path of our own pages is wanted by `signInUrl`; nobody else gets it.
    referrerPolicy: "same-origin",
    xFrameOptions: "DENY",
    strictTransportSecurity: false,
  });
}
