/**
 * `/api/*`: the user, the messages, the API tokens. Parameters and bodies come from the schemas that check them.
 */
import type * as z from "zod";
import { ListOptionsSchema } from "../../src/mailbox/options.ts";
import { AUTHENTICATED, COMMON_HEADERS, type Errors, errorResponses, GRANTED, LIMITED } from "./errors.ts";
import { API_TOKEN, empty, inPath, json, query, SESSION, TO_SIGN_IN } from "./responses.ts";
import { describeInput, refTo } from "./schemas.ts";
import type { Parameter, Paths, Schema } from "./types.ts";

const LIST_PARAMETERS: Readonly<Record<keyof z.output<typeof ListOptionsSchema>, string>> = {
  q: "Gmail search, passed on unchanged, as in Gmail's own search box.",
  labelIds: "Labels that every message must have. Repeat the parameter for several.",
  includeSpamTrash: "Spam and trash, too.",
  limit: "How many messages in all.",
  pageToken: "The `nextPageToken` of an earlier answer to the same filters.",
  view: "`id`: IDs only. `metadata`: what a row of a mailbox shows, at 20 quota units a message that is not known.",
};

/** The parameters of a listing. */
function listParameters(): Parameter[] {
  const properties = describeInput(ListOptionsSchema)["properties"] as Record<string, Schema>;
  return Object.entries(LIST_PARAMETERS).map(([name, description]) => query(name, description, properties[name]));
}

/** What Gmail may say to a read. */
const READING_ERRORS: Errors = {
  400: ["FAILED_PRECONDITION"],
  404: ["NOT_FOUND"],
  "4XX": ["INVALID_ARGUMENT", "FAILED_PRECONDITION"],
};

export const API_PATHS: Paths = {
  "/api/me": {
    get: {
      operationId: "getMe",
      tags: ["Messages"],
      summary: "Who is signed in",
      security: [SESSION, API_TOKEN],
      responses: {
        200: json("The user, and the scopes that were granted.", "Me"),
        ...TO_SIGN_IN,
        ...errorResponses(AUTHENTICATED),
      },
    },
  },
  "/api/messages": {
    get: {
      operationId: "listMessages",
      tags: ["Messages"],
      summary: "List messages, newest first",
      description:
        "Follows Gmail's pages until `limit` is reached, or a budget of the request is used up: then `nextPageToken` says " +
        "where to go on. With `Accept: application/x-ndjson` each message is a line of its own, sent as soon as it is " +
        "known, and the last line counts them. A list of rows that are known costs 7 quota units. Where the user's units of " +
        "the minute are used up, the list ends with `nextPageToken` and `retryAfterSeconds`, or is 429 where there is not one row.",
      security: [SESSION, API_TOKEN],
      parameters: listParameters(),
      responses: {
        200: {
          description: "The messages. As NDJSON, the schema is that of a line.",
          headers: COMMON_HEADERS,
          content: {
            "application/json": { schema: refTo("Messages") },
            "application/x-ndjson": { schema: refTo("MessagesLine") },
          },
        },
        ...TO_SIGN_IN,
        ...errorResponses(GRANTED, READING_ERRORS),
      },
    },
  },
  "/api/messages/{id}": {
    get: {
      operationId: "getMessage",
      tags: ["Messages"],
      summary: "Read a message, decoded",
      description:
        "Headers, text, HTML as it came, and what is attached. 20 quota units. For the message as Gmail has it: " +
        "`/gmail/v1/users/me/messages/{id}`.",
      security: [SESSION, API_TOKEN],
      parameters: [inPath("id", "Gmail's ID of the message.")],
      responses: {
        200: json("The message.", "Message"),
        ...TO_SIGN_IN,
        ...errorResponses(GRANTED, READING_ERRORS),
      },
    },
  },
  "/api/messages/{id}/attachments/{partId}": {
    get: {
      operationId: "getAttachment",
      tags: ["Messages"],
      summary: "Save an attachment",
      description:
        "Its bytes, streamed, with the sender's name and type. 40 quota units, because Gmail's own attachment IDs change " +
        "with each read: the message is read first.",
      security: [SESSION, API_TOKEN],
      parameters: [
        inPath("id", "Gmail's ID of the message."),
        inPath("partId", "The `id` of the attachment, as `/api/messages/{id}` names it."),
      ],
      responses: {
        200: {
          description: "The bytes.",
          headers: {
            ...COMMON_HEADERS,
            "Content-Disposition": {
              description: "`attachment`, with the name (RFC 6266).",
              required: true,
              schema: { type: "string", pattern: "^attachment; filename=" },
            },
          },
          content: { "*/*": {} },
        },
        ...TO_SIGN_IN,
        ...errorResponses(GRANTED, READING_ERRORS),
      },
    },
  },
  "/api/labels": {
    get: {
      operationId: "listLabels",
      tags: ["Messages"],
      summary: "List the labels: Gmail's own and the user's",
      security: [SESSION, API_TOKEN],
      responses: {
        200: json("The labels. 1 quota unit.", "Labels"),
        ...TO_SIGN_IN,
        ...errorResponses(GRANTED, READING_ERRORS),
      },
    },
  },
  "/api/sessions": {
    get: {
      operationId: "listSessions",
      tags: ["Sessions"],
      summary: "List where you are signed in",
      security: [SESSION],
      responses: {
        200: json("The sessions that are in force.", "Sessions"),
        ...TO_SIGN_IN,
        ...errorResponses(AUTHENTICATED),
      },
    },
  },
  "/api/sessions/{id}": {
    delete: {
      operationId: "endSession",
      tags: ["Sessions"],
      summary: "End a session",
      security: [SESSION],
      parameters: [inPath("id", "The session's ID.")],
      responses: {
        204: empty("It has ended, everywhere and at once."),
        ...errorResponses(LIMITED, AUTHENTICATED, { 404: ["NOT_FOUND"] }),
      },
    },
  },
  "/api/activity": {
    get: {
      operationId: "listActivity",
      tags: ["Sessions"],
      summary: "List what your sessions, API tokens and services did",
      description: "A row a day and actor, for the last 30 days. Counts only: nothing of any message or search.",
      security: [SESSION],
      responses: { 200: json("The rows.", "Activity"), ...TO_SIGN_IN, ...errorResponses(AUTHENTICATED) },
    },
  },
  "/api/tokens": {
    get: {
      operationId: "listTokens",
      tags: ["API tokens"],
      summary: "List your API tokens",
      security: [SESSION],
      responses: {
        200: json("The tokens that are in force, without their secrets.", "Tokens"),
        ...TO_SIGN_IN,
        ...errorResponses(LIMITED, AUTHENTICATED),
      },
    },
    post: {
      operationId: "createToken",
      tags: ["API tokens"],
      summary: "Make an API token",
      description:
        "A token speaks for you, with the scopes that you have granted so far, as far as its `access` goes: `list` for " +
        "`/api/me`, `/api/messages`, `/api/labels` and Gmail's lists of messages, threads and history; `read` (unless said) for every " +
        "GET and HEAD; `full` for everything. Of a batch each part counts alone. It cannot make tokens. " +
        "Making one takes a sign-in of the last ten minutes: else `SIGN_IN_REQUIRED`, and signing in at its `authorizationUrl` is enough.",
      security: [SESSION],
      requestBody: {
        required: true,
        content: {
          "application/json": {
            schema: refTo("NewToken"),
            examples: { script: { value: { name: "my script", expiresInDays: 30, access: "read" } } },
          },
        },
      },
      responses: {
        201: json("The token. Its secret is shown this once.", "CreatedToken"),
        ...errorResponses(LIMITED, AUTHENTICATED, {
          400: ["FAILED_PRECONDITION"],
          413: ["INVALID_ARGUMENT"],
          415: ["INVALID_ARGUMENT"],
        }),
      },
    },
  },
  "/api/tokens/{id}": {
    delete: {
      operationId: "revokeToken",
      tags: ["API tokens"],
      summary: "Revoke an API token",
      security: [SESSION],
      parameters: [inPath("id", "The token's ID, not its secret.")],
      responses: {
        204: empty("It is revoked, everywhere and at once."),
        ...errorResponses(LIMITED, AUTHENTICATED, { 404: ["NOT_FOUND"] }),
      },
    },
  },
};
