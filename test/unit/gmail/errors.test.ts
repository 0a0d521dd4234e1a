/** What Gmail's errors mean. https://developers.google.com/workspace/gmail/api/guides/handle-errors */
import { describe, expect, test } from "vitest";
import { type GmailFailure, processGmailError } from "../../../src/gmail/errors.ts";
import { SENTENCE, START_MS } from "../fixtures.ts";

interface ErrorForm {
  readonly code: number;
  readonly reason?: string;
  readonly detail?: string;
  readonly status?: string;
  readonly message?: string;
  readonly headers?: Record<string, string>;
}

/** An error answer in Google's form. */
function errorAnswer({ code, reason, detail, status, message = "Google's words", headers = {} }: ErrorForm): Response {
  const error = {
    code,
    message,
    ...(reason === undefined ? {} : { errors: [{ domain: "global", reason, message }] }),
    ...(status === undefined ? {} : { status }),
    ...(detail === undefined
      ? {}
      : { details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: detail }] }),
  };
  return Response.json({ error }, { status: code, headers });
}

async function failure(form: ErrorForm): Promise<GmailFailure> {
  return processGmailError(errorAnswer(form), START_MS);
}

describe("a limit: RATE_LIMITED, and the same call may succeed later", () => {
  test.each<[string, ErrorForm]>([
    ["403 rateLimitExceeded", { code: 403, reason: "rateLimitExceeded", status: "PERMISSION_DENIED" }],
    ["403 userRateLimitExceeded", { code: 403, reason: "userRateLimitExceeded" }],
    ["429 rateLimitExceeded", { code: 429, reason: "rateLimitExceeded", status: "RESOURCE_EXHAUSTED" }],
    ["429 userRateLimitExceeded", { code: 429, reason: "userRateLimitExceeded" }],
    ["429 with RATE_LIMIT_EXCEEDED among the details", { code: 429, detail: "RATE_LIMIT_EXCEEDED" }],
    ["429 too many concurrent requests", { code: 429, message: "Too many concurrent requests for user." }],
    ["429 that gives no reason", { code: 429 }],
  ])("%s", async (_, form) => {
    const { error, retry } = await failure(form);
    expect(error).toMatchObject({ reason: "RATE_LIMITED", code: 429, status: "RESOURCE_EXHAUSTED" });
    expect(error.retryAfterSeconds).toBeGreaterThanOrEqual(1);
    expect(error.message).toMatch(SENTENCE);
    expect(retry).toEqual({ afterMs: null });
  });

  test.each(["", "<html>", "null", '{"error":"rate"}'])("429 with the body %j", async (body) => {
    const { error, retry } = await processGmailError(new Response(body, { status: 429 }), START_MS);
    expect(error).toMatchObject({ reason: "RATE_LIMITED", code: 429 });
    expect(retry).not.toBeNull();
  });
});

describe("the time to wait", () => {
  const limited: ErrorForm = { code: 429, reason: "userRateLimitExceeded" };
  const words = "User-rate limit exceeded.  Retry after 2026-11-22T12:00:51.196Z (Mail sending)";

  test("comes from Retry-After in seconds, and is passed on", async () => {
    const { error, retry } = await failure({ ...limited, headers: { "Retry-After": "17" } });
    expect([error.retryAfterSeconds, retry]).toEqual([17, { afterMs: 17_000 }]);
  });

  test("comes from Retry-After as a date (RFC 9110 §10.2.3)", async () => {
    const { retry } = await failure({ ...limited, headers: { "Retry-After": "Sun, 22 Nov 2026 12:00:10 GMT" } });
    expect(retry).toEqual({ afterMs: 10_000 });
  });

  test("comes from the message, where there is no header", async () => {
    const { error, retry } = await failure({ ...limited, message: words });
    expect([error.retryAfterSeconds, retry]).toEqual([52, { afterMs: 51_196 }]);
  });

  test.each([403, 429])("comes from the message of a %i alike", async (code) => {
    const { retry } = await failure({ ...limited, code, message: words });
    expect(retry).toEqual({ afterMs: 51_196 });
  });

  test("of the header counts before that of the message", async () => {
    const { retry } = await failure({ ...limited, message: words, headers: { "Retry-After": "3" } });
    expect(retry).toEqual({ afterMs: 3_000 });
  });

  test("of the message counts where the header is nonsense", async () => {
    const { retry } = await failure({ ...limited, message: words, headers: { "Retry-After": "soon" } });
    expect(retry).toEqual({ afterMs: 51_196 });
  });

  test.each(["Retry after a while", "Retry after 2026-99-99T99:99:99Z", "Retry after 12:00", "Retry later"])(
    "is unknown where the message says %j",
    async (message) => {
      expect((await failure({ ...limited, message })).retry).toEqual({ afterMs: null });
    },
  );

  test("that is over is none", async () => {
    const { error, retry } = await failure({ ...limited, message: "Retry after 2026-11-22T11:00:00.000Z" });
    expect([error.retryAfterSeconds, retry]).toEqual([1, { afterMs: 0 }]);
  });

  test("of an outage is honoured, too", async () => {
    const { error, retry } = await failure({ code: 503, reason: "backendError", headers: { "Retry-After": "4" } });
    expect([error.retryAfterSeconds, retry]).toEqual([4, { afterMs: 4_000 }]);
  });
});

describe("an outage: 502 UPSTREAM_UNAVAILABLE, and the same call may succeed later", () => {
  test.each([500, 502, 503, 504])("%i backendError", async (code) => {
    const { error, retry } = await failure({ code, reason: "backendError", status: "INTERNAL" });
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502, logDetail: `HTTP ${code}` });
    expect(error.message).toMatch(/^Gmail is not working/);
    expect(error.retryAfterSeconds).toBeNull();
    expect(retry).toEqual({ afterMs: null });
  });

  test.each(["", "<html>Error 500</html>"])("500 with the body %j", async (body) => {
    const { error, retry } = await processGmailError(new Response(body, { status: 500 }), START_MS);
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    expect(retry).not.toBeNull();
  });
});

describe("what cannot be understood: 502 UPSTREAM_UNAVAILABLE, and no second try", () => {
  test.each<[number, string | null]>([
    [200, '{"error":{"code":404,"status":"NOT_FOUND","message":"m"}}'],
    [201, "{}"],
    [204, null],
    [302, null],
    [304, null],
    [400, "<html>"],
    [403, ""],
    [404, "{}"],
    [403, '{"error":"access_denied"}'],
  ])("%i %j", async (status, body) => {
    const { error, retry } = await processGmailError(new Response(body, { status }), START_MS);
    expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    expect(retry).toBeNull();
  });
});

describe("a missing scope: 403 SCOPE_REQUIRED, with the way to consent, and no second try", () => {
  test.each<[string, ErrorForm]>([
    ["insufficientPermissions", { code: 403, reason: "insufficientPermissions", status: "PERMISSION_DENIED" }],
    [
      "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
      {
        code: 403,
        reason: "insufficientPermissions",
        detail: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        status: "PERMISSION_DENIED",
      },
    ],
    ["ACCESS_TOKEN_SCOPE_INSUFFICIENT alone", { code: 403, detail: "ACCESS_TOKEN_SCOPE_INSUFFICIENT" }],
  ])("%s", async (_, form) => {
    const { error, retry } = await failure(form);
    expect(error).toMatchObject({ reason: "SCOPE_REQUIRED", code: 403, signInAgain: { prompt: "consent" } });
    expect(error.message).toMatch(SENTENCE);
    expect(retry).toBeNull();
  });
});

describe("Google's own refusals are passed on with its code and words, and not tried again", () => {
  test.each<[string, ErrorForm, string]>([
    ["400 invalidArgument", { code: 400, reason: "invalidArgument", status: "INVALID_ARGUMENT" }, "INVALID_ARGUMENT"],
    [
      "400 failedPrecondition, no mailbox",
      { code: 400, reason: "failedPrecondition", status: "FAILED_PRECONDITION" },
      "FAILED_PRECONDITION",
    ],
    [
      "403 dailyLimitExceeded",
      { code: 403, reason: "dailyLimitExceeded", status: "PERMISSION_DENIED" },
      "PERMISSION_DENIED",
    ],
    ["403 delegation denied", { code: 403, reason: "forbidden", status: "PERMISSION_DENIED" }, "PERMISSION_DENIED"],
    ["404 notFound", { code: 404, reason: "notFound", status: "NOT_FOUND" }, "NOT_FOUND"],
  ])("%s", async (_, form, reason) => {
    const { error, retry } = await failure(form);
    expect(error).toMatchObject({ reason, code: form.code, status: form.status, programMessage: "Google's words" });
    expect(error.message).not.toContain("Google's words");
    expect(error.message).toMatch(SENTENCE);
    expect(retry).toBeNull();
  });

  test.each([
    ["403 dailyLimitExceeded", 403, "dailyLimitExceeded", "PERMISSION_DENIED"],
    ["404 notFound", 404, "notFound", "NOT_FOUND"],
  ])("%s in the older form, which has no status, gets that of its code", async (_, code, googleReason, reason) => {
    const { error } = await failure({ code, reason: googleReason });
    expect(error).toMatchObject({ reason, code, status: reason });
  });

  test.each([
    [409, "ABORTED"],
    [409, "ALREADY_EXISTS"],
    [400, "OUT_OF_RANGE"],
  ])("%i %s keeps Google's status, although none of our reasons has that name", async (code, status) => {
    const { error } = await failure({ code, status });
    expect(error).toMatchObject({ reason: "FAILED_PRECONDITION", code, status });
  });

  test("a status that is one of our own reasons is not taken for it", async () => {
    const { error } = await failure({ code: 400, status: "CONSENT_REQUIRED" });
    expect(error.reason).not.toBe("CONSENT_REQUIRED");
  });

  test.each([{ code: 400, message: "" }, { code: 400 }])("an error without words gets some: %j", async (error) => {
    const { error: read } = await processGmailError(Response.json({ error }, { status: 400 }), START_MS);
    expect(read.message).toMatch(/^Gmail refused this request\./);
  });

  test("members that are not Google's form today do not hide what it says", async () => {
    const error = { code: 403, message: "m", status: "PERMISSION_DENIED", details: [{ links: [] }], extra: 1 };
    const { error: read } = await processGmailError(Response.json({ error }, { status: 403 }), START_MS);
    expect(read).toMatchObject({ reason: "PERMISSION_DENIED", programMessage: "m" });
  });
});

describe("a refusal for good: ACCESS_BLOCKED, with who can do what, and not tried again", () => {
  const LIBRARY = "https://console.cloud.google.com/apis/library/gmail.googleapis.com";
  const WORDS = "Gmail API has not been used in project 1234567890 before or it is disabled.";

  test.each<[string, ErrorForm, string]>([
    [
      "accessNotConfigured",
      { code: 403, reason: "accessNotConfigured", message: WORDS },
      `${LIBRARY}?project=1234567890`,
    ],
    ["SERVICE_DISABLED", { code: 403, detail: "SERVICE_DISABLED", message: WORDS }, `${LIBRARY}?project=1234567890`],
    [
      "accessNotConfigured of no project",
      { code: 403, reason: "accessNotConfigured", message: "Not configured." },
      LIBRARY,
    ],
    ["accessNotConfigured without words", { code: 403, reason: "accessNotConfigured", message: "" }, LIBRARY],
    ["a project that is none", { code: 403, reason: "accessNotConfigured", message: "project 1&evil=2" }, LIBRARY],
  ])("%s leads to where the API is enabled", async (_, form, url) => {
    const { error, retry } = await failure(form);
    expect(error).toMatchObject({ reason: "ACCESS_BLOCKED", code: 403, status: "PERMISSION_DENIED" });
    expect(error.metadata).toEqual({ activationUrl: url });
    expect(error.link).toEqual({ href: url, text: "Enable the Gmail API" });
    expect(error.programMessage).toContain(form.message);
    expect(error.programMessage.endsWith(url)).toBe(true);
    expect(error.message).toMatch(SENTENCE);
    expect(error.logDetail).toContain(url);
    expect(retry).toBeNull();
  });

  test("the project may be named by the details alone", async () => {
    const details = [{ reason: "SERVICE_DISABLED", metadata: { consumer: "projects/987654321", service: "gmail" } }];
    const body = { error: { code: 403, message: "Disabled.", status: "PERMISSION_DENIED", details } };
    const { error } = await processGmailError(Response.json(body, { status: 403 }), START_MS);
    expect(error.metadata).toEqual({ activationUrl: `${LIBRARY}?project=987654321` });
  });

  test("domainPolicy says whom to ask, and offers another account", async () => {
    const { error, retry } = await failure({ code: 403, reason: "domainPolicy" });
    expect(error).toMatchObject({ reason: "ACCESS_BLOCKED", code: 403, signInAgain: { prompt: "select_account" } });
    expect(error.message).toMatch(/administrator/);
    expect(error.programMessage).toContain("Google's words");
    expect(retry).toBeNull();
  });
});
