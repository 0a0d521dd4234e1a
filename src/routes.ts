/**
 * The Hono app: which route is where, and what every answer has in common. docs: README.md, "Routes".
 *
 * `hono/tiny` has the smallest of Hono's routers; for a dozen routes it is as fast as any.
 */
import { Hono } from "hono/tiny";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { methodNotAllowed } from "hono/method-not-allowed";
import { routePath } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import { keepCaller } from "./authentication.ts";
import type { Config } from "./config.ts";
import { AppError } from "./errors.ts";
import { logRequest } from "./log.ts";
import { requireModestSize, requirePlainPath } from "./request.ts";
import { handleError, handleNotFound } from "./responses.tsx";
import { accountRoutes } from "./routes/account.tsx";
import { apiRoutes } from "./routes/api.ts";
import { authRoutes } from "./routes/auth.ts";
import { batchPassthroughRoutes } from "./routes/batch-passthrough.ts";
import { gmailPassthroughRoutes } from "./routes/gmail-passthrough.ts";
import { healthRoutes } from "./routes/health.ts";
import { messageRoutes } from "./routes/message.tsx";
import { operatorRoutes } from "./routes/operator.ts";
import { pageRoutes } from "./routes/page.tsx";
import { tokenRoutes } from "./routes/tokens.ts";
import { type AppContext, type AppEnv, createRequestScope, type Services } from "./scope.ts";

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;
/** Chromium's own limit for how long the answer to a preflight is kept. */
const PREFLIGHT_SECONDS = 2 * 60 * 60;

/** Makes the app for one configuration; it serves all requests of the isolate. */
export function createApp(services: Services) {
  const app = new Hono<AppEnv>();
  app.onError(handleError).notFound(handleNotFound);
  app.use(requestScope(services), securityHeaders(services.config), keepCaller, orderlyRequest);
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
    .route("/api", apiRoutes)
    .route("/gmail/v1", gmailPassthroughRoutes)
    .route("/batch/gmail/v1", batchPassthroughRoutes)
    .route("/operator", operatorRoutes)
    .route("/account", accountRoutes)
    .route("/message", messageRoutes)
    .route("/", pageRoutes);
}

/** Opens the request's scope, and tells with every answer what the request cost. */
function requestScope(services: Services) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startMs = services.world.now();
    const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work);
    const scope = createRequestScope(services, { url: c.req.url, waitUntil, clientSignal: c.req.raw.signal });
    c.set("scope", scope);
    await next();
    if (c.req.method === "HEAD") await dropBody(c);
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
    allowHeaders: ["Authorization", "Content-Type", "If-Match", "If-None-Match", "Range"],
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

/** For middleware that is run once the answer is there. */
const done = (): Promise<void> => Promise.resolve();

/** What browsers may do with our pages. A message's HTML is a stranger's, and may do nothing but be looked at. */
function securityHeaders({ google }: Config) {
  const common = { xFrameOptions: "DENY", strictTransportSecurity: false } as const;
  const page = secureHeaders({
    ...common,
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      frameSrc: ["'self'"],
      // Chromium applies this to redirects too: a search by somebody whose grant is gone ends at Google's consent page.
      formAction: ["'self'", new URL(google.authorizationEndpoint).origin],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // The path of our own pages is wanted by `signInUrl`; nobody else gets it.
    referrerPolicy: "same-origin",
  });
  const strangersHtml = secureHeaders({
    ...common,
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'unsafe-inline'"],
      imgSrc: ["data:"],
      formAction: ["'none'"],
      baseUri: ["'none'"],
      frameAncestors: ["'self'"],
      sandbox: ["allow-popups", "allow-popups-to-escape-sandbox"],
    },
    xFrameOptions: "SAMEORIGIN",
    referrerPolicy: "no-referrer",
    // A sandboxed document has an origin of its own anyway, and browsers warn of what they cannot give it.
    originAgentCluster: false,
  });
  const passed = secureHeaders({ ...common, referrerPolicy: "no-referrer" });
  return createMiddleware<AppEnv>(async (c, next) => {
    await next();
    const policy = c.get("contentPolicy") ?? "page";
    if (policy === "mail") await strangersHtml(c, done);
    if (policy === "page") await page(c, done);
    if (policy !== "passed") return;
    await passed(c, done);
    c.header("Content-Security-Policy", "default-src 'none'; sandbox");
  });
}
