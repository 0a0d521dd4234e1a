/**
 * The checks of `npm run doctor`: what a Worker says of itself, and what can only be seen from outside of it. Each says
 * what was found and, where that is wrong, the exact fix.
 */

import { join } from "node:path";
import { parseEnv } from "node:util";
import * as z from "zod/mini";
import { describeUnknownNames } from "../../src/config.ts";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import { DEVELOPMENT_KEYS, type KeySource, readKeySources } from "./key-sources.ts";
import { ScriptError } from "./script-error.ts";
import { parseTokenKeys, sealOperatorToken } from "./token-keys.ts";
import { readTextOrNull } from "./vars-file.ts";
import { isLoopback, LOCAL_URL, parseOrigin } from "./worker-url.ts";

const CALL_TIMEOUT_MS = 40_000;
const TOKEN_LIFETIME_MS = 5 * 60_000;
/** As in src/operator/health.ts. */
const MAX_CLOCK_SKEW_MS = 60_000;
const REQUIRED = ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "TOKEN_KEYS"];
const ASSETS = [
  ["/style.css", "text/css"],
  ["/openapi.json", "application/json"],
  ["/docs/", "text/html"],
] as const;

/** What the checks need of the world. */
export interface DoctorWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The project's folder. */
  readonly root: string;
  readonly now: () => number;
}

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do; null where it is fine. */
  readonly fix: string | null;
}

const HealthSchema = z.object({
  status: z.string(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
});

/** The command line. */
export const DOCTOR = {
  name: "doctor",
  about: "Looks at a Worker from outside and, with its keys, from inside, and says what to do where it is not fine.",
  options: {
    url: { type: "string", default: LOCAL_URL, value: "ORIGIN", about: `Of the Worker: ${LOCAL_URL}` },
    keys: { type: "string", value: "FILE", about: "Has its TOKEN_KEYS; .dev.vars or npm run dev's for a local one" },
    json: { type: "boolean", default: false, about: "Answers JSON, errors too" },
  },
  notes: "Exits with 0 where all is fine.",
  example: "--url https://mail.example.com --keys keys.env",
} as const satisfies CommandLine;

/** @returns what to print, and whether everything is fine */
export async function examine(args: readonly string[], world: DoctorWorld): Promise<{ text: string; isFine: boolean }> {
  const { values } = parseCommandLine(DOCTOR, args);
  const origin = parseOrigin("--url", values.url);
  const findings = await findAll({ origin, keysFile: values.keys, world });
  const isFine = findings.every(({ ok }) => ok);
  return {
    text: values.json ? JSON.stringify({ url: origin, ok: isFine, checks: findings }) : toText(findings),
    isFine,
  };
}

interface Patient {
  readonly origin: string;
  readonly keysFile: string | undefined;
  readonly world: DoctorWorld;
}

async function findAll({ origin, keysFile, world }: Patient): Promise<Finding[]> {
  const { worker, clock } = await checkWorker(origin, world);
  const inside = worker.ok ? await checkInside({ origin, keysFile, world }) : { findings: [], keys: null };
  // `npm run dev` has a Google and keys of its own.
  const needsVars = isLoopback(origin) && keysFile === undefined && inside.keys !== DEVELOPMENT_KEYS;
  return [
    ...(needsVars ? await checkVarsFile(world.root) : []),
    worker,
    ...clock,
    ...inside.findings,
    ...(worker.ok ? [await checkRedirectUri(origin), ...(await checkAssets(origin))] : []),
  ];
}

async function checkVarsFile(root: string): Promise<Finding[]> {
  const text = await readTextOrNull(join(root, ".dev.vars"));
  if (text === null) return [wrong(".dev.vars", "There is none.", "npm run setup")];
  const vars = parseEnv(text);
  const missing = REQUIRED.filter((name) => !vars[name]);
  const unknown = describeUnknownNames(vars);
  const problems = [...(missing.length === 0 ? [] : [`Lacks ${missing.join(", ")}.`]), ...unknown];
  const fix = unknown.length === 0 ? "npm run setup" : "Correct the name in .dev.vars, and start the Worker again";
  const names =
    problems.length === 0
      ? fine(".dev.vars", `Has ${REQUIRED.join(", ")}.`)
      : wrong(".dev.vars", problems.join(" "), fix);
  if (!vars["TOKEN_KEYS"]) return [names];
  try {
    const { keys } = parseTokenKeys(text);
    return [names, fine("token-keys", `.dev.vars has ${keys.length}, sealing with ${keys[0]?.kid}.`)];
  } catch (error) {
    const keysFix = "Mend the line, or remove it and run: npm run setup (what the old keys sealed is then lost)";
    return [names, wrong("token-keys", error instanceof Error ? error.message : "Not valid.", keysFix)];
  }
}

async function checkWorker(origin: string, { now }: DoctorWorld): Promise<{ worker: Finding; clock: Finding[] }> {
  const start = isLoopback(origin) ? "Start it: npm run dev:google (or npm run dev)" : "Give its address as --url";
  const response = await call(`${origin}/healthz`);
  if (typeof response === "string")
    return { worker: wrong("worker", `Nothing answers at ${origin}: ${response}.`, start), clock: [] };
  const body = z.object({ status: z.literal("ok") }).safeParse(await jsonOrNull(response));
  if (response.status === 500) {
    const fix = `The log names every bad or missing variable (${isLoopback(origin) ? "in its terminal" : "npm run wrangler -- tail"})`;
    return { worker: wrong("worker", "It is not set up: it answers 500.", fix), clock: [] };
  }
  if (!body.success) {
    const location = response.headers.get("Location");
    const what = `What answers at ${origin} is not this Worker: ${response.status}${location === null ? "" : `, ${location}`}.`;
    return { worker: wrong("worker", what, start), clock: [] };
  }
  return { worker: fine("worker", `Answers at ${origin}.`), clock: checkClock(response, now()) };
}

/** Nothing where the answer does not say what time it is: that is no reason to doubt this machine. */
function checkClock(response: Response, nowMs: number): Finding[] {
  const skewMs = Math.abs(Date.parse(response.headers.get("Date") ?? "") - nowMs);
  if (Number.isNaN(skewMs)) return [];
  if (skewMs <= MAX_CLOCK_SKEW_MS) return [fine("clock", "This machine and the Worker agree.")];
  const detail = `This machine and the Worker are ${Math.round(skewMs / 1000)} s apart.`;
  return [wrong("clock", detail, "Set this machine's clock: timedatectl set-ntp true")];
}

/** What the Worker finds itself, and whose keys opened the way: null where none did. */
async function checkInside({
  origin,
  keysFile,
  world,
}: Patient): Promise<{ findings: Finding[]; keys: string | null }> {
  let sources: KeySource[];
  try {
    sources = await readKeySources({ file: keysFile, isLocal: isLoopback(origin), env: world.env, root: world.root });
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    return { findings: [wrong("operator", error.message, "npm run setup, or --keys FILE")], keys: null };
  }
  for (const source of sources) {
    const token = await sealOperatorToken(source, { origin, expiresAtMs: world.now() + TOKEN_LIFETIME_MS });
    const response = await call(`${origin}/healthz?deep=1`, { Authorization: `Bearer ${token}` });
    if (typeof response === "string") {
      return {
        findings: [wrong("operator", `The Worker does not say how it is: ${response}.`, "Run this again")],
        keys: null,
      };
    }
    if (response.status === 403) continue;
    const health = HealthSchema.safeParse(await jsonOrNull(response));
    if (!health.success) {
      const detail = `The Worker does not say how it is: ${response.status}.`;
      return { findings: [wrong("operator", detail, "Deploy this version: npm run deploy")], keys: null };
    }
    const findings = health.data.checks.map(({ name, ok, detail }) =>
      // Its own detail has the remedy.
      ok ? fine(name, detail) : wrong(name, detail, null),
    );
    return { findings: [fine("operator", `Let in with the keys of ${source.name}.`), ...findings], keys: source.name };
  }
  const names = sources.map(({ name }) => name).join(", ");
  const fix = `Give the Worker's own TOKEN_KEYS by --keys FILE, and its external origin (PUBLIC_URL, where that is set) as --url`;
  return { findings: [wrong("operator", `The Worker refuses the keys of ${names}.`, fix)], keys: null };
}

/** The redirect URI that it sends to Google shows what it takes for its external origin. */
async function checkRedirectUri(origin: string): Promise<Finding> {
  const response = await call(`${origin}/auth/login`);
  const location = typeof response === "string" ? null : response.headers.get("Location");
  const sent = location !== null && URL.canParse(location) ? new URL(location).searchParams.get("redirect_uri") : null;
  const expected = `${origin}/auth/callback`;
  if (sent === expected) return fine("public-url", `People come back from Google to ${expected}.`);
  if (sent === null) return wrong("public-url", "/auth/login does not lead to Google.", "See the log");
  const fix = `Set PUBLIC_URL to ${origin} (wrangler.toml or .dev.vars), or give its origin as --url`;
  return wrong("public-url", `People come back from Google to ${sent}, which is not at ${origin}.`, fix);
}

async function checkAssets(origin: string): Promise<Finding[]> {
  return Promise.all(
    ASSETS.map(async ([path, type]) => {
      const response = await call(origin + path);
      const what =
        typeof response === "string" ? response : `${response.status} ${response.headers.get("Content-Type")}`;
      const isThere = typeof response !== "string" && response.status === 200;
      if (isThere && response.headers.get("Content-Type")?.startsWith(type)) return fine(path, "Served.");
      return wrong(
        path,
        `Not served: ${what}.`,
        "Put [assets] back in wrangler.toml as it was, and deploy: npm run deploy",
      );
    }),
  );
}

/** @returns the answer, its body read; or in words why there is none */
async function call(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response | string> {
  try {
    const response = await fetch(url, {
      headers: { Accept: "application/json, */*;q=0.5", ...headers },
      // A token is for this origin, and for no other.
      redirect: "manual",
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
    const body = await response.arrayBuffer();
    return new Response(body.byteLength === 0 ? null : body, response);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  }
}

async function jsonOrNull(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function fine(name: string, detail: string): Finding {
  return { name, ok: true, detail, fix: null };
}

function wrong(name: string, detail: string, fix: string | null): Finding {
  return { name, ok: false, detail, fix };
}

function toText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  const lines = findings.flatMap(({ name, ok, detail, fix }) => [
    `${ok ? "ok   " : "wrong"}  ${name.padEnd(width)}  ${detail}`,
    ...(fix === null ? [] : [`${" ".repeat(width + 9)}Fix: ${fix}`]),
  ]);
  const count = findings.filter(({ ok }) => !ok).length;
  return [...lines, "", count === 0 ? "Everything is fine." : `${count} of ${findings.length} are wrong.`].join("\n");
}
