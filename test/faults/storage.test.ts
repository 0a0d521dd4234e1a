/**
 * The run of storage faults: in each flow, each question to the object and each operation of KV fails. The answer is 503, or
 * what it is when nothing fails; nothing is told unchecked, no credential is lost, and the same works afterwards.
 */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, describe, expect, test } from "vitest";
import { storageKeys } from "../../src/kv-store/key-names.ts";
import { inside } from "../support/contract.ts";
import { print } from "../support/harness.workerd.ts";
import type { Scene } from "../support/scenes.ts";
import { FIRST_MESSAGE, type Flow } from "./flow.ts";
import { FLOWS } from "./flows.ts";
import { nextGoodRequest, outcomeOf, setScene } from "./run.ts";
import { type Failing, type Operation, withStorage } from "./storage.ts";

const TIME_LIMIT_MS = 600_000;
const LANES = 4;
/** Where another flow asks storage the same. */
const ALIKE = /over several pages|access token expired|as NDJSON|(?:getMessage|profile) by service binding/;
const flows = FLOWS.filter(({ name }) => !ALIKE.test(name));

/** Questions without whose answer the request does: rows that may be old are read, and a page shows no counts. */
const BESIDE = new Set(["wake", "report", "sync", "countUnread", "keepOpened"]);

/** What is asked, and not needed for the answer: it is the same without, or may be. */
function isBeside({ name }: Flow, what: string): boolean | "perhaps" {
  if (BESIDE.has(what)) return true;
  // Who ends a session need not be in force any more.
  if (name === "logout") return what === "checkSession";
  // The page does without the names of labels, whichever of its calls that was for.
  return name.startsWith("the page /") && what === "accessToken" ? "perhaps" : false;
}
/** What says whether the caller is let in. */
const CHECKS = new Set(["checkSession", "openToken"]);
/** Of a flow that makes its API token itself, what is asked with that token. */
const BY_TOKEN = new Set(["openToken", "accessToken", "report"]);
/** How soon the object tries again what KV has not taken. */
const STORE_AGAIN_MS = 60_000;

const UNAVAILABLE = "503 STORAGE_UNAVAILABLE|(?:302 Google → )+503 STORAGE_UNAVAILABLE|200, then STORAGE_UNAVAILABLE";
const counts = { cases: 0, unavailable: 0, unaffected: 0 };

afterAll(() => {
  const { cases, unavailable, unaffected } = counts;
  print(`storage faults: ${flows.length} flows, ${cases} cases, ${unavailable} of them 503, ${unaffected} unaffected`);
  expect(cases).toBeGreaterThan(0);
});

async function begin(flow: Flow) {
  const { scene, storage } = withStorage(await setScene(flow));
  await flow.prepare?.(scene);
  await scene.google.forgetCalls();
  return { scene, storage };
}

async function record(flow: Flow): Promise<{ label: string; failings: Failing[] }> {
  const { scene, storage } = await begin(flow);
  storage.begin(null);
  const { label } = await flow.run(scene);
  const failings = storage.operations.flatMap((operation, at): Failing[] => {
    const nth = storage.operations
      .slice(0, at)
      .filter((other) => other.what === operation.what && other.kind === operation.kind).length;
    if (flow.name.endsWith("by API token") && operation.kind === "ask" && !BY_TOKEN.has(operation.what)) return [];
    return failuresOf(operation).map((one) => Object.assign({ nth }, operation, one));
  });
  return { label, failings };
}

function failuresOf({ kind }: Operation): Pick<Failing, "failure" | "lasts">[] {
  const once = { failure: "unreachable", lasts: false } as const;
  if (kind === "ask") return [once, { failure: "answer lost", lasts: false }];
  // A write is tried twice.
  return kind === "get" || kind === "list" ? [once] : [once, { failure: "unreachable", lasts: true }];
}

/** A pattern of the whole line. */
function expected(flow: Flow, { kind, lasts, what }: Failing, undisturbed: string): RegExp {
  const isUnaffected = {
    ask: isBeside(flow, what),
    // A sign-in reads again what it could not read while it asked Google.
    get: "perhaps",
    list: false,
    // What KV does not take of a user's records, it gets later; without a key, rows are read, and not kept.
    put: !lasts || ["credential", "address", "mailbox-key"].includes(what),
    delete: true,
  }[kind];
  const allowed = { true: [undisturbed], false: [UNAVAILABLE], perhaps: [UNAVAILABLE, undisturbed] }[`${isUnaffected}`];
  return new RegExp(`^(?:${allowed?.join("|")})$`);
}

/** @returns what is wrong */
async function runFailing(flow: Flow, failing: Failing, undisturbed: string): Promise<string[]> {
  const { scene, storage } = await begin(flow);
  const { kv } = inside(scene.stage);
  const credentialKey = storageKeys.credential(scene.user.sub);
  const hadCredential = (await kv.get(credentialKey)) !== null;
  storage.begin(failing);
  const { label, text } = await outcomeOf(flow, scene);
  const { failures } = storage;
  storage.begin(null);
  const problems: string[] = [];
  const check = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
  const pattern = expected(flow, failing, undisturbed);
  check(pattern.test(label), `it answered ${label}, and not ${pattern.source}`);
  // What a stream did is reported when it has been read.
  check(failures > 0 || failing.what === "report", "nothing failed");
  counts[label === undisturbed ? "unaffected" : "unavailable"] += 1;
  if (failing.kind === "ask" && CHECKS.has(failing.what) && flow.name !== "logout") {
    for (const told of [FIRST_MESSAGE, "threadId", scene.user.email, 'class="row', "gmedge_"]) {
      check(!text.includes(told), `it told ${told} to somebody who was not checked`);
    }
  }
  problems.push(...(await problemsAfterwards(flow, scene, { label, undisturbed, hadCredential })));
  return problems;
}

async function problemsAfterwards(
  flow: Flow,
  scene: Scene,
  { label, undisturbed, hadCredential }: { label: string; undisturbed: string; hadCredential: boolean },
): Promise<string[]> {
  const stage = inside(scene.stage);
  const find = (): Promise<string | null> => stage.kv.get(storageKeys.credential(scene.user.sub));
  const isDisconnect = flow.name === "disconnect";
  // An object that has just stored a credential does not ask KV whether it is still there.
  const isFirst = label.endsWith("302 /healthz") && !flow.isSignedIn;
  if ((isDisconnect || isFirst) && label === undisturbed) {
    await stage.advance(STORE_AGAIN_MS);
    if (((await find()) === null) !== isDisconnect)
      await runDurableObjectAlarm(env.MAILBOXES.get(stage.mailboxes.idFromName(scene.user.sub)));
    if (((await find()) === null) !== isDisconnect) return [`KV has not got what ${flow.name} stores`];
  } else if (hadCredential && flow.name !== "disconnect" && (await find()) === null) {
    return ["a stored credential is lost"];
  }
  if (flow.isOnce) return nextGoodRequest(flow, scene, label);
  const again = await outcomeOf(flow, scene);
  return again.label === undisturbed ? [] : [`the same request afterwards: ${again.label}`];
}

function describeFailing({ kind, what, nth, failure, lasts }: Failing): string {
  return `${kind} ${what} #${nth + 1}, ${failure}${lasts ? " for good" : ""}`;
}

describe("whatever storage does not answer, nobody is let in unchecked and nothing is lost", () => {
  for (const flow of flows)
    test(flow.name, { timeout: TIME_LIMIT_MS }, async () => {
      const { label, failings } = await record(flow);
      const waiting = [...failings];
      const problems: string[] = [];
      const lane = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
          const failing = next;
          const found = await runFailing(flow, failing, label);
          problems.push(...found.map((problem) => `${describeFailing(failing)}: ${problem}`));
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      expect(problems.join("\n")).toBe("");
      counts.cases += failings.length;
    });
});
