/**
 * Every KV operation of every flow fails, one by one and in every way: whoever asked is told so or gets what they asked
 * for, nothing that was stored is lost, and the next try works. Which operations a flow has is found by running it.
 */
import type { Browser } from "../support/browser.ts";
import { describe, expect, type Open, test } from "../support/contract.ts";
import { harness } from "../support/harness.workerd.ts";
import type { Gate, Operation } from "../support/lagging-kv.ts";
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
const BIG_TOKENS = { google: { accessTokenLength: 4000 } };

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
  {
    name: "the first sign-in, with an access token too long for the cookie",
    options: BIG_TOKENS,
    stored: "nothing",
    act: signInFresh,
    good: SIGNED_IN,
    next: "works",
  },
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
    name: "a listing that refreshes, with an access token too long for the cookie",
    options: BIG_TOKENS,
    before: killAccessTokens,
    act: list,
    good: LISTED,
    next: "works",
  },
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
  return [flow, { ...flow, name: `${path}, with an access token in storage`, options: BIG_TOKENS }];
});

const FLOWS = [...SIGN_INS, ...REQUESTS, ...LEAVINGS, ...API_TOKENS];

/** How an operation goes wrong: it alone, or all from it on. */
const FAULTS = {
  "fails once": { lasts: false, gate: () => down },
  "fails, and all after it": { lasts: true, gate: () => down },
  "takes effect but reports that it failed": {
    lasts: false,
    gate: (): Gate => async (_, work) => {
      work();
      throw new Error("KV failed: 503 after it was done");
    },
  },
  "takes ten seconds": {
    lasts: false,
    gate:
      (places: Places): Gate =>
      async (_, work) => {
        await places.advance(10_000);
        work();
      },
  },
} as const satisfies Record<string, { readonly lasts: boolean; readonly gate: (places: Places) => Gate }>;

const FAULT_NAMES = [
  "fails once",
  "fails, and all after it",
  "takes effect but reports that it failed",
  "takes ten seconds",
] as const;

async function down(): Promise<never> {
  throw new Error("KV failed: 503 Service Unavailable");
}

/** Sets a flow's scene. Elsewhere, and a minute ago: this place has read nothing yet, and every key may be written. */
async function begin(flow: Flow, open: Open): Promise<Places> {
  const places = await openPlaces(open, flow.options);
  const elsewhere = places.at("there").browser();
  if (flow.stored !== "nothing") {
    await signIn(elsewhere, places.user);
    elsewhere.jar.copyTo(places.browser.jar);
  }
  await places.advance(CONVERGENCE_MS);
  await flow.before?.(places);
  await places.advance(CONVERGENCE_MS);
  places.kv.operations.length = 0;
  return places;
}

async function operationsOf(flow: Flow): Promise<Operation[]> {
  const places = await begin(flow, (options = {}) => harness.openStage(options));
  expect(await flow.act(places, places.browser)).toMatchObject({ status: flow.good.status });
  return [...places.kv.operations];
}

/** `put credential`: without what names the person. */
function describeOperation({ kind, keys }: Operation): string {
  return `${kind} ${keys.map((key) => key.split(":")[0]).join(" and ")}`;
}

/** Whether the caller was told that it is the storage, as a program or a person is told. */
function isTold({ status, text }: Answer): boolean {
  return status === 503 && /STORAGE_UNAVAILABLE|Our storage cannot be reached/.test(text);
}

function storedRecord({ kv, user }: Places): string | null {
  return kv.central(`credential:${user.sub}`);
}

async function expectAfterwards(flow: Flow, places: Places): Promise<void> {
  const { browser } = places;
  expect(await apiReason(browser)).toBe(flow.next);
  if (flow.leaves === "nothing") {
    expect(await offlineAt(places, places.at("elsewhere"))).toBe("CONSENT_REQUIRED");
    expect(places.kv.names.filter((name) => /^(credential|address|access-token|api-token)/.test(name))).toEqual([]);
  }
  if (flow.leaves !== undefined) return;
  // The grant is stored, and nothing is missing of it: for the session, for another Worker, and for a sign-in.
  await places.advance(3_600_000);
  expect(await apiReason(browser)).toBe(flow.next);
  expect(await offlineAt(places, places.at("elsewhere"))).toBe("works");
  expect(await offlineAt(places, places.at("elsewhere"), places.user.email)).toBe("works");
  expect(await signIn(places.at("elsewhere").browser(), places.user)).toBe(1);
}

describe.for(FLOWS.map((flow) => [flow.name, flow] as const))("%s", async ([, flow]) => {
  const operations = await operationsOf(flow);
  const cases = operations.flatMap((operation, index) =>
    FAULT_NAMES.map((fault) => [describeOperation(operation), index + 1, operations.length, fault] as const),
  );

  test.for(cases)("%s (%i of %i) %s", async ([, nth, , name], { open }) => {
    const { lasts, gate } = FAULTS[name];
    const places = await begin(flow, open);
    const record = storedRecord(places);
    const fault = gate(places);
    let count = 0;
    places.kv.gate = async (operation, work) => {
      count += 1;
      if (count === nth || (lasts && count > nth)) await fault(operation, work);
      else work();
    };
    const answer = await flow.act(places, places.browser);
    const isGood = answer.status === flow.good.status && flow.good.text.test(answer.text);
    expect(isGood || isTold(answer), JSON.stringify(answer)).toBe(true);
    expect(count, "the fault came to pass").toBeGreaterThanOrEqual(nth);
    places.kv.gate = null;
    await places.advance(CONVERGENCE_MS);
    if (isGood) return expectAfterwards(flow, places);
    if (flow.stored === undefined && flow.leaves === undefined) {
      expect(await offlineAt(places, places.at("elsewhere")), "what was stored is still good").toBe("works");
    }
    if (SIGN_INS.includes(flow)) expect(storedRecord(places), "no error once the record was replaced").toBe(record);
    const again = await flow.act(places, places.browser);
    expect(again, "the next try").toEqual({ status: flow.good.status, text: expect.stringMatching(flow.good.text) });
    await places.advance(CONVERGENCE_MS);
    await expectAfterwards(flow, places);
  });
});
