/**
 * Runs one flow with one call spoiled, and checks everything that must hold whatever Google does.
 */
import { storageKeys } from "../../src/kv-store/key-names.ts";
import { inside } from "../support/contract.ts";
import { type Call, type Endpoint, Google } from "../support/google.ts";
import { harness } from "../support/harness.workerd.ts";
import { nearFetch } from "../support/near-google.ts";
import { newcomer, type Scene, signedIn } from "../support/scenes.ts";
import { CLIENT } from "../support/stage.ts";
import { expectedOutcome } from "./expected.ts";
import { elsewhereOf, type FaultKind, faultKinds, type Group } from "./faults.ts";
import type { Flow } from "./flow.ts";
import { Needles } from "./leaks.ts";
import type { Outcome } from "./outcome.ts";

/** One call of a flow: the `nth` (from 0) of its endpoint. */
export interface SpoiledCall {
  readonly endpoint: Endpoint;
  readonly nth: number;
  readonly group: Group;
  /** What only calls of this group have in their URL or body, where others have the same endpoint. */
  readonly match: string | null;
  /** What it answers when nothing is spoiled. */
  readonly status: number;
}

export interface Case {
  readonly call: SpoiledCall;
  readonly fault: FaultKind;
  readonly lasts: boolean;
}

/** How a flow goes when nothing is spoiled. */
export interface Recording {
  readonly label: string;
  readonly calls: readonly SpoiledCall[];
}

/** So often KV is looked at for what it is written beside an answer. */
const MAX_LOOKS = 500;
/** Milliseconds of the Worker's clock within which an answer must have begun. */
const ANSWER_LIMIT_MS = 30_000;

/** A scene in which a flow can begin. */
export async function setScene(flow: Flow): Promise<Scene> {
  const google = { quotaUnitsPerMinute: 1_000_000_000, ...flow.options?.google };
  const open = flow.isSignedIn ? signedIn : newcomer;
  return open((options = {}) => harness.openStage(options), {
    ...flow.options,
    google,
    near: true,
  });
}

let deployments = 0;

/** The same people and storage before a Worker and objects that remember nothing, such as limits that were found. */
function inFreshIsolate(scene: Scene): Scene {
  deployments += 1;
  // Objects begin anew with another deployment.
  const stage = inside(scene.stage).redeploy({}, { [`DEPLOYMENT_${deployments}`]: deployments });
  const browser = stage.browser();
  scene.browser.jar.copyTo(browser.jar);
  return { ...scene, stage, browser };
}

/** Runs a flow undisturbed and writes down its calls. */
export async function record(flow: Flow): Promise<Recording> {
  const scene = inFreshIsolate(await setScene(flow));
  await flow.prepare?.(scene);
  await scene.google.forgetCalls();
  const { label } = await flow.run(scene);
  const calls: SpoiledCall[] = [];
  for (const call of await scene.google.calls()) {
    if (call.endpoint === "auth") continue;
    const spoiled = spoil(flow, call, calls);
    calls.push(spoiled);
    // The parts of a batch may each fail alone.
    if (spoiled.group === "batch") calls.push(spoil(flow, { ...call, endpoint: "part" }, calls));
  }
  return { label, calls };
}

/** What batches of the page's own have in them: counts of labels, which it can do without, and rows. */
const LABELS = "/users/me/labels/";
const MESSAGES = "/users/me/messages/";

function spoil(flow: Flow, { endpoint, body, status }: Call, before: readonly SpoiledCall[]): SpoiledCall {
  const usual = flow.groups[endpoint];
  if (usual === undefined) throw new Error(`${flow.name} calls ${endpoint}, which nobody expects`);
  const ofLabels = usual === "batch" && body.includes(LABELS);
  const ofRows = usual === "part" || usual === "batch" ? MESSAGES : null;
  const match = ofLabels ? LABELS : ofRows;
  const nth = before.filter((other) => other.endpoint === endpoint && other.match === match).length;
  return { endpoint, nth, group: ofLabels ? "extra" : usual, match, status };
}

/** Every fault of every call, once and for good. */
export function casesOf({ calls }: Recording): Case[] {
  const kinds = faultKinds("https://t.google.test");
  return calls.flatMap((call) =>
    kinds
      .filter((fault) => fault.effect(call.group) !== null)
      .flatMap((fault) => (fault.mayLast === true ? [false, true] : [false]).map((lasts) => ({ call, fault, lasts }))),
  );
}

/** What became of a case. */
export interface Verdict {
  /** What is wrong; empty is the only good answer. */
  readonly problems: readonly string[];
  readonly label: string;
}

/** What must not be told, and who must not be named, of all cases so far. */
const needles = new Needles();
const people = new Needles();

/** What lines of the log tell that they must not: looked for once for many cases. */
export function leaksIn(lines: readonly string[]): string[] {
  if (needles.size < people.size) throw new Error("nothing is looked for");
  return lines.flatMap((line) => [
    ...needles.in(line).map((piece) => `the log tells a secret, ${piece}: ${line}`),
    ...people.in(line).map((piece) => `the log names a person, ${piece}: ${line}`),
  ]);
}

/** Runs a case in a scene of its own or one that earlier cases have left as it was. */
export async function runCase(flow: Flow, before: Scene, recording: Recording, one: Case): Promise<Verdict> {
  const scene = inFreshIsolate(before);
  const { google, stage, user, browser } = scene;
  const { kv } = inside(stage);
  const credentialKey = storageKeys.credential(user.sub);
  await flow.prepare?.(scene);
  await google.forgetCalls();
  // KV is written beside the answer of the sign-in.
  let stored = await kv.get(credentialKey);
  for (let tries = 0; flow.isSignedIn && stored === null && tries < MAX_LOOKS; tries += 1)
    stored = await kv.get(credentialKey);
  const { endpoint, nth, group, match, status } = one.call;
  // The same fault, but that it leads to this Google's own elsewhere.
  const fault = faultKinds(google.origin).find(({ name }) => name === one.fault.name) ?? one.fault;
  const times = one.lasts ? "always" : 1;
  await google.fault(endpoint, { ...fault.fault, after: nth, times, ...(match === null ? {} : { match }) });
  const marks = { cookies: browser.jar.seen.length, clockMs: stage.now() };
  const { label, text, beganAtMs } = await outcomeOf(flow, scene);
  const problems: string[] = [];
  const check = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };

  // The answer.
  const effect = fault.effect(group) ?? "outage";
  const undisturbed = recording.label;
  // History is asked for with the same access token.
  const isShared = endpoint === "token:refresh" && flow.groups.history !== undefined;
  const expected = expectedOutcome({ endpoint, group, effect, lasts: one.lasts, undisturbed, status, isShared });
  check(expected.test(label), `it answered ${label}, and not ${expected.source}`);
  const tookMs = beganAtMs - marks.clockMs;
  check(tookMs <= ANSWER_LIMIT_MS, `the answer began after ${tookMs} ms of its clock`);

  // What Google saw, and who else.
  const snapshot = await google.snapshot();
  check(snapshot.violations.length === 0, `Google objects: ${snapshot.violations.join(", ")}`);
  check(one.lasts || snapshot.pendingFaults === 0, "the call was not made, so nothing was spoiled");
  const { location } = fault.fault.headers ?? {};
  if (location !== undefined) {
    check((await new Google(elsewhereOf(google.origin), nearFetch).count()) === 0, "another host was called");
  }

  // Leaks.
  needles.add([...snapshot.secrets, CLIENT.secret, ...tokenKeysOf(stage.tokenKeys)]);
  for (const [where, told] of [
    ["the answer", text],
    ["a cookie", browser.jar.seen.slice(marks.cookies).join("\n")],
    [
      "a URL",
      snapshot.calls
        .filter((call) => call.endpoint !== "auth")
        .map(addressOf)
        .join("\n"),
    ],
  ] as const) {
    for (const piece of needles.in(told)) problems.push(`${where} tells a secret: ${piece}`);
  }
  people.add([user.email, user.sub]);
  for (const why of browser.jar.refused) problems.push(`a browser refuses a cookie: ${why}`);

  // What is stored.
  await google.clearFaults();
  const isDisconnect = flow.name === "disconnect";
  const left = await kv.get(credentialKey);
  if (isDisconnect) check(left === null, "a credential outlived disconnect");
  else if (stored !== null) check(left !== null, "a stored credential is lost");
  // Only a new refresh token from Google may replace one, and only a sign-in that succeeds brings it.
  if (stored !== null && !isDisconnect && !label.endsWith("302 /healthz"))
    check(left === stored, "a credential was changed");
  if (stored === null && !label.endsWith("302 /healthz"))
    check(left === null, "a credential of a failed sign-in is stored");
  problems.push(...(await nextGoodRequest(flow, scene, label)));
  browser.jar.copyTo(before.browser.jar);
  return { problems, label };
}

export async function outcomeOf(flow: Flow, scene: Scene): Promise<Outcome> {
  try {
    return await flow.run(scene);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Where Gmail's body is streamed on and breaks, the caller's breaks too.
    return {
      label: /connection lost/i.test(message) ? "broken off" : `no answer of the contract: ${message}`,
      text: "",
      beganAtMs: scene.stage.now(),
    };
  }
}

function addressOf({ path, query }: Call): string {
  return path + JSON.stringify(query);
}

function tokenKeysOf(tokenKeys: string): string[] {
  const { keys }: { keys: { k: string }[] } = JSON.parse(tokenKeys);
  return keys.map(({ k }) => k);
}

/** The grant is gone or was never there, so that the person has to sign in; with the stored one all else must work. */
export async function nextGoodRequest(flow: Flow, { browser, google, user }: Scene, label: string): Promise<string[]> {
  const problems: string[] = [];
  if (flow.isOnce || /CONSENT_REQUIRED|sign-in/.test(label)) {
    const visit = await browser.navigate("/auth/login?return_to=%2Fhealthz", { person: { user: user.email } });
    const isSignedIn = visit.response.status === 200 && visit.url === "/healthz" && visit.trips <= 2;
    if (!isSignedIn) problems.push(`signing in afterwards: ${visit.trail.map(originAndPath).join(" → ")}`);
  }
  // With a dead access token: the refresh shows that what is stored opens and is good.
  await google.act({ action: "killAccessTokens", email: user.email });
  const response = await browser.fetch("/api/messages?limit=1", { headers: { accept: "application/json" } });
  if (response.status !== 200) problems.push(`the next good request: ${response.status} ${await response.text()}`);
  return problems;
}

function originAndPath(url: string): string {
  return url.replace(/\?.*/, "");
}
