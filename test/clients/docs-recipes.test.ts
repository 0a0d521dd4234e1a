/**
 * The commands of README.md, docs/api.md and docs/development.md that are marked `sh tested`, run by a shell as they stand
 * there against gmail-edge and the local Google: each succeeds and prints what the document promises. All other commands:
 * test/scripts/docs-commands.test.ts.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type EmulatedWorker, startEmulatedWorker, USER } from "../support/emulated-worker.ts";

const SCOPES = "openid email profile https://www.googleapis.com/auth/gmail.modify";
const ATTACHED = "What is attached.\n";

interface Expectation {
  readonly prints: readonly RegExp[];
  /** What has to be so before. */
  readonly given?: () => void;
}

const row = String.raw`"from":.*"subject":.*"unread":true`;

/** What each recipe prints, by its heading. */
const EXPECTED: Readonly<Record<string, Expectation>> = {
  "Use it": {
    prints: [new RegExp(`${row}.*${row}.*${row}`), /\n\{"count":\d{4},"quotaUnits":\d+\}\n/, /"id": ?"INBOX"/],
  },
  "Making an API token": { prints: [/^gmedge_[\w-]{92}\n?$/] },
  "Listing and revoking API tokens": { prints: [/"name":"short-lived"/, /\nrevoked: 204\n$/] },
  "Who the user is": { prints: [new RegExp(`"email":"${USER}"`), /"scopes":\[.*gmail\.modify/] },
  "Listing IDs": {
    prints: [/^\{"messages":\[(?:\{"id":"[\w-]+","threadId":"[\w-]+"\},?){3}\],"nextPageToken":"/],
  },
  Searching: { prints: [/^\{"messages":\[(?:\{"id":"[\w-]+","threadId":"[\w-]+"\},?){3}\],/] },
  "Sender, subject and date": { prints: [new RegExp(`${row}.*${row}`)] },
  "Page by page": { prints: [/^messages: \d{4}\n$/] },
  "As a stream of lines": { prints: [/^(?:subject: .+\n){5}end: \{.*"count":5,"quotaUnits":\d+\}\n$/] },
  "Going on where a listing stopped": { prints: [/^lines: 120\n$/] },
  Labels: { prints: [/"id": ?"INBOX"/, /"name": ?"Work\/CI"/] },
  "One message": { prints: [/"name": ?"Subject"/, /"name": ?"From"/] },
  "An attachment": { prints: [new RegExp(`^${ATTACHED}$`)] },
  "Several calls in one: batch": { prints: [/(?:Content-ID: <response-[\w-]+>[^]*HTTP\/1\.1 200 OK[^]*){2}/i] },
  "Changing something": { prints: [/"STARRED"/] },
  "What a call costs": {
    prints: [/^x-gmail-quota-units: [1-9]\d*$/im, /^server-timing: .*list;dur=/im, /^x-request-id: /im],
  },
  "When the answer is 401": {
    prints: [/^reason: SIGN_IN_REQUIRED\nask the user to open: http:\/\/\S+\/auth\/login\S*\n$/],
  },
  "When the answer is 429": {
    prints: [/^\{"messages":\[\{/],
    // As often as the Worker itself tries, so that what it answers first is 429.
    given: () => worker.google.controls.fault({ endpoint: "list", named: "tooManyRequests", times: 3, retryAfter: 1 }),
  },
  Faults: {
    prints: [/"share":0\.3/, /"delayMs":500/, /"maxConcurrent":8/, /"faults":\[\{[^]*"maxConcurrent":8[^]*\}null$/],
  },
  "Security events": {
    prints: [/^(?:\{"receiver":"[^"]+","status":202,[^]*?"events":\{[^]*?\}\}?\}){4}$/],
  },
};

/** The recipes of the documents, by heading. */
function readRecipes(): Map<string, string> {
  const recipes = new Map<string, string>();
  const sections = ["README.md", "docs/api.md", "docs/development.md"].flatMap((file) =>
    readFileSync(path.join(import.meta.dirname, "../..", file), "utf8")
      .split(/^#{2,3} /m)
      .slice(1),
  );
  for (const section of sections) {
    const heading = section.slice(0, section.indexOf("\n"));
    for (const [, code = ""] of section.matchAll(/^```sh tested\n([^]*?)^```$/gm)) {
      if (recipes.has(heading)) throw new Error(`two recipes under "${heading}": each needs a heading of its own`);
      recipes.set(heading, code);
    }
  }
  return recipes;
}

const recipes = readRecipes();
let worker: EmulatedWorker;
let env: NodeJS.ProcessEnv;
/** In place of the Worker, whose session would end with the events. */
const receiver = createServer((_, response) => response.writeHead(202).end());

beforeAll(async () => {
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const { port } = receiver.address() as AddressInfo;
  worker = await startEmulatedWorker({ GOOGLE_SCOPES: SCOPES }, { securityEventReceiver: `http://127.0.0.1:${port}` });
  const browser = await worker.signIn();
  const COOKIE = (await browser.cookies(worker.origin)).join("; ");
  const TOKEN = await worker.makeToken();
  env = { PATH: process.env["PATH"], ORIGIN: worker.origin, GOOGLE: worker.google.url, COOKIE, TOKEN };
  await receiveAttachment(TOKEN);
}, 60_000);

beforeEach(() => worker.google.controls.clearFaults());

afterAll(async () => {
  await worker?.close();
  receiver.close();
});

/** Puts a mail with a file into the mailbox, which has none. */
async function receiveAttachment(token: string): Promise<void> {
  const raw = [
    "From: ana@example.com",
    `To: ${USER}`,
    "Subject: With a file",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain",
    "",
    "See the file.",
    "--b",
    'Content-Type: text/plain; name="note.txt"',
    'Content-Disposition: attachment; filename="note.txt"',
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from(ATTACHED).toString("base64"),
    "--b--",
    "",
  ].join("\r\n");
  const response = await fetch(`${worker.origin}/gmail/v1/users/me/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ raw: Buffer.from(raw).toString("base64url"), labelIds: ["INBOX"] }),
  });
  expect(response.status).toBe(200);
}

/** Runs a script as a careful shell does: the first thing that fails ends it. */
async function run(script: string): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const shell = spawn("bash", ["-eu", "-o", "pipefail", "-c", script], { env, timeout: 50_000 });
  const [stdout, stderr, [code]] = await Promise.all([text(shell.stdout), text(shell.stderr), once(shell, "close")]);
  return { code, stdout, stderr };
}

test("every recipe has an expectation here, and every expectation a recipe", () => {
  expect([...recipes.keys()]).toEqual(Object.keys(EXPECTED));
});

test.for([...recipes])("%s", { timeout: 60_000 }, async ([heading, script]) => {
  const { prints, given } = EXPECTED[heading] ?? expect.fail("no expectation");
  given?.();
  const { code, stdout, stderr } = await run(script);
  expect({ code, stderr }, stdout).toMatchObject({ code: 0 });
  for (const expected of prints) expect(stdout).toMatch(expected);
});
