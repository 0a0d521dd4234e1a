/** GET /api/messages as one JSON answer. Newest first, none twice, none left out. */
import { describe, describeInside, expect, test, type Open } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { type Listing, listAll, readListing } from "../support/listing.ts";
import { type ConfigPatch, queryOf } from "../support/google.ts";
import { call, type Scene, signedIn } from "../support/scenes.ts";

function mailboxOf(open: Open, messages: number, more: Parameters<typeof signedIn>[1] = {}): Promise<Scene> {
  return signedIn(open, { ...more, user: { mailbox: { messages } } });
}

async function expectAll(listing: Listing, messages: number): Promise<void> {
  const ids = listing.messages.map(({ id }) => id);
  expect(ids.length).toBe(messages);
  expect(new Set(ids).size).toBe(messages);
  // The local Google's IDs grow with time.
  expect(ids).toEqual(ids.toSorted().toReversed());
}

describe("limit", () => {
  test("is 100 unless said", { tags: ["process"] }, async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 250);
    const listing = await readListing(await call(browser, "/api/messages"));
    await expectAll(listing, 100);
    expect(listing.nextPageToken).toBeTruthy();
    expect(listing.resultSizeEstimate).toBe(201);
    expect((await google.calls("list")).map((page) => queryOf(page).get("maxResults"))).toEqual(["100"]);
  });

  test.for<[limit: number, pages: number]>([
    [1, 1],
    [499, 1],
    [500, 1],
    [501, 2],
    [1233, 3],
  ])("%d takes %d calls and asks for no more than it needs", async ([limit, pages], { open }) => {
    const { browser, google } = await mailboxOf(open, 1234);
    const listing = await readListing(await call(browser, `/api/messages?limit=${limit}`));
    await expectAll(listing, limit);
    expect(listing.nextPageToken).toBeTruthy();
    const asked = (await google.calls("list")).map((page) => Number(queryOf(page).get("maxResults")));
    expect(asked.length).toBe(pages);
    expect(asked.reduce((sum, size) => sum + size, 0)).toBe(limit);
  });

  test.for(["all", "1234", "5000"])("%s gives the whole mailbox, without a nextPageToken", async (limit, { open }) => {
    const { browser, google } = await mailboxOf(open, 1234);
    const listing = await readListing(await call(browser, `/api/messages?limit=${limit}`));
    await expectAll(listing, 1234);
    expect(listing.nextPageToken).toBeUndefined();
    expect(await google.count("list")).toBe(3);
  });

  test.for([0, 1])("a mailbox of %d", async (messages, { open }) => {
    const { browser } = await mailboxOf(open, messages);
    const listing = await readListing(await call(browser, "/api/messages?limit=all"));
    await expectAll(listing, messages);
    expect(listing.nextPageToken).toBeUndefined();
  });
});

describe("the answer", () => {
  test(
    "holds id and threadId of each message and nothing else, and says what it cost",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser } = await mailboxOf(open, 3);
      const response = await call(browser, "/api/messages");
      expect(response.headers.get("content-type")).toMatch(/^application\/json/);
      expect(response.headers.get("cache-control")).toContain("no-store");
      expect(response.headers.get("x-request-id")).toBeTruthy();
      expect(response.headers.get("x-gmail-quota-units")).toBe("5");
      expect(response.headers.get("server-timing")).toMatch(/list/);
      const body: unknown = await response.json();
      expect(body).toEqual({
        messages: [expect.anything(), expect.anything(), expect.anything()],
        resultSizeEstimate: 201,
      });
      expect(Object.keys((body as Listing).messages[0] ?? {}).toSorted()).toEqual(["id", "threadId"]);
    },
  );
});

describe("filters", () => {
  test.for(["subject:report", 'from:"Grace Hopper" OR "a&b=c"', "שלום 🎉 +1 %20", " leading and trailing "])(
    "q is passed on unchanged, on every page: %s",
    async (q, { open }) => {
      const { browser, google } = await mailboxOf(open, 60, { google: { listing: { emptyPages: [0, 1] } } });
      await call(browser, `/api/messages?q=${encodeURIComponent(q)}&limit=all`);
      const pages = await google.calls("list");
      expect(pages.length).toBeGreaterThanOrEqual(3);
      expect(pages.map((page) => queryOf(page).getAll("q"))).toEqual(pages.map(() => [q]));
    },
  );

  test(
    "labelIds are repeated, includeSpamTrash is passed on, on every page",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, google } = await mailboxOf(open, 1200);
      await call(browser, "/api/messages?labelIds=INBOX&labelIds=UNREAD&includeSpamTrash=true&limit=all");
      await call(browser, "/api/messages?includeSpamTrash=false");
      const pages = (await google.calls("list")).map(queryOf);
      expect(pages.map((query) => query.getAll("labelIds"))).toEqual([["INBOX", "UNREAD"], []]);
      expect(pages.map((query) => query.get("includeSpamTrash") === "true")).toEqual([true, false]);
    },
  );

  test("find what Gmail finds", async ({ open }) => {
    const { browser } = await signedIn(open, { user: { mailbox: { messages: 700, spamEvery: 10 } } });
    const count = async (query: string): Promise<number> =>
      (await readListing(await call(browser, `/api/messages?limit=all&${query}`))).messages.length;
    expect(await count("q=subject%3Areport")).toBe(90);
    expect(await count("labelIds=UNREAD")).toBe(210);
    expect(await count("includeSpamTrash=true")).toBe(700);
    expect(await count("q=subject%3Anothing-like-it")).toBe(0);
  });
});

describe("pages of Gmail's", () => {
  test.for<[string, NonNullable<ConfigPatch["listing"]>]>([
    ["without messages but with a nextPageToken", { emptyPages: [0, 1, 3] }],
    ["without messages, as an empty list", { emptyPages: [0, 2], absentWhenEmpty: false }],
    ["shorter than asked", { shortBy: 73 }],
    ["that repeat the end of the one before", { overlap: 3 }],
    ["with all of that", { emptyPages: [0, 2, 4], shortBy: 50, overlap: 2 }],
  ])("%s: no message twice, none left out", async ([, listing], { open }) => {
    const { browser } = await mailboxOf(open, 1234, { google: { listing } });
    await expectAll(await readListing(await call(browser, "/api/messages?limit=all")), 1234);
    await expectAll(await readListing(await call(browser, "/api/messages?limit=600")), 600);
    // What Gmail repeats from one answer to the next is not ours to know.
    if (listing.overlap === undefined) await expectAll(await listAll(browser, "limit=177"), 1234);
  });

  test("without end: the budget ends it", async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 10, {
      google: { listing: { emptyPages: Array.from({ length: 500 }, (_, n) => n) } },
    });
    const listing = await readListing(await call(browser, "/api/messages?limit=all"));
    expect(listing.messages).toEqual([]);
    expect(listing.nextPageToken).toBeTruthy();
    expect(await google.count()).toBeLessThanOrEqual(50);
  });
});

describe("pageToken", () => {
  test.for([1, 7, 100, 500, 999])("goes on where an earlier answer of %d stopped", async (limit, { open }) => {
    const { browser } = await mailboxOf(open, limit === 1 ? 5 : 1234);
    await expectAll(await listAll(browser, `limit=${limit}`), limit === 1 ? 5 : 1234);
  });

  test("goes on with another limit", async ({ open }) => {
    const { browser } = await mailboxOf(open, 1234);
    const first = await readListing(await call(browser, "/api/messages?limit=130"));
    const rest = await readListing(
      await call(browser, `/api/messages?limit=all&pageToken=${encodeURIComponent(first.nextPageToken ?? "")}`),
    );
    await expectAll({ messages: [...first.messages, ...rest.messages] }, 1234);
  });

  test("is not confused by mail that arrives in between", async ({ open }) => {
    const { browser, google, user } = await mailboxOf(open, 700);
    const first = await readListing(await call(browser, "/api/messages?limit=300"));
    await google.act({ action: "receiveMail", email: user.email, messages: 10 });
    const rest = await readListing(
      await call(browser, `/api/messages?limit=all&pageToken=${encodeURIComponent(first.nextPageToken ?? "")}`),
    );
    await expectAll({ messages: [...first.messages, ...rest.messages] }, 700);
  });

  const changes = [
    "q=subject%3Alunch",
    "",
    "q=subject%3Areport&labelIds=INBOX",
    "q=subject%3Areport&includeSpamTrash=true",
    "q=Subject%3Areport",
  ];
  test.for(changes)("with other filters than it was made for gets 400: %s", async (filters, { open }) => {
    const { browser, google } = await mailboxOf(open, 1234);
    const { nextPageToken } = await readListing(await call(browser, "/api/messages?q=subject%3Areport&limit=5"));
    await google.forgetCalls();
    const path = `/api/messages?${filters}&limit=5&pageToken=${encodeURIComponent(nextPageToken ?? "")}`;
    const { message } = await expectError(await call(browser, path), 400, "INVALID_ARGUMENT");
    expect(message).toContain("pageToken");
    expect(await google.count()).toBe(0);
  });

  test("of another user gets 400", async ({ open }) => {
    const mine = await mailboxOf(open, 300);
    const { nextPageToken } = await readListing(await call(mine.browser));
    const other = await mine.google.addUser({ mailbox: { messages: 300 } });
    const theirs = mine.stage.browser();
    await theirs.signIn({ user: other.email });
    await mine.google.forgetCalls();
    const path = `/api/messages?pageToken=${encodeURIComponent(nextPageToken ?? "")}`;
    await expectError(await call(theirs, path), 400, "INVALID_ARGUMENT");
    expect(await mine.google.count()).toBe(0);
  });

  test("shows nothing of the search in plain text", async ({ open }) => {
    const { browser } = await mailboxOf(open, 300);
    const { nextPageToken } = await readListing(await call(browser, "/api/messages?q=subject%3Areport&limit=5"));
    expect(nextPageToken).not.toContain("report");
  });
});

describe("a bad parameter is named with 400, and no upstream call is made", () => {
  const bad: [string, string][] = [
    ["limit", "limit=0"],
    ["limit", "limit=-1"],
    ["limit", "limit=1.5"],
    ["limit", "limit=ten"],
    ["limit", "limit="],
    ["limit", "limit=1e2"],
    ["limit", "limit=0x10"],
    ["limit", "limit=%201"],
    ["limit", "limit=ALL"],
    ["limit", "limit=99999999999999999999"],
    ["includeSpamTrash", "includeSpamTrash=yes"],
    ["includeSpamTrash", "includeSpamTrash="],
    ["pageToken", "pageToken=garbage"],
    ["pageToken", "pageToken=a.b.c.d.e"],
    ["view", "view=full"],
  ];
  test.for(bad)("%s: %s", async ([name, query], { open }) => {
    const { browser, google } = await mailboxOf(open, 5);
    const { message, metadata } = await expectError(
      await call(browser, `/api/messages?${query}`),
      400,
      "INVALID_ARGUMENT",
    );
    expect(message + JSON.stringify(metadata)).toContain(name);
    expect(await google.count()).toBe(0);
  });
});

describe("a page that fails for good", () => {
  test("makes the whole JSON answer that error", async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 1234);
    await google.always("list", { nonJson: true, after: 1 });
    await expectError(await call(browser, "/api/messages?limit=all"), 502, "UPSTREAM_UNAVAILABLE");
  });
});

describeInside("a page that fails for a moment", () => {
  test("costs no message", async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 1234);
    await google.fault("list", { named: "userRateLimitExceeded", after: 1, times: 2 });
    await google.fault("list", { named: "unavailable", after: 3 });
    await expectAll(await readListing(await call(browser, "/api/messages?limit=all")), 1234);
  });
});
