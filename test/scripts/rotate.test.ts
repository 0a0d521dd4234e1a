/** `npm run rotate`: against the Worker itself, and against what a network may answer in its place. */

import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder, type TemporaryFolder, writeEnvFile } from "../../scripts/lib/env-file.ts";
import { findPort, listen, LOOPBACK } from "../../scripts/lib/ports.ts";
import { rotate, type RotateOutcome } from "../../scripts/lib/rotation-walk.ts";
import { addTokenKey, type TokenKeySet } from "../../scripts/lib/token-keys.ts";
import { startWorker } from "../../scripts/lib/wrangler.ts";
import { KeyRing } from "../../src/lib/key-ring.ts";

const KEYS = addTokenKey(new Date());
const EMPTY = { activeKid: "new", current: 0, resealed: 0, dead: 0, left: {}, cursor: null };

let folder: TemporaryFolder;
let keysFile: string;

beforeAll(async () => {
  folder = await makeTemporaryFolder();
  keysFile = await write("keys.json", KEYS);
});
afterAll(() => folder[Symbol.asyncDispose]());

async function write(name: string, keys: TokenKeySet): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, JSON.stringify(keys));
  return path;
}

/** What happened in a run beside its result. */
interface Watched {
  readonly sleepsMs: number[];
  readonly progress: string[];
}

function run(args: readonly string[], watched: Watched = { sleepsMs: [], progress: [] }): Promise<RotateOutcome> {
  return rotate(args, {
    env: {},
    sleep: async (ms) => {
      watched.sleepsMs.push(ms);
    },
    onProgress: (line) => watched.progress.push(line),
  });
}

async function failure(args: readonly string[]): Promise<string> {
  const error: unknown = await run(args).then(
    ({ text }) => expect.fail(`no failure, but: ${text}`),
    (reason: unknown) => reason,
  );
  return error instanceof Error ? error.message : String(error);
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}) {
  return (response: ServerResponse): void => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };
}

function refusal(status: number, reason: string, headers: Record<string, string> = {}) {
  return json({ error: { code: status, message: `It is ${reason}.`, details: [{ reason }] } }, status, headers);
}

describe("what a network may answer", () => {
  let server: Server;
  let requests: IncomingMessage[] = [];

  afterEach(() => server.close());

  /** A server that gives these answers one after another, the last one again and again. */
  async function answering(...answers: ((response: ServerResponse) => void)[]): Promise<string> {
    requests = [];
    server = createServer((request, response) => {
      requests.push(request);
      answers[Math.min(requests.length, answers.length) - 1]?.(response);
    });
    return `http://${LOOPBACK}:${await listen(server, 0)}`;
  }

  it("pages: follows the cursor, adds up, and each call has a token that opens at that origin only", async () => {
    const url = await answering(
      json({ ...EMPTY, resealed: 90, current: 10, cursor: "next page & more" }),
      json({ ...EMPTY, resealed: 5, current: 1, left: {} }),
    );
    const watched: Watched = { sleepsMs: [], progress: [] };
    const { text, isComplete } = await run(["--url", url, "--keys", keysFile], watched);
    expect(text).toBe("Sealed anew under kid new: 95\nAlready current: 11\nNothing that is stored needs an older key.");
    expect(isComplete).toBe(true);
    expect(watched.progress).toEqual(["100 records are under kid new, 90 of them sealed anew now"]);
    expect(requests.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      "POST /operator/rotate",
      "POST /operator/rotate?cursor=next+page+%26+more",
    ]);
    for (const { headers } of requests) {
      const token = headers.authorization?.replace("Bearer ", "") ?? "";
      const ring = new KeyRing(KEYS.keys);
      const open = (owner: string, afterMs: number) =>
        ring.open({ purpose: "operator", owner }, token, Date.now() + afterMs);
      expect(await open(url, 4 * 60_000)).toBeNull();
      await expect(open(url, 6 * 60_000)).rejects.toMatchObject({ code: "expired" });
      await expect(open(`${url}0`, 0)).rejects.toMatchObject({ code: "wrong-binding" });
    }
  });

  it("records under keys that are missing: told per kid, and the exit code is not 0", async () => {
    const url = await answering(
      json({ ...EMPTY, left: { old: 2, older: 1 }, cursor: "2" }),
      json({ ...EMPTY, left: { old: 1 }, dead: 4 }),
    );
    const { text, isComplete } = await run(["--url", url, "--keys", keysFile]);
    expect(isComplete).toBe(false);
    expect(text.split("\n").slice(2)).toEqual([
      "Left, and needed by nobody: 4 (the grants that they belong to have ended)",
      "Left under kid old: 3",
      "  TOKEN_KEYS does not hold this key: add it again, or these users must consent anew",
      "Left under kid older: 1",
      "  TOKEN_KEYS does not hold this key: add it again, or these users must consent anew",
    ]);
  });

  it("--json: one line for programs", async () => {
    const url = await answering(json({ ...EMPTY, resealed: 1, left: { old: 1 } }));
    const { text } = await run(["--url", url, "--keys", keysFile, "--json"]);
    expect(JSON.parse(text)).toEqual({
      url,
      activeKid: "new",
      current: 0,
      resealed: 1,
      dead: 0,
      left: { old: 1 },
    });
  });

  it("429 and 503: waits as long as it is told, and goes on at the same page", async () => {
    const url = await answering(
      json({ ...EMPTY, resealed: 1, cursor: "2" }),
      refusal(429, "RATE_LIMITED", { "retry-after": "7" }),
      refusal(503, "STORAGE_UNAVAILABLE"),
      json({ ...EMPTY, resealed: 2 }),
    );
    const watched: Watched = { sleepsMs: [], progress: [] };
    const { text } = await run(["--url", url, "--keys", keysFile], watched);
    expect(watched.sleepsMs).toEqual([7_000, 60_000]);
    expect(requests.slice(1).map((request) => request.url)).toEqual(Array(3).fill("/operator/rotate?cursor=2"));
    expect(text).toContain("Sealed anew under kid new: 3");
  });

  it("503 for ever: gives up, and says that what is done is done", async () => {
    const url = await answering(refusal(503, "STORAGE_UNAVAILABLE"));
    expect(await failure(["--url", url, "--keys", keysFile])).toMatch(/503: It is STORAGE.*\n.*Run this again/);
    expect(requests).toHaveLength(11);
  });

  it("403 of the Worker's: these are not its keys", async () => {
    const url = await answering(refusal(403, "PERMISSION_DENIED"));
    expect(await failure(["--url", url, "--keys", keysFile])).toMatch(/refuses what is sealed .*keys\.json \(403\)/);
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    ["403 of somebody else's", (response) => response.writeHead(403).end("<h1>no</h1>"), /not this Worker.*403/],
    ["404", (response) => response.writeHead(404).end("<h1>no</h1>"), /not this Worker.*404/],
    ["200 of another site", (response) => response.end("<h1>hello</h1>"), /not this Worker.*200/],
    ["JSON of another form", json({ activeKid: 1 }), /not this Worker.*200/],
    [
      "a redirect, which the token does not follow",
      (response) => response.writeHead(301, { location: "https://b.example" }).end(),
      /301, https:\/\/b\.example/,
    ],
    ["500", refusal(500, "INTERNAL"), /500: It is INTERNAL\.\n.*log has the reason/],
  ])("%s: says so", async (_, answer, says) => {
    const url = await answering(answer);
    expect(await failure(["--url", url, "--keys", keysFile])).toMatch(says);
    expect(requests).toHaveLength(1);
  });

  it("a server that is not there: says so", async () => {
    const url = await answering(json(EMPTY));
    server.close();
    expect(await failure(["--url", url, "--keys", keysFile])).toBe(`Nothing answers at ${url}: ECONNREFUSED.`);
  });
});

describe("arguments", () => {
  it.each([
    [["--url", "http://mail.example.com"], /must be https/],
    [["--url", "https://mail.example.com/operator/rotate"], /without a path/],
    [["--url", "mail.example.com"], /origin/],
    [["--url", "file:///etc"], /origin/],
    [["--url", "https://mail.example.com", "--keys", "/nowhere"], /\/nowhere cannot be read/],
    [["--keyz", "x"], /keyz/],
  ])("%j are refused", async (args, says) => {
    expect(await failure(args)).toMatch(says);
  });

  it("a file without keys is refused, and nothing of it is shown", async () => {
    const path = join(folder.path, "bad.json");
    await writeFile(path, `{"keys":[{"kty":"oct","kid":"a","k":"hunter2"}]}`);
    expect(await failure(["--keys", path])).toMatch(/^(?!.*hunter2).*bad\.json: TOKEN_KEYS is not a JWK Set/);
  });

  it("keys of the environment serve where no file is named", async () => {
    const world = { env: { TOKEN_KEYS: "nonsense" }, sleep: async () => {}, onProgress: () => {} };
    await expect(rotate(["--url", "https://mail.example.com"], world)).rejects.toThrow(/TOKEN_KEYS of the environment/);
  });
});

describe("the Worker itself", () => {
  it("walks for who has its keys, and for nobody else", { timeout: 90_000 }, async () => {
    await using stack = new AsyncDisposableStack();
    const port = await findPort(8900);
    const envFile = await writeEnvFile(folder, {
      GOOGLE_CLIENT_ID: "client",
      GOOGLE_CLIENT_SECRET: randomBytes(16).toString("hex"),
      TOKEN_KEYS: JSON.stringify(KEYS),
      PUBLIC_URL: "",
    });
    const state = join(folder.path, "state");
    const { url } = await startWorker(stack, { port, envFile, persistTo: state, onOutput: () => {} });
    const { text, isComplete } = await run(["--url", url, "--keys", keysFile]);
    expect(text).toBe(
      `Sealed anew under kid ${KEYS.keys[0]?.kid}: 0\nAlready current: 0\nNothing that is stored needs an older key.`,
    );
    expect(isComplete).toBe(true);
    const others = await write("others.json", addTokenKey(new Date()));
    expect(await failure(["--url", url, "--keys", others])).toMatch(/others\.json \(403\)/);
    expect(await failure(["--url", url.replace("localhost", LOOPBACK), "--keys", others])).toMatch(/403/);
  });
});
