/**
 * What a person does, held up in front of each of its steps in turn, while something else happens to them: an end, another
 * sign-in, an eviction, a deployment. Which steps a flow has is found by running it.
 */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import * as z from "zod";
import type { Browser } from "../support/browser.ts";
import { describe, expect, inside, type Open, test } from "../support/contract.ts";
import { callWithToken, happen, makeApiToken } from "../support/ending.ts";
import { harness } from "../support/harness.workerd.ts";
import type { Played } from "../support/interleaving.ts";
import { apiReason, expectNothingOpens, offlineAt, openPlaces, type Places } from "../support/places.ts";
import { call, callbackUrl, openCallback, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";
import { keysOf } from "../support/rings.ts";
import { makeTokenKeys } from "../support/stage.ts";

const HOUR_MS = 3_600_000;
const LISTING = "/api/messages?limit=1";

/** A person with two browsers and an API token, and a third browser that comes back from Google. */
interface Cast extends Places {
  readonly other: Browser;
  readonly apiToken: string;
  /** Of the first browser. */
  readonly sessionId: string;
  readonly coming: Browser;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Flow {
  readonly name: string;
  readonly kind: "reads" | "signs in" | "makes a token";
  /** The question that says whether the caller is in force. */
  readonly question: "ask checkSession" | "ask openToken" | "ask openOffline" | "ask signIn" | "ask makeToken";
  /** @returns what happens */
  readonly prepare: (cast: Cast) => Promise<() => Promise<Answer>>;
}

async function read(answer: Promise<Response>): Promise<Answer> {
  const response = await answer;
  return { status: response.status, text: await response.text() };
}

/** The same, after Google has ended the access token. */
const expired =
  (prepare: Flow["prepare"]): Flow["prepare"] =>
  async (cast) => {
    await cast.google.act({ action: "killAccessTokens", email: cast.user.email });
    return prepare(cast);
  };
const list: Flow["prepare"] = async ({ browser }) => {
  const copy = browser.copy();
  return () => read(call(copy, LISTING));
};
const comeBack =
  (query: string): Flow["prepare"] =>
  async (cast) => {
    const callback = await callbackUrl({ ...cast, browser: cast.coming }, {}, query);
    return () => read(openCallback(cast.coming, callback));
  };

const FLOWS: readonly Flow[] = [
  { name: "a listing", kind: "reads", question: "ask checkSession", prepare: list },
  {
    name: "a listing with an API token",
    kind: "reads",
    question: "ask openToken",
    prepare: async (cast) => () => read(callWithToken(cast.at("elsewhere"), cast.apiToken)),
  },
  { name: "a listing that refreshes", kind: "reads", question: "ask checkSession", prepare: expired(list) },
  {
    name: "another Worker's call",
    kind: "reads",
    question: "ask openOffline",
    prepare: expired(async (cast) => async () => {
      const text = await offlineAt(cast, cast.at("elsewhere"));
      return { status: text === "works" ? 200 : 401, text };
    }),
  },
  { name: "a sign-in", kind: "signs in", question: "ask signIn", prepare: comeBack("") },
  { name: "a new consent", kind: "signs in", question: "ask signIn", prepare: comeBack("?prompt=consent") },
  {
    name: "making an API token",
    kind: "makes a token",
    question: "ask makeToken",
    prepare: async ({ browser }) => {
      const copy = browser.copy();
      const headers = { accept: "application/json", "content-type": "application/json" };
      return () => read(copy.fetch("/api/tokens", { method: "POST", headers, body: '{"name":"new"}' }));
    },
  },
];

interface End {
  readonly name: string;
  /** What has ended: a session, all of them, the grant as well. */
  readonly ends: "session" | "user" | "grant";
  readonly play: (cast: Cast) => Promise<unknown>;
}

const ENDS: readonly End[] = [
  {
    name: "another browser ends its session",
    ends: "session",
    play: ({ other, sessionId }) => isDone(other.fetch(`/api/sessions/${sessionId}`, { method: "DELETE" })),
  },
  {
    name: "everything is signed out",
    ends: "user",
    play: ({ other }) => isDone(other.submit("/auth/logout?everywhere=true")),
  },
  {
    name: "the user disconnects",
    ends: "grant",
    play: ({ other }) => isDone(other.submit("/auth/disconnect")),
  },
  {
    name: "Google ends the sessions",
    ends: "user",
    play: (cast) => happen(cast, about("sessions-revoked", issSub(cast.user))),
  },
  {
    name: "Google revokes the tokens",
    ends: "grant",
    play: (cast) => happen(cast, about("tokens-revoked", issSub(cast.user))),
  },
];

/** Not where a new consent has ended the other browser's own session before. */
async function isDone(response: Promise<Response>): Promise<boolean> {
  const { status } = await response;
  expect([204, 303, 401]).toContain(status);
  return status !== 401;
}

function ringOf(...keys: unknown[]): string {
  return JSON.stringify({ keys: keys.flat() });
}

/** All that is stored is under an older key: what a flow uses, it seals again. */
async function openCast(open: Open): Promise<Cast> {
  const [older, newer] = [makeTokenKeys("older"), makeTokenKeys("newer")].map((text) => keysOf(text));
  const places = await openPlaces(open, { near: true, vars: { TOKEN_KEYS: ringOf(newer, older) } });
  const before = inside(places.stage).redeploy({ TOKEN_KEYS: ringOf(older, newer) });
  const signedIn = async (browser: Browser): Promise<Browser> => {
    const earlier = before.browser();
    await signIn(earlier, places.user);
    earlier.jar.copyTo(browser.jar);
    return browser;
  };
  const [browser, other] = [await signedIn(places.browser), await signedIn(places.at("there").browser())];
  const apiToken = await makeApiToken(browser);
  const { sessions } = sessionsSchema.parse(await (await call(browser.copy(), "/api/sessions")).json());
  const sessionId = sessions.find(({ current }) => current)?.id ?? "";
  // Google lets every token live: what ends them is ours alone.
  await places.google.always("revoke", { status: 503 });
  await places.advance(2_000);
  return { ...places, other, apiToken, sessionId, coming: places.stage.browser() };
}

const sessionsSchema = z.object({ sessions: z.array(z.object({ id: z.string(), current: z.boolean() })) });

async function stepsOf(flow: Flow): Promise<string[]> {
  const cast = await openCast((options = {}) => harness.openStage(options));
  return cast.steps.of(await flow.prepare(cast));
}

interface Other {
  readonly play: (cast: Cast) => Promise<unknown>;
  /** It cannot come while the object is at work: that is drained before. */
  readonly isBetweenQuestions?: boolean;
}

/** Plays something at each step of a flow, from the first on. */
async function playAtEach(
  flow: Flow,
  open: Open,
  { play, isBetweenQuestions = false }: Other,
  check: (cast: Cast, played: Played<Answer, unknown>, held: string) => Promise<void>,
): Promise<void> {
  const steps = await stepsOf(flow);
  expect(steps).toContain(flow.question);
  for (const index of steps.keys()) {
    const asked = steps.slice(0, index).filter((step) => step.startsWith("ask "));
    const answered = steps.slice(0, index).filter((step) => step.startsWith("answer "));
    if (isBetweenQuestions && asked.length > answered.length) continue;
    const cast = await openCast(open);
    const played = await cast.steps.play(index, await flow.prepare(cast), () => play(cast));
    try {
      await check(cast, played, steps[index] ?? "");
    } catch (error) {
      const { message } = error instanceof Error ? error : new Error(String(error));
      throw new Error(`held up before ${steps[index]}: ${message}; ${JSON.stringify([played.answer, played.before])}`, {
        cause: error,
      });
    }
  }
}

async function statusEverywhere(cast: Cast, browser: Browser, path = "/api/me"): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (const place of ["here", "there", "afterwards"])
    statuses.add((await call(cast.moved(browser, place), path)).status);
  return statuses;
}

async function tokenEverywhere(cast: Cast, token: string): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (const place of ["here", "there", "afterwards"]) {
    statuses.add((await callWithToken(cast.at(place), token, "/api/me")).status);
  }
  return statuses;
}

/** Whatever happened, signing in works, and leaves nothing half. */
async function expectToGoOn(cast: Cast): Promise<void> {
  const again = cast.at("afterwards").browser();
  await signIn(again, cast.user);
  await cast.advance(HOUR_MS);
  const { email, sub } = cast.user;
  const works = [
    await apiReason(again),
    await offlineAt(cast, cast.stage, sub),
    await offlineAt(cast, cast.stage, email),
  ];
  expect(works).toEqual(["works", "works", "works"]);
}

const ONLY = (...statuses: readonly number[]): Set<number> => new Set(statuses);

describe.for(FLOWS.map((flow) => [flow.name, flow] as const))("during each step of %s,", ([, flow]) => {
  test.for(ENDS.map((end) => [end.name, end] as const))("%s", { timeout: 120_000 }, async ([, end], { open }) => {
    await playAtEach(flow, open, end, async (cast, { answer, before, isOver, otherAnswer }, held) => {
      if (otherAnswer === false) {
        expect([flow.name, answer.status]).toEqual(["a new consent", 302]);
        expect(await statusEverywhere(cast, cast.browser)).toEqual(ONLY(401));
        expect(await statusEverywhere(cast, cast.coming)).toEqual(ONLY(200));
        return expectToGoOn(cast);
      }
      const ofSession =
        flow.kind === "signs in" || flow.question === "ask openToken" || flow.question === "ask openOffline";
      const isEnded = { session: !ofSession, user: flow.question !== "ask openOffline", grant: true }[end.ends];
      expect([200, 201, 302, 401]).toContain(answer.status);
      // Who was ended before the object was asked gets nothing. No sign-in waits for the object to wake.
      if (isEnded && isOver && !held.endsWith(" wake") && !before.includes(flow.question)) {
        expect(answer.status).toBe(401);
        expect(answer.text).not.toMatch(/threadId|gmedge_/);
      }
      if (!isEnded) expect(answer.status, answer.text).not.toBe(401);
      expect(await statusEverywhere(cast, cast.browser)).toEqual(ONLY(401));
      // A new consent ends what there was before.
      const isTokenAlive = end.ends === "session" && flow.name !== "a new consent";
      expect(await tokenEverywhere(cast, cast.apiToken)).toEqual(ONLY(isTokenAlive ? 200 : 401));
      const made = /gmedge_[\w-]+/.exec(answer.text)?.[0];
      // A token that the session had made before its end lives on.
      if (made !== undefined)
        expect(await tokenEverywhere(cast, made)).toEqual(ONLY(end.ends === "session" ? 200 : 401));
      if (flow.kind === "signs in") {
        expect(await statusEverywhere(cast, cast.coming)).toEqual(ONLY(end.ends === "session" ? 200 : 401));
      }
      if (end.ends === "grant") {
        expect(cast.kv.names.filter((name) => /^(credential|address):/.test(name))).toEqual([]);
        await expectNothingOpens(cast, [cast.browser, cast.other, cast.coming]);
      }
      await expectToGoOn(cast);
    });
  });

  const GOOD = { reads: 200, "signs in": 302, "makes a token": 201 }[flow.kind];
  const BYSTANDERS: readonly [string, Other][] = [
    ["the object is evicted", { isBetweenQuestions: true, play: ({ stage, user }) => evict(stage, user.sub) }],
    [
      "there is a deployment",
      {
        isBetweenQuestions: true,
        play: async ({ browser, stage }) => {
          const newer = inside(stage).redeploy({ QUOTA_BUDGET: "1000" }).browser();
          browser.jar.copyTo(newer.jar);
          // Unless a new consent has ended it.
          expect([200, 401]).toContain((await call(newer)).status);
        },
      },
    ],
    [
      "somebody signs in as well",
      {
        play: async (cast) => {
          const third = cast.at("there").browser();
          await signIn(third, cast.user);
          expect((await call(third)).status).toBe(200);
        },
      },
    ],
  ];
  test.for(BYSTANDERS)("%s: nobody notices", { timeout: 120_000 }, async ([, other], { open }) => {
    await playAtEach(flow, open, other, async (cast, { answer }) => {
      expect(answer.status, answer.text).toBe(GOOD);
      if (flow.name !== "a new consent") expect(await statusEverywhere(cast, cast.browser)).toEqual(ONLY(200));
      if (flow.kind === "signs in") expect(await statusEverywhere(cast, cast.coming, LISTING)).toEqual(ONLY(200));
      await expectToGoOn(cast);
    });
  });
});

async function evict(stage: Places["stage"], sub: string): Promise<void> {
  await evictDurableObject(env.MAILBOXES.get(inside(stage).mailboxes.idFromName(sub)));
}

/** Each browser works, or is told that it is signed out and can sign in with one trip; and what is stored is whole. */
async function expectWhole(places: Places, browsers: readonly Browser[]): Promise<void> {
  for (const browser of browsers) {
    const reason = await apiReason(browser);
    if (reason === "works") continue;
    expect(reason).toBe("SIGN_IN_REQUIRED");
    expect(await signIn(browser, places.user)).toBe(1);
  }
  await places.advance(HOUR_MS);
  for (const browser of browsers) expect(await apiReason(browser)).toBe("works");
  for (const name of [places.user.sub, places.user.email]) {
    expect(await offlineAt(places, places.at("afterwards"), name)).toBe("works");
  }
}

/** A person whom nobody knows yet, so that the object is made meanwhile. */
async function bothBack(open: Open) {
  const places = await openPlaces(open, { near: true });
  const browsers = [places.browser, places.at("there").browser()] as const;
  const callbacks: URL[] = [];
  for (const browser of browsers) callbacks.push(await callbackUrl({ ...places, browser }, {}, "?prompt=consent"));
  const [first, second] = browsers.map((browser, index) => async () => {
    const { status } = await browser.comeBack(callbacks[index]?.href ?? "");
    expect([302, 401]).toContain(status);
  });
  if (first === undefined || second === undefined) throw new Error("there are two");
  return { places, browsers, first, second };
}

describe("two sign-ins at once, each with a new consent,", () => {
  test("in two browsers at two places", { timeout: 120_000 }, async ({ open }) => {
    const probe = await bothBack(open);
    const steps = await probe.places.steps.of(probe.first);
    for (const index of steps.keys()) {
      const { places, browsers, first, second } = await bothBack(open);
      await places.steps.play(index, first, second);
      await expectWhole(places, browsers);
    }
  });

  test("in two tabs of one browser", async ({ open }) => {
    const places = await openPlaces(open);
    const callbacks = [
      await callbackUrl(places, {}, "?prompt=consent"),
      await callbackUrl(places, {}, "?prompt=consent"),
    ];
    const answers = await Promise.all(callbacks.map(({ href }) => places.browser.comeBack(href)));
    expect(answers.map(({ status }) => status)).toEqual([302, 302]);
    await expectWhole(places, [places.browser]);
  });
});
