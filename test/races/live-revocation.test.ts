/**
 * Whether a caller was ended is asked beside the Gmail call, never before it, and known before anything is answered. What
 * changes something waits for it first.
 */
import * as z from "zod";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { happen, makeApiToken } from "../support/ending.ts";
import { expectError } from "../support/errors.ts";
import type { Endpoint } from "../support/google.ts";
import { readListing } from "../support/listing.ts";
import { reachedThrough } from "../support/object-views.ts";
import { call, GMAIL_READONLY, type Scene, signedIn, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";
import type { Question } from "../../src/object/rpc.ts";
import type { Outgoing } from "../support/browser.ts";
import type { Stage } from "../support/stage.ts";

const GMAIL_MODIFY = "https://www.googleapis.com/auth/gmail.modify";
const NDJSON = "application/x-ndjson";

/** A way to call: the credentials go with each request. */
interface Way {
  readonly name: string;
  readonly headers: (scene: Scene) => Promise<Record<string, string>>;
}

const SESSION: Way = {
  name: "a session",
  headers: async ({ browser, stage }) => ({ cookie: browser.jar.header() ?? "", origin: stage.origin }),
};
const API_TOKEN: Way = {
  name: "an API token",
  headers: async ({ browser }) => ({ authorization: `Bearer ${await makeApiToken(browser)}` }),
};

interface Held {
  readonly stage: Stage;
  readonly headers: Record<string, string>;
  /** What the object was asked. */
  readonly questions: readonly string[];
  /** From now on, a question waits for this first. */
  readonly hold: (until: () => Promise<unknown>) => void;
}

/** Waits for a call to Gmail, and fails when none comes. */
function calling({ google }: Scene, endpoint: Endpoint): () => Promise<unknown> {
  return async () => expect.poll(() => google.count(endpoint)).toBeGreaterThan(0);
}

/** A Worker in whose isolate the caller is known, with questions that can be held up. */
async function warm(scene: Scene, way: Way): Promise<Held> {
  let before: (() => Promise<unknown>) | null = null;
  const questions: string[] = [];
  const { mailboxes, redeploy } = inside(scene.stage);
  const MAILBOXES = reachedThrough(mailboxes, async (question, ask) => {
    // What a request did is reported when its answer has ended.
    if (question === "report") return ask();
    questions.push(question);
    await before?.();
    return ask();
  });
  const stage = redeploy({}, { MAILBOXES });
  const headers = await way.headers(scene);
  await readListing(await stage.send({ path: "/api/messages?limit=1", headers }));
  await scene.google.forgetCalls();
  return {
    headers,
    questions,
    stage,
    hold: (until) => {
      before = until;
      questions.length = 0;
    },
  };
}

function revoke(scene: Scene): Promise<void> {
  return happen(scene, about("sessions-revoked", issSub(scene.user)));
}

/** What the object is asked beside whether the caller is in force. */
const OF_ROWS: readonly Question[] = ["sync", "rows"];
const ROWS_PATH = "/api/messages?limit=5&view=metadata";

const READS: [string, Outgoing, readonly Question[]][] = [
  ["a listing", { path: "/api/messages?limit=5" }, []],
  ["rows", { path: ROWS_PATH }, OF_ROWS],
  ["lines", { path: "/api/messages?limit=all", headers: { accept: NDJSON }, stream: true }, []],
  ["rows as lines", { path: ROWS_PATH, headers: { accept: NDJSON }, stream: true }, OF_ROWS],
  ["Gmail's own API", { path: "/gmail/v1/users/me/messages" }, []],
];

describeInside("reading with", () => {
  describe.for([SESSION, API_TOKEN])("$name", (way) => {
    test.for(READS)("%s asks the object beside the call to Gmail", async ([, request, others], { open }) => {
      const scene = await signedIn(open, { user: { mailbox: { messages: 600 } } });
      const { headers, hold, questions, stage } = await warm(scene, way);
      hold(calling(scene, "list"));
      const response = await stage.send({ ...request, headers: { ...headers, ...request.headers } });
      const text = new TextDecoder().decode(await response.arrayBuffer());
      expect(response.status, text).toBe(200);
      expect(text).toContain("threadId");
      expect(questions).toEqual([way === SESSION ? "checkSession" : "openToken", ...others]);
    });

    test.for(READS)("%s says nothing of the mailbox when its caller was ended", async ([, request], { open }) => {
      const scene = await signedIn(open, { user: { mailbox: { messages: 600 } } });
      const { headers, hold, stage } = await warm(scene, way);
      await revoke(scene);
      hold(calling(scene, "list"));
      await scene.google.fault("list", { headers: { etag: '"of-the-mailbox"', "content-range": "bytes 0-1/2" } });
      const response = await stage.send({ ...request, headers: { ...headers, ...request.headers } });
      const { text } = await expectError(response, 401, "SIGN_IN_REQUIRED");
      expect([response.headers.get("etag"), response.headers.get("content-range")]).toEqual([null, null]);
      expect(text).not.toContain("threadId");
      expect(await scene.google.count("list"), "Gmail was called, and its answer withheld").toBe(1);
      await expectLogged(scene, response, 401);
    });

    test.for(READS)(
      "%s says nothing when nobody can tell whether its caller was ended",
      async ([, request], { open }) => {
        const scene = await signedIn(open, { user: { mailbox: { messages: 600 } } });
        const { headers, hold, stage } = await warm(scene, way);
        hold(async () => {
          await calling(scene, "list")();
          throw new Error("out of reach");
        });
        const response = await stage.send({ ...request, headers: { ...headers, ...request.headers } });
        const { text } = await expectError(response, 503, "STORAGE_UNAVAILABLE");
        expect(text).not.toContain("threadId");
        await expectLogged(scene, response, 503);
      },
    );
  });
});

/** A request is logged when its answer has ended: a withheld one must have been given up. */
async function expectLogged({ stage }: Scene, response: Response, status: number): Promise<void> {
  const requestId = response.headers.get("x-request-id");
  const isLine = (line: string): boolean =>
    line.includes(`"requestId":"${requestId}"`) && line.includes(`"status":${status}`);
  await expect.poll(() => stage.logs().split("\n").filter(isLine).length).toBe(1);
}

describeInside("a caller that was refused", () => {
  test("loses the cookie", async ({ open }) => {
    const scene = await signedIn(open);
    await revoke(scene);
    await expectError(await call(scene.browser), 401, "SIGN_IN_REQUIRED");
    expect(scene.browser.jar.named("session")).toEqual([]);
  });

  test("is forgotten, so that an API token that has ended does not reach Gmail again", async ({ open }) => {
    const scene = await signedIn(open);
    const { headers, stage } = await warm(scene, API_TOKEN);
    await revoke(scene);
    for (let request = 0; request < 2; request += 1) {
      await expectError(await stage.send({ path: "/api/messages", headers }), 401, "SIGN_IN_REQUIRED");
      expect(await scene.google.count("list"), "only the first one").toBe(1);
    }
  });
});

describeInside("changing something with", () => {
  const vars = { GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY} ${GMAIL_MODIFY}` };
  const idsSchema = z.object({ messages: z.array(z.object({ id: z.string() })) });

  async function modification(stage: Stage, headers: Record<string, string>): Promise<Outgoing> {
    const listing = idsSchema.parse(await (await stage.send({ path: "/api/messages?limit=1", headers })).json());
    return {
      path: `/gmail/v1/users/me/messages/${listing.messages[0]?.id}/modify`,
      method: "POST",
      body: '{"addLabelIds":["STARRED"]}',
      headers: { ...headers, "content-type": "application/json" },
    };
  }

  test.for([SESSION, API_TOKEN])("$name that was revoked never reaches Gmail", async (way, { open }) => {
    const scene = await signedIn(open, { vars });
    const { headers, stage } = await warm(scene, way);
    const request = await modification(stage, headers);
    expect((await stage.send(request)).status).toBe(200);
    expect(await scene.google.count("modify")).toBe(1);
    await revoke(scene);
    await expectError(await stage.send(request), 401, "SIGN_IN_REQUIRED");
    expect(await scene.google.count("modify")).toBe(1);
  });

  test.for([SESSION, API_TOKEN])("$name waits for the object, and does nothing without it", async (way, { open }) => {
    const scene = await signedIn(open, { vars });
    const { headers, hold, stage } = await warm(scene, way);
    const request = await modification(stage, headers);
    // The question waits for the call and the call for the question: the question gives up first.
    hold(async () => expect.poll(() => scene.google.count("modify"), { timeout: 1_000 }).toBeGreaterThan(0));
    await expectError(await stage.send(request), 503, "STORAGE_UNAVAILABLE");
    expect(await scene.google.count("modify")).toBe(0);
  });

  test("a revoked session makes no API token", async ({ open }) => {
    const scene = await signedIn(open);
    const { headers, stage } = await warm(scene, SESSION);
    await revoke(scene);
    const body = JSON.stringify({ name: "a thief's" });
    const request = { path: "/api/tokens", method: "POST", body };
    const json = { "content-type": "application/json" };
    await expectError(await stage.send({ ...request, headers: { ...headers, ...json } }), 401, "SIGN_IN_REQUIRED");
    const later = stage.browser();
    await signIn(later, scene.user);
    expect(await (await call(later, "/api/tokens")).json()).toEqual({ tokens: [] });
  });

  test("a revoked session does not disconnect the user", async ({ open }) => {
    const scene = await signedIn(open);
    const { headers, stage } = await warm(scene, SESSION);
    await revoke(scene);
    await expectError(
      await stage.send({
        path: "/auth/disconnect",
        method: "POST",
        headers: { ...headers, accept: "application/json" },
      }),
      401,
      "SIGN_IN_REQUIRED",
    );
    expect(await scene.google.count("revoke")).toBe(0);
    expect(await inside(scene.stage).kv.get(`credential:${scene.user.sub}`)).not.toBeNull();
  });
});
