import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coversSignIn, missingGmailScopes, missingScopes } from "../../../src/oauth.ts";

const READONLY = "https://www.googleapis.com/auth/gmail.readonly";
const MODIFY = "https://www.googleapis.com/auth/gmail.modify";
const FULL = "https://mail.google.com/";
const EMAIL = "https://www.googleapis.com/auth/userinfo.email";
const PROFILE = "https://www.googleapis.com/auth/userinfo.profile";
const CALENDAR = "https://www.googleapis.com/auth/calendar";

describe("missingScopes", () => {
  test("email and profile are the same by their short and long names, either way round", () => {
    expect(missingScopes(["openid", "email", "profile"], ["openid", EMAIL, PROFILE])).toEqual([]);
    expect(missingScopes([EMAIL, PROFILE], ["email", "profile"])).toEqual([]);
  });

  test("names what is missing as it was asked for", () => {
    expect(missingScopes(["openid", "email", READONLY], ["openid"])).toEqual(["email", READONLY]);
  });

  test("one Gmail scope does not stand for another", () => {
    expect(missingScopes([READONLY], [MODIFY, FULL])).toEqual([READONLY]);
    expect(missingScopes([FULL], ["https://mail.google.com"])).toEqual([FULL]);
  });

  test("nothing is missing of nothing, and everything where nothing is there (property)", () => {
    const scopes = fc.array(fc.constantFrom("openid", "email", EMAIL, "profile", READONLY, MODIFY, CALENDAR));
    fc.assert(
      fc.property(scopes, scopes, (wanted, available) => {
        const missing = missingScopes(wanted, available);
        expect(missingScopes(wanted, [...available, ...missing])).toEqual([]);
        expect(missingScopes(wanted, [])).toEqual(wanted);
        expect(missingScopes([], available)).toEqual([]);
      }),
    );
  });
});

describe("missingGmailScopes (granular consent)", () => {
  test("asks only for Gmail's: unticked identity scopes lock nobody out", () => {
    expect(missingGmailScopes(["openid", "email", CALENDAR, READONLY], [READONLY])).toEqual([]);
  });

  test.each([READONLY, MODIFY, FULL])("%s that was asked for and not ticked is missing", (scope) => {
    expect(missingGmailScopes(["openid", scope], ["openid", EMAIL])).toEqual([scope]);
    expect(missingGmailScopes(["openid", scope], ["openid", scope])).toEqual([]);
  });

  test("one of two is not enough", () => {
    expect(missingGmailScopes([READONLY, MODIFY], [READONLY])).toEqual([MODIFY]);
  });
});

describe("coversSignIn", () => {
  const asked = ["openid", "email", READONLY];

  test("a record with all that was asked for and granted covers it", () => {
    expect(coversSignIn(["openid", EMAIL, READONLY], asked, ["openid", EMAIL, READONLY])).toBe(true);
  });

  test("a record with more covers it", () => {
    expect(coversSignIn(["openid", EMAIL, READONLY, MODIFY], asked, ["openid", EMAIL, READONLY])).toBe(true);
  });

  test("a record for fewer scopes than are asked for now does not", () => {
    expect(coversSignIn(["openid", EMAIL], asked, ["openid", EMAIL, READONLY])).toBe(false);
    expect(coversSignIn([], asked, ["openid", EMAIL, READONLY])).toBe(false);
  });

  test("what the person left unticked again is not missed", () => {
    expect(coversSignIn(["openid", READONLY], asked, ["openid", READONLY])).toBe(true);
  });

  test("scopes granted to other parts of the project are not asked of the record (include_granted_scopes)", () => {
    expect(coversSignIn(["openid", EMAIL, READONLY], asked, ["openid", EMAIL, READONLY, CALENDAR])).toBe(true);
  });
});
