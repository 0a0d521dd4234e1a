import { describe, expect, test } from "vitest";
import { findNearest } from "../../../src/lib/nearest.ts";

const KNOWN = ["ALLOWED_ACCOUNTS", "ALLOWED_ORIGINS", "PUBLIC_URL", "TOKEN_KEYS", "CREDENTIALS"];

describe("a name with a typing error is that of which it is one", () => {
  test.each([
    ["ALLOWED_ACOUNTS", "ALLOWED_ACCOUNTS"],
    ["ALOWED_ACCOUNTS", "ALLOWED_ACCOUNTS"],
    ["ALLOWED_ACCOUNT", "ALLOWED_ACCOUNTS"],
    ["allowed_accounts", "ALLOWED_ACCOUNTS"],
    ["PUBLIC_URI", "PUBLIC_URL"],
    ["PUBLICURL", "PUBLIC_URL"],
    ["TOKEN_KEY", "TOKEN_KEYS"],
    ["TOEKN_KEYS", "TOKEN_KEYS"],
  ])("%s: %s", (name, meant) => {
    expect(findNearest(name, KNOWN)).toBe(meant);
  });
});

test.each(["", "A", "DATABASE_URL", "CLOUDFLARE_API_TOKEN", "URL", "KEYS"])("%j is near to none of them", (name) => {
  expect(findNearest(name, KNOWN)).toBeNull();
});

test("of two that are near it is the nearer one, wherever it stands", () => {
  expect(findNearest("labelId", ["label", "labelIds"])).toBe("labelIds");
  expect(findNearest("labelId", ["labelIds", "label"])).toBe("labelIds");
  expect(findNearest("labelId", [])).toBeNull();
});
