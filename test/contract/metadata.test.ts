/** GET /api/messages?view=metadata: what a mailbox shows, each row in its place, within Gmail's limits and ours. */
import * as z from "zod";
import { describe, expect, type Open, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { isErrorRow, readIds, readRows, type RowListing, rowsOfAll } from "../support/rows.ts";
import { call, type Scene, signedIn, type SceneOptions } from "../support/scenes.ts";

const ROWS = "/api/messages?view=metadata";

function mailboxOf(open: Open, messages: number, more: SceneOptions = {}): Promise<Scene> {
  const google = { quotaUnitsPerMinute: 1_000_000, ...more.google };
  return signedIn(open, { ...more, google, user: { mailbox: { messages } } });
}

/** The local Google's IDs grow with time. */
function expectNewestFirst(listing: Pick<RowListing, "messages">, messages: number): void {
  const ids = listing.messages.map(({ id }) => id);
  expect(ids.length).toBe(messages);
  expect(new Set(ids).size).toBe(messages);
  expect(ids).toEqual(ids.toSorted().toReversed());
}

function expectAllRead(listing: Pick<RowListing, "messages">, messages: number): void {
  expectNewestFirst(listing, messages);
  expect(listing.messages.filter(isErrorRow)).toEqual([]);
}

/** The bodies of the batch calls. */
async function batches({ google }: Scene): Promise<string[]> {
  return (await google.calls("batch")).map(({ body }) => body);
}

/** The number of batch parts that Google was sent. */
async function countParts(scene: Scene): Promise<number> {
  return (await batches(scene)).flatMap((body) => body.match(/^GET /gm) ?? []).length;
}

async function newestOf({ browser }: Scene): Promise<{ id: string; threadId: string }> {
  // Its row is not known afterwards.
  const response = await call(browser, "/api/messages?limit=1");
  const { messages }: { messages: { id: string; threadId: string }[] } = await response.json();
  return messages[0] ?? expect.fail("no message");
}

describe("a row", () => {
  test("holds exactly what is documented", { tags: ["process"] }, async ({ open }) => {
    const { browser, user } = await mailboxOf(open, 3);
    const { messages } = await readRows(await call(browser, ROWS));
    const [newest, , oldest] = messages;
    expect(newest).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      threadId: oldest?.threadId,
      labelIds: ["INBOX", "UNREAD"],
      snippet: "Message 3 &amp; what it says",
      date: "2024-01-01T08:33:00.000Z",
      from: "Grace Hopper <grace@example.com>",
      to: user.email,
      subject: "اجتماع الغد #3",
      unread: true,
    });
  });

  test.for<[string, unknown]>([
    ["no date", { internalDate: undefined }],
    ["a date beyond all dates", { internalDate: "9999999999999999" }],
    ["a date in words", { internalDate: "today" }],
    ["no payload, no labels and no snippet", {}],
  ])("with %s is read at once", async ([, changes], { open }) => {
    const scene = await mailboxOf(open, 31);
    const { id, threadId } = await newestOf(scene);
    await scene.google.forgetCalls();
    await scene.google.fault("part", { match: `/messages/${id}?`, body: { id, threadId, ...(changes as object) } });
    const { messages } = await readRows(await call(scene.browser, `${ROWS}&limit=all`));
    expectAllRead({ messages }, 31);
    expect(messages[0]).toMatchObject({
      id,
      date: null,
      from: null,
      subject: null,
      labelIds: [],
      snippet: "",
      unread: false,
    });
    expect(await countParts(scene)).toBe(31);
  });

  test.for<[string, object]>([
    ["no thread", { threadId: undefined }],
    ["labels that are none", { labelIds: "INBOX" }],
    ["nothing", {}],
  ])("that says %s is an error at once, and is not asked for again", async ([, changes], { open }) => {
    const scene = await mailboxOf(open, 31);
    const { id, threadId } = await newestOf(scene);
    await scene.google.forgetCalls();
    const body = Object.keys(changes).length === 0 ? {} : { id, threadId, ...changes };
    await scene.google.always("part", { match: `/messages/${id}?`, body });
    const beganMs = Date.now();
    const { messages } = await readRows(await call(scene.browser, `${ROWS}&limit=all`));
    expect(messages.map(isErrorRow)).toEqual([true, ...Array.from({ length: 30 }, () => false)]);
    expect(messages[0]).toMatchObject({ id, threadId });
    expect(await countParts(scene)).toBe(31);
    expect(Date.now() - beganMs).toBeLessThan(8_000);
  });

  test("is unread exactly when it has that label", async ({ open }) => {
    const { browser } = await mailboxOf(open, 30);
    const { messages } = await readRows(await call(browser, ROWS));
    expectAllRead({ messages }, 30);
    for (const row of messages) {
      if (isErrorRow(row)) throw new Error("expected a message");
      expect(row.unread).toBe(row.labelIds.includes("UNREAD"));
    }
    expect(messages.filter((row) => !isErrorRow(row) && row.unread)).toHaveLength(10);
  });

  test("has encoded words of its headers in plain (RFC 2047)", { tags: ["process"] }, async ({ open }) => {
    const { browser } = await mailboxOf(open, 30);
    const { messages } = await readRows(await call(browser, ROWS));
    const subjects = messages.map((row) => (isErrorRow(row) ? "" : row.subject));
    expect(subjects).toContain("מכתב - שלום #1");
    expect(subjects.join()).not.toContain("=?");
    const senders = new Set(messages.map((row) => (isErrorRow(row) ? "" : row.from)));
    expect(senders).toContain("André <andre@example.com>");
  });

  test("is found by the same filters as an ID", async ({ open }) => {
    const { browser } = await mailboxOf(open, 60);
    const filter = "labelIds=UNREAD&q=is%3Astarred";
    const { messages } = await readRows(await call(browser, `${ROWS}&${filter}`));
    expect(messages.map(({ id }) => id)).toEqual(await readIds(await call(browser, `/api/messages?${filter}`)));
    expect(messages).toHaveLength(2);
  });
});

describe("rows", () => {
  test.for<[messages: number, limit: string]>([
    [0, "all"],
    [1, "all"],
    [230, "230"],
    [240, "all"],
  ])("of a mailbox of %d with limit=%s are all there, newest first", async ([messages, limit], { open }) => {
    const { browser } = await mailboxOf(open, messages);
    const listing = await readRows(await call(browser, `${ROWS}&limit=${limit}`));
    expectAllRead(listing, Math.min(messages, 240));
    expect(listing.nextPageToken).toBeUndefined();
  });

  test(
    "cost 5 units a page, 20 a row that is not known and 1 for its history, few calls, and say so",
    { tags: ["process"] },
    async ({ open }) => {
      const scene = await mailboxOf(open, 250);
      const response = await call(scene.browser, ROWS);
      expect(response.headers.get("x-gmail-quota-units")).toBe("2006");
      const phases = (response.headers.get("server-timing") ?? "")
        .split(", ")
        .map((phase) => phase.replace(/;dur=[\d.]+$/, ""));
      expect(phases).toEqual(["storage", "refresh", "list", "hydrate", "object"]);
      expectAllRead(await readRows(response), 100);
      expect(await scene.google.count()).toBeLessThanOrEqual(12);
      expect(await scene.google.count("get")).toBe(0);
      expect((await scene.google.snapshot()).quotaUnits).toBe(2006);
      expect((await scene.google.snapshot()).maxConcurrent).toBeLessThanOrEqual(5);
    },
  );

  test("come in order though parts come back in another, and without an access token in any part or URL", async ({
    open,
  }) => {
    const scene = await mailboxOf(open, 120, { google: { shuffleBatchParts: true } });
    expectAllRead(await readRows(await call(scene.browser, `${ROWS}&limit=all`)), 120);
    for (const body of await batches(scene)) expect(body).not.toMatch(/authorization|access_token|https?:/i);
  });

  test("come from pages without messages, short ones and ones that overlap", async ({ open }) => {
    const { browser } = await mailboxOf(open, 180, {
      google: { listing: { emptyPages: [0, 2], overlap: 3, shortBy: 30 } },
    });
    expectAllRead(await readRows(await call(browser, `${ROWS}&limit=all`)), 180);
  });
});

describe("a row that cannot be read", () => {
  test("stands in its place with its error", async ({ open }) => {
    const scene = await mailboxOf(open, 60);
    const ids: { messages: { id: string; threadId: string }[] } = await (
      await call(scene.browser, "/api/messages")
    ).json();
    const [, , third] = ids.messages;
    await scene.google.always("part", { named: "notFound", match: `/messages/${third?.id}?` });
    const listing = await readRows(await call(scene.browser, ROWS));
    expectNewestFirst(listing, 60);
    expect(listing.messages.filter(isErrorRow)).toEqual([listing.messages[2]]);
    expect(listing.messages[2]).toMatchObject({
      id: third?.id,
      threadId: third?.threadId,
      error: { code: 404, status: "NOT_FOUND" },
    });
  });

  test("costs 429, 403 rate limit and 5xx inside a 200 nothing but another try of that row", async ({ open }) => {
    const scene = await mailboxOf(open, 60);
    for (const [after, named] of [
      [4, "tooManyRequests"],
      [11, "userRateLimitExceeded"],
      [17, "unavailable"],
    ] as const) {
      await scene.google.fault("part", { named, after });
    }
    expectAllRead(await readRows(await call(scene.browser, ROWS)), 60);
    expect(await countParts(scene)).toBe(63);
  });
});

describe("a budget that is nearly spent", () => {
  test.for<[name: string, value: string]>([
    ["SUBREQUEST_BUDGET", "8"],
    ["QUOTA_BUDGET", "205"],
  ])(
    "(%s=%s) ends the answer at a row, and nextPageToken goes on there: every row exactly once",
    async ([name, value], { open }) => {
      const scene = await mailboxOf(open, 130, { vars: { [name]: value } });
      const { messages, perAnswer } = await rowsOfAll(scene.browser, "limit=all", async (response) => {
        if (name === "QUOTA_BUDGET")
          expect(Number(response.headers.get("x-gmail-quota-units"))).toBeLessThanOrEqual(205);
        else expect(await scene.google.count()).toBeLessThanOrEqual(8);
        await scene.google.forgetCalls();
      });
      expectAllRead({ messages }, 130);
      expect(perAnswer.length).toBeGreaterThan(1);
      expect(perAnswer.length).toBeLessThanOrEqual(20);
      expect(Math.min(...perAnswer.slice(0, -1))).toBeGreaterThan(0);
    },
  );

  test("is not exceeded by tries again, and no row is lost by it", async ({ open }) => {
    const scene = await mailboxOf(open, 60, { vars: { QUOTA_BUDGET: "405" } });
    await scene.google.fault("part", { named: "tooManyRequests", after: 3, times: 4 });
    const { messages } = await rowsOfAll(scene.browser, "limit=all", async (response) => {
      expect(Number(response.headers.get("x-gmail-quota-units"))).toBeLessThanOrEqual(405);
    });
    expectAllRead({ messages }, 60);
  });
});

/** Someone with a token for the middle of a page. */
async function partOf(open: Open): Promise<Scene & { token: string; first: string[] }> {
  const scene = await mailboxOf(open, 130, { vars: { QUOTA_BUDGET: "205" } });
  const { messages, nextPageToken } = await readRows(await call(scene.browser, `${ROWS}&q=subject%3Areport&limit=all`));
  await scene.google.forgetCalls();
  return { ...scene, first: messages.map(({ id }) => id), token: encodeURIComponent(nextPageToken ?? "") };
}

describe("nextPageToken", () => {
  test.for([
    "",
    "&q=subject%3Alunch",
    "&q=subject%3Areport&labelIds=INBOX",
    "&q=subject%3Areport&includeSpamTrash=true",
  ])("of a page that was not finished gets 400 with other filters: %s", async (filters, { open }) => {
    const { browser, google, token } = await partOf(open);
    await expectError(await call(browser, `${ROWS}${filters}&pageToken=${token}`), 400, "INVALID_ARGUMENT");
    expect(await google.count()).toBe(0);
  });

  test("of another user gets 400", async ({ open }) => {
    const { stage, google, token } = await partOf(open);
    const other = await google.addUser({ mailbox: { messages: 130 } });
    const theirs = stage.browser();
    await theirs.signIn({ user: other.email });
    await google.forgetCalls();
    await expectError(await call(theirs, `${ROWS}&q=subject%3Areport&pageToken=${token}`), 400, "INVALID_ARGUMENT");
    expect(await google.count()).toBe(0);
  });

  test("shows neither Gmail's token nor a message ID, plain or in base64", async ({ open }) => {
    const scene = await mailboxOf(open, 600, {
      vars: { QUOTA_BUDGET: "10007", USER_QUOTA_PER_MINUTE: "100000", SUBREQUEST_BUDGET: "1000" },
    });
    const first = await readRows(await call(scene.browser, `${ROWS}&limit=500`));
    const { nextPageToken = "" } = first;
    const gmailToken = await fetchGmailToken(scene);
    expect(gmailToken.length).toBeGreaterThan(8);
    for (const secret of [gmailToken, first.messages.at(-1)?.id ?? ""]) {
      for (const shape of [secret, btoa(secret).replaceAll("=", ""), encodeURIComponent(secret)]) {
        expect(nextPageToken).not.toContain(shape);
        expect(atobOrNothing(nextPageToken)).not.toContain(shape);
      }
    }
  });

  test("works for the other view, too", async ({ open }) => {
    const { browser, first, token } = await partOf(open);
    const rest = await readIds(await call(browser, `/api/messages?q=subject%3Areport&limit=all&pageToken=${token}`));
    const all = await readIds(await call(browser, "/api/messages?q=subject%3Areport&limit=all"));
    expect([...first, ...rest]).toEqual(all);
  });
});

/** Gmail's own token for the second page, as Gmail gives it to who asks directly. */
async function fetchGmailToken({ browser }: Scene): Promise<string> {
  const page: unknown = await (await call(browser, "/gmail/v1/users/me/messages?maxResults=500")).json();
  return z.object({ nextPageToken: z.string() }).parse(page).nextPageToken;
}

function atobOrNothing(token: string): string {
  return token
    .split(".")
    .map((piece) => {
      try {
        return atob(piece.replaceAll("-", "+").replaceAll("_", "/"));
      } catch {
        return "";
      }
    })
    .join("\n");
}
