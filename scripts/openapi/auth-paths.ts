/**
 * `/auth/*`: sign-in, leaving, and Google's security events.
 */
import { PROMPTS } from "../../src/oauth.ts";
import { MAX_LOGIN_HINT_LENGTH, MAX_SECURITY_EVENT_BYTES } from "../../src/routes/auth.ts";
import { AUTHENTICATED, errorResponses, LIMITED, redirect } from "./errors.ts";
import { empty, json, query, SESSION } from "./responses.ts";
import type { Paths } from "./types.ts";

const tags = ["Sign-in"];
const toStart = redirect("For a browser's navigation: to `/`.");

export const AUTH_PATHS: Paths = {
  "/auth/login": {
    get: {
      operationId: "login",
      tags,
      summary: "Begin to sign in: to Google",
      security: [],
      parameters: [
        query("return_to", "Where to go after signing in: a path here, outside `/auth/`. Anything else counts as `/`."),
        query("login_hint", "An address or user ID that Google may offer.", {
          type: "string",
          maxLength: MAX_LOGIN_HINT_LENGTH,
        }),
        query("prompt", "What Google must ask for.", { type: "string", enum: PROMPTS }),
      ],
      responses: { 302: redirect("To Google's authorization endpoint."), ...errorResponses(LIMITED) },
    },
  },
  "/auth/callback": {
    get: {
      operationId: "callback",
      tags,
      summary: "Come back from Google",
      description: "The redirect URI of the OAuth client. Nothing but Google's redirect is meant to call it.",
      security: [],
      parameters: [
        query("state", "Of the trip that began here, in this browser, within 10 minutes."),
        query("code", "The authorization code."),
        query("iss", "Google's issuer (RFC 9207)."),
        query("error", "Google's error in place of a code."),
        query("scope", "Granted scopes. What the token endpoint says is what counts."),
      ],
      responses: {
        302: redirect(
          "Signed in: to `return_to`, also where the browser comes with this callback again. Or once more to Google.",
        ),
        ...errorResponses(LIMITED, {
          400: [
            "INVALID_STATE",
            "INVALID_ISSUER",
            "AUTHORIZATION_FAILED",
            "CODE_EXCHANGE_FAILED",
            "INVALID_ID_TOKEN",
            "NO_USER_ID",
          ],
          401: ["SIGN_IN_REQUIRED"],
          403: ["CONSENT_DENIED", "ACCOUNT_NOT_ALLOWED", "SCOPE_REQUIRED", "NO_REFRESH_TOKEN", "ACCESS_BLOCKED"],
          502: ["UPSTREAM_UNAVAILABLE"],
          503: ["STORAGE_UNAVAILABLE"],
          504: ["UPSTREAM_UNAVAILABLE"],
        }),
      },
    },
  },
  "/auth/logout": {
    post: {
      operationId: "logout",
      tags,
      summary: "End this session",
      security: [SESSION, {}],
      parameters: [
        query("everywhere", "Ends all sessions and API tokens of the user, too.", { type: "boolean", default: false }),
      ],
      responses: {
        200: json("Signed out.", "SignedOut"),
        303: toStart,
        // 401 with `everywhere` only: without a session there is nobody whose sessions could be ended.
        ...errorResponses(LIMITED, AUTHENTICATED),
      },
    },
  },
  "/auth/disconnect": {
    post: {
      operationId: "disconnect",
      tags,
      summary: "Give the grant back to Google and delete everything stored",
      security: [SESSION],
      responses: {
        200: json("Everything stored is deleted, whether or not Google could be reached.", "Disconnected"),
        303: toStart,
        ...errorResponses(LIMITED, AUTHENTICATED),
      },
    },
  },
  "/auth/security-events": {
    post: {
      operationId: "receiveSecurityEvents",
      tags,
      summary: "Google's Cross-Account Protection",
      description: "For Google: delivers a signed security event token (RFC 8935).",
      externalDocs: {
        url: "https://developers.google.com/identity/protocols/risc",
        description: "Google's documentation",
      },
      security: [],
      requestBody: {
        required: true,
        content: {
          "application/secevent+jwt": { schema: { type: "string", maxLength: MAX_SECURITY_EVENT_BYTES } },
        },
      },
      responses: {
        202: empty("Taken."),
        ...errorResponses(LIMITED, {
          413: ["INVALID_ARGUMENT"],
          415: ["INVALID_ARGUMENT"],
          503: ["UPSTREAM_UNAVAILABLE", "STORAGE_UNAVAILABLE"],
        }),
      },
    },
  },
};
