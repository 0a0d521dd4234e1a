/**
 * Pages for people, and their forms.
 */
import { AUTHENTICATED, type Errors, errorResponses, GRANTED, LIMITED, redirect } from "./errors.ts";
import { inPath, page, query, SESSION, TO_SIGN_IN } from "./responses.ts";
import type { Paths } from "./types.ts";

const tags = ["Pages"];
const LISTING_ERRORS: Errors = { 400: ["FAILED_PRECONDITION"], 404: ["NOT_FOUND"] };
/** An API token opens no page. */
const MESSAGE_RESPONSES = {
  ...TO_SIGN_IN,
  ...errorResponses(GRANTED, { 404: ["NOT_FOUND"] }),
};

export const PAGE_PATHS: Paths = {
  "/": {
    get: {
      operationId: "showPage",
      tags,
      summary: "The page: a mailbox, or the way in",
      security: [{ session: [] }, {}],
      parameters: [query("q", "Gmail search."), query("pageToken", "Where to go on.")],
      responses: { 200: page("The page."), ...errorResponses(GRANTED, LISTING_ERRORS) },
    },
  },
  "/message/{id}": {
    get: {
      operationId: "showMessage",
      tags,
      summary: "One message, to be read",
      security: [SESSION],
      parameters: [inPath("id", "Gmail's ID of the message.")],
      responses: { 200: page("The page."), ...MESSAGE_RESPONSES },
    },
  },
  "/message/{id}/body": {
    get: {
      operationId: "showMessageBody",
      tags,
      summary: "The HTML of a message, for a sandboxed frame",
      security: [SESSION],
      parameters: [inPath("id", "Gmail's ID of the message.")],
      responses: { 200: page("The HTML, cleaned."), ...MESSAGE_RESPONSES },
    },
  },
  "/account": {
    get: {
      operationId: "showAccount",
      tags,
      summary: "Who is signed in, what is granted, and the API tokens",
      security: [SESSION],
      responses: { 200: page("The page."), ...TO_SIGN_IN, ...errorResponses(AUTHENTICATED) },
    },
  },
  "/account/tokens": {
    post: {
      operationId: "submitToken",
      tags,
      summary: "Make an API token by a form",
      description:
        "For the form of `/account`: a form with `name` and `expiresInDays`. Programs call `POST /api/tokens`.",
      security: [SESSION],
      responses: {
        200: page("The page, with the token, which is shown this once."),
        303: redirect("To sign in again: the sign-in is more than ten minutes old."),
        ...errorResponses(LIMITED, AUTHENTICATED, { 413: ["INVALID_ARGUMENT"], 415: ["INVALID_ARGUMENT"] }),
      },
    },
  },
  "/account/sessions/{id}/end": {
    post: {
      operationId: "submitSessionEnd",
      tags,
      summary: "End a session by a form",
      description: "For the form of `/account`. Programs call `DELETE /api/sessions/{id}`.",
      security: [SESSION],
      parameters: [inPath("id", "The `id` of the session.")],
      responses: {
        303: redirect("Back to `/account`, or to `/` where it was this session."),
        ...errorResponses(LIMITED, AUTHENTICATED),
      },
    },
  },
  "/account/tokens/{id}/revoke": {
    post: {
      operationId: "submitRevocation",
      tags,
      summary: "Revoke an API token by a form",
      description: "For the form of `/account`. Programs call `DELETE /api/tokens/{id}`.",
      security: [SESSION],
      parameters: [inPath("id", "The `id` of the token.")],
      responses: {
        303: redirect("Back to `/account`."),
        ...errorResponses(LIMITED, AUTHENTICATED, { 404: ["NOT_FOUND"] }),
      },
    },
  },
};
