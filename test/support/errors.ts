/**
 * The one shape of errors (https://google.aip.dev/193), checked strictly wherever an error is expected.
 */
import * as z from "zod";
import { expect } from "vitest";

const STATUS_OF_CODE: Record<number, readonly string[]> = {
  400: ["INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"],
  401: ["UNAUTHENTICATED"],
  403: ["PERMISSION_DENIED"],
  404: ["NOT_FOUND"],
  405: ["UNIMPLEMENTED"],
  413: ["INVALID_ARGUMENT"],
  414: ["INVALID_ARGUMENT"],
  415: ["INVALID_ARGUMENT"],
  431: ["INVALID_ARGUMENT"],
  429: ["RESOURCE_EXHAUSTED"],
  500: ["INTERNAL", "UNKNOWN"],
  502: ["UNAVAILABLE", "INTERNAL"],
  503: ["UNAVAILABLE"],
  504: ["DEADLINE_EXCEEDED", "UNAVAILABLE"],
};

const errorInfoSchema = z.object({
  "@type": z.literal("type.googleapis.com/google.rpc.ErrorInfo"),
  domain: z.literal("gmail-edge"),
  reason: z.string().regex(/^[A-Z][A-Z0-9_]+[A-Z0-9]$/),
  metadata: z.record(z.string(), z.string()),
});

export const apiErrorSchema = z.strictObject({
  error: z.strictObject({
    code: z.number().int(),
    status: z.string(),
    message: z.string().min(1),
    // Other kinds of details may follow; ErrorInfo comes first.
    details: z.tuple([errorInfoSchema], z.looseObject({ "@type": z.string() })),
  }),
});

export interface ReadError {
  readonly message: string;
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Expects an answer to be this error in that shape, and returns what it says. */
export async function expectError(
  response: Response,
  code: number | readonly number[],
  reason: string,
): Promise<ReadError> {
  const text = await response.text();
  const shown = `${response.status} ${text}`;
  expect(response.headers.get("content-type"), shown).toMatch(/^application\/json/);
  const { error } = apiErrorSchema.parse(JSON.parse(text));
  const [info] = error.details;
  expect(info.reason, shown).toBe(reason);
  expect(typeof code === "number" ? [code] : code, shown).toContain(response.status);
  expect(error.code, shown).toBe(response.status);
  expect(STATUS_OF_CODE[error.code], shown).toContain(error.status);
  expect(response.headers.get("cache-control"), shown).toContain("no-store");
  expect(info.metadata["requestId"], shown).toBeTruthy();
  expect(response.headers.get("location")).toBeNull();
  return { message: error.message, reason: info.reason, metadata: info.metadata, text };
}

/** Expects a page for a person: this status, HTML, and nothing that moves the browser on by itself. */
export async function expectPage(response: Response, code: number): Promise<string> {
  const text = await response.text();
  expect(response.status, text).toBe(code);
  expect(response.headers.get("content-type")).toMatch(/^text\/html/);
  expect(response.headers.get("cache-control")).toContain("no-store");
  expect(response.headers.get("location")).toBeNull();
  expect(response.headers.get("refresh")).toBeNull();
  expect(text).not.toMatch(/http-equiv=["']?refresh/i);
  return text;
}
