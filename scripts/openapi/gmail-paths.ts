/**
 * Gmail's own API, passed through. What it takes and answers is Google's to describe.
 */
import { MAX_BODY_BYTES } from "../../src/routes/passthrough.ts";
import { COMMON_HEADERS, type Errors, errorOf, errorResponses, GRANTED } from "./errors.ts";
import { API_TOKEN, inPath, SESSION, TO_SIGN_IN } from "./responses.ts";
import { METHODS, type Operation, type PathItem, type Paths, type ResponseObject, type Schema } from "./types.ts";

const tags = ["Gmail"];
const security = [SESSION, API_TOKEN];
const bodyNote = `At most ${MAX_BODY_BYTES / 1024 / 1024} MiB.`;

const PARAMETERS =
  "Query parameters are Gmail's own, and `fields`, `alt=json`, `prettyPrint`, `quotaUser` and `$.xgafv`; others get 400.";
const HEADERS =
  "A body may be gzip (`Content-Encoding`). A POST with `X-HTTP-Method-Override: GET` and the query as a form is a GET; " +
  "other overrides, `X-Goog-FieldMask` and uploads get 400.";

/** An error that the Worker made itself. */
const OF_OURS: Schema = {
  properties: {
    error: {
      properties: { details: { contains: { properties: { domain: { const: "gmail-edge" } }, required: ["domain"] } } },
      required: ["details"],
    },
  },
  required: ["error"],
};

/** Ours are told by their domain; everything else is Gmail's, untouched. */
function forwarded(...sets: readonly Errors[]): Record<string, ResponseObject> {
  const ours = errorResponses(GRANTED, ...sets);
  const answers = Object.entries(ours).map(([code, response]) => {
    const reasons = Object.keys(response.content?.["application/json"]?.examples ?? {});
    return [
      code,
      {
        ...response,
        description: `${response.description} Or Gmail's own answer.`,
        // Of Gmail's own answers the Worker promises nothing.
        headers: COMMON_HEADERS,
        content: {
          "application/json": {
            schema: { anyOf: [{ not: OF_OURS }, errorOf(reasons as Parameters<typeof errorOf>[0])] },
            examples: response.content?.["application/json"]?.examples ?? {},
          },
          "*/*": {},
        },
      },
    ] as const;
  });
  return {
    ...Object.fromEntries(answers),
    default: {
      description: "Gmail's own answer: status and body untouched.",
      headers: COMMON_HEADERS,
      content: { "*/*": {} },
    },
  };
}

function mailboxOperation(method: (typeof METHODS)[number]): Operation {
  const isRead = method === "get";
  return {
    operationId: `${method}Gmail`,
    tags,
    summary: isRead ? "Read by Gmail's own REST API" : `Gmail's own REST API: ${method.toUpperCase()}`,
    description: isRead
      ? "Google's client libraries work with `rootUrl` set to this origin and an API token as access token. " +
        `${PARAMETERS} Answers other than JSON, protobuf and multipart come as attachments.`
      : "Needs a scope of `GOOGLE_SCOPES` that was granted and permits it, and an API token with `full` access. " +
        `${PARAMETERS} ${HEADERS} With a cookie, \`Origin\` must be this origin.`,
    externalDocs: {
      url: "https://developers.google.com/workspace/gmail/api/reference/rest",
      description: "Gmail API reference",
    },
    security,
    parameters: [
      inPath("userId", "`me`, or your own address or user ID."),
      {
        ...inPath("resource", "The rest of the path, such as `messages` or `messages/{id}`."),
        "x-multi-segment": true,
      },
    ],
    ...(isRead ? {} : { requestBody: { required: false, description: bodyNote, content: { "*/*": {} } } }),
    responses: {
      ...(isRead ? TO_SIGN_IN : {}),
      ...forwarded(isRead ? {} : { 413: ["INVALID_ARGUMENT"], 415: ["INVALID_ARGUMENT"] }),
    },
  };
}

const mailbox: PathItem = Object.fromEntries(METHODS.map((method) => [method, mailboxOperation(method)]));

export const GMAIL_PATHS: Paths = {
  "/gmail/v1/users/{userId}/{resource}": mailbox,
  "/batch/gmail/v1": {
    post: {
      operationId: "batchGmail",
      tags,
      summary: "Several calls to Gmail in one",
      description:
        "Each part must be a call to your own mailbox, is checked as if it came alone, and costs its own quota. A part " +
        "has at most 100 header lines, and 32 KiB of them. Its URL is a path, or a whole URL of this origin.",
      externalDocs: {
        url: "https://developers.google.com/workspace/gmail/api/guides/batch",
        description: "Batching requests",
      },
      security,
      requestBody: {
        required: true,
        description: `Parts of \`application/http\`. ${bodyNote}`,
        content: { "multipart/mixed": { schema: { type: "string" } } },
      },
      responses: forwarded({ 413: ["INVALID_ARGUMENT"], 415: ["INVALID_ARGUMENT"] }),
    },
  },
};
