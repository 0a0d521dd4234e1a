/**
 * better-auth, set up as its documentation shows it for Google and for Node's own SQLite. The database is in memory,
 * which is kinder to it than a file.
 */
import { DatabaseSync } from "node:sqlite";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { GMAIL_SCOPE, type RivalConfig } from "../node-env.ts";

/** Makes better-auth with an empty database. */
export async function createAuth(config: RivalConfig) {
  const auth = betterAuth({
    baseURL: config.publicUrl,
    secret: config.sessionSecret,
    database: new DatabaseSync(":memory:"),
    socialProviders: {
      google: {
        clientId: config.clientId,
        clientSecret: config.clientSecret,
        // Both together: "always get a refresh token".
        accessType: "offline",
        prompt: "select_account consent",
        // On top of openid, email and profile.
        scope: [GMAIL_SCOPE],
        authorizationEndpoint: `${config.googleUrl}/o/oauth2/v2/auth`,
      },
    },
    // A load generator is one client, which would be stopped.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
  });
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  return auth;
}
