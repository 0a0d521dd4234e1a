/**
 * Google's client libraries as their documentation sets them up: one OAuth2Client that signs people in, and one per
 * user, which refreshes its access token by itself. All of it is kept in the server's memory.
 */
import { gmail, type gmail_v1 } from "@googleapis/gmail";
import { type Credentials, OAuth2Client, type OAuth2ClientOptions } from "google-auth-library";
import type { RivalConfig } from "../node-env.ts";

export interface Clients {
  /** Signs people in. It is one for all, since an OAuth2Client caches Google's certificates for itself alone. */
  readonly signIn: OAuth2Client;
  /** Keeps what Google gave for a user. */
  keep(userId: string, tokens: Credentials): void;
  /** Gmail on behalf of a user, or null where nothing is kept for them. */
  gmailOf(userId: string): gmail_v1.Gmail | null;
}

/** Makes the clients, with nobody signed in. */
export function createClients(config: RivalConfig, redirectUri: string): Clients {
  const options: OAuth2ClientOptions = {
    clientId: config.clientId,
    clientSecret: config.clientSecret,
    redirectUri,
    endpoints: endpointsAt(config.googleUrl),
  };
  // In the place of a database.
  const tokensByUser = new Map<string, Credentials>();
  const gmailByUser = new Map<string, gmail_v1.Gmail>();

  function connect(userId: string, tokens: Credentials): gmail_v1.Gmail {
    const auth = new OAuth2Client(options);
    auth.setCredentials(tokens);
    // A refresh answers no refresh token: the one at hand stays.
    auth.on("tokens", (fresh) => tokensByUser.set(userId, { ...tokensByUser.get(userId), ...fresh }));
    return gmail({ version: "v1", auth, rootUrl: config.googleUrl });
  }

  return {
    signIn: new OAuth2Client(options),
    keep(userId, tokens) {
      tokensByUser.set(userId, tokens);
      gmailByUser.delete(userId);
    },
    gmailOf(userId) {
      const tokens = tokensByUser.get(userId);
      if (tokens === undefined) return null;
      const client = gmailByUser.get(userId) ?? connect(userId, tokens);
      gmailByUser.set(userId, client);
      return client;
    },
  };
}

function endpointsAt(googleUrl: string): NonNullable<OAuth2ClientOptions["endpoints"]> {
  return {
    oauth2AuthBaseUrl: `${googleUrl}/o/oauth2/v2/auth`,
    oauth2TokenUrl: `${googleUrl}/token`,
    oauth2RevokeUrl: `${googleUrl}/revoke`,
    oauth2FederatedSignonPemCertsUrl: `${googleUrl}/oauth2/v1/certs`,
    oauth2FederatedSignonJwkCertsUrl: `${googleUrl}/oauth2/v3/certs`,
  };
}
