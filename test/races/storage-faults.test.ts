/**
 * Every operation of KV and every question to the object fails, or its answer is lost, one by one: whoever asked is told so or
 * gets what they asked for, nothing that was stored is lost, and the next try works. How many a flow has is found by running it.
 */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Browser } from "../support/browser.ts";
import { describe, expect, inside, type Open, test } from "../support/contract.ts";
import { harness } from "../support/harness.workerd.ts";
import { apiReason, CONVERGENCE_MS, offlineAt, openPlaces, type Places } from "../support/places.ts";
import { type SceneOptions, signIn } from "../support/scenes.ts";

/** What the caller saw. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Flow {
  readonly name: string;
  readonly options?: SceneOptions;
  /** What is stored of the person before: a grant that is good, unless said. */
  readonly stored?: "nothing" | "a dead grant";
  /** What has happened by then. */
  readonly before?: (places: Places) => Promise<void>;
  readonly act: (places: Places, browser: Browser) => Promise<Answer>;
  /** The answer when all goes well. */
  readonly good: { readonly status: number; readonly text: RegExp };
  /** What the API says to the same browser next. */
  readonly next: "works" | "CONSENT_REQUIRED" | "SIGN_IN_REQUIRED";
  /** What is stored of the person afterwards: a grant that is good, unless said. */
  readonly leaves?: "nothing" | "a dead grant";
}

const AS_PROGRAM = { accept: "application/json" };
const SIGNED_IN = { status: 200, text: /"status":"ok"/ };
const LISTED = { status: 200, text: /"messages":/ };

async function visit(places: Places, browser: Browser, query: string): Promise<Answer> {
  const { response, text } = await browser.navigate(`/auth/login?return_to=/healthz${query}`, {
    person: { user: places.user.email },
  });
  return { status: response.status, text };
}

async function ask(browser: Browser, path: string, method = "GET"): Promise<Answer> {
  const response = await browser.fetch(path, { method, headers: AS_PROGRAM });
  return { status: response.status, text: await response.text() };
}

const list: Flow["act"] = (_, browser) => ask(browser, "/api/messages?limit=1");
const signInFresh: Flow["act"] = (places, browser) => visit(places, browser, "");
const consentAnew: Flow["act"] = (places, browser) => visit(places, browser, "&prompt=consent");
const killAccessTokens: Flow["before"] = ({ google, user }) =>
  google.act({ action: "killAccessTokens", email: user.email });
const changePassword: Flow["before"] = ({ google, user }) =>
  google.act({ action: "changePassword", email: user.email });

const SIGN_INS: readonly Flow[] = [
  { name: "the first sign-in", stored: "nothing", act: signInFresh, good: SIGNED_IN, next: "works" },
  { name: "a sign-in for which the stored grant will do", act: signInFresh, good: SIGNED_IN, next: "works" },
  { name: "a new consent over a stored grant", act: consentAnew, good: SIGNED_IN, next: "works" },
  {
    name: "a sign-in that finds the stored grant dead",
    stored: "a dead grant",
    before: async (places) => {
      await changePassword(places);
      expect(await apiReason(places.browser)).toBe("CONSENT_REQUIRED");
    },
    act: signInFresh,
    good: SIGNED_IN,
    next: "works",
  },
];

const REQUESTS: readonly Flow[] = [
  { name: "a warm listing", act: list, good: LISTED, next: "works" },
  { name: "a listing that refreshes", before: killAccessTokens, act: list, good: LISTED, next: "works" },
  {
    name: "a listing whose grant is gone",
    stored: "a dead grant",
    before: changePassword,
    act: list,
    good: { status: 401, text: /CONSENT_REQUIRED/ },
    next: "CONSENT_REQUIRED",
    leaves: "a dead grant",
  },
];

/** Makes an API token; the browser then stands for a program that has it. */
async function makeToken(browser: Browser): Promise<Answer> {
  const response = await browser.fetch("/api/tokens", {
    method: "POST",
    headers: { ...AS_PROGRAM, origin: browser.origin, "content-type": "application/json" },
    body: JSON.stringify({ name: "backup" }),
  });
  return { status: response.status, text: await response.text() };
}

async function listWithToken(places: Places): Promise<Answer> {
  const authorization = `Bearer ${tokens.get(places) ?? ""}`;
  const response = await places.stage.send({
    path: "/api/messages?limit=1",
    headers: { ...AS_PROGRAM, authorization },
  });
  return { status: response.status, text: await response.text() };
}

/** The API token of a scene. */
const tokens = new WeakMap<Places, string>();

async function keepToken(places: Places): Promise<void> {
  const { text } = await makeToken(places.browser);
  tokens.set(places, /"token":"([^"]+)"/.exec(text)?.[1] ?? "");
}

const API_TOKENS: readonly Flow[] = [
  {
    name: "making an API token",
    act: (_, browser) => makeToken(browser),
    good: { status: 201, text: /"token":/ },
    next: "works",
  },
  {
    name: "listing API tokens",
    before: keepToken,
    act: (_, browser) => ask(browser, "/api/tokens"),
    good: { status: 200, text: /"name":"backup"/ },
    next: "works",
  },
  { name: "a listing with an API token", before: keepToken, act: listWithToken, good: LISTED, next: "works" },
  {
    name: "logging out everywhere, with an API token",
    before: keepToken,
    act: (_, browser) => ask(browser, "/auth/logout?everywhere=true", "POST"),
    good: { status: 200, text: /"signedOut":true/ },
    next: "SIGN_IN_REQUIRED",
  },
  {
    name: "/auth/disconnect, with an API token",
    before: keepToken,
    act: (_, browser) => ask(browser, "/auth/disconnect", "POST"),
    good: { status: 200, text: /"disconnected":true/ },
    next: "SIGN_IN_REQUIRED",
    leaves: "nothing",
  },
];

const LEAVINGS: readonly Flow[] = ["/auth/logout", "/auth/disconnect"].flatMap((path): Flow[] => {
  const isLogout = path === "/auth/logout";
  const flow: Flow = {
    name: path,
    act: (_, browser) => ask(browser, path, "POST"),
    good: { status: 200, text: isLogout ? /"signedOut":true/ : /"disconnected":true/ },
    next: "SIGN_IN_REQUIRED",
    ...(isLogout ? {} : { leaves: "nothing" }),
  };
  return [flow];
});

const FLOWS = [...SIGN_INS, ...REQUESTS, ...LEAVINGS, ...API_TOKENS];

/** Sets a flow's scene. Elsewhere, and a minute ago: this place has read nothing yet, and every key may be written. */
async function begin(flow: Flow, open: Open): Promise<Places> {
  const places = await openPlaces(open, { near: true, ...flow.options });
  const elsewhere = places.at("there").browser();
  if (flow.stored !== "nothing") {
    await signIn(elsewhere, places.user);
    elsewhere.jar.copyTo(places.browser.jar);
  }
  await places.advance(CONVERGENCE_MS);
  await flow.before?.(places);
  await places.advance(CONVERGENCE_MS);
  return places;
}

async function countOf(flow: Flow): Promise<number> {
  const places = await begin(flow, (options = {}) => harness.openStage(options));
  const { count, result } = await places.steps.failing(
    () => false,
    () => flow.act(places, places.browser),
  );
  expect(result).toMatchObject({ status: flow.good.status });
  return count;
}

/** Whether the caller was told that it is the storage, as a program or a person is told. */
function isTold({ status, text }: Answer): boolean {
  return status === 503 && /STORAGE_UNAVAILABLE|Our storage cannot be reached/.test(text);
}

async function expectAfterwards(flow: Flow, places: Places): Promise<void> {
  const { browser } = places;
  expect(await apiReason(browser)).toBe(flow.next);
  if (flow.leaves === "nothing") {
    expect(await offlineAt(places, places.at("elsewhere"))).toBe("CONSENT_REQUIRED");
    // What KV did not delete, the object's alarm deletes.
    await places.advance(CONVERGENCE_MS);
    await runDurableObjectAlarm(objectOf(places));
    expect(places.kv.names).toEqual([]);
  }
  if (flow.leaves !== undefined) return;
  // The grant is stored, and nothing is missing of it: for the session, for another Worker, and for a sign-in.
  await places.advance(3_600_000);
  expect(await apiReason(browser)).toBe(flow.next);
  expect(await offlineAt(places, places.at("elsewhere"))).toBe("works");
  expect(await offlineAt(places, places.at("elsewhere"), places.user.email)).toBe("works");
  expect(await signIn(places.at("elsewhere").browser(), places.user)).toBe(1);
}

const FAULTS = [
  ["fails", (at: number) => (nth: number) => nth === at],
  ["fails, and all after it", (at: number) => (nth: number) => nth >= at],
] as const;

describe.for(FLOWS.map((flow) => [flow.name, flow] as const))("%s", ([, flow]) => {
  test.for(FAULTS)("each step %s", { timeout: 120_000 }, async ([, faultAt], { open }) => {
    const count = await countOf(flow);
    expect(count).toBeGreaterThan(1);
    for (let at = 1; at <= count; at += 1) await expectToBearFault(flow, open, faultAt(at), `${at} of ${count}`);
  });
});

async function expectToBearFault(flow: Flow, open: Open, fails: (nth: number) => boolean, which: string) {
  const places = await begin(flow, open);
  const { result: answer } = await places.steps.failing(fails, () => flow.act(places, places.browser));
  const isGood = answer.status === flow.good.status && flow.good.text.test(answer.text);
  expect(isGood || isTold(answer), `${which}: ${JSON.stringify(answer)}`).toBe(true);
  await places.advance(CONVERGENCE_MS);
  if (isGood) return expectAfterwards(flow, places);
  if (flow.stored === undefined && flow.leaves === undefined) {
    expect(await offlineAt(places, places.at("elsewhere")), "what was stored is still good").toBe("works");
  }
  const again = await flow.act(places, places.browser);
  // Where only the answer was lost, there is nobody left to ask again.
  const isOver = flow.next === "SIGN_IN_REQUIRED" && again.status === 401;
  if (!isOver) expect(again, which).toEqual({ status: flow.good.status, text: expect.stringMatching(flow.good.text) });
  await expectAfterwards(flow, places);
}

function objectOf({ stage, user }: Places): DurableObjectStub {
  return env.MAILBOXES.get(inside(stage).mailboxes.idFromName(user.sub));
}
