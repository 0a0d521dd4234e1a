/** Which calls to Gmail a caller may make, by the scopes that are asked for and those that were granted. */
import { describe, expect, test } from "vitest";
import type { Access } from "../../../src/access.ts";
import { AppError } from "../../../src/errors.ts";
import { checkGmailCall } from "../../../src/auth/gmail-call.ts";

const GMAIL = "https://www.googleapis.com/auth/gmail.";
const FULL = "https://mail.google.com/";
const identity = { sub: "1", email: "ann@example.test", name: null, picture: null };

function errorOf(work: () => unknown): AppError {
  try {
    return expect.fail(`It was let through as ${JSON.stringify(work())}`);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

function check(
  method: string,
  target: string,
  setting: { wanted?: string[]; granted?: string[]; access?: Access } = {},
) {
  const { wanted = ["openid"], granted = ["openid"], access = "full" } = setting;
  return checkGmailCall({ access, identity, scopes: granted }, wanted, {
    method,
    target: `/gmail/v1/users/1/${target}`,
  });
}

describe("a write", () => {
  const trash = "messages/1/trash";

  test("passes with a scope that is asked for and granted, and Google sees the path and the query that were checked", () => {
    const scopes = ["openid", `${GMAIL}modify`];
    expect(check("POST", `${trash}?fields=id,labelIds`, { wanted: scopes, granted: scopes })).toEqual({
      path: "/gmail/v1/users/me/messages/1/trash",
      query: "?fields=id%2ClabelIds",
    });
  });

  test("that is granted and not asked for is refused: signing in again would not help, the operator would", () => {
    const error = errorOf(() =>
      check("POST", trash, { wanted: [`${GMAIL}readonly`], granted: [`${GMAIL}readonly`, FULL] }),
    );
    expect(error).toMatchObject({ reason: "SCOPE_REQUIRED", code: 403, signInAgain: null });
    expect(error.metadata).toEqual({ requiredScopes: `${FULL} ${GMAIL}modify` });
    expect(error.message).toContain("GOOGLE_SCOPES");
  });

  test("that is asked for and not granted is refused, with a way to grant it", () => {
    const error = errorOf(() => check("POST", trash, { wanted: [`${GMAIL}modify`], granted: [`${GMAIL}readonly`] }));
    expect(error).toMatchObject({ reason: "SCOPE_REQUIRED", code: 403, signInAgain: { prompt: "consent" } });
  });

  test.each<[scope: string, permits: string[], refuses: string[]]>([
    [
      FULL,
      ["DELETE messages/1", "POST messages/batchDelete", "DELETE threads/1", "POST messages/send"],
      ["PUT settings/imap"],
    ],
    [
      `${GMAIL}modify`,
      ["POST messages/1/modify", "POST messages/send"],
      ["DELETE messages/1", "POST messages/batchDelete", "DELETE threads/1"],
    ],
    [
      `${GMAIL}readonly`,
      ["POST watch", "POST stop"],
      ["POST messages/1/modify", "POST messages/send", "PATCH labels/1"],
    ],
    [`${GMAIL}metadata`, ["POST watch", "POST stop"], ["POST messages/1/trash"]],
    [
      `${GMAIL}labels`,
      ["POST labels", "PUT labels/1", "PATCH labels/1", "DELETE labels/1"],
      ["POST messages/1/modify"],
    ],
    [`${GMAIL}send`, ["POST messages/send"], ["POST drafts", "POST drafts/send", "POST messages"]],
    [
      `${GMAIL}compose`,
      ["POST messages/send", "POST drafts", "PUT drafts/1", "DELETE drafts/1"],
      ["POST messages/1/trash"],
    ],
    [`${GMAIL}insert`, ["POST messages", "POST messages/import"], ["POST messages/send"]],
    [
      `${GMAIL}settings.basic`,
      ["PUT settings/vacation", "POST settings/filters"],
      ["PUT settings/autoForwarding", "POST settings/delegates"],
    ],
    [`${GMAIL}settings.sharing`, ["PUT settings/autoForwarding", "POST settings/delegates"], ["PUT settings/vacation"]],
    ["openid", [], ["POST watch", "POST messages/send", "POST anything"]],
  ])("by %s alone is one of those that it permits", (scope, permits, refuses) => {
    const scopes = { wanted: [scope], granted: [scope] };
    for (const call of permits) {
      const [method = "", target = ""] = call.split(" ");
      expect(check(method, target, scopes).path, call).toBe(`/gmail/v1/users/me/${target}`);
    }
    for (const call of refuses) {
      const [method = "", target = ""] = call.split(" ");
      expect(errorOf(() => check(method, target, scopes)).reason, call).toBe("SCOPE_REQUIRED");
    }
  });
});

describe("a read", () => {
  test("needs no scope here: that is Google's to say", () => {
    expect(check("GET", "messages/1")).toEqual({ path: "/gmail/v1/users/me/messages/1", query: "" });
    expect(check("HEAD", "settings/imap").path).toBe("/gmail/v1/users/me/settings/imap");
  });
});

describe("the access of an API token", () => {
  const scopes = { wanted: [FULL], granted: [FULL] };

  test.each<[Access, string, Access | null]>([
    ["list", "GET messages?q=x", null],
    ["list", "HEAD messages", null],
    ["list", "GET threads", null],
    ["list", "GET history?startHistoryId=1", null],
    ["list", "GET messages/1", "read"],
    ["list", "GET threads/1", "read"],
    ["list", "GET labels", "read"],
    ["list", "GET profile", "read"],
    ["list", "GET drafts", "read"],
    // In whichever spelling: it is sent on in the one that is looked at.
    ["list", "GET %6dessages", null],
    ["list", "GET %6dessages/%31", "read"],
    ["list", "POST messages", "full"],
    ["list", "POST watch", "full"],
    ["read", "GET messages/1/attachments/2", null],
    ["read", "GET settings/imap", null],
    ["read", "POST messages/1/modify", "full"],
    ["read", "DELETE messages/1", "full"],
    ["read", "POST stop", "full"],
    ["full", "DELETE messages/1", null],
  ])("%s, for %s: it takes %j", (access, call, needed) => {
    const [method = "", target = ""] = call.split(" ");
    if (needed === null) {
      expect(check(method, target, { ...scopes, access }).path).toContain("/gmail/v1/users/me/");
      return;
    }
    const error = errorOf(() => check(method, target, { ...scopes, access }));
    expect(error).toMatchObject({ reason: "PERMISSION_DENIED", code: 403, metadata: { requiredAccess: needed } });
    expect(error.message).toContain(`needs "${needed}"`);
  });
});
