/** One line in the log for each request: what it was, what became of it and what it cost, and nothing of whose mail it is. */
import * as z from "zod";
import { describeInside, expect, test } from "../../support/contract.ts";
import { call, type Scene, signedIn } from "../../support/scenes.ts";

const lineSchema = z.strictObject({
  level: z.literal("info"),
  requestId: z.uuid(),
  route: z.string(),
  method: z.string(),
  status: z.number().int(),
  reason: z.string().nullable(),
  subject: z.string().nullable(),
  ms: z.number(),
  upstreamCalls: z.number().int(),
  quotaUnits: z.number().int(),
  /** Where rows were listed. */
  rowsKnown: z.optional(z.number().int()),
  rowsRead: z.optional(z.number().int()),
});
type Line = z.infer<typeof lineSchema>;

/** The lines that the log got of a request. */
function linesOf({ stage }: Scene, requestId: string | null): Line[] {
  return stage
    .logs()
    .split("\n")
    .filter((line) => line.includes('"level":"info"') && line.includes(requestId ?? "no ID"))
    .map((line) => lineSchema.parse(JSON.parse(line)));
}

/** Sends something and gives its one line. */
async function lineOf(scene: Scene, work: () => Promise<Response>): Promise<Line> {
  const response = await work();
  await response.arrayBuffer();
  const lines = linesOf(scene, response.headers.get("x-request-id"));
  expect(lines).toHaveLength(1);
  return lines[0] as Line;
}

describeInside("the log", () => {
  test("has one line for a listing, with its route, its cost and a hash of whose it is", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 30 } } });
    const line = await lineOf(scene, () => call(scene.browser, "/api/messages?view=metadata&q=subject%3Areport"));
    expect(line).toMatchObject({ route: "/api/messages", method: "GET", status: 200, reason: null });
    expect(line.subject).toMatch(/^[\w-]{8,16}$/);
    expect(scene.user.sub).not.toContain(line.subject);
    expect(line.upstreamCalls).toBe(await scene.google.count());
    expect(line.quotaUnits).toBe((await scene.google.snapshot()).quotaUnits);
    expect(line.ms).toBeGreaterThanOrEqual(0);
    const again = await lineOf(scene, () => call(scene.browser, "/api/me"));
    expect([again.subject, again.upstreamCalls, again.quotaUnits]).toEqual([line.subject, 0, 0]);
    expect(again, "no rows were listed").not.toHaveProperty("rowsRead");
  });

  test("has one line for a stream, once it has ended, with all that it cost", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 60 } } });
    const ndjson = { headers: { accept: "application/x-ndjson" } };
    const line = await lineOf(scene, () => scene.browser.fetch("/api/messages?view=metadata", ndjson));
    expect(line).toMatchObject({ route: "/api/messages", status: 200, reason: null, quotaUnits: 1206 });
    expect(line).toMatchObject({ rowsKnown: 0, rowsRead: 60 });
    expect(line.upstreamCalls).toBe(await scene.google.count());
    const again = await lineOf(scene, () => scene.browser.fetch("/api/messages?view=metadata", ndjson));
    expect(again).toMatchObject({ rowsKnown: 60, rowsRead: 0, quotaUnits: 7 });
  });

  test("has one line for a HEAD of a stream, whose body nobody reads", async ({ open }) => {
    const scene = await signedIn(open);
    const head = { method: "HEAD", headers: { accept: "application/x-ndjson" } };
    const line = await lineOf(scene, () => scene.browser.fetch("/api/messages", head));
    expect(line).toMatchObject({ route: "/api/messages", method: "HEAD", status: 200, reason: null });
  });

  test("has one line for an error, with its reason, also for one in the last line of a stream", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 700 } } });
    expect(await lineOf(scene, () => call(scene.browser, "/api/messages?limit=0"))).toMatchObject({
      status: 400,
      reason: "INVALID_ARGUMENT",
      upstreamCalls: 0,
    });
    await scene.google.always("list", { nonJson: true, after: 1 });
    const ndjson = { headers: { accept: "application/x-ndjson" } };
    expect(await lineOf(scene, () => scene.browser.fetch("/api/messages?limit=all", ndjson))).toMatchObject({
      status: 200,
      reason: "UPSTREAM_UNAVAILABLE",
    });
    const nobody = await lineOf(scene, () =>
      scene.stage.send({ path: "/api/messages", headers: { accept: "application/json" } }),
    );
    expect(nobody).toMatchObject({ route: "/api/messages", status: 401, reason: "SIGN_IN_REQUIRED", subject: null });
  });

  test.for(["/healthz", "/", "/api/me", "/gmail/v1/users/me/profile", "/nowhere/at/all", "/auth/login"])(
    "has one line for %s, with a pattern and no URL",
    async (path, { open }) => {
      const scene = await signedIn(open);
      const line = await lineOf(scene, () => scene.browser.fetch(`${path}?q=secret-words`));
      expect(line.route).not.toMatch(/\?|secret|nowhere/);
    },
  );

  test("has one line for a stream that nobody reads to its end", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 1200 } } });
    const response = await scene.browser.fetch("/api/messages?limit=all", {
      headers: { accept: "application/x-ndjson" },
      stream: true,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    expect(linesOf(scene, response.headers.get("x-request-id"))).toHaveLength(0);
    await reader?.cancel();
    await expect.poll(() => linesOf(scene, response.headers.get("x-request-id")).length).toBe(1);
  });

  test("holds no address, no sub, no search text and no token, in whichever form", async ({ open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 200 } } });
    const { browser, google, user, stage } = scene;
    const query = "q=from%3Adivorce-lawyer%40law.example&limit=2";
    await call(browser, `/api/messages?${query}`);
    const { nextPageToken }: { nextPageToken?: string } = await (await call(browser, "/api/messages?limit=5")).json();
    await call(browser, `/api/messages?limit=5&pageToken=${nextPageToken}`);
    await call(browser, `/gmail/v1/users/${encodeURIComponent(user.email)}/messages?${query}`);
    await google.always("list", { disconnect: true });
    await call(browser, `/api/messages?${query}`);
    await browser.step(`/?${query}`);
    const log = stage.logs();
    const forbidden = [
      user.email,
      encodeURIComponent(user.email),
      user.sub,
      "divorce",
      "law.example",
      nextPageToken ?? "no token",
    ];
    const { secrets } = await google.snapshot();
    expect([...forbidden, ...secrets].filter((text) => log.includes(text))).toEqual([]);
    expect(log.length).toBeGreaterThan(1000);
  });
});
