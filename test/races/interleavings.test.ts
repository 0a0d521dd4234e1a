/**
 * What a person does, held up in front of each of its steps in turn, while something else happens to them: an end, another
 * sign-in, an eviction, a deployment. Which steps a flow has is found by running it.
 */
import { evictDurableObject } from "cloudflare:test";
import type { Browser } from "../support/browser.ts";
import { describe, expect, inside, type Open, test } from "../support/contract.ts";
import { callWithToken, happen, makeApiToken } from "../support/ending.ts";
import { harness } from "../support/harness.workerd.ts";
import { apiReason, expectNothingOpens, offlineAt, openPlaces, type Places } from "../support/places.ts";
import { call, callbackUrl, openCallback, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";
import { makeTokenKeys } from "../support/stage.ts";

const HOUR_MS = 3_600_000;
const LISTING = "/api/messages?limit=1";

/** A person with two browsers and an API token, and a third browser that comes back from Google. */
interface Cast extends Places {
  readonly other: Browser;
  readonly apiToken: string;
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

async function read(response: Promise<Response>): Promise<Answer> {
  const { status, text } = await response.then(async (it) => ({ status: it.status, text: await it.text() }));
  return { status, text };
}

/** A listing for a session that has a refresh before it. */
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
/** The object finds the grant sealed under an older key, and seals it again beside the answer. */
const listWithNewerKey: Flow["prepare"] = async (cast) => {
  const there = inside(cast.stage).redeploy({ TOKEN_KEYS: KEYS.newerFirst }).browser();
  cast.browser.jar.copyTo(there.jar);
  return () => read(call(there, LISTING));
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
    name: "a listing that refreshes and seals again",
    kind: "reads",
    question: "ask checkSession",
    prepare: expired(listWithNewerKey),
  },
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
  { name: "another browser ends its session", ends: "session", play: endOther },
  {
    name: "everything is signed out",
    ends: "user",
    play: async ({ other }) => expect((await other.submit("/auth/logout?everywhere=true")).status).toBe(303),
  },
  {
    name: "the user disconnects",
    ends: "grant",
    play: async ({ other }) => expect((await other.submit("/auth/disconnect")).status).toBe(303),
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

/** Ends the session of the browser, by its place in the list. */
async function endOther({ other }: Cast): Promise<void> {
  const { sessions }: { sessions: { id: string; current: boolean }[] } = await (
    await call(other, "/api/sessions")
  ).json();
  const id = sessions.find(({ current }) => !current)?.id ?? "";
  expect((await other.fetch(`/api/sessions/${id}`, { method: "DELETE" })).status).toBe(204);
}

/** Two keys, once with the older in front and once with the newer: either opens what the other seals. */
const KEYS = (() => {
  const { keys }: { keys: unknown[] } = JSON.parse(makeTokenKeys("older", "newer"));
  return { olderFirst: JSON.stringify({ keys }), newerFirst: JSON.stringify({ keys: keys.toReversed() }) };
})();

async function openCast(open: Open): Promise<Cast> {
  const places = await openPlaces(open, { near: true, vars: { TOKEN_KEYS: KEYS.olderFirst } });
  await signIn(places.browser, places.user);
  const other = places.at("there").browser();
  await signIn(other, places.user);
  const apiToken = await makeApiToken(places.browser);
  // Google lets every token live: what ends them is ours alone.
  await places.google.always("revoke", { status: 503 });
  await places.advance(2_000);
  return { ...places, other, apiToken, coming: places.stage.browser() };
}

async function stepsOf(flow: Flow): Promise<string[]> {
  const cast = await openCast((options = {}) => harness.openStage(options));
  return cast.steps.of(await flow.prepare(cast));
}

/** Plays something at each step of a flow, from the first on. */
async function playAtEach(
  flow: Flow,
  open: Open,
  other: (cast: Cast) => Promise<unknown>,
  check: (cast: Cast, played: { answer: Answer; before: readonly string[]; isOver: boolean }) => Promise<void>,
): Promise<void> {
  const steps = await stepsOf(flow);
  expect(steps).toContain(flow.question);
  for (const index of steps.keys()) {
    const cast = await openCast(open);
    const played = await cast.steps.play(index, await flow.prepare(cast), () => other(cast));
    try {
      await check(cast, played);
    } catch (error) {
      const { message } = error instanceof Error ? error : new Error(String(error));
      throw new Error(`held up before ${steps[index]}: ${message}; ${JSON.stringify(played)}`, { cause: error });
    }
  }
}

async function statusEverywhere(cast: Cast, browser: Browser, path = "/api/me"): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (const place of ["here", "there", "afterwards"]) statuses.add((await call(cast.moved(browser, place), path)).status);
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
  const works = [await apiReason(again), await offlineAt(cast, cast.stage, sub), await offlineAt(cast, cast.stage, email)];
  expect(works).toEqual(["works", "works", "works"]);
}

const ONLY = (...statuses: readonly number[]): Set<number> => new Set(statuses);

describe.for(FLOWS.map((flow) => [flow.name, flow] as const))("during each step of %s,", ([, flow]) => {
  test.for(ENDS.map((end) => [end.name, end] as const))("%s", { timeout: 120_000 }, async ([, end], { open }) => {
    await playAtEach(flow, open, end.play, async (cast, { answer, before, isOver }) => {
      const ofSession = flow.kind === "signs in" || flow.question === "ask openToken" || flow.question === "ask openOffline";
      const isEnded = {
        session: !ofSession,
        user: flow.question !== "ask openOffline",
        grant: true,
      }[end.ends];
      expect([200, 201, 302, 401]).toContain(answer.status);
      // Who was ended before the object was asked gets nothing.
      if (isEnded && isOver && !before.includes(flow.question)) {
        expect(answer.status).toBe(401);
        expect(answer.text).not.toMatch(/threadId|gmedge_/);
      }
      if (!isEnded) expect(answer.status, answer.text).not.toBe(401);
      expect(await statusEverywhere(cast, cast.browser)).toEqual(ONLY(401));
      expect(await tokenEverywhere(cast, cast.apiToken)).toEqual(ONLY(end.ends === "session" ? 200 : 401));
      const made = /gmedge_[\w-]+/.exec(answer.text)?.[0];
      // A token that the session had made before its end lives on.
      if (made !== undefined) expect(await tokenEverywhere(cast, made)).toEqual(ONLY(end.ends === "session" ? 200 : 401));
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
  const BYSTANDERS: readonly [string, (cast: Cast) => Promise<unknown>][] = [
    ["the object is evicted", ({ stage, user }) => evict(stage, user.sub)],
    [
      "there is a deployment",
      async ({ browser, stage }) => {
        const newer = inside(stage).redeploy({ QUOTA_BUDGET: "1000" }).browser();
        browser.jar.copyTo(newer.jar);
        expect((await call(newer)).status).toBe(200);
      },
    ],
    [
      "somebody signs in as well",
      async ({ at, user }) => {
        const third = at("there").browser();
        await signIn(third, user);
        expect((await call(third)).status).toBe(200);
      },
    ],
  ];
  test.for(BYSTANDERS)("%s: nobody notices", { timeout: 120_000 }, async ([, play], { open }) => {
    await playAtEach(flow, open, play, async (cast, { answer }) => {
      expect(answer.status, answer.text).toBe(GOOD);
      if (flow.name !== "a new consent") expect(await statusEverywhere(cast, cast.browser)).toEqual(ONLY(200));
      if (flow.kind === "signs in") expect(await statusEverywhere(cast, cast.coming, LISTING)).toEqual(ONLY(200));
      await expectToGoOn(cast);
    });
  });
});

async function evict(stage: Places["stage"], sub: string): Promise<void> {
  const { mailboxes } = inside(stage);
  await evictDurableObject(mailboxes.get(mailboxes.idFromName(sub)));
}

describe("two sign-ins at once, each with a new consent,", () => {
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
