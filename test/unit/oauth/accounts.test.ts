import { describe, expect, test } from "vitest";
import { isAllowedAccount, type VerifiedAccount } from "../../../src/oauth/accounts.ts";

function account(changes: Partial<VerifiedAccount> = {}): VerifiedAccount {
  return { email: "ann@example.test", emailVerified: true, hostedDomain: null, ...changes };
}

describe("an empty list", () => {
  test("lets everybody in, also who has no address", () => {
    expect(isAllowedAccount([], account())).toBe(true);
    expect(isAllowedAccount([], account({ email: null, emailVerified: false }))).toBe(true);
  });
});

describe("an address", () => {
  const allowed = ["ann@example.test"];

  test("lets its account in, without case", () => {
    expect(isAllowedAccount(allowed, account())).toBe(true);
    expect(isAllowedAccount(allowed, account({ email: "Ann@EXAMPLE.test" }))).toBe(true);
  });

  test("lets nobody in who only claims it: Google must have verified it", () => {
    expect(isAllowedAccount(allowed, account({ emailVerified: false }))).toBe(false);
  });

  test.each(["bob@example.test", "ann@example.test.evil.test", "xann@example.test", "ann@example", ""])(
    "does not let %j in",
    (email) => {
      expect(isAllowedAccount(allowed, account({ email }))).toBe(false);
    },
  );

  test("lets nobody in who has none", () => {
    expect(isAllowedAccount(allowed, account({ email: null }))).toBe(false);
  });
});

describe("a domain", () => {
  const allowed = ["@example.test"];

  test("means the hd claim, without case", () => {
    expect(isAllowedAccount(allowed, account({ hostedDomain: "example.test" }))).toBe(true);
    expect(isAllowedAccount(allowed, account({ hostedDomain: "Example.TEST" }))).toBe(true);
    expect(isAllowedAccount(allowed, account({ hostedDomain: "example.test", email: "ann@alias.test" }))).toBe(true);
  });

  test("is not what an address says: a consumer account may carry any", () => {
    expect(isAllowedAccount(allowed, account())).toBe(false);
  });

  test.each(["evil.test", "sub.example.test", "example.test.evil.test", "", "@example.test"])(
    "is not %j",
    (hostedDomain) => {
      expect(isAllowedAccount(allowed, account({ hostedDomain }))).toBe(false);
    },
  );
});

describe("letters of other scripts", () => {
  test.each([
    ["the Kelvin sign", "\u212Aim@example.test", "kim@example.test"],
    ["the dotless i", "k\u0131m@example.test", "kim@example.test"],
    ["the I with a dot", "k\u0130m@example.test", "kim@example.test"],
    ["the sharp s", "stra\u00DFe@example.test", "strasse@example.test"],
    ["the capital sharp s", "stra\u1E9Ee@example.test", "stra\u00DFe@example.test"],
    ["the long s", "\u017Fue@example.test", "sue@example.test"],
    ["fullwidth letters", "\uFF4Bim@example.test", "kim@example.test"],
  ])("%s is no other letter, in an address and in a domain", (_, email, other) => {
    expect(isAllowedAccount([other], account({ email }))).toBe(false);
    expect(isAllowedAccount([email], account({ email: other }))).toBe(false);
    expect(isAllowedAccount([`@${other}`], account({ hostedDomain: email }))).toBe(false);
    expect(isAllowedAccount([`@${email}`], account({ hostedDomain: other }))).toBe(false);
    expect(isAllowedAccount([email], account({ email }))).toBe(true);
  });
});

test("any entry of several is enough", () => {
  const allowed = ["bob@example.test", "@work.test"];
  expect(isAllowedAccount(allowed, account({ email: "bob@example.test" }))).toBe(true);
  expect(isAllowedAccount(allowed, account({ hostedDomain: "work.test" }))).toBe(true);
  expect(isAllowedAccount(allowed, account())).toBe(false);
});

test("an address that is a bare @domain cannot pass for one", () => {
  expect(isAllowedAccount(["@example.test"], account({ email: "@example.test", emailVerified: false }))).toBe(false);
});
