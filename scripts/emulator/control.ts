/**
 * What a developer or another process can make happen to an account from outside, for instance from
 * curl while `npm run dev` runs. Answers only to loopback names, so that no web page can reach it by
 * DNS rebinding. The users' pictures live here too.
 */

import { Hono } from "hono";
import { html } from "hono/html";
import type { OAuthContext } from "./authorization.ts";
import { faultRoutes } from "./fault-routes.ts";
import type { FaultPlan } from "./faults.ts";
import { securityEventRoutes, type SecurityEventContext } from "./security-events.ts";
import { endGrantsOf, killTokensOf } from "./tokens.ts";
import { findUser, USERS, type EmulatedUser } from "./users.ts";

const BASE_PATH = "/__emulator";
const LOOPBACK_NAMES = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Where a user's picture is, on the emulator. */
export function picturePath(user: EmulatedUser): string {
  return `${BASE_PATH}/pictures/${USERS.indexOf(user)}.svg`;
}

/**
 * The control routes, all under `/__emulator`. Those that make something happen to an account take
 * `email`, in the query or as a form; `faults` is about endpoints, `security-events` about the Worker.
 */
export function controlRoutes(
  context: Pick<OAuthContext, "ledger" | "upstream"> & SecurityEventContext & { faults: FaultPlan },
): Hono {
  const { ledger } = context;
  const effects: Readonly<Record<string, (email: string) => Promise<void> | void>> = {
    /** A person removes the app from their account: every token dies, consent is needed again. */
    "invalidate-grant": (email) => endGrantsOf(context, email),
    /** A person changes the password: the tokens die, the consent lives on. */
    "change-password": (email) => killTokensOf(context, email),
    /** An hour passes: the next call gets 401, and a refresh helps. */
    "expire-access-tokens": (email) => {
      for (const grant of ledger.grantsOf(email)) ledger.expireAccessTokens(grant);
    },
  };

  const app = new Hono().basePath(BASE_PATH);
  app.use(async (c, next) => {
    const { hostname } = new URL(c.req.url);
    return LOOPBACK_NAMES.has(hostname) ? next() : c.text("Loopback only.", 403);
  });
  app.get("/", (c) => {
    const grants = ledger.grants().map((grant) => ({
      clientId: grant.clientId,
      email: grant.email,
      scopes: [...grant.scopes],
    }));
    return c.json({ users: USERS, grants, actions: Object.keys(effects) });
  });
  app.get("/pictures/:index", async (c) => {
    const user = USERS[Number.parseInt(c.req.param("index"), 10)];
    if (user === undefined) return c.notFound();
    const svg = html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">
      <rect width="96" height="96" fill="#1a5fd0" />
      <text x="48" y="64" font-family="sans-serif" font-size="48" fill="#fff" text-anchor="middle">
        ${user.name.slice(0, 1)}
      </text>
    </svg>`;
    return c.body(String(await svg), 200, { "Content-Type": "image/svg+xml" });
  });
  app.route("/faults", faultRoutes(context.faults));
  app.route("/security-events", securityEventRoutes(context));
  app.post("/:effect", async (c) => {
    const effect = effects[c.req.param("effect")];
    if (effect === undefined) return c.json({ error: "No such action." }, 404);
    const form = new URLSearchParams(await c.req.text());
    const user = findUser(form.get("email") ?? c.req.query("email") ?? "");
    if (user === null) return c.json({ error: "No such user." }, 404);
    const grants = ledger.grantsOf(user.email).length;
    await effect(user.email);
    return c.json({ email: user.email, grants });
  });
  return app;
}
