/**
 * What is neither sign-in nor mail nor a page: health, this document, and the operator's way in.
 */
import { errorResponses, LIMITED } from "./errors.ts";
import { json, query } from "./responses.ts";
import type { Paths } from "./types.ts";

const tags = ["Service"];
/** Files are served without the Worker, so they have none of its headers. */
const file = (type: string, description: string) => ({ 200: { description, content: { [type]: {} } } });

export const SERVICE_PATHS: Paths = {
  "/healthz": {
    get: {
      operationId: "getHealth",
      tags,
      summary: "Whether the Worker runs, and for an operator whether all that it needs works",
      description:
        "With `deep` and an operator's token, the Worker tries its keys, its storage, Google's key endpoint, the clock and " +
        "the OAuth client: what `npm run doctor` shows.",
      security: [{}, { operatorToken: [] }],
      parameters: [query("deep", "Anything: look at everything. For an operator only.")],
      responses: {
        200: json("It runs; with `deep`, every check is ok.", "Health"),
        ...errorResponses(LIMITED),
        503: json("With `deep`: a check is not ok.", "Health"),
      },
    },
  },
  "/openapi.json": {
    get: {
      operationId: "getDescription",
      tags,
      summary: "This document",
      security: [],
      responses: file("application/json", "OpenAPI 3.1."),
    },
  },
  "/docs": {
    get: {
      operationId: "showDescription",
      tags,
      summary: "This document as a page, to be tried out",
      security: [],
      responses: file("text/html", "The page."),
    },
  },
  "/operator/rotate": {
    post: {
      operationId: "rotateKeys",
      tags,
      summary: "Seal stored records anew with the active key",
      description: "For whoever runs the deployment: a page of the walk that `npm run rotate` takes.",
      security: [{ operatorToken: [] }],
      parameters: [query("cursor", "The `cursor` of the page before; none to begin.")],
      responses: {
        200: json("What was found and done.", "RotationPage"),
        ...errorResponses(LIMITED, { 503: ["STORAGE_UNAVAILABLE"] }),
      },
    },
  },
};
