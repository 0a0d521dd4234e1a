import { describe, expect, test } from "vitest";
import { AppError, invalidArgument, REASONS, toErrorStatus } from "../../src/errors.ts";

/** google.rpc.Code → HTTP: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const HTTP_CODES: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
};

/** Ours, where HTTP says more than google.rpc.Code: a gateway's fault, and a method that is not there. */
const FINER_CODES: Readonly<Record<string, readonly number[]>> = { UNAVAILABLE: [502, 503], UNIMPLEMENTED: [405] };

describe("the table of reasons", () => {
  test.each(Object.entries(REASONS))("%s: its code and google.rpc status belong together", (_, { code, status }) => {
    expect(FINER_CODES[status] ?? [HTTP_CODES[status]]).toContain(code);
  });

  test("every reason has a headline of its own, for people", () => {
    const titles = Object.values(REASONS).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test("names are as Google's ErrorInfo wants them (AIP-193)", () => {
    for (const reason of Object.keys(REASONS)) expect(reason).toMatch(/^[A-Z][A-Z0-9_]+[A-Z0-9]$/);
  });

  test.each([
    ["SIGN_IN_REQUIRED", 401],
    ["CONSENT_REQUIRED", 401],
    ["SCOPE_REQUIRED", 403],
    ["RATE_LIMITED", 429],
    ["UPSTREAM_UNAVAILABLE", 502],
    ["INVALID_ARGUMENT", 400],
    ["PERMISSION_DENIED", 403],
    ["NOT_FOUND", 404],
  ] as const)("the contract's %s answers %i", (reason, code) => {
    expect(new AppError(reason, "m").code).toBe(code);
  });
});

describe("an error on the wire (AIP-193)", () => {
  test("has Google's form, with facts and the request ID", () => {
    const error = new AppError("RATE_LIMITED", "Slow down.", { metadata: { a: "b" }, logDetail: "secret" });
    expect(toErrorStatus(error, { requestId: "r" })).toEqual({
      code: 429,
      status: "RESOURCE_EXHAUSTED",
      message: "Slow down.",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          domain: "gmail-edge",
          reason: "RATE_LIMITED",
          metadata: { a: "b", requestId: "r" },
        },
      ],
    });
  });

  test("says to programs what is for programs, and keeps the message in our own words for pages", () => {
    const error = new AppError("NOT_FOUND", "Gmail cannot find this.", { programMessage: "Google's words" });
    expect(toErrorStatus(error, {}).message).toBe("Google's words");
    expect(error.message).toBe("Gmail cannot find this.");
    expect(toErrorStatus(new AppError("NOT_FOUND", "m"), {}).message).toBe("m");
  });

  test("says nothing of what is for the log", () => {
    const error = new AppError("INTERNAL", "m", { logDetail: "detail-for-log", cause: new Error("cause-for-log") });
    expect(JSON.stringify(toErrorStatus(error, {}))).not.toMatch(/for-log/);
  });

  test("of a timeout has the status that google.rpc.Code has for it", () => {
    const error = new AppError("UPSTREAM_UNAVAILABLE", "m", { code: 504 });
    expect(toErrorStatus(error, {})).toMatchObject({ code: 504, status: "DEADLINE_EXCEEDED" });
  });

  test("of a bad parameter names it", () => {
    expect(toErrorStatus(invalidArgument("limit", "limit is bad."), {})).toMatchObject({
      code: 400,
      details: [{ reason: "INVALID_ARGUMENT", metadata: { parameter: "limit" } }],
    });
  });
});
