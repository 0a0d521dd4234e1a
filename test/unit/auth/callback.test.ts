import { describe, expect, test } from "vitest";
import { beginAgain, checkCallback, parseCallback, type Transaction } from "../../../src/auth/transaction.ts";
import { AppError } from "../../../src/errors.ts";
import { randomToken } from "../../../src/lib/key-ring.ts";
import { SENTENCE } from "../fixtures.ts";

const ISSUER = "https://accounts.google.com";
const STATE = randomToken();

const TRANSACTION: Transaction = {
  codeVerifier: "v",
  nonce: "n",
  returnTo: "/inbox",
  loginHint: "ann@example.test",
  prompt: null,
  codeRetried: false,
  identityOnly: false,
  consentForced: false,
};

/** The way to try again, which a refusal offers. */
const AGAIN = { returnTo: "/inbox", loginHint: "ann@example.test" };

function parse(query: string) {
  return parseCallback(new URLSearchParams(query));
}

function check(query: string, transaction: Transaction | null = TRANSACTION) {
  return checkCallback(parse(query), transaction, ISSUER);
}

function refusal(query: string, transaction: Transaction | null = TRANSACTION): AppError {
  try {
    check(query, transaction);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.message).toMatch(SENTENCE);
    return error;
  }
  return expect.fail("The callback was believed");
}

describe("what came back (RFC 6749 §4.1.2)", () => {
  test("is read", () => {
    expect(parse(`state=${STATE}&code=4/c&iss=${ISSUER}&scope=openid`)).toEqual({
      state: STATE,
      issuers: [ISSUER],
      error: null,
      code: "4/c",
    });
    expect(parse("")).toEqual({ state: null, issuers: [], error: null, code: null });
  });

  test("a parameter that is repeated or empty counts as missing (§3.1)", () => {
    expect(parse(`state=${STATE}&state=${STATE}&code=a&code=a`)).toMatchObject({ state: null, code: null });
    expect(parse("state=&code=&error=")).toEqual({ state: null, issuers: [], error: null, code: null });
  });

  test.each(["x", `${STATE}x`, STATE.slice(1), `${STATE.slice(1)};`, `${STATE.slice(1)}=`, `${STATE.slice(1)}é`])(
    "%j is none of our states, and names no cookie",
    (state) => {
      expect(parse(new URLSearchParams({ state }).toString()).state).toBeNull();
    },
  );
});

describe("whether it is believed, in this order", () => {
  test("a code with a transaction and Google's iss, or none, is (RFC 9207 §2.4)", () => {
    expect(check("code=c")).toEqual({ code: "c", transaction: TRANSACTION });
    expect(check(`code=c&iss=${ISSUER}`)).toEqual({ code: "c", transaction: TRANSACTION });
  });

  test("no transaction: INVALID_STATE, also when iss is wrong", () => {
    expect(refusal("code=c", null)).toMatchObject({ reason: "INVALID_STATE", code: 400 });
    expect(refusal("code=c", null).signInAgain).toEqual({});
    expect(refusal("code=c&iss=https://evil.test", null)).toMatchObject({ reason: "INVALID_STATE" });
  });

  test.each(["https://evil.test", "accounts.google.com", `${ISSUER}/`, "", `${ISSUER}&iss=https://evil.test`])(
    "iss=%s: INVALID_ISSUER, before code and error",
    (iss) => {
      expect(refusal(`code=c&iss=${iss}`)).toMatchObject({ reason: "INVALID_ISSUER", code: 400 });
      expect(refusal(`error=access_denied&iss=${iss}`)).toMatchObject({ reason: "INVALID_ISSUER", signInAgain: AGAIN });
    },
  );

  test("error=access_denied: 403 CONSENT_DENIED, with the way to try again", () => {
    expect(refusal("error=access_denied")).toMatchObject({ reason: "CONSENT_DENIED", code: 403, signInAgain: AGAIN });
  });

  test.each(["server_error", "admin_policy_enforced", "org_internal", "disallowed_useragent", "redirect_uri_mismatch"])(
    "error=%s, which OAuth or Google knows: 400 AUTHORIZATION_FAILED, with the code",
    (code) => {
      const error = refusal(`error=${code}&code=c`);
      expect(error).toMatchObject({ reason: "AUTHORIZATION_FAILED", code: 400, metadata: { error: code } });
      expect(error.message).toContain(code);
    },
  );

  test.each([
    "your_account_is_locked_call_our_hotline",
    "Call+555-0100+now",
    "SERVER_ERROR",
    "server_error+",
    "constructor",
    "x".repeat(5_000),
  ])("error=%s, which anybody can put into a link, is unknown: its words are not shown", (code) => {
    const error = refusal(`error=${code}`);
    expect(error.message).toBe("Google did not authorize the sign-in. Error code: unknown.");
    expect(error.metadata).toEqual({ error: "unknown" });
  });

  test("an error without a transaction is shown, and uses nothing of one", () => {
    for (const [query, reason] of [
      ["error=access_denied", "CONSENT_DENIED"],
      ["error=server_error", "AUTHORIZATION_FAILED"],
    ] as const) {
      const error = refusal(query, null);
      expect(error.reason).toBe(reason);
      expect(error.signInAgain).toEqual({});
    }
  });

  test("neither code nor error: 400, naming code", () => {
    for (const query of ["", "code=", "code=a&code=b"]) {
      const error = refusal(query);
      expect(error).toMatchObject({ reason: "INVALID_ARGUMENT", metadata: { parameter: "code" } });
      expect(error.signInAgain).toEqual(beginAgain(TRANSACTION));
    }
  });
});
