/** Rows that are known: not read again, and always as they are in Gmail. */
import { describe, describeInside, expect, inside, type Open, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { makeToken, withToken } from "../support/api-tokens.ts";
import { readIds, readRows, readRowStream, type RowListing, rowsOfAll } from "../support/rows.ts";
import { call, type Scene, signedIn, type SceneOptions } from "../support/scenes.ts";

const ROWS = "/api/messages?view=metadata";

function mailboxOf(open: Open, messages: number, more: SceneOptions = {}): Promise<Scene> {
  const google = { quotaUnitsPerMinute: 1_000_000, ...more.google };
  return signedIn(open, { ...more, google, user: { mailbox: { messages, spamEvery: 0, trashEvery: 0 } } });
}

/** The rows, and the units that the answer says it cost. */
async function list({ browser }: Scene, query = ""): Promise<RowListing & { units: number }> {
  const response = await call(browser, ROWS + query);
  return { ...(await readRows(response)), units: Number(response.headers.get("x-gmail-quota-units")) };
}

const labelsOf = ({ messages }: RowListing, index: number): string[] => {
  const row = messages[index];
  return row === undefined || "error" in row ? expect.fail("no row") : row.labelIds.toSorted();
};

describe("a list that is asked for again", () => {
  test("costs 7 units, and no message is read", { tags: ["process"] }, async ({ open }) => {
    const scene = await mailboxOf(open, 130);
    const first = await list(scene);
    expect(first.units).toBe(5 + 100 * 20 + 1);
    await scene.google.forgetCalls();
    const second = await list(scene);
    expect(second.messages).toEqual(first.messages);
    expect(second.units).toBe(7);
    expect((await scene.google.calls()).map(({ endpoint }) => endpoint).toSorted()).toEqual(["history", "list"]);
    expect((await scene.google.snapshot()).quotaUnits).toBe(7);
  });

  test("costs the same as NDJSON, and with a filter that names the same messages", async ({ open }) => {
    const scene = await mailboxOf(open, 30);
    const { messages } = await list(scene);
    const stream = await readRowStream(
      await scene.browser.fetch(`${ROWS}&labelIds=INBOX`, { headers: { accept: "application/x-ndjson" } }),
    );
    expect(stream.messages).toEqual(messages.filter((row) => !("error" in row) && row.labelIds.includes("INBOX")));
    expect(stream.end?.quotaUnits).toBe(7);
  });

  test("reads a new message, and nothing else", async ({ open }) => {
    const scene = await mailboxOf(open, 130);
    await list(scene);
    await scene.google.act({ action: "receiveMail", email: scene.user.email });
    const { messages, units } = await list(scene);
    expect([units, messages.length]).toEqual([27, 100]);
  });

  test("shows labels as they are now, also where they changed twice, and rows that are gone no more", async ({
    open,
  }) => {
    const scene = await mailboxOf(open, 20);
    const { messages } = await list(scene);
    const [first, second, third] = messages.map(({ id }) => id);
    const { email } = scene.user;
    const change = (id = "", labels: { add?: string[]; remove?: string[] }) =>
      scene.google.act({ action: "changeLabels", email, id, ...labels });
    await change(first, { remove: ["UNREAD"] });
    await change(second, { add: ["STARRED"] });
    await change(second, { remove: ["STARRED"] });
    await change(first, { add: ["STARRED"] });
    await scene.google.act({ action: "deleteMail", email, id: third ?? "" });
    const after = await list(scene);
    expect(after.units).toBe(7);
    expect(after.messages.map(({ id }) => id)).toEqual(messages.map(({ id }) => id).filter((id) => id !== third));
    const rest = labelsOf({ messages }, 0).filter((label) => label !== "UNREAD");
    expect(labelsOf(after, 0)).toEqual([...new Set([...rest, "STARRED"])].toSorted());
    expect(after.messages[0]).toMatchObject({ unread: false });
    expect(labelsOf(after, 1)).toEqual(labelsOf({ messages }, 1));
  });

  test("is read anew where Gmail has forgotten what has changed", async ({ open }) => {
    const scene = await mailboxOf(open, 10);
    const { messages } = await list(scene);
    const id = messages[0]?.id ?? "";
    await scene.google.act({ action: "changeLabels", email: scene.user.email, id, add: ["STARRED"] });
    await scene.google.act({ action: "forgetHistory", email: scene.user.email });
    const after = await list(scene);
    expect(labelsOf(after, 0)).toContain("STARRED");
    // A history call that was in vain, and the position from which it goes on.
    expect(after.units).toBe(5 + 2 + 1 + 10 * 20);
    expect((await list(scene)).units).toBe(7);
  });

  test.for(["backendError", "tooManyRequests", "forbidden"] as const)(
    "is read anew where history answers %s",
    async (named, { open }) => {
      const scene = await mailboxOf(open, 10);
      const { messages } = await list(scene);
      await scene.google.act({
        action: "changeLabels",
        email: scene.user.email,
        id: messages[0]?.id ?? "",
        add: ["STARRED"],
      });
      await scene.google.always("history", { named });
      const after = await list(scene);
      expect(labelsOf(after, 0)).toContain("STARRED");
      expect(after.messages).toHaveLength(10);
    },
  );

  test("with MESSAGE_CACHE=off costs what it cost the first time", async ({ open }) => {
    const scene = await mailboxOf(open, 10, { vars: { MESSAGE_CACHE: "off" } });
    expect((await list(scene)).units).toBe(205);
    expect((await list(scene)).units).toBe(205);
    const calls = (await scene.google.calls()).map(({ endpoint }) => endpoint);
    expect(new Set(calls)).toEqual(new Set(["list", "batch"]));
  });
});

describe("a long list of known rows", () => {
  test("is limited by what it costs, and not by what it would have cost", async ({ open }) => {
    const scene = await mailboxOf(open, 400, { vars: { USER_QUOTA_PER_MINUTE: "100000" } });
    await rowsOfAll(scene.browser, "limit=all", async () => {});
    const { messages, nextPageToken, units } = await list(scene, "&limit=400");
    expect([messages.length, nextPageToken]).toEqual([400, undefined]);
    expect(units).toBeLessThanOrEqual(17);
  });

  test("holds no message twice where Gmail's pages repeat more than they bring", async ({ open }) => {
    const scene = await mailboxOf(open, 40, { google: { listing: { overlap: 2, shortBy: 3 } } });
    const accept = { headers: { accept: "application/x-ndjson" } };
    const { messages } = await readRowStream(await scene.browser.fetch(`${ROWS}&limit=10`, accept));
    expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
  });
});

describe("the mailbox page that is asked for again", () => {
  test("costs 8 units, and reads counts of the labels that have changed only", async ({ open }) => {
    const scene = await mailboxOf(open, 60);
    const units = async (): Promise<number> => {
      await scene.google.forgetCalls();
      expect((await scene.browser.navigate("/")).response.status).toBe(200);
      return (await scene.google.snapshot()).quotaUnits;
    };
    const first = await units();
    expect(await units()).toBe(8);
    const [id = ""] = await readIds(await call(scene.browser));
    await scene.google.act({ action: "changeLabels", email: scene.user.email, id, remove: ["INBOX"] });
    const changed = await units();
    expect(changed).toBeGreaterThan(8);
    expect(changed).toBeLessThan(first - 25 * 20);
    expect(await units()).toBe(8);
  });
});

describe("many callers at once", () => {
  test("read each unknown message once", async ({ open }) => {
    const scene = await mailboxOf(open, 50, { google: { quotaUnitsPerMinute: 1_000_000 } });
    for (const endpoint of ["batch", "history", "profile"] as const) {
      await scene.google.always(endpoint, { delayMs: 300 });
    }
    const answers = await Promise.all(Array.from({ length: 20 }, () => list(scene, "&limit=50")));
    const { quotaUnits } = await scene.google.snapshot();
    expect(answers.map(({ messages }) => messages)).toEqual(answers.map(() => answers[0]?.messages));
    expect(quotaUnits).toBeLessThanOrEqual(1_110);
    expect(answers.reduce((sum, { units }) => sum + units, 0)).toBe(quotaUnits);
  });
});

describe("USER_QUOTA_PER_MINUTE", () => {
  test("ends a list at a row, and says where and when to go on", async ({ open }) => {
    const scene = await mailboxOf(open, 60, { vars: { USER_QUOTA_PER_MINUTE: "600" } });
    const first = await list(scene, "&limit=all");
    expect(first.messages.length).toBeLessThan(30);
    expect(first.messages.length).toBeGreaterThan(20);
    expect(first.retryAfterSeconds).toBeGreaterThan(0);
    expect(first.retryAfterSeconds).toBeLessThanOrEqual(60);
    expect(first.nextPageToken).toBeDefined();
    const path = `${ROWS}&limit=all&pageToken=${first.nextPageToken}`;
    const refused = await call(scene.browser, path);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectError(refused, 429, "RATE_LIMITED");
    expect((await scene.google.snapshot()).quotaUnits).toBeLessThanOrEqual(600);
  });

  test("is left in part to the person by an API token", async ({ open }) => {
    const scene = await mailboxOf(open, 200, { vars: { USER_QUOTA_PER_MINUTE: "1000" } });
    const { token } = await makeToken(scene.browser);
    const crawled = await readRows(await withToken(scene.stage, token, { path: `${ROWS}&limit=all` }));
    expect(crawled.retryAfterSeconds).toBeGreaterThan(0);
    const person = await list(scene, `&limit=4&pageToken=${crawled.nextPageToken}`);
    expect(person.messages).toHaveLength(4);
  });
});

describeInside("after a disconnect", () => {
  test("neither rows nor their key are left, and what is listed next is read anew", async ({ open }) => {
    const scene = await mailboxOf(open, 10);
    await list(scene);
    const { kv } = inside(scene.stage);
    const key = `mailbox-key:${scene.user.sub}`;
    expect(await kv.get(key)).not.toBeNull();
    await scene.browser.submit("/auth/disconnect");
    expect(await kv.get(key)).toBeNull();
    await scene.browser.signIn({ user: scene.user.email });
    expect((await list(scene)).units).toBe(5 + 10 * 20 + 1);
  });
});
