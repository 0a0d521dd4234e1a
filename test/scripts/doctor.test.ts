/** `npm run doctor`: against the Worker itself with a Google that is fine and one that is not, and against other servers. */

import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { examine, type Finding } from "../../scripts/lib/doctor-checks.ts";
import { makeTemporaryFolder, type TemporaryFolder, writeEnvFile } from "../../scripts/lib/env-file.ts";
import { findPort, listen, LOOPBACK } from "../../scripts/lib/ports.ts";
import { addTokenKey } from "../../scripts/lib/token-keys.ts";
import { startWorker } from "../../scripts/lib/wrangler.ts";
import { makeServiceAccount } from "../support/service-account.ts";

const KEYS = JSON.stringify(addTokenKey(new Date()));
const SECRET = randomBytes(16).toString("hex");
const DATE = new Date().toUTCString();

let folder: TemporaryFolder;
let keysFile: string;

beforeAll(async () => {
  folder = await makeTemporaryFolder();
  keysFile = join(folder.path, "keys.json");
  await writeFile(keysFile, KEYS);
});
afterAll(() => folder[Symbol.asyncDispose]());

interface Report {
  readonly ok: boolean;
  readonly checks: readonly Finding[];
  readonly wrong: readonly string[];
}

async function run(url: string, { args = ["--keys", keysFile], root = folder.path, nowMs = Date.now() } = {}) {
  const world = { env: { TOKEN_KEYS: KEYS }, root, now: () => nowMs };
  const { text, isFine } = await examine(["--url", url, "--json", ...args], world);
  for (const secret of [SECRET, ...JSON.parse(KEYS).keys.map(({ k }: { k: string }) => k)]) {
    expect(text).not.toContain(secret);
  }
  const report: Omit<Report, "wrong"> = JSON.parse(text);
  expect(report.ok).toBe(isFine);
  const wrong = report.checks.filter(({ ok }) => !ok).map(({ name }) => name);
  return { ...report, wrong };
}

function find({ checks }: Report, name: string): Finding {
  return checks.find((finding) => finding.name === name) ?? expect.fail(`${name} is not there`);
}

describe("the Worker itself", () => {
  it("is fine, and then not, as its Google and its settings are", { timeout: 90_000 }, async () => {
    await using stack = new AsyncDisposableStack();
    let refusal = "invalid_grant";
    const google = createServer((request, response) => {
      const isKeys = request.url === "/certs";
      response.writeHead(isKeys ? 200 : 400, { "content-type": "application/json" });
      response.end(JSON.stringify(isKeys ? { keys: [] } : { error: refusal }));
    });
    stack.defer(() => void google.close());
    const googleUrl = `http://${LOOPBACK}:${await listen(google, 0)}`;
    const envFile = await writeEnvFile(folder, {
      GOOGLE_CLIENT_ID: "client",
      GOOGLE_CLIENT_SECRET: SECRET,
      TOKEN_KEYS: KEYS,
      // An optional secret, which wrangler takes from a file only where it is declared for this machine.
      GOOGLE_SERVICE_ACCOUNT: (await makeServiceAccount()).json,
      DELEGATED_DOMAINS: "studio.example",
      PUBLIC_URL: "",
      GOOGLE_JWKS_URI: `${googleUrl}/certs`,
      GOOGLE_TOKEN_ENDPOINT: `${googleUrl}/token`,
    });
    const port = await findPort(8910);
    const { url } = await startWorker(stack, {
      port,
      envFile,
      persistTo: join(folder.path, "state"),
      onOutput: () => {},
    });
    const good = await run(url);
    expect(good.wrong, JSON.stringify(good.checks)).toEqual([]);
    expect(good.checks.map(({ name }) => name).filter((name) => name !== "clock")).toEqual([
      "worker",
      "operator",
      "keys",
      "storage",
      "objects",
      "google",
      "client",
      "gmail-api",
      "settings",
      "accounts",
      "delegation",
      "redirect-uri",
      "public-url",
      "/style.css",
      "/openapi.json",
      "/docs/",
    ]);
    expect(find(good, "accounts").detail).toMatch(/^ALLOWED_ACCOUNTS is empty: everybody with a Google account/);
    expect(find(good, "delegation").detail).toMatch(/^Users of studio\.example need no consent.*client ID \d+ for/);
    refusal = "invalid_client";
    const bad = await run(url);
    expect(bad.wrong).toEqual(["client"]);
    expect(find(bad, "client").detail).toMatch(/GOOGLE_CLIENT_SECRET as Google's console/);
    const others = join(folder.path, "others.json");
    await writeFile(others, JSON.stringify(addTokenKey(new Date())));
    const refused = await run(url, { args: ["--keys", others] });
    expect(refused.wrong).toEqual(["operator"]);
    expect(find(refused, "operator").fix).toMatch(/--keys FILE.*PUBLIC_URL/);
  });
});

describe("what a network may answer", () => {
  let server: Server;
  afterEach(() => server.close());

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener);
    return `http://${LOOPBACK}:${await listen(server, 0)}`;
  }

  /** A Worker that is fine, but for what `answers` says by path. */
  async function serveWorker(answers: Readonly<Record<string, [number, Record<string, string>, unknown]>> = {}) {
    const url = await serve((request, response) => {
      const path = request.url ?? "";
      const redirect = encodeURIComponent(`http://${request.headers.host}/auth/callback`);
      const fine: typeof answers = {
        "/healthz": [200, { date: DATE }, { status: "ok" }],
        "/healthz?deep=1": [200, {}, { status: "ok", checks: [{ name: "keys", ok: true, detail: "Fine." }] }],
        "/auth/login": [302, { location: `https://accounts.google.com/?redirect_uri=${redirect}` }, null],
        "/style.css": [200, { "content-type": "text/css" }, null],
        "/openapi.json": [200, { "content-type": "application/json" }, null],
        "/docs/": [200, { "content-type": "text/html; charset=utf-8" }, null],
      };
      const [status, headers, body] = answers[path] ?? fine[path] ?? [404, {}, null];
      response.writeHead(status, headers).end(JSON.stringify(body));
    });
    return url;
  }

  it("all of it fine", async () => {
    expect((await run(await serveWorker())).wrong).toEqual([]);
  });

  it.each<[string, Parameters<typeof serveWorker>[0], string, RegExp]>([
    ["500", { "/healthz": [500, {}, null] }, "worker", /not set up.*log names every/],
    ["another site", { "/healthz": [200, {}, "hello"] }, "worker", /not this Worker: 200/],
    [
      "a redirect",
      { "/healthz": [301, { location: "https://b.example" }, null] },
      "worker",
      /301, https:\/\/b\.example/,
    ],
    ["an older version", { "/healthz?deep=1": [200, {}, { status: "ok" }] }, "operator", /npm run deploy/],
    [
      "what the Worker finds",
      {
        "/healthz?deep=1": [503, {}, { status: "failing", checks: [{ name: "storage", ok: false, detail: "Look." }] }],
      },
      "storage",
      /Look\./,
    ],
    [
      "another PUBLIC_URL",
      {
        "/auth/login": [
          302,
          { location: "https://g.test/?redirect_uri=https%3A%2F%2Fb.example%2Fauth%2Fcallback" },
          null,
        ],
      },
      "public-url",
      /https:\/\/b\.example\/auth\/callback.*Set PUBLIC_URL to http:/,
    ],
    ["no sign-in", { "/auth/login": [500, {}, null] }, "public-url", /does not lead to Google/],
    ["no style sheet", { "/style.css": [404, {}, null] }, "/style.css", /404.*\[assets\]/],
    [
      "a page in place of JSON",
      { "/openapi.json": [200, { "content-type": "text/html" }, null] },
      "/openapi.json",
      /text\/html/,
    ],
    ["no /docs", { "/docs/": [404, {}, null] }, "/docs/", /404/],
  ])("%s: that alone is wrong, with the fix", async (_, answers, name, says) => {
    const report = await run(await serveWorker(answers));
    expect(report.wrong).toEqual([name]);
    const { detail, fix } = find(report, name);
    expect(`${detail} ${fix}`).toMatch(says);
  });

  it("clocks that are more than a minute apart", async () => {
    const url = await serveWorker();
    const at = (seconds: number) => run(url, { nowMs: Date.parse(DATE) + seconds * 1000 });
    expect((await at(59)).wrong).toEqual([]);
    expect((await at(61)).wrong).toEqual(["clock"]);
    expect((await at(-61)).wrong).toEqual(["clock"]);
  });

  it("nothing: says so, and asks no further", async () => {
    const url = await serveWorker();
    server.close();
    const report = await run(url);
    expect(report.checks.map(({ name, ok }) => [name, ok])).toEqual([["worker", false]]);
    expect(find(report, "worker").detail).toContain("ECONNREFUSED");
  });

  it.each<[string, string | null, string[], RegExp]>([
    ["none", null, [".dev.vars"], /There is none.*npm run setup/],
    ["one that lacks a name", `GOOGLE_CLIENT_ID=x\nTOKEN_KEYS='${KEYS}'`, [".dev.vars"], /Lacks GOOGLE_CLIENT_SECRET/],
    [
      "one with a misspelt name",
      `GOOGLE_CLIENT_ID=x\nGOOGLE_CLIENT_SECRET=y\nTOKEN_KEYS='${KEYS}'\nALLOWED_ACOUNTS=a@example.com`,
      [".dev.vars"],
      /^ALLOWED_ACOUNTS is not a setting\. Did you mean ALLOWED_ACCOUNTS\? Correct the name/,
    ],
    [
      "one with broken keys",
      "GOOGLE_CLIENT_ID=x\nGOOGLE_CLIENT_SECRET=y\nTOKEN_KEYS='{}'",
      ["token-keys"],
      /not a JWK Set/,
    ],
    ["a good one", `GOOGLE_CLIENT_ID=x\nGOOGLE_CLIENT_SECRET=y\nTOKEN_KEYS='${KEYS}'`, [], /Everything|^$/],
  ])(".dev.vars on this machine: %s", async (name, text, wrong, says) => {
    const root = join(folder.path, name.replaceAll(" ", "-"));
    await mkdir(root);
    if (text !== null) await writeFile(join(root, ".dev.vars"), text);
    // Keys of the environment, as there is no file that holds them.
    const report = await run(await serveWorker(), { args: [], root });
    expect(report.wrong).toEqual(wrong);
    const shown = wrong.map((each) => `${find(report, each).detail} ${find(report, each).fix}`).join("");
    expect(shown).toMatch(says);
  });

  it("for people: a line for each, the fix under what is wrong, and a count", async () => {
    const url = await serveWorker({ "/style.css": [404, {}, null] });
    const world = { env: {}, root: folder.path, now: Date.now };
    const { text, isFine } = await examine(["--url", url, "--keys", keysFile], world);
    expect(isFine).toBe(false);
    expect(text).toMatch(/^ok {5}worker {9}Answers at http/);
    expect(text).toMatch(/\nwrong {2}\/style\.css {5}Not served: 404 null\.\n +Fix: Put \[assets\] back/);
    expect(text).toMatch(/\n1 of 8 are wrong\.$/);
  });

  it("a token goes to an https address only, and nowhere with a path", async () => {
    await serveWorker();
    await expect(run("http://mail.example.com")).rejects.toThrow(/must be https/);
    await expect(run("https://mail.example.com/x")).rejects.toThrow(/without a path/);
  });
});
