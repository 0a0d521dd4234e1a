/** An object that cannot be reached: nobody is let in unchecked, and nobody is signed out by it. */
import { ROUTES, type Route } from "../attacks/routes.ts";
import type { Browser } from "../support/browser.ts";
import { describeInside, expect, inside, test } from "../support/contract.ts";
import type { Question } from "../../src/object/rpc.ts";
import { makeApiToken } from "../support/ending.ts";
import { expectError } from "../support/errors.ts";
import { type InFront, reachedThrough } from "../support/object-views.ts";
import { call, callbackAnswer, type Scene, signedIn } from "../support/scenes.ts";
import type { Stage } from "../support/stage.ts";

function behind({ stage }: Scene, inFront: InFront): Stage {
  const { mailboxes, redeploy } = inside(stage);
  return redeploy({}, { MAILBOXES: reachedThrough(mailboxes, inFront) });
}

/** Fails so many questions, and lets those pass that come later. */
function failing(times: number, properties: Record<string, boolean> = {}): { inFront: InFront; tries: () => number } {
  let tries = 0;
  const inFront: InFront = async (question, ask) => {
    // What a request did is reported afterwards.
    if (question === "report") return ask();
    tries += 1;
    if (tries <= times) throw Object.assign(new Error("out of reach"), properties);
    return ask();
  };
  return { inFront, tries: () => tries };
}

function request(stage: Stage, { example }: Route, credentials: Record<string, string>): Promise<Response> {
  const { body, method, path, type } = example;
  const headers = {
    accept: "application/json",
    origin: stage.origin,
    ...(type === undefined ? {} : { "content-type": type }),
    ...credentials,
  };
  return stage.send({ path, method, headers, ...(body === undefined ? {} : { body }) });
}

function isTitled(route: Route): [string, Route] {
  return [`${route.example.method} ${route.example.path}`, route];
}

async function expectUnavailable(response: Response, { user }: Scene): Promise<void> {
  const text = await response.text();
  expect(response.status, text).toBe(503);
  expect(text).toMatch(/STORAGE_UNAVAILABLE|Our storage cannot be reached/);
  for (const secret of [user.email, user.sub, "threadId", "gmedge_"]) expect(text).not.toContain(secret);
}

describeInside("while the object cannot be reached,", () => {
  const withSession = ROUTES.filter(({ caller }) => caller.startsWith("session"));
  const withToken = ROUTES.filter(({ access }) => access !== null);

  test.for(withSession.map(isTitled))("%s with a session is 503", async ([, route], { open }) => {
    const scene = await signedIn(open);
    const stage = behind(scene, failing(Infinity).inFront);
    const response = await request(stage, route, { cookie: scene.browser.jar.header() ?? "" });
    await expectUnavailable(response, scene);
    expect((await call(scene.browser)).status, "and the session goes on").toBe(200);
  });

  test.for(withToken.map(isTitled))("%s with an API token is 503", async ([, route], { open }) => {
    const scene = await signedIn(open);
    const apiToken = await makeApiToken(scene.browser);
    const stage = behind(scene, failing(Infinity).inFront);
    await expectUnavailable(await request(stage, route, { authorization: `Bearer ${apiToken}` }), scene);
  });

  test("a sign-in is 503, and changes nothing", async ({ open }) => {
    const scene = await signedIn(open);
    const browser = behind(scene, failing(Infinity).inFront).browser();
    await expectUnavailable(await callbackAnswer({ ...scene, browser }), scene);
    expect(browser.jar.named("session")).toEqual([]);
    expect((await call(scene.browser)).status).toBe(200);
  });
});

const ROWS = "/api/messages?view=metadata&limit=5";
const FORMS = ["application/json", "application/x-ndjson"];

function list(browser: Browser, accept: string): Promise<Response> {
  return browser.fetch(ROWS, { headers: { accept } });
}

/** Fails one question for as long as it is asked. */
function failingAt(what: Question): { inFront: InFront; tries: () => number } {
  let tries = 0;
  const inFront: InFront = async (question, ask) => {
    if (question !== what) return ask();
    tries += 1;
    throw new Error("out of reach");
  };
  return { inFront, tries: () => tries };
}

describeInside("an object that answers who calls, and then", () => {
  test.for(FORMS)("not how new its rows are: they are read, as %s", async (accept, { open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 30 } } });
    expect((await list(scene.browser, accept)).status).toBe(200);
    const { inFront, tries } = failingAt("sync");
    const browser = behind(scene, inFront).browser();
    scene.browser.jar.copyTo(browser.jar);
    const response = await list(browser, accept);
    const text = await response.text();
    expect([response.status, tries()], text).toEqual([200, 1]);
    expect(text.match(/"subject":/g)).toHaveLength(5);
    expect(text).not.toContain('"error"');
  });

  test.for(FORMS)("not its rows: 503, and nothing is told, as %s", async (accept, { open }) => {
    const scene = await signedIn(open, { user: { mailbox: { messages: 30 } } });
    const { inFront, tries } = failingAt("rows");
    const browser = behind(scene, inFront).browser();
    scene.browser.jar.copyTo(browser.jar);
    const { text } = await expectError(await list(browser, accept), 503, "STORAGE_UNAVAILABLE");
    expect([text.includes("threadId"), tries()]).toEqual([false, 1]);
    expect((await list(scene.browser, accept)).status, "and the session goes on").toBe(200);
  });
});

describeInside("an object that fails once", () => {
  test.for([
    { title: "and is worth another try is asked once more", properties: { retryable: true }, times: 1, is: [200, 2] },
    { title: "and is not worth another try is not asked again", properties: {}, times: 1, is: [503, 1] },
    {
      title: "because it has too much to do is not asked again",
      properties: { retryable: true, overloaded: true },
      times: 1,
      is: [503, 1],
    },
    { title: "and then again is not asked a third time", properties: { retryable: true }, times: 2, is: [503, 2] },
  ])("$title", async ({ properties, times, is }, { open }) => {
    const scene = await signedIn(open);
    const { inFront, tries } = failing(times, properties);
    const browser = behind(scene, inFront).browser();
    scene.browser.jar.copyTo(browser.jar);
    const { status } = await call(browser, "/api/me");
    expect([status, tries()]).toEqual(is);
  });
});
