import { describe, expect, test } from "vitest";
import { GET_UNITS, LIST_UNITS, quotaUnits } from "../../../src/gmail/quota.ts";

describe("quota units (since May 2026)", () => {
  test.each([
    ["GET", "messages", 5],
    ["GET", "messages/18c", 20],
    ["GET", "messages/18c/attachments/ANG", 20],
    ["GET", "threads", 10],
    ["GET", "threads/18c", 40],
    ["GET", "labels", 1],
    ["POST", "labels", 1],
    ["GET", "labels/INBOX", 1],
    ["DELETE", "labels/Label_1", 1],
    ["GET", "profile", 1],
    ["GET", "history", 2],
    ["POST", "watch", 100],
  ])("%s %s costs %i", (method, resource, units) => {
    for (const userId of ["me", "ann@example.test", "1234"]) {
      expect(quotaUnits(method, `/gmail/v1/users/${userId}/${resource}`)).toBe(units);
    }
  });

  test("of a page of 100 rows are 2,005", () => {
    expect(LIST_UNITS + 100 * GET_UNITS).toBe(2_005);
  });

  test.each([
    ["POST", "messages/send"],
    ["POST", "messages"],
    ["POST", "messages/18c/modify"],
    ["GET", "settings/filters"],
    ["GET", "unknown"],
  ])("%s %s, which is not in the table, counts for something", (method, resource) => {
    expect(quotaUnits(method, `/gmail/v1/users/me/${resource}`)).toBeGreaterThan(0);
  });
});
