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
    ["POST", "stop", 50],
    ["POST", "messages/send", 100],
    ["POST", "messages", 25],
    ["POST", "messages/import", 25],
    ["POST", "messages/18c/modify", 5],
    ["POST", "messages/18c/trash", 20],
    ["POST", "messages/18c/untrash", 5],
    ["POST", "messages/batchModify", 50],
    ["POST", "messages/batchDelete", 50],
    ["DELETE", "messages/18c", 10],
    ["POST", "threads/18c/modify", 10],
    ["POST", "threads/18c/trash", 20],
    ["POST", "threads/18c/untrash", 10],
    ["DELETE", "threads/18c", 20],
    ["GET", "drafts", 5],
    ["GET", "drafts/r1", 20],
    ["POST", "drafts", 10],
    ["PUT", "drafts/r1", 15],
    ["POST", "drafts/send", 100],
    ["DELETE", "drafts/r1", 10],
    ["GET", "settings/filters", 1],
    ["GET", "settings/sendAs/a@b.test", 1],
    ["POST", "settings/filters", 5],
    ["DELETE", "settings/filters/f1", 5],
    ["PUT", "settings/vacation", 5],
    ["PUT", "settings/pop", 100],
    ["POST", "settings/delegates", 100],
    ["POST", "settings/forwardingAddresses", 100],
    ["POST", "settings/sendAs/a@b.test/verify", 100],
    ["PATCH", "settings/sendAs/a@b.test", 100],
    ["DELETE", "settings/sendAs/a@b.test", 5],
  ])("%s %s costs %i", (method, resource, units) => {
    for (const userId of ["me", "ann@example.test", "1234"]) {
      expect(quotaUnits(method, `/gmail/v1/users/${userId}/${resource}`)).toBe(units);
    }
  });

  test("of a page of 100 rows are 2,005", () => {
    expect(LIST_UNITS + 100 * GET_UNITS).toBe(2_005);
  });

  test.each([
    ["GET", "unknown"],
    ["POST", "messages/18c/unknown"],
  ])("%s %s, which is not in the table, counts for something", (method, resource) => {
    expect(quotaUnits(method, `/gmail/v1/users/me/${resource}`)).toBeGreaterThan(0);
  });
});
