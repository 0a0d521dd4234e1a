/** The check of every answer against the OpenAPI document finds what is not described. */
import { describe, expect, test } from "vitest";
import { problemsOf } from "../../support/described.ts";

const HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-request-id": "0b7f6a52-58ab-4c31-9c0c-0d7a3a2b6c41",
  "x-gmail-quota-units": "0",
  "server-timing": "",
};
const ME = { sub: "1", email: null, name: null, picture: null, scopes: [] };

interface Answer {
  readonly path?: string;
  readonly method?: string;
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

async function problems({ path = "/api/me", method = "GET", status = 200, headers = {}, body = ME }: Answer) {
  const response = new Response(body === null ? null : JSON.stringify(body), {
    status,
    headers: { ...HEADERS, ...headers },
  });
  return problemsOf({ path, method }, response, body === null ? null : await response.clone().arrayBuffer());
}

function errorOf(code: number, reason: string): unknown {
  const info = { "@type": "type.googleapis.com/google.rpc.ErrorInfo", domain: "gmail-edge", reason, metadata: {} };
  return { error: { code, status: "X", message: "No.", details: [info] } };
}

describe("an answer as described", () => {
  test.for<[string, Answer]>([
    ["of JSON", {}],
    ["with a query", { path: "/api/me?x=1" }],
    ["to HEAD", { method: "HEAD", body: null }],
    [
      "of a list that the minute's quota ended",
      {
        path: "/api/messages",
        body: { messages: [], nextPageToken: "a", retryAfterSeconds: 12, resultSizeEstimate: 1 },
      },
    ],
    ["of an error", { status: 401, headers: { "www-authenticate": "Bearer" }, body: errorOf(401, "SIGN_IN_REQUIRED") }],
    ["where nothing is", { path: "/nothing", status: 404, body: errorOf(404, "NOT_FOUND") }],
    ["to another method", { method: "PUT", status: 405, body: errorOf(405, "METHOD_NOT_ALLOWED") }],
    ["of Gmail's, with any status", { path: "/gmail/v1/users/me/a/b", status: 418, body: "anything" }],
  ])("%s has no problem", async ([, answer]) => {
    expect(await problems(answer)).toEqual([]);
  });
});

describe("a problem", () => {
  test.for<[string, Answer]>([
    ["a path that is not described", { path: "/api/you" }],
    ["a method that is not described", { method: "PATCH" }],
    ["a status that is not described", { status: 299 }],
    ["a property that is missing", { body: { ...ME, scopes: undefined } }],
    ["a property of another type", { body: { ...ME, sub: 1 } }],
    ["a property that is not described", { body: { ...ME, token: "secret" } }],
    ["content of another type", { headers: { "content-type": "text/plain" } }],
    ["what is no JSON", { headers: { "content-type": "application/json" }, body: "text" }],
    ["a header that is missing", { status: 401, body: errorOf(401, "SIGN_IN_REQUIRED") }],
    ["a header of another form", { headers: { "x-gmail-quota-units": "many" } }],
    [
      "a reason that is not described there",
      { status: 401, headers: { "www-authenticate": "Bearer" }, body: errorOf(401, "INVALID_STATE") },
    ],
    ["an error of another shape", { status: 500, body: { error: "no" } }],
    [
      "a reason of ours in place of Gmail's answer",
      { path: "/gmail/v1/users/me/a", status: 403, body: errorOf(403, "CONSENT_DENIED") },
    ],
    [
      "a line that is not described",
      { path: "/api/messages", headers: { "content-type": "application/x-ndjson" }, body: { id: "1" } },
    ],
  ])("is %s", async ([, answer]) => {
    expect(await problems(answer)).not.toEqual([]);
  });
});
