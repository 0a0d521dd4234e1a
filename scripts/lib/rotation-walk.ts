/**
 * The walk of `npm run rotate`: from arguments to what is to be printed. Calls the Worker page by page until there is no
 * further cursor.
 */

import * as z from "zod/mini";
import { type CommandLine, parseCommandLine } from "./command-line.ts";
import { type KeySource, readKeySources } from "./key-sources.ts";
import { ScriptError } from "./script-error.ts";
import { sealOperatorToken } from "./token-keys.ts";
import { isLoopback, LOCAL_URL, parseOrigin } from "./worker-url.ts";

const CALL_TIMEOUT_MS = 120_000;
/** For one call; the walk may last longer, as each call has a token of its own. */
const TOKEN_LIFETIME_MS = 5 * 60_000;
const DEFAULT_RETRY_SECONDS = 60;
/** Waits for one page, before the walk gives up. */
const MAX_WAITS = 10;

/** What the walk needs of the world. */
export interface RotateWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Gets a line for a person who waits. */
  readonly onProgress: (line: string) => void;
}

/** What is printed at the end, and whether nothing is left. */
export interface RotateOutcome {
  readonly text: string;
  readonly isComplete: boolean;
}

const PageSchema = z.object({
  activeKid: z.string(),
  current: z.int(),
  resealed: z.int(),
  dead: z.int(),
  left: z.record(z.string(), z.int()),
  cursor: z.nullable(z.string()),
});

const ErrorSchema = z.object({ error: z.object({ message: z.string(), details: z.array(z.unknown()) }) });

type Page = z.infer<typeof PageSchema>;

/** All pages together. */
type Sum = Omit<Page, "left" | "cursor"> & { readonly left: Map<string, number> };

const NOTHING = { current: 0, resealed: 0, dead: 0, left: new Map<string, number>() };

/** The command line. */
export const ROTATE = {
  name: "rotate",
  about:
    "Has the Worker seal all that it stores under the first key of TOKEN_KEYS, and says what is left under others.",
  options: {
    url: { type: "string", default: LOCAL_URL, value: "ORIGIN", about: `Of the Worker: ${LOCAL_URL}` },
    keys: { type: "string", value: "FILE", about: "Has its TOKEN_KEYS; .dev.vars or npm run dev's for a local one" },
    json: { type: "boolean", default: false, about: "Answers JSON, errors too" },
  },
  notes: "Exits with 0 where nothing stored needs the older keys. docs/operations.md says when to do that.",
  example: "--url https://mail.example.com --keys keys.env",
} as const satisfies CommandLine;

/**
 * Does what the arguments of the command line say.
 *
 * @throws {ScriptError} where the Worker cannot be reached, does not know these keys, or does not answer as it should
 */
export async function rotate(args: readonly string[], world: RotateWorld): Promise<RotateOutcome> {
  const { values } = parseCommandLine(ROTATE, args);
  const origin = parseOrigin("--url", values.url);
  const sources = await readKeySources({ file: values.keys, isLocal: isLoopback(origin), env: world.env });
  const sum = await walk({ origin, sources, world });
  const isComplete = sum.left.size === 0;
  return { text: values.json ? toJson(origin, sum) : toText(sum), isComplete };
}

interface Walk {
  readonly origin: string;
  readonly sources: readonly KeySource[];
  readonly world: RotateWorld;
}

async function walk({ origin, sources, world }: Walk): Promise<Sum> {
  const [source, first] = await firstPage({ origin, sources, world });
  let sum = add({ ...NOTHING, activeKid: first.activeKid }, first);
  let { cursor } = first;
  while (cursor !== null) {
    const done = sum.resealed;
    world.onProgress(`${done + sum.current} records are under kid ${sum.activeKid}, ${done} of them sealed anew now`);
    const page = await callUntilAnswered({ origin, source, cursor, world });
    if (page === null) throw notTheseKeys(origin, [source]);
    sum = add(sum, page);
    cursor = page.cursor;
  }
  return sum;
}

/** Which of the keys at hand are the Worker's shows at the first call. */
async function firstPage({ origin, sources, world }: Walk): Promise<[KeySource, Page]> {
  for (const source of sources) {
    const page = await callUntilAnswered({ origin, source, cursor: null, world });
    if (page !== null) return [source, page];
  }
  throw notTheseKeys(origin, sources);
}

function notTheseKeys(origin: string, sources: readonly KeySource[]): ScriptError {
  const names = sources.map(({ name }) => name).join(", ");
  return new ScriptError(`The Worker at ${origin} refuses what is sealed with the keys of ${names} (403).

Its TOKEN_KEYS must hold the first key that is given here (--keys FILE), and --url must be its external origin: PUBLIC_URL,
where that is set. docs/operations.md has more.`);
}

function add(sum: Sum, page: Page): Sum {
  const left = new Map(sum.left);
  for (const [kid, count] of Object.entries(page.left)) left.set(kid, (left.get(kid) ?? 0) + count);
  return {
    activeKid: page.activeKid,
    current: sum.current + page.current,
    resealed: sum.resealed + page.resealed,
    dead: sum.dead + page.dead,
    left,
  };
}

interface PageCall {
  readonly origin: string;
  readonly source: KeySource;
  readonly cursor: string | null;
  readonly world: RotateWorld;
}

/** @returns null where the Worker refuses the keys */
async function callUntilAnswered(call: PageCall): Promise<Page | null> {
  for (let waits = 0; ; waits += 1) {
    const response = await send(call);
    if (response.status === 403 && (await reasonOf(response)) === "PERMISSION_DENIED") return null;
    const mayWait = response.status === 429 || response.status === 503;
    if (!mayWait || waits === MAX_WAITS) return readPage(call.origin, response);
    await response.body?.cancel();
    const seconds = Number(response.headers.get("Retry-After") ?? "") || DEFAULT_RETRY_SECONDS;
    call.world.onProgress(`The Worker answers ${response.status}; going on in ${seconds} s`);
    await call.world.sleep(seconds * 1000);
  }
}

async function send({ origin, source, cursor }: PageCall): Promise<Response> {
  const url = new URL("/operator/rotate", origin);
  if (cursor !== null) url.searchParams.set("cursor", cursor);
  const token = await sealOperatorToken(source, { origin, expiresAtMs: Date.now() + TOKEN_LIFETIME_MS });
  try {
    return await fetch(url, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, Accept: "application/json" },
      // The token is for this origin, and for no other.
      redirect: "manual",
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new ScriptError(`Nothing answers at ${origin}: ${why}.`);
  }
}

async function readPage(origin: string, response: Response): Promise<Page> {
  const { status } = response;
  const location = response.headers.get("location");
  if (status >= 300 && status < 400) {
    throw new ScriptError(`${origin} sends elsewhere (${status}, ${location ?? "?"}): give that origin as --url.`);
  }
  const body = await jsonOrNull(response);
  if (status === 200) {
    const page = PageSchema.safeParse(body);
    if (page.success) return page.data;
  }
  const told = ErrorSchema.safeParse(body).data?.error.message;
  if (status >= 500 && told !== undefined) {
    throw new ScriptError(`The Worker answers ${status}: ${told}
What is sealed anew stays so. Run this again to go on; the Worker's log has the reason.`);
  }
  throw new ScriptError(
    `What answers at ${origin} is not this Worker, or an older one: ${status} at /operator/rotate.`,
  );
}

async function reasonOf(response: Response): Promise<unknown> {
  const [detail] = ErrorSchema.safeParse(await jsonOrNull(response.clone())).data?.error.details ?? [];
  return z.object({ reason: z.string() }).safeParse(detail).data?.reason;
}

async function jsonOrNull(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function toJson(url: string, { left, ...counts }: Sum): string {
  return JSON.stringify({ url, ...counts, left: Object.fromEntries(left) });
}

function toText({ activeKid, current, resealed, dead, left }: Sum): string {
  const lines = [`Sealed anew under kid ${activeKid}: ${resealed}`, `Already current: ${current}`];
  if (dead > 0) lines.push(`Left, and needed by nobody: ${dead} (the grants that they belong to have ended)`);
  for (const [kid, count] of left) {
    lines.push(
      `Left under kid ${kid}: ${count}`,
      "  TOKEN_KEYS does not hold this key: add it again, or these users must consent anew",
    );
  }
  if (left.size === 0) lines.push("Nothing that is stored needs an older key.");
  return lines.join("\n");
}
