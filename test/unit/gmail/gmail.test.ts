import { describe, expect, test } from "vitest";
import { processGmailError } from "../../../src/gmail/errors.ts";
import { BudgetSpentError } from "../../../src/lib/upstream.ts";
import { appErrorOf, failureOf, json, script, START_MS } from "../fixtures.ts";
import { answerBatch, googleError, messageOf } from "./fixtures-batch.ts";
import { API_URL, createGmail, FILTER } from "./fixtures.ts";

const PAGE = { maxResults: 100, pageToken: null };
const LISTED = { messages: [{ id: "a", threadId: "b" }], nextPageToken: "next", resultSizeEstimate: 201 };

const limited = (headers: Record<string, string> = {}) =>
  json({ error: { message: "slow" } }, { status: 429, headers });
const down = json({ error: { message: "down" } }, { status: 503 });

async function queryOf(filter: object, page: object = {}): Promise<URLSearchParams> {
  const { gmail, world } = createGmail(json(LISTED));
  await gmail.listMessages({ ...FILTER, ...filter }, { ...PAGE, ...page });
  const url = world.calls[0]?.url ?? new URL(API_URL);
  expect([world.calls[0]?.method, url.origin + url.pathname]).toEqual(["GET", `${API_URL}/gmail/v1/users/me/messages`]);
  return url.searchParams;
}

describe("messages.list", () => {
  test("asks for no more than is used: count, mask and no indentation", async () => {
    expect(Object.fromEntries(await queryOf({}))).toEqual({
      maxResults: "100",
      fields: "messages(id,threadId),nextPageToken,resultSizeEstimate",
      prettyPrint: "false",
    });
  });

  test.each([
    "from:ann subject:(a OR b)",
    'to:"a+b@example.test" -in:chats',
    "100% & more=less?#x",
    "שלום 💌 é",
    "  leading and\ttabs\n",
    "after:2026/11/01 {a b}",
    "\\ / ' < >",
  ])("passes q %j on unchanged", async (q) => {
    expect((await queryOf({ q })).get("q")).toBe(q);
  });

  test("passes labels one by one, spam and trash, and the page token", async () => {
    const query = await queryOf(
      { labelIds: ["INBOX", "Label_1"], includeSpamTrash: true },
      { maxResults: 7, pageToken: "0987+/=" },
    );
    expect(query.getAll("labelIds")).toEqual(["INBOX", "Label_1"]);
    expect(query.get("includeSpamTrash")).toBe("true");
    expect([query.get("maxResults"), query.get("pageToken")]).toEqual(["7", "0987+/="]);
  });

  test("gives messages, the next page and the estimate", async () => {
    const { gmail } = createGmail(json(LISTED));
    expect(await gmail.listMessages(FILTER, PAGE)).toEqual(LISTED);
  });

  test.each<[string, object, object]>([
    [
      "no messages but a next page",
      { nextPageToken: "n" },
      { messages: [], nextPageToken: "n", resultSizeEstimate: 0 },
    ],
    ["nothing", {}, { messages: [], nextPageToken: null, resultSizeEstimate: 0 }],
    ["an empty token", { nextPageToken: "" }, { messages: [], nextPageToken: null, resultSizeEstimate: 0 }],
  ])("reads a page with %s", async (_, body, expected) => {
    expect(await createGmail(json(body)).gmail.listMessages(FILTER, PAGE)).toEqual(expected);
  });

  test.each([{ messages: [{ id: 1, threadId: "b" }] }, { messages: [{ id: "a" }] }, { messages: {} }, [], null, "x"])(
    "takes %j for an outage",
    async (body) => {
      const error = await appErrorOf(createGmail(json(body)).gmail.listMessages(FILTER, PAGE));
      expect(error).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE", code: 502 });
    },
  );

  test("costs 5 units, and is timed as list", async () => {
    const { gmail, world } = createGmail(json(LISTED));
    await gmail.listMessages(FILTER, PAGE);
    expect([world.trace.quotaUnits, world.trace.upstreamCalls]).toEqual([5, 1]);
  });
});

describe("trying again (exponential backoff from 1 s with jitter, with an end)", () => {
  test.each([
    ["429", limited()],
    ["503", down],
    ["403 userRateLimitExceeded", json({ error: { errors: [{ reason: "userRateLimitExceeded" }] } }, { status: 403 })],
  ])("a %s is tried again, and its success is the answer", async (_, first) => {
    const { gmail, world } = createGmail(script(first, json(LISTED)));
    expect(await gmail.listMessages(FILTER, PAGE)).toEqual(LISTED);
    expect(world.sleeps).toHaveLength(1);
    expect(world.sleeps[0]).toBeGreaterThanOrEqual(500);
    expect(world.sleeps[0]).toBeLessThanOrEqual(1_000);
  });

  test("the waits grow and are not all alike", async () => {
    const waits: number[][] = [];
    for (let round = 0; round < 20; round += 1) {
      const { gmail, world } = createGmail(script(limited(), down, json(LISTED)));
      await gmail.listMessages(FILTER, PAGE);
      waits.push(world.sleeps);
      const [first = 0, second = 0] = world.sleeps;
      expect(second).toBeGreaterThanOrEqual(1_000);
      expect(second).toBeGreaterThanOrEqual(first);
    }
    expect(new Set(waits.map(([first]) => first)).size).toBeGreaterThan(10);
  });

  test("Retry-After is honoured: no try before that time", async () => {
    const { gmail, world } = createGmail(script(limited({ "Retry-After": "7" }), json(LISTED)));
    await gmail.listMessages(FILTER, PAGE);
    expect(world.sleeps[0]).toBeGreaterThanOrEqual(7_000);
    expect(world.sleeps[0]).toBeLessThanOrEqual(8_000);
  });

  test("the time in Gmail's message is honoured", async () => {
    const message = `Retry after ${new Date(START_MS + 9_500).toISOString()}`;
    const { gmail, world } = createGmail(script(json({ error: { message } }, { status: 429 }), json(LISTED)));
    await gmail.listMessages(FILTER, PAGE);
    expect(world.sleeps[0]).toBeGreaterThanOrEqual(9_500);
  });

  test("a wait that outlasts the answer is not begun: the error comes at once, with Retry-After", async () => {
    const { gmail, world } = createGmail(script(limited({ "Retry-After": "60" })));
    const error = await appErrorOf(gmail.listMessages(FILTER, PAGE));
    expect(error).toMatchObject({ reason: "RATE_LIMITED", code: 429, retryAfterSeconds: 60 });
    expect(world.sleeps).toEqual([]);
  });

  test("no wait is begun once the time is nearly over", async () => {
    const { gmail, world } = createGmail(script(limited()));
    world.clock.nowMs += world.upstream.remainingMs - 900;
    expect(await appErrorOf(gmail.listMessages(FILTER, PAGE))).toMatchObject({ reason: "RATE_LIMITED" });
    expect(world.sleeps).toEqual([]);
  });

  test("it ends: a limit that lasts is RATE_LIMITED, an outage that lasts is UPSTREAM_UNAVAILABLE", async () => {
    const patient = createGmail(() => limited()());
    expect(await appErrorOf(patient.gmail.listMessages(FILTER, PAGE))).toMatchObject({ reason: "RATE_LIMITED" });
    expect(patient.world.calls.length).toBeLessThanOrEqual(5);
    const broken = createGmail(down);
    expect(await appErrorOf(broken.gmail.listMessages(FILTER, PAGE))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    expect(broken.world.calls.length).toBeLessThanOrEqual(5);
    expect(broken.world.clock.nowMs - START_MS).toBeLessThan(25_000);
  });

  test("it ends with the calls of the request, too", async () => {
    const { gmail, world } = createGmail(down, { maxCalls: 2 });
    expect(await failureOf(gmail.listMessages(FILTER, PAGE))).toBeInstanceOf(BudgetSpentError);
    expect(world.calls).toHaveLength(2);
  });

  test.each([400, 403, 404, 409])("a %i is not tried again", async (status) => {
    const body = { error: { code: status, message: "No, never.", status: "INVALID_ARGUMENT" } };
    const { gmail, world } = createGmail(json(body, { status }));
    expect(await appErrorOf(gmail.listMessages(FILTER, PAGE))).toMatchObject({
      code: status,
      programMessage: "No, never.",
    });
    expect(world.calls).toHaveLength(1);
  });

  test("every try counts as a call", async () => {
    const { gmail, world } = createGmail(script(limited(), down, json(LISTED)));
    await gmail.listMessages(FILTER, PAGE);
    expect(world.trace.upstreamCalls).toBe(3);
  });
});

test("processGmailError reads the clock that it is given", async () => {
  const message = `Retry after ${new Date(START_MS).toISOString()}`;
  const answer = json({ error: { message } }, { status: 429 });
  expect((await processGmailError(answer(), START_MS - 1_500)).retry).toEqual({ afterMs: 1_500 });
});

describe("messages.get and getProfile", () => {
  test("give Gmail's object as it is, cost what Gmail charges, and try again alike", async () => {
    const { gmail, world } = createGmail(
      script(down, json({ id: "a/b", threadId: "t", anything: [1] }), json({ emailAddress: "x" })),
    );
    expect(await gmail.getMessage("a/b", new URLSearchParams({ format: "raw" }))).toEqual({
      id: "a/b",
      threadId: "t",
      anything: [1],
    });
    expect(world.calls.map(({ url }) => url.pathname + url.search)).toEqual([
      "/gmail/v1/users/me/messages/a%2Fb?format=raw",
      "/gmail/v1/users/me/messages/a%2Fb?format=raw",
    ]);
    expect(world.trace.quotaUnits).toBe(40);
    expect(await gmail.getProfile()).toEqual({ emailAddress: "x" });
    expect(world.trace.quotaUnits).toBe(41);
  });

  test.each([
    { labelIds: "INBOX" },
    { payload: [] },
    { payload: { headers: [{ name: "From" }] } },
    { payload: { body: { data: 7 } } },
    { internalDate: 7 },
  ])("take a message with %j for an outage", async (odd) => {
    const { gmail } = createGmail(json({ id: "m", threadId: "t", ...odd }));
    expect(await appErrorOf(gmail.getMessage("m", new URLSearchParams()))).toMatchObject({
      reason: "UPSTREAM_UNAVAILABLE",
    });
  });

  test.each([[[]], [null], ["x"], [7], [{}]])("take %j for an outage", async (body) => {
    expect(await appErrorOf(createGmail(json(body)).gmail.getProfile())).toMatchObject({
      reason: "UPSTREAM_UNAVAILABLE",
    });
  });
});

describe("a batch of messages.get", () => {
  test("answers with each message, what became of the others, and is never tried again here", async () => {
    const answers: Record<string, () => Response> = {
      m1: () => googleError(401),
      m2: () => googleError(429, {}, { "Retry-After": "3" }),
      m3: () => googleError(404, { status: "NOT_FOUND", message: "gone" }),
      m4: () => new Response("{"),
    };
    const { gmail, world } = createGmail((call) => answerBatch(call, (id) => answers[id]?.() ?? messageOf(id)));
    const result = await gmail.readMetadata(["m0", "m1", "m2", "m3", "m4"]);
    expect(result.kind === "answered" && Object.fromEntries(result.results)).toMatchObject({
      m0: { kind: "message", message: { id: "m0", threadId: "t0" } },
      m1: { kind: "unauthorized" },
      m2: { kind: "failed", failure: { error: { reason: "RATE_LIMITED" }, retry: { afterMs: 3_000 } } },
      m3: { kind: "failed", failure: { error: { reason: "NOT_FOUND", programMessage: "gone" }, retry: null } },
      m4: { kind: "failed", failure: { error: { reason: "UPSTREAM_UNAVAILABLE" }, retry: { afterMs: null } } },
    });
    expect([world.trace.quotaUnits, world.calls.length, world.sleeps]).toEqual([100, 1, []]);
  });

  test.each<[string, () => Response, object]>([
    ["503", down, { error: { reason: "UPSTREAM_UNAVAILABLE" }, retry: { afterMs: null } }],
    ["429", limited({ "Retry-After": "9" }), { error: { reason: "RATE_LIMITED" }, retry: { afterMs: 9_000 } }],
    ["403", json({ error: { status: "PERMISSION_DENIED" } }, { status: 403 }), { retry: null }],
    ["HTML", () => new Response("<html>"), { error: { reason: "UPSTREAM_UNAVAILABLE" }, retry: { afterMs: null } }],
  ])("that answers %s as a whole fails as a whole, and says whether later may do", async (_, answer, failure) => {
    expect(await createGmail(answer).gmail.readMetadata(["m0", "m1"])).toMatchObject({ kind: "failed", failure });
  });

  test("for which no call is left ends with the calls of the request", async () => {
    const { gmail } = createGmail(down, { maxCalls: 0 });
    expect(await failureOf(gmail.readMetadata(["m0"]))).toBeInstanceOf(BudgetSpentError);
  });

  test("has another boundary each time, which no part can hold", async () => {
    const { gmail, world } = createGmail((call) => answerBatch(call, messageOf));
    await gmail.readMetadata(["a?b&c=d"]);
    await gmail.readMetadata(["a?b&c=d"]);
    const types = world.calls.map(({ headers }) => headers.get("Content-Type"));
    expect(new Set(types).size).toBe(2);
    expect(world.calls[0]?.body).toContain("/messages/a%3Fb%26c%3Dd?format=metadata");
  });
});
