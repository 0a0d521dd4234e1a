/** GmailService: another Worker's way to the mailbox of a user who is offline. Over RPC where values have to cross, else in place. */
import { env, exports } from "cloudflare:workers";
import { createExecutionContext } from "cloudflare:test";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GmailService } from "../../../src/index.ts";
import type { RequestScope } from "../../../src/context.ts";
import type { MailboxNamespace } from "../../../src/object/client.ts";
import { failureOf } from "../fixtures.ts";
import type { Google, User } from "../../support/google.ts";
import { inside } from "../../support/contract.ts";
import { harness } from "../../support/harness.workerd.ts";
import { signIn } from "../../support/scenes.ts";
import { makeTokenKeys, type Stage, workerVars } from "../../support/stage.ts";

const TOKEN_KEYS = makeTokenKeys("service");

/** The Worker's own entrypoint, as a stub: what it takes and gives is copied, as between two Workers. */
const remote: Pick<GmailService, "listMessages" | "streamMessages" | "getMessage" | "profile"> = exports.GmailService;

let stage: Stage;
let google: Google;
let user: User;
let before: Partial<Env>;

beforeAll(async () => {
  stage = await harness.openStage({ vars: { TOKEN_KEYS } });
  ({ google } = stage);
  // The binding's own Worker reads the environment that all tests share.
  const vars = { ...workerVars(google, TOKEN_KEYS), MAILBOXES: await inside(stage).serve(objectsOfStage) };
  before = Object.fromEntries(Object.keys(vars).map((name) => [name, env[name as keyof Env]]));
  Object.assign(env, vars);
  await google.configure({ quotaUnitsPerMinute: 1_000_000 });
  user = await google.addUser({ mailbox: { messages: 40 } });
  await signIn(stage.browser(), user);
});

/** What the stage's Worker sees of the objects. */
async function objectsOfStage({ mailboxNamespace }: RequestScope): Promise<MailboxNamespace | null> {
  return mailboxNamespace;
}

afterAll(() => {
  Object.assign(env, before);
});

beforeEach(async () => {
  await google.clearFaults();
  await google.forgetCalls();
});

/** The service in the test's own hands, with other variables. */
function serviceWith(vars: Partial<Record<"QUOTA_BUDGET" | "TOKEN_KEYS", string>> = {}): GmailService {
  return new GmailService(createExecutionContext(), { ...env, ...vars });
}

async function linesOf(stream: ReadableStream<Uint8Array>): Promise<Record<string, unknown>[]> {
  const text = await new Response(stream).text();
  return text
    .trimEnd()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));
}

describe("over RPC, without a session", () => {
  test("profile gives Gmail's profile, by sub and by address", async () => {
    for (const name of [user.sub, user.email, user.email.toUpperCase()]) {
      expect(await remote.profile(name)).toMatchObject({ emailAddress: user.email, messagesTotal: 40 });
    }
  });

  test("listMessages gives the object of the API, and goes on by its token", async () => {
    const first = await remote.listMessages(user.email, {
      limit: 15,
      view: "metadata",
      q: "subject:report",
    });
    const all = await remote.listMessages(user.sub, { limit: "all", q: "subject:report" });
    expect(Object.keys(first).toSorted()).toEqual(["messages", "resultSizeEstimate"]);
    expect(first.messages.map(({ id }) => id)).toEqual(all.messages.map(({ id }) => id));
    expect(first.messages[0]).toMatchObject({ subject: expect.stringContaining("Quarterly report"), to: user.email });
    const page = await remote.listMessages(user.sub, { limit: 25 });
    const { nextPageToken = "" } = page;
    const rest = await remote.listMessages(user.email, { limit: "all", pageToken: nextPageToken });
    expect(new Set([...page.messages, ...rest.messages].map(({ id }) => id)).size).toBe(40);
  });

  test("streamMessages gives the NDJSON of the API as a stream of bytes", async () => {
    const { quotaUnits } = await google.snapshot();
    const lines = await linesOf(await remote.streamMessages(user.sub, { limit: 30, view: "metadata" }));
    const spent = (await google.snapshot()).quotaUnits - quotaUnits;
    expect(lines).toHaveLength(31);
    expect(lines.at(-1)).toEqual({ nextPageToken: expect.any(String), count: 30, quotaUnits: spent });
    expect(new Set(lines.slice(0, -1).map(({ id }) => id)).size).toBe(30);
  });

  test("getMessage gives Gmail's message in the format that is asked for", async () => {
    const { messages } = await remote.listMessages(user.sub, { limit: 1 });
    const id = messages[0]?.id ?? "";
    expect(await remote.getMessage(user.sub, id)).toMatchObject({
      id,
      payload: { mimeType: "text/plain" },
    });
    expect(await remote.getMessage(user.email, id, { format: "minimal" })).not.toHaveProperty("payload");
  });

  test("an error arrives with its reason in front of its message and as a property of its own", async () => {
    const error = await failureOf(remote.profile("nobody@example.test"));
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^CONSENT_REQUIRED: \w/),
      reason: "CONSENT_REQUIRED",
      code: 401,
      requestId: expect.any(String),
    });
    expect(JSON.stringify([String(error), error])).not.toContain("nobody@");
    // Nothing of how the error was made crosses.
    expect(Object.keys(error as Error).toSorted()).toEqual(["code", "reason", "remote", "requestId"]);
  });
});

describe("an error", () => {
  test("of a bad option is INVALID_ARGUMENT, and Google is not called", async () => {
    const service = serviceWith();
    for (const work of [
      () => service.listMessages(user.sub, { limit: 0 }),
      () => service.streamMessages(user.sub, { pageToken: "garbage" }),
      () => service.getMessage(user.sub, "../me"),
      () => service.profile(""),
    ]) {
      expect(await failureOf(work())).toMatchObject({
        message: expect.stringMatching(/^INVALID_ARGUMENT: /),
        code: 400,
      });
    }
    expect(await google.count("list")).toBe(0);
  });

  test("of a message that is not there is NOT_FOUND", async () => {
    expect(await failureOf(serviceWith().getMessage(user.sub, "18c0000000000000"))).toMatchObject({
      reason: "NOT_FOUND",
      code: 404,
    });
  });

  test("of a limit says when to come back", async () => {
    await google.always("list", { named: "tooManyRequests", detail: "3600" });
    expect(await failureOf(serviceWith().listMessages(user.sub))).toMatchObject({
      reason: "RATE_LIMITED",
      code: 429,
      retryAfterSeconds: 3600,
    });
  });

  test("of an outage is UPSTREAM_UNAVAILABLE", async () => {
    await google.always("list", { nonJson: true });
    expect(await failureOf(serviceWith().listMessages(user.sub))).toMatchObject({
      reason: "UPSTREAM_UNAVAILABLE",
      code: 502,
    });
  });

  test("of a configuration that is wrong is INTERNAL like any other, and names no value", async () => {
    const error = await failureOf(serviceWith({ TOKEN_KEYS: "not-json-at-all" }).profile(user.sub));
    expect(error).toMatchObject({ message: expect.stringMatching(/^INTERNAL: /), reason: "INTERNAL", code: 500 });
    expect(String(error)).not.toMatch(/TOKEN_KEYS|not-json/);
  });

  test("in the middle of a stream is its last line", async () => {
    await google.always("list", { nonJson: true, after: 1 });
    await google.configure({ listing: { shortBy: 480 } });
    const lines = await linesOf(await serviceWith().streamMessages(user.sub, { limit: "all" }));
    await google.configure({ listing: { shortBy: 0 } });
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.at(-1)).toMatchObject({ error: { code: 502, details: [{ reason: "UPSTREAM_UNAVAILABLE" }] } });
  });
});

describe("budgets and tokens", () => {
  test("a budget that is spent ends a listing at a row, and its token goes on there", async () => {
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const answer = await serviceWith({ QUOTA_BUDGET: "205" }).listMessages(user.sub, {
        limit: "all",
        view: "metadata",
        ...(pageToken === undefined ? {} : { pageToken }),
      });
      seen.push(...answer.messages.map(({ id }) => id));
      pageToken = answer.nextPageToken;
    } while (pageToken !== undefined && seen.length < 100);
    expect(seen).toHaveLength(40);
    expect(new Set(seen).size).toBe(40);
  });

  test("a page token of another user is refused", async () => {
    const other = await google.addUser({ mailbox: { messages: 40 } });
    await signIn(stage.browser(), other);
    const { nextPageToken = "" } = await serviceWith().listMessages(user.sub, { limit: 5 });
    expect(
      await failureOf(serviceWith().listMessages(other.sub, { limit: 5, pageToken: nextPageToken })),
    ).toMatchObject({
      reason: "INVALID_ARGUMENT",
    });
  });

  test("an access token that died is replaced once, and serves the next call", async () => {
    const service = serviceWith();
    await google.act({ action: "killAccessTokens", email: user.email });
    await remote.profile(user.sub);
    await google.forgetCalls();
    await remote.profile(user.email);
    expect(await google.count("token:refresh")).toBe(0);
    expect(await service.profile(user.sub)).toMatchObject({ emailAddress: user.email });
  });
});

test("a user who disconnects is out of reach at once, by sub and by address", async () => {
  const leaving = await google.addUser();
  const browser = stage.browser();
  await signIn(browser, leaving);
  expect(await serviceWith().profile(leaving.email)).toMatchObject({ emailAddress: leaving.email });
  await browser.fetch("/auth/disconnect", { method: "POST", headers: { accept: "application/json" } });
  await google.forgetCalls();
  for (const name of [leaving.sub, leaving.email]) {
    expect(await failureOf(serviceWith().profile(name))).toMatchObject({ reason: "CONSENT_REQUIRED" });
  }
  expect(await google.count()).toBe(0);
});

/** The lines that the log gets by some work. */
async function linesAfter(work: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const known = stage.logs().length;
  await work();
  const lines = stage.logs().slice(known).split("\n");
  return lines.filter((line) => line.includes('"info"')).map((line): Record<string, unknown> => JSON.parse(line));
}

describe("the log", () => {
  test("has one line for each call, with what it cost, and nobody's address or sub", async () => {
    const lines = await linesAfter(() =>
      serviceWith().listMessages(user.email, { limit: 3, view: "metadata", q: "subject:x" }),
    );
    expect(lines).toEqual([expect.objectContaining({ route: "GmailService.listMessages", status: 200, reason: null })]);
    expect(lines[0]?.["subject"]).toMatch(/^[\w-]{8,16}$/);
    expect(lines[0]?.["upstreamCalls"]).toBe(await google.count());
    for (const secret of [user.email, user.sub, "subject:x"]) expect(JSON.stringify(lines)).not.toContain(secret);
  });

  test("has one line for a call that fails, with its reason", async () => {
    const lines = await linesAfter(() => failureOf(serviceWith().profile("nobody@example.test")));
    expect(lines).toEqual([
      expect.objectContaining({ route: "GmailService.profile", status: 401, reason: "CONSENT_REQUIRED" }),
    ]);
    expect(JSON.stringify(lines)).not.toContain("nobody");
  });

  test("has one line for a stream, with all that it cost until its end", async () => {
    const stream = async () =>
      linesOf(await serviceWith().streamMessages(user.sub, { limit: 30, view: "metadata", q: "subject:report" }));
    const { messages } = await serviceWith().listMessages(user.sub, { limit: 30, q: "subject:report" });
    await google.forgetCalls();
    const { quotaUnits } = await google.snapshot();
    const lines = await linesAfter(stream);
    const spent = (await google.snapshot()).quotaUnits - quotaUnits;
    expect(lines).toEqual([expect.objectContaining({ route: "GmailService.streamMessages", quotaUnits: spent })]);
    expect(Number(lines[0]?.["rowsKnown"]) + Number(lines[0]?.["rowsRead"])).toBe(messages.length);
    expect(lines[0]?.["upstreamCalls"]).toBe(await google.count());
  });
});
