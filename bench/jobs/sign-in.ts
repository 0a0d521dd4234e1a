/** Coming back from Google: with and without Google's keys at hand, and how soon a process that was just started serves. */
import { type Bench, newVisitor, type Plan, prepare, startAgain, type Turn } from "../lib/bench.ts";
import { ownTimeMs } from "../lib/behaviour.ts";
import { callsOf } from "../lib/google.ts";
import { cpuMs, median } from "../lib/measure.ts";
import type { Column } from "../lib/results.ts";
import type { Running } from "../subjects.ts";

const COLUMNS: readonly Column[] = [
  { key: "latencyMs", label: "Callback", unit: "ms", better: "less" },
  { key: "cpuMs", label: "CPU of the callback", unit: "ms", better: "less" },
  { key: "calls", label: "Calls", unit: "calls", better: "less" },
];
const WARM_SIGN_INS = 8;

export function signInPlans(bench: Bench): Plan[] {
  const shared = {
    group: "sign-in",
    columns: COLUMNS,
    headline: "latencyMs",
    medianMs: 50,
    floor: (behaviour: Turn["behaviour"]) => ownTimeMs(behaviour, [{ endpoint: "token:code", number: 0 }]),
  };
  const about = "From the request of the callback to its redirect. The floor is the exchange of the code alone.";
  return [
    {
      ...shared,
      id: "sign-in-warm",
      title: "Sign-in, Google's keys at hand",
      description: `${about} ${WARM_SIGN_INS} people, one after another.`,
      repetitions: 4,
      run: async (turn) => {
        const each = [];
        for (let n = 0; n < WARM_SIGN_INS; n += 1) each.push(await measureCallback(bench, turn, turn.subject));
        return {
          latencyMs: median(each.map(({ latencyMs }) => latencyMs)),
          cpuMs: median(each.map((one) => one.cpuMs)),
          calls: median(each.map(({ calls }) => calls)),
        };
      },
    },
    {
      ...shared,
      id: "sign-in-cold",
      title: "The first sign-in of a new process",
      description: `${about} The process has answered one \`/healthz\` before and knows no key of Google's.`,
      repetitions: 4,
      run: async (turn) => {
        await using stack = new AsyncDisposableStack();
        const { running } = await spawn(bench, turn, stack);
        // Awaited here: the process ends with this function.
        return await measureCallback(bench, turn, running);
      },
    },
    {
      id: "cold-start",
      group: "cold-start",
      title: "From starting the process to its first answer",
      description:
        "The process is started and asked for `/healthz` at once, until it answers. On Cloudflare a new isolate in a " +
        "process that runs already is what is waited for, which is sooner; what counts is how the subjects compare.",
      columns: [
        { key: "latencyMs", label: "Until the first answer", unit: "ms", better: "less" },
        { key: "cpuMs", label: "CPU", unit: "ms", better: "less" },
      ],
      headline: "latencyMs",
      repetitions: 6,
      medianMs: 50,
      floor: null,
      run: async (turn) => {
        await using stack = new AsyncDisposableStack();
        const { running, latencyMs } = await spawn(bench, turn, stack);
        return { latencyMs, cpuMs: cpuMs(running.pid) };
      },
    },
  ];
}

/** Starts the subject in a process of its own. @returns when it gave its first answer, in milliseconds */
async function spawn(
  bench: Bench,
  { subject }: Turn,
  stack: AsyncDisposableStack,
): Promise<{ running: Running; latencyMs: number }> {
  const startMs = performance.now();
  const running = await startAgain(bench, subject, stack);
  const response = await fetch(`${running.origin}/healthz`);
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`/healthz answered ${response.status}`);
  return { running, latencyMs: performance.now() - startMs };
}

/** Signs somebody new in. */
async function measureCallback(bench: Bench, turn: Turn, running: Running) {
  const cpu: number[] = [];
  const latencyMs = await newVisitor(running.origin).signIn(async () => {
    // Right before the callback, so that only what it calls is metered.
    if (cpu.length === 0) await prepare(bench, turn);
    cpu.push(cpuMs(running.pid));
  });
  const [before = 0, after = 0] = cpu;
  return { latencyMs, cpuMs: after - before, calls: callsOf(await bench.google.meters()) };
}
