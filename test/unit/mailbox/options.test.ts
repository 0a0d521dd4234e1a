import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { LIST_OPTION_NAMES, parseListOptions } from "../../../src/mailbox/options.ts";

const DEFAULTS = {
  filter: { q: "", labelIds: [], includeSpamTrash: false },
  limit: 100,
  view: "id",
  pageToken: null,
};

function errorOf(options: Readonly<Record<string, unknown>>): AppError {
  try {
    return expect.fail(`They were read as ${JSON.stringify(parseListOptions(options))}`);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

describe("options of a listing", () => {
  test("are these", () => {
    expect(LIST_OPTION_NAMES.toSorted()).toEqual(["includeSpamTrash", "labelIds", "limit", "pageToken", "q", "view"]);
  });

  test.each([{}, { q: undefined, limit: undefined, view: undefined, labelIds: undefined }])(
    "of %j are the defaults",
    (options) => {
      expect(parseListOptions(options)).toEqual(DEFAULTS);
    },
  );

  test.each<[object, object]>([
    [{ limit: "1" }, { limit: 1 }],
    [{ limit: "007" }, { limit: 7 }],
    [{ limit: 500 }, { limit: 500 }],
    [{ limit: "all" }, { limit: Infinity }],
    [{ view: "metadata" }, { view: "metadata" }],
    [{ pageToken: "a.b" }, { pageToken: "a.b" }],
    [{ q: "  from:é \n" }, { filter: { ...DEFAULTS.filter, q: "  from:é \n" } }],
    [{ labelIds: ["A", "B", "A"] }, { filter: { ...DEFAULTS.filter, labelIds: ["A", "B", "A"] } }],
    [{ includeSpamTrash: "true" }, { filter: { ...DEFAULTS.filter, includeSpamTrash: true } }],
    [{ includeSpamTrash: true }, { filter: { ...DEFAULTS.filter, includeSpamTrash: true } }],
    [{ includeSpamTrash: "false" }, DEFAULTS],
  ])("%j are read from a query and from a call alike", (options, expected) => {
    expect(parseListOptions({ ...options })).toEqual({ ...DEFAULTS, ...expected });
  });
});

describe("INVALID_ARGUMENT, naming it, for", () => {
  test("a name that is not known, with the nearest one that is", () => {
    expect(errorOf({ maxResults: 5 })).toMatchObject({
      reason: "INVALID_ARGUMENT",
      metadata: { parameter: "maxResults" },
      message: "You sent an unknown member. You can use: q, labelIds, includeSpamTrash, limit, pageToken, view.",
    });
    expect(errorOf({ label_ids: ["INBOX"] }).message).toBe("You sent an unknown member. Did you mean labelIds?");
  });

  test.each<[string, unknown]>([
    ...[
      0,
      -1,
      1.5,
      NaN,
      Infinity,
      -Infinity,
      "0",
      "-1",
      "1.5",
      "1e2",
      "",
      " 1",
      "ten",
      "ALL",
      "9".repeat(20),
      null,
      [],
      ["1"],
      {},
      true,
      2 ** 60,
    ].map((value): [string, unknown] => ["limit", value]),
    ...["yes", "", "TRUE", 1, null, ["true"]].map((value): [string, unknown] => ["includeSpamTrash", value]),
    ...["full", "", null, 1, ["id"]].map((value): [string, unknown] => ["view", value]),
    ...["", 1, null, ["x"]].map((value): [string, unknown] => ["pageToken", value]),
    ...[1, null, ["a"], {}].map((value): [string, unknown] => ["q", value]),
    ...["INBOX", [""], [1], [null], [["A"]], null, { length: 1 }].map((value): [string, unknown] => [
      "labelIds",
      value,
    ]),
  ])("%s: %j", (name, value) => {
    let thrown: unknown;
    try {
      parseListOptions({ [name]: value });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ reason: "INVALID_ARGUMENT", code: 400, metadata: { parameter: name } });
    // What may be given, and never a validator's own words.
    expect((thrown as AppError).message).toMatch(new RegExp(`^${name} must (?:be|not be) `));
  });

  test("whatever is no option of that kind, and nothing else is thrown (property)", () => {
    fc.assert(
      fc.property(fc.constantFrom(...LIST_OPTION_NAMES), fc.anything(), (name, value) => {
        try {
          const { limit, filter } = parseListOptions({ [name]: value });
          expect(limit === Infinity || (Number.isSafeInteger(limit) && limit >= 1)).toBe(true);
          expect(filter.labelIds).not.toContain("");
        } catch (error) {
          expect(error).toMatchObject({ reason: "INVALID_ARGUMENT", metadata: { parameter: name } });
          expect(String(error)).toContain(`${name} must `);
        }
      }),
    );
  });
});
