/** What callers read of options that a schema refuses: the name of the member, and what is allowed, in words of ours. */
import { describe, expect, test } from "vitest";
import { NewTokenSchema } from "../../../src/auth/api-tokens.ts";
import { AppError } from "../../../src/errors.ts";
import { parseOptions } from "../../../src/lib/schema.ts";
import { GetMessageOptionsSchema } from "../../../src/mailbox/offline.ts";
import { ListOptionsSchema } from "../../../src/mailbox/options.ts";
import * as z from "zod/mini";
import { ODD_VALUES } from "../fixtures.ts";

/** What zod, and what we say where a schema has no message of its own. */
const NO_MESSAGE = /Invalid input|is not valid/;

/** The error of options that are refused; null where they are not. */
function refusalOf(schema: z.ZodMiniObject, options: unknown): AppError | null {
  try {
    parseOptions(schema, options);
    return null;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

describe.each([
  ["a new API token", NewTokenSchema, { name: "n" }],
  ["a listing", ListOptionsSchema, {}],
  ["a message by service binding", GetMessageOptionsSchema, {}],
] as const)("options of %s", (_, schema, valid) => {
  test("that are valid pass", () => {
    expect(refusalOf(schema, valid)).toBeNull();
  });

  test.each(Object.keys(schema.shape))("say of each bad value of %s what is allowed", (name) => {
    const refusals = ODD_VALUES.map((value) => refusalOf(schema, { ...valid, [name]: value })).filter(Boolean);
    expect(refusals.length).toBeGreaterThanOrEqual(4);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ reason: "INVALID_ARGUMENT", code: 400, metadata: { parameter: name } });
      expect(refusal?.message).toMatch(new RegExp(`^${name} (?:must|is missing) .*\\.$`));
      expect(refusal?.message).not.toMatch(NO_MESSAGE);
    }
  });

  test("that are no object say so", () => {
    for (const value of [null, undefined, 1, "x", []]) {
      expect(refusalOf(schema, value)?.message).toBe("The options must be an object with named members.");
    }
  });
});

test("A schema without a message of its own is told of in our words, and not in zod's", () => {
  expect(refusalOf(z.object({ a: z.string() }), { a: 1 })?.message).toBe("a is not valid.");
});
