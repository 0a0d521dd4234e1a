/** The two budgets of a request, and the NDJSON stream. */
import { describe, describeInside, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { call, type Scene, signedIn } from "../support/scenes.ts";
import { listAll, readListing, readStream } from "../support/listing.ts";
import { queryOf } from "../support/google.ts";

const NDJSON = { accept: "application/x-ndjson" };

function stream({ browser }: Scene, query: string): Promise<Response> {
  return browser.fetch(`/api/messages?${query}`, { headers: NDJSON });
}

describe("SUBREQUEST_BUDGET", () => {
  test("stops the loop with a nextPageToken, and nothing is missing after that", async ({ open }) => {
    const { browser, google } = await signedIn(open, {
      vars: { SUBREQUEST_BUDGET: "8" },
      user: { mailbox: { messages: 1234 } },
      google: { listing: { shortBy: 450 }, quotaUnitsPerMinute: 100_000 },
    });
    const first = await readListing(await call(browser, "/api/messages?limit=all"));
    expect(first.nextPageToken).toBeTruthy();
    expect(first.messages.length).toBeGreaterThan(0);
    expect(await google.count()).toBeLessThanOrEqual(8);
    const listing = await listAll(browser, "limit=all");
    const ids = listing.messages.map(({ id }) => id);
    expect(new Set(ids).size).toBe(1234);
    expect(ids).toEqual(ids.toSorted().toReversed());
    expect(listing.answers).toBeLessThan(20);
  });

  test("counts a replay too", async ({ open }) => {
    const { browser, google, user } = await signedIn(open, {
      vars: { SUBREQUEST_BUDGET: "8" },
      user: { mailbox: { messages: 1234 } },
      google: { listing: { shortBy: 480 }, quotaUnitsPerMinute: 100_000 },
    });
    await google.act({ action: "killAccessTokens", email: user.email });
    const listing = await readListing(await call(browser, "/api/messages?limit=all"));
    expect(listing.nextPageToken).toBeTruthy();
    // The refresh is the object's.
    expect((await google.count()) - (await google.count("token:refresh"))).toBeLessThanOrEqual(8);
  });
});

describeInside("SUBREQUEST_BUDGET under faults", () => {
  test("counts retries, and what was read is not lost", async ({ open }) => {
    const { browser, google } = await signedIn(open, {
      vars: { SUBREQUEST_BUDGET: "8" },
      user: { mailbox: { messages: 2000 } },
      google: { listing: { shortBy: 400 } },
    });
    await google.fault("list", { named: "unavailable", after: 2, times: 2 });
    const first = await readListing(await call(browser, "/api/messages?limit=all"));
    expect(await google.count()).toBeLessThanOrEqual(8);
    const ids = [...first.messages];
    let token = first.nextPageToken;
    while (token !== undefined) {
      const next = await readListing(
        await call(browser, `/api/messages?limit=all&pageToken=${encodeURIComponent(token)}`),
      );
      ids.push(...next.messages);
      token = next.nextPageToken;
    }
    expect(new Set(ids.map(({ id }) => id)).size).toBe(2000);
    expect(ids.length).toBe(2000);
  });

  test("spent by a retry, gives what was read so far and where to go on", async ({ open }) => {
    const { browser, google } = await signedIn(open, {
      vars: { SUBREQUEST_BUDGET: "8" },
      user: { mailbox: { messages: 2000 } },
      google: { listing: { shortBy: 400 } },
    });
    await google.fault("list", { named: "unavailable", after: 7 });
    const first = await readListing(await call(browser, "/api/messages?limit=all"));
    expect(await google.count()).toBe(8);
    expect(first.messages.length).toBe(700);
    const token = encodeURIComponent(first.nextPageToken ?? "");
    const next = await readListing(await call(browser, `/api/messages?limit=10&pageToken=${token}`));
    expect(new Set([...first.messages, ...next.messages].map(({ id }) => id)).size).toBe(710);
  });

  test("50 by default", async ({ open }) => {
    const { browser, google } = await signedIn(open, {
      user: { mailbox: { messages: 400 } },
      google: { listing: { shortBy: 499 } },
    });
    const first = await readListing(await call(browser, "/api/messages?limit=all"));
    expect(first.nextPageToken).toBeTruthy();
    expect(await google.count()).toBeLessThanOrEqual(50);
    expect(await google.count()).toBeGreaterThan(40);
  });

  test("QUOTA_BUDGET stops the loop too", async ({ open }) => {
    const { browser, google } = await signedIn(open, {
      vars: { QUOTA_BUDGET: "50" },
      user: { mailbox: { messages: 5000 } },
      google: { listing: { shortBy: 300 } },
    });
    const response = await call(browser, "/api/messages?limit=all");
    expect(Number(response.headers.get("x-gmail-quota-units"))).toBeLessThanOrEqual(50);
    const first = await readListing(response);
    expect(first.nextPageToken).toBeTruthy();
    expect((await google.snapshot()).quotaUnits).toBeLessThanOrEqual(50);
    expect(new Set((await listAll(browser, "limit=all")).messages.map(({ id }) => id)).size).toBe(5000);
  });
});

describe("Accept: application/x-ndjson", () => {
  test("gives a line per message and a last line that tells how it ended", { tags: ["process"] }, async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 1234 } } });
    const asJson = await readListing(await call(scene.browser, "/api/messages?limit=all"));
    await scene.google.forgetCalls();
    const streamed = await readStream(await stream(scene, "limit=all"));
    expect(streamed.messages).toEqual(asJson.messages);
    expect(streamed.end).toEqual({ count: 1234, quotaUnits: (await scene.google.snapshot()).quotaUnits });
  });

  test("goes on by nextPageToken like JSON does, and the two mix", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 700 } } });
    const first = await readStream(await stream(scene, "limit=250"));
    expect(first.end).toMatchObject({ count: 250 });
    const token = encodeURIComponent(first.end?.nextPageToken ?? "");
    const rest = await readListing(await call(scene.browser, `/api/messages?limit=all&pageToken=${token}`));
    expect(new Set([...first.messages, ...rest.messages].map(({ id }) => id)).size).toBe(700);
  });

  test("repeats no message, whatever Gmail's pages do", async ({ open }) => {
    const scene = await signedIn(open, {
      user: { mailbox: { messages: 1234 } },
      google: { listing: { overlap: 3, shortBy: 20 } },
    });
    const { messages, end } = await readStream(await stream(scene, "limit=all"));
    expect(messages.length).toBe(1234);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1234);
    expect(end?.count).toBe(1234);
  });

  test("an empty mailbox is a last line alone", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 0 } } });
    const { messages, end } = await readStream(await stream(scene, "limit=all"));
    expect([messages, end?.count, end?.nextPageToken]).toEqual([[], 0, undefined]);
  });

  test("stops at the budget with a nextPageToken", async ({ open }) => {
    const scene = await signedIn(open, {
      vars: { SUBREQUEST_BUDGET: "8" },
      user: { mailbox: { messages: 1234 } },
      google: { listing: { shortBy: 450 }, quotaUnitsPerMinute: 100_000 },
    });
    const { messages, end } = await readStream(await stream(scene, "limit=all"));
    expect(end?.nextPageToken).toBeTruthy();
    expect(end?.count).toBe(messages.length);
    const token = encodeURIComponent(end?.nextPageToken ?? "");
    const next = await readStream(await stream(scene, `limit=all&pageToken=${token}`));
    const seen = new Set(messages.map(({ id }) => id));
    expect(next.messages.some(({ id }) => seen.has(id))).toBe(false);
  });

  test("an error before the first line is an ordinary answer with its status", async ({ open }) => {
    const scene = await signedIn(open);
    await scene.google.always("list", { nonJson: true });
    await expectError(await stream(scene, "limit=all"), 502, "UPSTREAM_UNAVAILABLE");
    await expectError(await stream(scene, "limit=nonsense"), 400, "INVALID_ARGUMENT");
    await expectError(await scene.stage.send({ path: "/api/messages", headers: NDJSON }), 401, "SIGN_IN_REQUIRED");
  });

  test("an error after it is the last line", { tags: ["process"] }, async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 1234 } } });
    await scene.google.always("list", { nonJson: true, after: 1 });
    const { messages, end, error } = await readStream(await stream(scene, "limit=all"));
    expect(messages.length).toBe(500);
    expect(end).toBeNull();
    expect([error?.code, error?.details[0].reason]).toEqual([502, "UPSTREAM_UNAVAILABLE"]);
  });

  test("a grant that ends in the middle is the last line", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 1234 } } });
    await scene.google.always("list", { named: "authError", after: 1 });
    await scene.google.always("token:refresh", "invalid_grant");
    const { error } = await readStream(await stream(scene, "limit=all"));
    expect([error?.code, error?.details[0].reason]).toEqual([401, "CONSENT_REQUIRED"]);
  });

  test("gives the first page before Gmail has answered the second", { tags: ["process"] }, async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 600 } } });
    await scene.google.fault("list", { delayMs: 1000, after: 1 });
    const response = await scene.browser.fetch("/api/messages?limit=all", { headers: NDJSON, stream: true });
    const reader = response.body?.getReader();
    await reader?.read();
    // No second page yet, or one without an answer.
    expect((await scene.google.calls("list")).slice(1).map(({ status }) => status === 0)).not.toContain(false);
    while (!(await reader?.read())?.done);
    expect((await scene.google.calls("list")).map((page) => queryOf(page).has("pageToken"))).toEqual([false, true]);
  });
});
