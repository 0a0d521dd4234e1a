/** Parameters of the API: one that nobody knows is 400 with the name that was probably meant, and nothing is done. Pages ignore theirs. */
import { messageId } from "../google/mail/numbered.ts";
import { listTokens, makeToken } from "../support/api-tokens.ts";
import { describe, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { call, signedIn } from "../support/scenes.ts";

const ID = messageId(7);
/** Every route of the API. */
const ROUTES: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/api/me"],
  ["GET", "/api/messages"],
  ["GET", `/api/messages/${ID}`],
  ["GET", `/api/messages/${ID}/attachments/1`],
  ["GET", "/api/labels"],
  ["GET", "/api/tokens"],
  ["POST", "/api/tokens"],
  ["DELETE", `/api/tokens/${"0".repeat(43)}`],
];

describe("a parameter that nobody knows is refused by every route of the API, and nothing is done:", () => {
  test.for(ROUTES)("%s %s", async ([method, path], { open }) => {
    const { browser, google } = await signedIn(open);
    for (const query of ["utm_source=x", "LIMIT%20=5", "=x", "constructor=1"]) {
      const body = method === "POST" ? { body: '{"name":"n"}' } : {};
      const headers = { accept: "application/json", "content-type": "application/json" };
      const response = await browser.fetch(`${path}?${query}`, { method, headers, ...body });
      const { metadata } = await expectError(response, 400, "INVALID_ARGUMENT");
      expect(metadata["parameter"]).toBe(decodeURIComponent(query.split("=")[0] ?? ""));
    }
    expect(await google.count()).toBe(0);
    expect(await listTokens(browser)).toEqual([]);
  });
});

describe("GET /api/messages", () => {
  test.for<[query: string, meant: string]>([
    ["labelIDs=INBOX", "labelIds"],
    ["labelids=INBOX", "labelIds"],
    ["label_ids=INBOX", "labelIds"],
    ["labelId=INBOX", "labelIds"],
    ["includeSpamTrsh=true", "includeSpamTrash"],
    ["include_spam_trash=true", "includeSpamTrash"],
    ["pagetoken=x", "pageToken"],
    ["page_token=x", "pageToken"],
    ["Limit=5", "limit"],
    ["limits=5", "limit"],
    ["views=id", "view"],
    ["Q=x", "q"],
  ])("?%s is asked whether %s is meant", async ([query, meant], { open }) => {
    const { browser, google } = await signedIn(open);
    const { message } = await expectError(await call(browser, `/api/messages?${query}`), 400, "INVALID_ARGUMENT");
    expect(message).toContain(`Did you mean ${meant}?`);
    expect(await google.count()).toBe(0);
  });

  test("?maxResults=5, which is like none, names those that are known", async ({ open }) => {
    const { browser } = await signedIn(open);
    const { message } = await expectError(await call(browser, "/api/messages?maxResults=5"), 400, "INVALID_ARGUMENT");
    expect(message).toContain("You can use: q, labelIds, includeSpamTrash, limit, pageToken, view.");
  });

  test.for<[query: string, parameter: string, message: RegExp]>([
    ["limit=0", "limit", /^limit must be a whole number of 1 or more, or all\.$/],
    ["limit=-1", "limit", /^limit must be a whole number/],
    ["limit=1.5", "limit", /^limit must be a whole number/],
    ["limit=", "limit", /^limit must be a whole number/],
    ["limit=1&limit=2", "limit", /once/],
    ["q=a&q=b", "q", /once/],
    ["view=id&view=id", "view", /once/],
    ["view=full", "view", /^view must be id or metadata/],
    ["includeSpamTrash=1", "includeSpamTrash", /^includeSpamTrash must be true or false/],
    ["labelIds=", "labelIds", /must not be empty/],
    ["pageToken=", "pageToken", /must not be empty/],
    ["q=%ff", "q", /UTF-8/],
    ["q=%c3%28", "q", /UTF-8/],
    ["q=%ed%a0%80", "q", /UTF-8/],
    ["q=100%", "q", /UTF-8/],
    ["q=%zz", "q", /UTF-8/],
    ["labelIds=%e0%80", "labelIds", /UTF-8/],
    ["%ff=x", "query", /UTF-8/],
  ])("?%s says what is allowed", async ([query, parameter, words], { open }) => {
    const { browser, google } = await signedIn(open);
    const { message, metadata } = await expectError(
      await call(browser, `/api/messages?${query}`),
      400,
      "INVALID_ARGUMENT",
    );
    expect(metadata["parameter"]).toBe(parameter);
    expect(message).toMatch(words);
    expect(message).not.toContain("Invalid input");
    expect(await google.count()).toBe(0);
  });

  test("takes labelIds several times, and characters in any spelling", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    const query = "labelIds=INBOX&label%49ds=UNREAD&q=%D7%A9+a%2Bb;c&limit=%31";
    expect((await call(browser, `/api/messages?${query}`)).status).toBe(200);
    const [list] = await google.calls("list");
    expect(list?.query).toContainEqual(["q", "ש a+b;c"]);
    expect(list?.query.filter(([name]) => name === "labelIds").map(([, value]) => value)).toEqual(["INBOX", "UNREAD"]);
  });
});

describe("pages", () => {
  test.for(["/?utm_source=mail&fbclid=x", "/account?authuser=0", "/healthz?x=1", `/message/${ID}?hl=de`])(
    "ignore parameters that they do not know: %s",
    async (path, { open }) => {
      const { browser } = await signedIn(open, { user: { mailbox: { messages: 20 } } });
      expect((await browser.step(path)).status).toBe(200);
    },
  );

  test("and sign-in and its callback do so, too", async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    const authorization = await browser.begin("?utm_source=x&return_to=/healthz");
    const callback = new URL(await google.consent(authorization.href, { user: user.email }));
    callback.searchParams.set("authuser", "0");
    callback.searchParams.set("hd", "example.test");
    expect((await browser.comeBack(callback.href)).headers.get("location")).toBe("/healthz");
  });
});

test("what is wrong in a body says what is allowed, in words of ours", async ({ open }) => {
  const { browser } = await signedIn(open);
  const wrong: [body: object, words: RegExp][] = [
    [{}, /^name is missing or not text/],
    [{ name: 1 }, /^name is missing or not text/],
    [{ name: "  " }, /^name must not be empty/],
    [{ name: "n", expiresInDays: 0 }, /^expiresInDays must be a whole number of days, 1 to 365/],
    [{ name: "n", expiresInDays: 1.5 }, /^expiresInDays must be a whole number/],
    [{ name: "n", access: "write" }, /^access must be list, read or full/],
    [{ name: "n", access: null }, /^access must be list, read or full/],
    [{ name: "n", acces: "full" }, /Did you mean access\?/],
    [[], /^The body must be an object/],
  ];
  for (const [body, words] of wrong) {
    const headers = { accept: "application/json", "content-type": "application/json" };
    const response = await browser.fetch("/api/tokens", { method: "POST", headers, body: JSON.stringify(body) });
    expect((await expectError(response, 400, "INVALID_ARGUMENT")).message).toMatch(words);
  }
  expect((await makeToken(browser)).name).toBe("script");
});
