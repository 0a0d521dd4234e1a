/** view=metadata while Gmail fails: access tokens that die on the way, limits, outages; and its NDJSON stream. */
import { describe, describeInside, expect, inside, type Open, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { isErrorRow, type MetadataRow, readIds, readRows, readRowStream, type StreamedRows } from "../support/rows.ts";
import { call, type Scene, signedIn, type SceneOptions } from "../support/scenes.ts";

const NDJSON = { accept: "application/x-ndjson" };
const ROWS = "/api/messages?view=metadata";
const ROWS_OF_ALL = `${ROWS}&limit=all`;

function mailboxOf(open: Open, messages: number, more: SceneOptions = {}): Promise<Scene> {
  const google = { quotaUnitsPerMinute: 1_000_000, ...more.google };
  return signedIn(open, { ...more, google, user: { mailbox: { messages } } });
}

async function streamOf({ browser }: Scene, query = "limit=all"): Promise<StreamedRows> {
  return readRowStream(await browser.fetch(`${ROWS}&${query}`, { headers: NDJSON }));
}

function expectAllRead(messages: readonly MetadataRow[], count: number): void {
  const ids = messages.map(({ id }) => id);
  expect(ids.length).toBe(count);
  expect(new Set(ids).size).toBe(count);
  expect(ids).toEqual(ids.toSorted().toReversed());
  expect(messages.filter(isErrorRow)).toEqual([]);
}

/** Kills the access tokens as soon as Google has been called that often. */
async function killAfter({ google, user }: Scene, calls: number): Promise<void> {
  while ((await google.count()) < calls) await new Promise((resolve) => setTimeout(resolve, 2));
  await google.act({ action: "killAccessTokens", email: user.email });
}

describe("an access token that dies", () => {
  test("before the first call: one refresh, every row", async ({ open }) => {
    const scene = await mailboxOf(open, 120);
    await scene.google.act({ action: "killAccessTokens", email: scene.user.email });
    expectAllRead((await readRows(await call(scene.browser, ROWS_OF_ALL))).messages, 120);
    expect(await scene.google.count("token:refresh")).toBe(1);
  });

  test("while rows are read: one refresh, every row", { tags: ["process"] }, async ({ open }) => {
    const scene = await mailboxOf(open, 300, { vars: { QUOTA_BUDGET: "100000", USER_QUOTA_PER_MINUTE: "100000" } });
    await scene.google.always("batch", { delayMs: 15 });
    const answer = call(scene.browser, ROWS_OF_ALL);
    await killAfter(scene, 3);
    expectAllRead((await readRows(await answer)).messages, 300);
    expect(await scene.google.count("token:refresh")).toBe(1);
  });

  test("between two pages: one refresh, every row", async ({ open }) => {
    const scene = await mailboxOf(open, 120, { google: { listing: { emptyPages: [0] } } });
    await scene.google.fault("list", { named: "authError", after: 1 });
    expectAllRead((await readRows(await call(scene.browser, ROWS_OF_ALL))).messages, 120);
    expect(await scene.google.count("token:refresh")).toBe(1);
  });

  test("in the middle of a batch: one refresh, only those parts again", async ({ open }) => {
    const scene = await mailboxOf(open, 60);
    await scene.google.fault("part", { named: "authError", after: 2, times: 3 });
    expectAllRead((await readRows(await call(scene.browser, ROWS_OF_ALL))).messages, 60);
    expect(await scene.google.count("token:refresh")).toBe(1);
    const parts = (await scene.google.calls("batch")).flatMap(({ body }) => body.match(/^GET \S+/gm) ?? []);
    expect(new Set(parts).size).toBe(60);
    expect(parts.length).toBe(63);
  });

  test("with its grant: CONSENT_REQUIRED", async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 60);
    await google.always("part", { named: "authError" });
    await expectError(await call(browser, ROWS_OF_ALL), 401, "CONSENT_REQUIRED");
    expect(await google.count("token:refresh")).toBe(1);
  });

  test("with its grant after the first rows of a stream: CONSENT_REQUIRED is the last line", async ({ open }) => {
    const scene = await mailboxOf(open, 300);
    await scene.google.always("part", { named: "authError", after: 100 });
    const { messages, end, error } = await streamOf(scene);
    expect([end, error?.code, error?.details[0].reason]).toEqual([null, 401, "CONSENT_REQUIRED"]);
    const ids = messages.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().toReversed());
    expect(ids.length).toBeGreaterThan(0);
  });
});

describeInside("many faults at once", () => {
  test("10 % of parts 429 and 1 % 503: all rows, with at most 1.3 times the parts", async ({ open }) => {
    const scene = await mailboxOf(open, 500, {
      vars: { QUOTA_BUDGET: "100000", USER_QUOTA_PER_MINUTE: "100000", SUBREQUEST_BUDGET: "1000" },
    });
    for (let part = 0; part < 50; part += 1) {
      await scene.google.fault("part", { named: part % 10 === 9 ? "unavailable" : "tooManyRequests", after: part * 9 });
    }
    expectAllRead((await readRows(await call(scene.browser, ROWS_OF_ALL))).messages, 500);
    const parts = (await scene.google.calls("batch")).flatMap(({ body }) => body.match(/^GET \S+/gm) ?? []);
    expect(parts.length).toBeLessThanOrEqual(650);
  });

  test("a time to wait inside a part is waited for", async ({ open }) => {
    const scene = await mailboxOf(open, 60);
    await scene.google.fault("part", { named: "tooManyRequests", detail: "4", after: 5 });
    expectAllRead((await readRows(await call(scene.browser, ROWS_OF_ALL))).messages, 60);
    expect(Math.max(...inside(scene.stage).sleeps)).toBeGreaterThanOrEqual(3_000);
  });

  test("a batch endpoint that fails once costs no row", async ({ open }) => {
    const scene = await mailboxOf(open, 60);
    for (const fault of ["unavailable", "backendError"] as const) {
      await scene.google.fault("batch", fault);
      expectAllRead((await readRows(await call(scene.browser, ROWS_OF_ALL))).messages, 60);
    }
  });

  test("a minute's quota that is spent already is RATE_LIMITED, and not an empty page", async ({ open }) => {
    const scene = await mailboxOf(open, 300, { google: { quotaUnitsPerMinute: 5 } });
    await scene.google.always("part", "rateLimitExceeded");
    const response = await call(scene.browser, ROWS);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectError(response, 429, "RATE_LIMITED");
  });

  test.for(["unavailable", "backendError"] as const)(
    "a batch endpoint that stays %s is UPSTREAM_UNAVAILABLE",
    async (fault, { open }) => {
      const { browser, google } = await mailboxOf(open, 60);
      await google.always("batch", fault);
      await expectError(await call(browser, ROWS), 502, "UPSTREAM_UNAVAILABLE");
      expect(await google.count("batch")).toBeLessThanOrEqual(8);
    },
  );

  test("a batch endpoint that answers HTML is UPSTREAM_UNAVAILABLE", async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 60);
    await google.always("batch", { nonJson: true });
    await expectError(await call(browser, ROWS), 502, "UPSTREAM_UNAVAILABLE");
  });
});

describe("a limit that outlasts the answer", () => {
  test("is RATE_LIMITED at once, with Retry-After", async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 60);
    await google.always("part", { named: "tooManyRequests", detail: "3600" });
    const response = await call(browser, ROWS);
    expect(response.headers.get("retry-after")).toBe("3600");
    await expectError(response, 429, "RATE_LIMITED");
    expect(await google.count("batch")).toBeLessThanOrEqual(3);
  });
});

describe("Accept: application/x-ndjson", () => {
  test(
    "gives the rows of the JSON answer, a line each, and a last line that counts them",
    { tags: ["process"] },
    async ({ open }) => {
      const scene = await mailboxOf(open, 230);
      const asJson = await readRows(await call(scene.browser, ROWS_OF_ALL));
      const { messages, end } = await streamOf(scene);
      expect(messages).toEqual(asJson.messages);
      expectAllRead(messages, 230);
      expect(end).toEqual({ count: 230, quotaUnits: 7 });
    },
  );

  test("stops at the budget with a nextPageToken that goes on at the next row", async ({ open }) => {
    const scene = await mailboxOf(open, 130, { vars: { QUOTA_BUDGET: "805" } });
    const seen: MetadataRow[] = [];
    let token = "";
    for (let answers = 0; answers < 10; answers += 1) {
      const { messages, end } = await streamOf(scene, `limit=all${token}`);
      seen.push(...messages);
      expect(end?.count).toBe(messages.length);
      expect(end?.quotaUnits).toBeLessThanOrEqual(805);
      if (end?.nextPageToken === undefined) break;
      token = `&pageToken=${encodeURIComponent(end.nextPageToken)}`;
    }
    expectAllRead(seen, 130);
  });

  test("of an empty mailbox is a last line alone", async ({ open }) => {
    expect(await streamOf(await mailboxOf(open, 0))).toEqual({
      messages: [],
      end: { count: 0, quotaUnits: 6 },
      error: null,
    });
  });

  test("gives an error row its place", async ({ open }) => {
    const scene = await mailboxOf(open, 30);
    const [, second] = await readIds(await call(scene.browser, "/api/messages?limit=2"));
    await scene.google.always("part", { named: "notFound", match: `/messages/${second}?` });
    const { messages, end } = await streamOf(scene);
    expect(messages.map(isErrorRow).indexOf(true)).toBe(1);
    expect([end?.count, messages.filter(isErrorRow).length]).toEqual([30, 1]);
  });

  test("before its first row an error is an ordinary answer with its status", async ({ open }) => {
    const { browser, google } = await mailboxOf(open, 30);
    await google.always("part", { named: "insufficientPermissions" });
    await expectError(await browser.fetch(ROWS, { headers: NDJSON }), 403, "SCOPE_REQUIRED");
  });

  test("gives the first rows before the last ones are read", { tags: ["process"] }, async ({ open }) => {
    const scene = await mailboxOf(open, 300);
    await scene.google.always("batch", { delayMs: 1500, after: 3 });
    const response = await scene.browser.fetch(ROWS_OF_ALL, { headers: NDJSON, stream: true });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(new TextDecoder().decode(first?.value)).toContain('"subject"');
    expect((await scene.google.calls("batch")).filter(({ status }) => status === 200).length).toBeLessThanOrEqual(3);
    await reader?.cancel();
  });

  test("that nobody reads any more stops the calls to Gmail", { tags: ["process"] }, async ({ open }) => {
    const scene = await mailboxOf(open, 2000, {
      vars: { QUOTA_BUDGET: "100000", USER_QUOTA_PER_MINUTE: "100000", SUBREQUEST_BUDGET: "1000" },
    });
    await scene.google.always("batch", { delayMs: 20 });
    const response = await scene.browser.fetch(ROWS_OF_ALL, { headers: NDJSON, stream: true });
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const calls = await scene.google.count();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await scene.google.count()).toBe(calls);
  });
});
