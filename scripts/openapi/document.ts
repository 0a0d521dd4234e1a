/**
 * The whole OpenAPI document. https://spec.openapis.org/oas/v3.1.1
 */
import manifest from "../../package.json" with { type: "json" };
import { API_PATHS } from "./api-paths.ts";
import { AUTH_PATHS } from "./auth-paths.ts";
import { errorExamples, errorResponse, HEADERS } from "./errors.ts";
import { GMAIL_PATHS } from "./gmail-paths.ts";
import { PAGE_PATHS } from "./page-paths.ts";
import { componentSchemas } from "./schemas.ts";
import { SERVICE_PATHS } from "./service-paths.ts";
import { shareResponses } from "./share-responses.ts";
import type { Document } from "./types.ts";

const DESCRIPTION = `Google sign-in and Gmail message listing.

Call with the session cookie that signing in sets, or with an API token: \`Authorization: Bearer gmedge_…\`. A page of another origin can use an API token only, and only where the operator has listed it in \`ALLOWED_ORIGINS\`.

Every error has Google's own shape. Programs read \`error.details[0].reason\`; people get a page in plain words. Who navigates to an address that needs signing in is led there. A method that an address does not have gets 405, an address that does not exist 404.`;

/** Makes the document. */
export function makeDocument(): Document {
  const { paths, responses } = shareResponses({
    ...API_PATHS,
    ...GMAIL_PATHS,
    ...AUTH_PATHS,
    ...PAGE_PATHS,
    ...SERVICE_PATHS,
  });
  return {
    openapi: "3.1.1",
    info: {
      title: "gmail-edge",
      summary: "A Gmail API gateway on a Cloudflare Worker.",
      description: DESCRIPTION,
      version: manifest.version,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The deployment that serves this document." }],
    tags: [
      { name: "Messages", description: "The signed-in user and the user's messages." },
      { name: "API tokens", description: "What programs call with. Managed with a session only." },
      { name: "Sessions", description: "Where you are signed in, and what was done. For a session only." },
      { name: "Gmail", description: "Gmail's own API, for the caller's own mailbox." },
      { name: "Sign-in", description: "The trip to Google and back, and leaving." },
      { name: "Pages", description: "What people see, and its forms." },
      { name: "Service", description: "Health, and this document." },
    ],
    paths,
    components: {
      schemas: componentSchemas(),
      responses: {
        ...responses,
        BadRequest: errorResponse("400", ["INVALID_ARGUMENT"]),
        NotFound: errorResponse("404", ["NOT_FOUND"]),
        MethodNotAllowed: errorResponse("405", ["METHOD_NOT_ALLOWED"]),
        TooLong: errorResponse("414", ["INVALID_ARGUMENT"]),
        HeadersTooLarge: errorResponse("431", ["INVALID_ARGUMENT"]),
        Internal: errorResponse("500", ["INTERNAL"]),
      },
      headers: HEADERS,
      examples: errorExamples(),
      securitySchemes: {
        session: {
          type: "apiKey",
          in: "cookie",
          name: "__Host-gmail_edge_session",
          description: "Set by `GET /auth/login` and the trip to Google. On plain HTTP it has no `__Host-` prefix.",
        },
        apiToken: { type: "http", scheme: "bearer", description: "An API token, as `POST /api/tokens` makes it." },
        operatorToken: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWE",
          description: "Made from `TOKEN_KEYS` by `npm run rotate` and `npm run doctor`.",
        },
      },
    },
  };
}
