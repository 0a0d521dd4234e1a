/** What goes wrong in production: tokens that expire under load, refusals, outages, a grant that is taken back. */
import { setTimeout as wait } from "node:timers/promises";
import {
  attempt,
  type Bench,
  type Measures,
  newVisitor,
  type Plan,
  prepare,
  signedInVisitor,
  startAgain,
  type Turn,
  withCpu,
} from "../lib/bench.ts";
import { ownTimeMs } from "../lib/behaviour.ts";
import { callsOf, type Meters } from "../lib/google.ts";
import { quantile } from "../lib/measure.ts";
import type { SubjectKey } from "../lib/results.ts";
import { StatusError, type Visitor } from "../lib/visitor.ts";
import type { Running } from "../subjects.ts";
import { rowsFloorMs, tryRows } from "./rows.ts";

const CONCURRENT = 200;
const ISOLATES = 4;
const IDS = 100;
const LATER_REQUESTS = 100;
const LATER_MEDIAN_MS = 5;

export function troublePlans(bench: Bench): Plan[] {
  return [refreshBurst(bench), refreshCrowd(bench), failures(bench), revokedGrant(bench), revokedAndExpired(bench)];
}

function refreshBurst(bench: Bench): Plan {
  return {
    id: "refresh-burst",
    group: "refresh-burst",
    title: `${CONCURRENT} requests at once, access token expired`,
    description:
      `One user's access token has expired, and ${CONCURRENT} of their requests for ${IDS} IDs arrive at once. Each ` +
      "token call more than one is a call that nobody needs: the floor is one. The cap " +
      "of 6 connections is off here, because all requests are the same user's.",
    columns: [
      { key: "tokenCalls", label: "Token calls", unit: "calls", better: "less" },
      { key: "latencyMs", label: "Latency, median", unit: "ms", better: "less" },
      { key: "allMs", label: "Until the last answer", unit: "ms", better: "less" },
      { key: "cpuMs", label: "CPU per request", unit: "ms", better: "less" },
      { key: "successPercent", label: "Right answers", unit: "%", better: "more" },
    ],
    headline: "tokenCalls",
    repetitions: 4,
    medianMs: 50,
    run: (turn) => burst(bench, turn),
    floor: () => 1,
  };
}

/** The same, over the isolates of one subject. */
function refreshCrowd(bench: Bench): Plan {
  const started = new Map<SubjectKey, Running>();
  const onNode = "It is one process with one memory.";
  return {
    ...refreshBurst(bench),
    id: "refresh-crowd",
    group: "refresh-crowd",
    title: `${CONCURRENT} requests at once over ${ISOLATES} isolates, access token expired`,
    description:
      `As before, but by turns at ${ISOLATES} Workers of one \`workerd\`, which share no more than isolates do: KV, and ` +
      "Durable Objects where there are any.",
    repetitions: 3,
    without: { A: onNode, B: onNode },
    run: async (turn) => {
      const subject =
        started.get(turn.subject.key) ?? (await startAgain(bench, turn.subject, bench.stack, { isolates: ISOLATES }));
      started.set(subject.key, subject);
      return burst(bench, { ...turn, subject });
    },
  };
}

/** Requests of one user at once, whose access token has expired. */
async function burst(bench: Bench, turn: Turn): Promise<Measures> {
  const visitor = await withExpiredToken(bench, turn);
  await prepare(bench, turn);
  await bench.google.setCap(null);
  const startMs = performance.now();
  const { result: answers, cpuMs } = await withCpu(turn.subject, () =>
    Promise.all(Array.from({ length: CONCURRENT }, () => attempt(() => visitor.copy().list("id", IDS)))),
  );
  const allMs = performance.now() - startMs;
  const right = answers.filter((ms) => ms !== null).sort((a, b) => a - b);
  return {
    tokenCalls: tokenCallsOf(await bench.google.meters()),
    latencyMs: quantile(right, 0.5),
    allMs,
    cpuMs: cpuMs / CONCURRENT,
    successPercent: (100 * right.length) / CONCURRENT,
  };
}

/** Somebody whose access token has expired since they signed in. */
async function withExpiredToken(bench: Bench, { subject }: Turn): Promise<Visitor> {
  await bench.google.reset({ medianMs: 0, accessTokenSeconds: 1 });
  const visitor = newVisitor(subject.origin);
  await visitor.signIn();
  await wait(1_100);
  return visitor;
}

function failures(bench: Bench): Plan {
  return {
    id: "failures",
    group: "failures",
    title: "100 rows, while 10 % of reads answer 429 and 1 % answer 503",
    description:
      "Whatever is in flight. An answer counts as right when it has every row. Amplification is reads asked of Gmail " +
      "for each row. The floor is that of 100 rows without failures.",
    columns: [
      { key: "successPercent", label: "Right answers", unit: "%", better: "more" },
      { key: "amplification", label: "Amplification", unit: "", better: "less" },
      { key: "latencyMs", label: "Latency of right answers", unit: "ms", better: "less" },
      { key: "cpuMs", label: "CPU", unit: "ms", better: "less" },
      { key: "calls", label: "Calls", unit: "calls", better: "less" },
    ],
    headline: "latencyMs",
    repetitions: 6,
    medianMs: 50,
    run: async (turn) => {
      const visitor = await signedInVisitor(bench, turn.subject);
      const behaviour = { refuse429: 0.1, fail503: 0.01 };
      return tryRows(bench, turn, { visitor, rows: 100, behaviour });
    },
    floor: (behaviour) => rowsFloorMs(behaviour, 100),
  };
}

function revokedGrant(bench: Bench): Plan {
  return {
    ...revokedPlan(bench, (turn) => signedIn(bench, turn)),
    id: "revoked",
    title: "A grant that was taken back, access token not expired",
    description:
      "The user has taken their consent back at Google, while the subject holds an access token that looks good. Until " +
      `the caller is told with 401; then the same caller asks ${LATER_REQUESTS} times more, as programs do. The floor ` +
      "is the list call that answers 401.",
    floor: (behaviour) => ownTimeMs(behaviour, [{ endpoint: "list", number: 0 }]),
  };
}

function revokedAndExpired(bench: Bench): Plan {
  return {
    ...revokedPlan(bench, (turn) => withExpiredToken(bench, turn)),
    id: "revoked-expired",
    title: "A grant that was taken back, access token expired",
    description:
      "As before, but the access token has expired. The floor is the token call that answers `invalid_grant`.",
    floor: (behaviour) => ownTimeMs(behaviour, [{ endpoint: "token:refresh", number: 0 }]),
  };
}

function revokedPlan(
  bench: Bench,
  begin: (turn: Turn) => Promise<Visitor>,
): Omit<Plan, "id" | "title" | "description" | "floor"> {
  return {
    group: "revoked",
    columns: [
      { key: "latencyMs", label: "Time until the caller learns of it", unit: "ms", better: "less" },
      { key: "calls", label: "Calls until then", unit: "calls", better: "less" },
      { key: "tokenCallsAfter", label: "Token calls of the next 100 requests", unit: "calls", better: "less" },
      { key: "callsAfter", label: "All calls of the next 100 requests", unit: "calls", better: "less" },
    ],
    headline: "latencyMs",
    repetitions: 3,
    medianMs: 50,
    run: async (turn) => {
      const visitor = await begin(turn);
      const device = visitor.copy();
      await prepare(bench, turn);
      await bench.google.revokeGrantOf(visitor.sub);
      const latencyMs = await untilRefused(visitor);
      const calls = callsOf(await bench.google.meters());
      // What is counted now takes as little time as it may.
      await prepare(bench, turn, { medianMs: LATER_MEDIAN_MS });
      for (let n = 0; n < LATER_REQUESTS; n += 1) await untilRefused(device.copy());
      const after = await bench.google.meters();
      return { latencyMs, calls, tokenCallsAfter: tokenCallsOf(after), callsAfter: callsOf(after) };
    },
  };
}

async function signedIn(bench: Bench, { subject }: Turn): Promise<Visitor> {
  const visitor = await signedInVisitor(bench, subject);
  await visitor.list("id", IDS);
  return visitor;
}

/** Asks and is told 401. @returns how long that took in milliseconds @throws where it is told anything else */
async function untilRefused(visitor: Visitor): Promise<number> {
  const startMs = performance.now();
  try {
    await visitor.list("id", IDS);
  } catch (error) {
    if (error instanceof StatusError && error.status === 401) return performance.now() - startMs;
    throw error;
  }
  throw new Error("Messages of a grant that was taken back");
}

function tokenCallsOf({ calls }: Meters): number {
  return (calls["token:code"] ?? 0) + (calls["token:refresh"] ?? 0);
}
