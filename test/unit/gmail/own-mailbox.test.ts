/** The one defence against reaching anything but the caller's own mailbox: which paths pass, and as what. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { ownMailboxPath } from "../../../src/gmail/own-mailbox.ts";
import type { Identity } from "../../../src/identity.ts";
import { SENTENCE } from "../fixtures.ts";

const ADA: Identity = { sub: "104729", email: "Ada.L+gmail@example.com", name: null, picture: null };

function resultOf(path: string, identity = ADA): string | AppError {
  try {
    return ownMailboxPath(path, identity);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

/** The path to ask Gmail for, or why there is none. */
function reasonOf(path: string, identity = ADA): string {
  const result = resultOf(path, identity);
  return typeof result === "string" ? result : result.reason;
}

test.each([
  ["me/messages", "messages"],
  ["104729/messages/18c0/attachments/AN-_x", "messages/18c0/attachments/AN-_x"],
  ["Ada.L+gmail@example.com/labels/INBOX", "labels/INBOX"],
  ["ada.l%2Bgmail%40EXAMPLE.com/profile", "profile"],
  ["m%65/profile", "profile"],
  ["me/labels/Label_1.2", "labels/Label_1.2"],
  ["me/labels/...", "labels/..."],
  ["me/labels/a%20b%C3%A9", "labels/a%20b%C3%A9"],
  ["me/%6dessages/%31", "messages/1"],
  ["me/settings/sendAs/a@b.test", "settings/sendAs/a@b.test"],
  ["me/settings/sendAs/a%40b.test", "settings/sendAs/a@b.test"],
  ["me/settings/cse/keypairs/1:disable", "settings/cse/keypairs/1:disable"],
])("users/%s is the caller's own: users/me/%s", (given, resource) => {
  expect(reasonOf(`/gmail/v1/users/${given}`)).toBe(`/gmail/v1/users/me/${resource}`);
});

test("letters of another script are not the caller's address", () => {
  const kim = { ...ADA, email: "kim@example.com" };
  expect(reasonOf(`/gmail/v1/users/${encodeURIComponent("\u212Aim@example.com")}/profile`, kim)).toBe(
    "PERMISSION_DENIED",
  );
});

test.each([
  "other@example.com",
  "104728",
  "1047290",
  "ME",
  "me%20",
  "%20me",
  "null",
  "me;x",
  "ada.l@example.com",
  "*",
  "-",
])("the mailbox of %j is another user's: PERMISSION_DENIED", (userId) => {
  expect(reasonOf(`/gmail/v1/users/${userId}/messages`)).toBe("PERMISSION_DENIED");
});

test("without an address, a caller has none by the name of null or undefined", () => {
  const nobody = { ...ADA, email: null };
  for (const userId of ["null", "undefined"]) {
    expect(reasonOf(`/gmail/v1/users/${userId}/messages`, nobody)).toBe("PERMISSION_DENIED");
  }
});

test("what is wrong is told in a sentence, by the name of the parameter", () => {
  expect(resultOf("/gmail/v1/users/other@example.com/messages")).toMatchObject({
    message: expect.stringMatching(SENTENCE),
    metadata: { parameter: "userId" },
  });
  expect(resultOf("/gmail/v1/users/me/%2e%2e/x")).toMatchObject({
    message: expect.stringContaining("/gmail/v1/users/{userId}/"),
    metadata: { parameter: "path" },
  });
});

describe("what a server could read as another path is INVALID_ARGUMENT", () => {
  test.each([
    "",
    "/",
    "messages",
    "/gmail/v1/users/me",
    "/gmail/v1/users/me/",
    "/gmail/v1/users//messages",
    "/gmail/v1/users/me//messages",
    "/gmail/v1/users/me/messages/",
    "//gmail/v1/users/me/messages",
    "/Gmail/v1/users/me/messages",
    "/gmail/v2/users/me/messages",
    "/upload/gmail/v1/users/me/messages/send",
    "/batch/gmail/v1",
    "https://gmail.googleapis.com/gmail/v1/users/me/messages",
    "//evil.test/gmail/v1/users/me/messages",
    "/gmail/v1/users/me/../other/messages",
    "/gmail/v1/users/me/./messages",
    "/gmail/v1/users/me/messages/..",
    "/gmail/v1/users/me/%2e%2e/other/messages",
    "/gmail/v1/users/me/.%2E/other/messages",
    "/gmail/v1/users/me/%2e/messages",
    "/gmail/v1/users/me/..;x/other/messages",
    "/gmail/v1/users/me/%2e.;/other/messages",
    "/gmail/v1/users/me/..%3bx/other/messages",
    "/gmail/v1/users/me%2Fmessages/x",
    "/gmail/v1/users/me/messages%2f1",
    "/gmail/v1/users/me/messages%5C1",
    String.raw`/gmail/v1/users/me/messages\..\x`,
    "/gmail/v1/users/me/messages%00",
    "/gmail/v1/users/me/messages%0d%0aHost:evil.test",
    "/gmail/v1/users/me/messages\r\nHost: evil.test",
    "/gmail/v1/users/me/messages x",
    "/gmail/v1/users/me/messages?x",
    "/gmail/v1/users/me/messages#x",
    "/gmail/v1/users/me/%c0%ae%c0%ae/other",
    "/gmail/v1/users/me/messages%c0%af1",
    "/gmail/v1/users/me/messages%",
    "/gmail/v1/users/me/messages%zz",
    "/gmail/v1/users/%zz/messages",
    "/gmail/v1/users/me/méssages",
  ])("%j", (path) => {
    expect(reasonOf(path)).toBe("INVALID_ARGUMENT");
  });
});

const PIECES =
  "me 104729 other messages .. . %2e %2E. / // %2f %5c \\ ; %3b %00 %0a ? # @ : %25 %252e %c0%ae \r\n é https: a";
const piece = fc.constantFrom(" ", ...PIECES.split(" "));

/** What a lenient server makes of a path: decoded once, parameters dropped, dot segments resolved. */
function resolved(path: string): string {
  const segments: string[] = [];
  for (const segment of decodeURIComponent(path).replaceAll("\\", "/").split("/")) {
    const name = segment.replace(/;.*$/, "");
    if (name === "..") segments.pop();
    else if (name !== "." && name !== "") segments.push(name);
  }
  return `/${segments.join("/")}`;
}

test("whatever passes begins with the caller's mailbox and stays below it (property)", () => {
  const tail = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
  const path = fc.oneof(
    fc.tuple(fc.constantFrom("me", "104729", "%6de"), tail).map(([user, rest]) => `/gmail/v1/users/${user}/${rest}`),
    tail,
  );
  fc.assert(
    fc.property(path, (given) => {
      const result = reasonOf(given);
      if (result === "INVALID_ARGUMENT" || result === "PERMISSION_DENIED") return;
      expect(result.startsWith("/gmail/v1/users/me/")).toBe(true);
      expect(result).not.toMatch(/%2f|%5c|%0|[\\?#\s]|\/\//i);
      expect(result.split("/").some((segment) => /^\.{1,2}$/.test(decodeURIComponent(segment)))).toBe(false);
      expect(resolved(result).startsWith("/gmail/v1/users/me")).toBe(true);
      // A URL parser has nothing left to resolve.
      expect(new URL(result, "https://gmail.example").pathname).toBe(result);
    }),
    { numRuns: 1_000 },
  );
});
