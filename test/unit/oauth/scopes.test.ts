import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coversSignIn, missingGmailScopes, missingScopes, permittedScopes, scopesInUse } from "../../../src/oauth.ts";

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

  test("names those that are not among them, whatever they permit", () => {
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

describe("a wider Gmail scope permits what a narrower one does", () => {
  const METADATA = "https://www.googleapis.com/auth/gmail.metadata";
  const SEND = "https://www.googleapis.com/auth/gmail.send";
  const SETTINGS = "https://www.googleapis.com/auth/gmail.settings.basic";

  test.each<[wanted: string, granted: string, isPermitted: boolean]>([
    [READONLY, FULL, true],
    [READONLY, MODIFY, true],
    [MODIFY, FULL, true],
    [METADATA, READONLY, true],
    [SEND, FULL, true],
    [FULL, MODIFY, false],
    [MODIFY, READONLY, false],
    [READONLY, METADATA, false],
    [READONLY, SEND, false],
    [SETTINGS, FULL, false],
    [READONLY, "https://mail.google.com", false],
    [CALENDAR, FULL, false],
  ])("%s by %s: %s", (wanted, granted, isPermitted) => {
    expect(permittedScopes([wanted], ["openid", granted])).toEqual(isPermitted ? [wanted] : []);
    expect(coversSignIn(["openid", granted], ["openid", wanted], ["openid", wanted])).toBe(isPermitted);
    if (wanted !== CALENDAR) {
      expect(missingGmailScopes(["openid", wanted], ["openid", granted])).toEqual(isPermitted ? [] : [wanted]);
    }
  });

  test("a refresh asks for what was granted, and for no more of it than is wanted", () => {
    expect(scopesInUse(["openid", "email", READONLY], ["openid", EMAIL, READONLY, FULL])).toEqual([
      "openid",
      EMAIL,
      READONLY,
    ]);
    expect(scopesInUse(["openid", READONLY], ["openid", FULL])).toEqual(["openid", FULL]);
    expect(scopesInUse(["openid", READONLY], ["openid", FULL, MODIFY])).toEqual(["openid", MODIFY]);
    expect(scopesInUse([READONLY, FULL], [FULL])).toEqual([FULL]);
    expect(scopesInUse([READONLY], [CALENDAR, "openid"])).toEqual([]);
  });
});
