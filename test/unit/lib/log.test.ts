import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { sha256 } from "../../../src/lib/key-ring.ts";
import { logConfigProblems, logRequest, redact, reportError } from "../../../src/lib/log.ts";
import { Trace } from "../../../src/lib/trace.ts";
import { START_MS } from "../fixtures.ts";

const trace = new Trace(() => START_MS);
let lines: string[] = [];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => {
    lines.push(line);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

/** The one line that was logged. */
function entry(): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain("\n");
  return JSON.parse(lines[0] ?? "") as Record<string, unknown>;
}

const SECRETS = [
  "ya29.a0AfH6SMBx-7kq_4Zt0v9QwErTyUiOp",
  "1//0gFakeRefreshToken-L9IrAbCdEfGhIjKlMnOp",
  "GOCSPX-abcdefghijklmnopqrstuvwxyz12",
  "4/0AfJohXlGw5dX3Yk9Qq0aBcDeFgHiJkL",
  "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAAAAAAAAAAAAAA.Zm9v.AAAAAAAAAAAAAAAAAAAAAA",
];

describe("an error", () => {
  test("is one JSON line with what an operator needs", () => {
    reportError(trace, new AppError("UPSTREAM_UNAVAILABLE", "Google is down.", { logDetail: "HTTP 503" }));
    expect(entry()).toEqual({
      level: "error",
      requestId: trace.requestId,
      reason: "UPSTREAM_UNAVAILABLE",
      code: 502,
      detail: "HTTP 503",
      causes: [],
    });
  });

  test("of the caller's is a warning", () => {
    reportError(trace, new AppError("INVALID_ID_TOKEN", "no", { logDetail: "ID token: nonce" }));
    expect(entry()).toMatchObject({ level: "warn", code: 400, detail: "ID token: nonce" });
  });

  test("shows its causes with their stacks, the nearest first", () => {
    const cause = new TypeError("outer", { cause: new RangeError("inner") });
    reportError(trace, new AppError("INTERNAL", "no", { cause }));
    const { causes } = entry() as { causes: string[] };
    expect(causes).toHaveLength(2);
    expect(causes[0]).toMatch(/^TypeError: outer \| at /);
    expect(causes[1]).toMatch(/^RangeError: inner/);
  });

  test("whose causes go round in a circle is logged all the same", () => {
    const cause = new Error("round");
    cause.cause = cause;
    reportError(trace, new AppError("INTERNAL", "no", { cause }));
    expect((entry()["causes"] as string[]).length).toBeLessThanOrEqual(5);
  });

  test.each([["text"], [null], [{ token: SECRETS[0] }]])(
    "with the cause %j, which is no Error, shows nothing of it",
    (cause) => {
      reportError(trace, new AppError("INTERNAL", "no", { cause }));
      expect(entry()["causes"]).toEqual([]);
    },
  );

  test.each(SECRETS)("with %j in a cause's message does not show it", (secret) => {
    const cause = new Error(
      `fetch failed: https://google.test/token?code=${secret} (${secret})\n${secret} "${secret}"`,
    );
    reportError(trace, new AppError("INTERNAL", "no", { cause: new Error(secret, { cause }) }));
    expect(lines.join()).not.toContain(secret);
    expect(lines.join()).not.toContain(secret.slice(0, 24));
  });

  test("with an address or a search in a cause's message shows neither", () => {
    const cause = new Error(
      "GET https://gmail.localhost/gmail/v1/users/me/messages?q=divorce&x=1 for <ann@example.test>",
    );
    reportError(trace, new AppError("INTERNAL", "no", { cause }));
    expect(lines.join()).not.toMatch(/divorce|ann|example\.test/);
  });

  test("does not show its own message, which may quote the request", () => {
    reportError(trace, new AppError("AUTHORIZATION_FAILED", "Google said: secret words", { logDetail: "x" }));
    expect(lines.join()).not.toContain("secret words");
  });

  test("with a message of several lines that looks like a stack shows no line of it", () => {
    const cause = new Error(`failed\n    at ${SECRETS[0]}\n    at ann@example.test`);
    reportError(trace, new AppError("INTERNAL", "no", { cause }));
    expect(lines.join()).not.toContain(SECRETS[0]);
    expect(lines.join()).not.toContain("ann@example.test");
  });
});

describe("configuration problems", () => {
  test("are one line that names them all", () => {
    logConfigProblems(["A is missing", "B is missing"]);
    expect(entry()).toEqual({ level: "error", reason: "CONFIGURATION", problems: ["A is missing", "B is missing"] });
  });
});

describe("redact", () => {
  test("leaves what an operator needs", () => {
    expect(redact("Network connection lost.")).toBe("Network connection lost.");
    expect(redact("KV PUT failed: 429 Too Many Requests")).toBe("KV PUT failed: 429 Too Many Requests");
  });

  test("cuts what is endless", () => {
    expect(redact("a ".repeat(1_000)).length).toBeLessThanOrEqual(300);
  });

  test("leaves no query, no address and no long token, wherever they stand (property)", () => {
    const secret = fc.oneof(
      fc.stringMatching(/^[A-Za-z0-9_-]{24,80}$/),
      fc.emailAddress(),
      fc.stringMatching(/^\?[a-z]{1,8}=[a-z0-9%]{1,20}$/),
      fc.constantFrom(...SECRETS),
    );
    const separator = fc.constantFrom("", " ", "\n", "=", ": ", '"', "'", "(", "<", "https://x.test/", "Bearer ", "; ");
    fc.assert(
      fc.property(fc.array(fc.tuple(separator, secret), { minLength: 1, maxLength: 4 }), (parts) => {
        const shown = redact(parts.flat().join(""));
        for (const [, text] of parts) expect(shown).not.toContain(text);
        expect(shown).not.toMatch(/[A-Za-z0-9_-]{24}/);
        expect(shown).not.toMatch(/[A-Za-z0-9]@[A-Za-z0-9]/);
      }),
    );
  });

  test("takes time in proportion to what it reads", () => {
    const started = Date.now();
    for (const unit of ["a@", "?", "a", " @"]) redact(unit.repeat(60_000));
    expect(Date.now() - started).toBeLessThan(1_000);
  });
});

describe("what is told of an error", () => {
  test("is the error itself, and for what nobody foresaw no more than the request ID", () => {
    const known = new AppError("NOT_FOUND", "There is no such message.");
    expect(reportError(trace, known)).toBe(known);
    expect(lines).toEqual([]);
    const told = reportError(trace, new TypeError(`x is not a function: ${SECRETS[0]}`));
    expect(told).toMatchObject({ reason: "INTERNAL", code: 500 });
    expect(told.cause).toBeUndefined();
    expect(told.message).toContain(trace.requestId);
    expect(told.message).not.toContain("x is not a function");
    expect(entry()).toMatchObject({ level: "error", reason: "INTERNAL" });
  });
});

describe("a request", () => {
  test("is one line at level info, with what it cost and whose it was, hashed", async () => {
    const log = vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    const summary = { route: "/api/messages", method: "GET", status: 200, ms: 12 };
    const ofSomebody = new Trace(() => START_MS);
    ofSomebody.subject = "108234567890";
    await logRequest(ofSomebody, summary);
    expect(log).toHaveBeenCalledOnce();
    expect(entry()).toEqual({
      level: "info",
      requestId: ofSomebody.requestId,
      ...summary,
      reason: null,
      subject: (await sha256("108234567890")).slice(0, 12),
      upstreamCalls: 0,
      quotaUnits: 0,
    });
    expect(lines.join("")).not.toContain("108234567890");
  });

  test("of nobody's has no subject", async () => {
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    await logRequest(new Trace(() => 0), { route: "/", method: "GET", status: 200, ms: 0 });
    expect(entry()).toMatchObject({ subject: null });
  });
});
