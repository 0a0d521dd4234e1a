/** What it costs to seal a stored grant and to open it, and how large the code is. */
import { gzipSync } from "node:zlib";
import path from "node:path";
import { type Bench, type Plan, summarizeColumns } from "../lib/bench.ts";
import { firstLine, startChild } from "../lib/child.ts";
import { cpuMs } from "../lib/measure.ts";
import type { Job, Outcome, SubjectKey } from "../lib/results.ts";
import { startWorkerd } from "../lib/workerd.ts";
import { bundleRival } from "../rivals/bundle.ts";
import { RECORD } from "../sealing/record.ts";

const TIMES = 2_000;
const FOLDER = path.join(import.meta.dirname, "../sealing");

interface Server {
  readonly pid: number;
  readonly origin: string;
}

/** @param place files that are written on the way, and the CPU of what is measured */
export async function sealingPlan(bench: Bench, place: { folder: string; cpu: number | null }): Promise<Plan> {
  const { folder, cpu } = place;
  const code = await bundleRival(path.join(FOLDER, "gmail-edge.ts"), { nodejsCompat: false });
  const worker = { name: "sealing", code, vars: {}, kv: null };
  const servers: Partial<Record<SubjectKey, Server>> = {
    F: await startWorkerd(bench.stack, path.join(folder, "sealing"), worker, cpu),
    B: await startBetterAuth(bench.stack, cpu),
  };
  const keepsPlain = "It stores tokens as they are.";
  return {
    id: "seal",
    group: "seal",
    title: "Sealing a stored grant, and opening it",
    description:
      `CPU of one operation, of ${TIMES} in a row. This Worker seals by AES-256-GCM as JWE and binds the place into it; ` +
      "without its key at hand it imports it each time. `better-auth` has XChaCha20-Poly1305 in JavaScript, and derives " +
      "its key each time; encrypting tokens is an option of its that is off as its guide sets it up.",
    columns: [
      { key: "sealUs", label: "Seal, key at hand", unit: "µs", better: "less" },
      { key: "openUs", label: "Open, key at hand", unit: "µs", better: "less" },
      { key: "sealFreshUs", label: "Seal, key imported", unit: "µs", better: "less" },
      { key: "openFreshUs", label: "Open, key imported", unit: "µs", better: "less" },
    ],
    headline: "openUs",
    repetitions: 5,
    medianMs: 0,
    floor: null,
    without: {
      A: "It keeps tokens in memory.",
      C: keepsPlain,
      D: keepsPlain,
      E: keepsPlain,
    },
    run: async ({ subject }) => {
      const server = servers[subject.key];
      if (server === undefined) throw new Error("It does not seal.");
      const fresh = {
        sealFreshUs: await microseconds(server, "/seal?keys=fresh"),
        openFreshUs: await microseconds(server, "/open?keys=fresh"),
      };
      if (subject.key === "B") return fresh;
      return {
        sealUs: await microseconds(server, "/seal?keys=cached"),
        openUs: await microseconds(server, "/open?keys=cached"),
        ...fresh,
      };
    },
  };
}

async function startBetterAuth(stack: AsyncDisposableStack, cpu: number | null): Promise<Server> {
  const child = startChild(stack, { file: process.execPath, args: [path.join(FOLDER, "better-auth.ts")], cpu });
  const port = await firstLine(child, child.stdout, (line) => (/^\d+$/.test(line) ? line : null));
  return { pid: child.pid ?? 0, origin: `http://127.0.0.1:${port}` };
}

/** CPU of one operation in microseconds. */
async function microseconds({ pid, origin }: Server, operation: string): Promise<number> {
  const before = cpuMs(pid);
  const response = await fetch(`${origin}${operation}&times=${TIMES}`);
  const opened = (await response.json()) as typeof RECORD;
  if (opened.refreshToken !== RECORD.refreshToken) throw new Error("What was opened is not what was sealed.");
  return ((cpuMs(pid) - before) * 1000) / TIMES;
}

/** Sizes do not vary, so nothing is repeated. */
export function bundleJob(bench: Bench): Job {
  const outcomes = bench.subjects.map(({ info, bundle }): [SubjectKey, Outcome] => {
    const bytes = Buffer.byteLength(bundle);
    const gzipKiB = gzipSync(bundle, { level: 9 }).byteLength / 1024;
    return [info.key, { measures: summarizeColumns([{ gzipKiB, KiB: bytes / 1024 }]) }];
  });
  return {
    id: "bundle",
    group: "bundle",
    title: "Size of the code",
    description:
      "All that runs, as one minified module; of this Worker, what is deployed. What runs on Node is bundled for the " +
      "comparison only. Workers takes 3 MiB of gzip on Free and 10 MiB on Paid.",
    columns: [
      { key: "gzipKiB", label: "Gzip", unit: "KiB", better: "less" },
      { key: "KiB", label: "Minified", unit: "KiB", better: "less" },
    ],
    headline: "gzipKiB",
    floor: null,
    outcomes: Object.fromEntries(outcomes) as Record<SubjectKey, Outcome>,
  };
}
