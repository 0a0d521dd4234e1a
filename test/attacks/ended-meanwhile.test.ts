/**
 * Somebody with a copy of the session cookie or of an API token whose owner ends it while a request is under way: before and
 * after each question that the request asks the object.
 */
import * as z from "zod";
import { storageKeys } from "../../src/kv-store/key-names.ts";
import { describe, expect, inside } from "../support/contract.ts";
import { happen } from "../support/ending.ts";
import { type InFront, reachedThrough } from "../support/object-views.ts";
import { callbackUrl, GMAIL_READONLY, openCallback } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";
import type { Stage } from "../support/stage.ts";
import type { Question } from "../../src/object/rpc.ts";
import { expectRefusal, NOT_SIGNED_IN, type OpenVictim, test, type Victim } from "./victim.ts";
import { FIRST_MESSAGE } from "../faults/flow.ts";

const GMAIL_MODIFY = "https://www.googleapis.com/auth/gmail.modify";

interface Flow {
  readonly title: string;
  readonly prepare?: (scene: Victim) => Promise<unknown>;
  readonly run: (scene: Victim, stage: Stage) => Promise<Response>;
  /** Endings that are none of its actor's. */
  readonly outlives?: readonly string[];
}

function asSession(scene: Victim, stage: Stage, request: { method?: string; path: string; body?: string }) {
  const headers = { cookie: `${scene.cookieName}=${scene.session}`, origin: stage.origin, ...JSON_HEADERS };
  return stage.send({ ...request, headers });
}

function asProgram(scene: Victim, stage: Stage, request: { method?: string; path: string; body?: string }) {
  return stage.send({ ...request, headers: { authorization: `Bearer ${scene.apiToken}`, ...JSON_HEADERS } });
}

const JSON_HEADERS = { accept: "application/json", "content-type": "application/json" };
const LISTING = { path: "/api/messages?limit=2" };
const ROWS = { path: "/api/messages?limit=2&view=metadata" };
const MODIFY = {
  method: "POST",
  path: `/gmail/v1/users/me/messages/${FIRST_MESSAGE}/modify`,
  body: '{"addLabelIds":["STARRED"]}',
};
const killAccessTokens = ({ google, user }: Victim) => google.act({ action: "killAccessTokens", email: user.email });

const FLOWS: readonly Flow[] = [
  { title: "a listing", run: (scene, stage) => asSession(scene, stage, LISTING) },
  {
    title: "a listing with a dead access token",
    prepare: killAccessTokens,
    run: (scene, stage) => asSession(scene, stage, LISTING),
  },
  { title: "a listing of rows", run: (scene, stage) => asSession(scene, stage, ROWS) },
  { title: "a write", run: (scene, stage) => asSession(scene, stage, MODIFY) },
  {
    title: "making an API token",
    run: (scene, stage) =>
      asSession(scene, stage, { method: "POST", path: "/api/tokens", body: '{"name":"theirs","access":"full"}' }),
  },
  { title: "a listing by API token", outlives: ["logout"], run: (scene, stage) => asProgram(scene, stage, LISTING) },
  {
    title: "a listing of rows by API token",
    outlives: ["logout"],
    run: (scene, stage) => asProgram(scene, stage, ROWS),
  },
  { title: "a write by API token", outlives: ["logout"], run: (scene, stage) => asProgram(scene, stage, MODIFY) },
  {
    title: "a sign-in",
    // Google's event is about what began before it, to the second.
    outlives: ["logout", "event"],
    run: async (scene, stage) => {
      const browser = stage.browser();
      return openCallback(browser, await callbackUrl({ ...scene, browser }));
    },
  },
];

const ENDINGS: readonly (readonly [name: string, end: (scene: Victim) => Promise<unknown>])[] = [
  ["logout", ({ browser }) => browser.submit("/auth/logout")],
  ["everywhere", ({ browser }) => browser.submit("/auth/logout?everywhere=true")],
  ["disconnect", ({ browser }) => browser.submit("/auth/disconnect")],
  ["event", (scene) => happen(scene, about("sessions-revoked", issSub(scene.user)))],
];

/** Questions on whose answer it hangs whether the request is let in. */
const DECISIVE: ReadonlySet<Question> = new Set([
  "checkSession",
  "openToken",
  "accessToken",
  "makeToken",
  "signIn",
  "rows",
]);

async function set(victim: OpenVictim, flow: Flow): Promise<Victim> {
  const scopes = `openid email profile ${GMAIL_READONLY} ${GMAIL_MODIFY}`;
  const scene = await victim({ near: true, mayCallGoogle: true, vars: { GOOGLE_SCOPES: scopes } });
  await flow.prepare?.(scene);
  await scene.google.forgetCalls();
  return scene;
}

async function runBehind(flow: Flow, scene: Victim, inFront: InFront): Promise<Response> {
  const { mailboxes, redeploy } = inside(scene.stage);
  return flow.run(scene, redeploy({}, { MAILBOXES: reachedThrough(mailboxes, inFront) }));
}

async function questionsOf(flow: Flow, victim: OpenVictim): Promise<Question[]> {
  const questions: Question[] = [];
  const response = await runBehind(flow, await set(victim, flow), async (question, ask) => {
    questions.push(question);
    return ask();
  });
  expect([200, 201, 302], `${flow.title}, undisturbed`).toContain(response.status);
  return questions;
}

const madeSchema = z.object({ token: z.string() });

/** Whatever the request was given opens nothing any more. */
async function expectDead(scene: Victim, response: Response, ending: string, what: string): Promise<void> {
  const { kv } = inside(scene.stage);
  await expectRefusal(await asSession(scene, scene.stage, LISTING), NOT_SIGNED_IN, `${what}: the cookie`);
  if (ending === "logout") return;
  await expectRefusal(await asProgram(scene, scene.stage, LISTING), NOT_SIGNED_IN, `${what}: the API token`);
  const made = madeSchema.safeParse(
    await response
      .clone()
      .json()
      .catch(() => null),
  );
  if (made.success) {
    const answer = await asProgram({ ...scene, apiToken: made.data.token }, scene.stage, LISTING);
    await expectRefusal(answer, NOT_SIGNED_IN, `${what}: the API token that was made`);
  }
  for (const line of response.headers.getSetCookie()) {
    const [, value] = /session=([^;]+)/.exec(line) ?? [];
    if (value === undefined) continue;
    const answer = await asSession({ ...scene, session: value }, scene.stage, LISTING);
    await expectRefusal(answer, NOT_SIGNED_IN, `${what}: the cookie that was given`);
  }
  if (ending === "disconnect") expect(await kv.get(storageKeys.credential(scene.user.sub)), what).toBeNull();
}

describe("ended before or after each question to the object, nothing lives on, and who is refused has done nothing:", () => {
  test.for(
    FLOWS.flatMap((flow) =>
      ENDINGS.filter(([name]) => flow.outlives?.includes(name) !== true).map(
        (one) => [flow.title, one[0], flow, one[1]] as const,
      ),
    ),
  )("%s, %s", async ([title, ending, flow, end], { victim }) => {
    const questions = await questionsOf(flow, victim);
    expect(questions.length).toBeGreaterThan(0);
    for (const [step, at] of questions.entries()) {
      for (const moment of ["before", "after"]) {
        const what = `${title}, ${ending} ${moment} ${at}`;
        const scene = await set(victim, flow);
        let asked = 0;
        const endings: Promise<unknown>[] = [];
        const endHere = async (): Promise<void> => {
          endings.push(end(scene));
          await Promise.all(endings);
        };
        const response = await runBehind(flow, scene, async (_, ask) => {
          const isHere = asked === step;
          asked += 1;
          if (isHere && moment === "before") await endHere();
          const outcome = await ask();
          if (isHere && moment === "after") await endHere();
          return outcome;
        });
        expect(endings, what).toHaveLength(1);
        // A sign-in wakes the object and does not wait for it.
        await Promise.all(endings);
        if (moment === "before" && DECISIVE.has(at)) {
          await expectRefusal(response, NOT_SIGNED_IN, what);
          expect(await scene.google.count("modify"), what).toBe(0);
        }
        await expectDead(scene, response, ending, what);
      }
    }
  });
});
