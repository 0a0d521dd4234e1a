/** `npm run dev:google` and settings that are wrong: it stops at once, and says what is wrong last. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder, type TemporaryFolder, writeEnvFile } from "../../scripts/lib/env-file.ts";
import { findPort } from "../../scripts/lib/ports.ts";
import { checkSettings } from "../../scripts/lib/settings.ts";
import { addTokenKey } from "../../scripts/lib/token-keys.ts";
import { PROJECT_ROOT, startWorker } from "../../scripts/lib/wrangler.ts";
import { start } from "../support/processes.ts";

const KEYS = JSON.stringify(addTokenKey(new Date()));
const GOOD = { GOOGLE_CLIENT_ID: "id", GOOGLE_CLIENT_SECRET: "a-secret-of-this-test", TOKEN_KEYS: KEYS };

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await makeTemporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

function toText(vars: Readonly<Record<string, string>>): string {
  return Object.entries(vars)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}

describe("the settings of a file and of wrangler.toml", () => {
  it("are fine where they are", () => {
    expect(checkSettings(PROJECT_ROOT, toText(GOOD))).toEqual({ problems: [], unknownNames: [] });
  });

  it.each<[string, string]>([
    ["TOKEN_KEYS", "{}"],
    ["TOKEN_KEYS", KEYS.slice(0, -10)],
    ["TOKEN_KEYS", ""],
    ["GOOGLE_CLIENT_ID", ""],
    ["PUBLIC_URL", "localhost:8787"],
    ["ALLOWED_ACCOUNTS", "everybody"],
    ["SUBREQUEST_BUDGET", "1"],
    ["GMAIL_API_URL", "nowhere"],
  ])("are refused as the Worker refuses them: %s=%j", (name, value) => {
    const { problems } = checkSettings(PROJECT_ROOT, toText({ ...GOOD, [name]: value }));
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^${name}\\b`))]);
  });

  it("a name that means nothing is told, with the one that was probably meant", () => {
    const { problems, unknownNames } = checkSettings(
      PROJECT_ROOT,
      toText({ ...GOOD, ALLOWED_ACOUNTS: "a@example.com" }),
    );
    expect([problems, unknownNames]).toEqual([
      [],
      ["ALLOWED_ACOUNTS is not a setting. Did you mean ALLOWED_ACCOUNTS?"],
    ]);
  });
});

async function run(text: string | null, ...args: string[]) {
  const file = join(folder.path, "google.env");
  if (text !== null) await writeFile(file, text);
  const script = join(PROJECT_ROOT, "scripts", "dev-google.ts");
  return start([process.execPath, script, "--vars", text === null ? `${file}.none` : file, ...args]).ended;
}

describe("npm run dev:google", () => {
  it("starts nothing with wrong settings, and ends with every problem", async () => {
    const { code, stdout, stderr } = await run(
      toText({ ...GOOD, TOKEN_KEYS: '{"keys":[]}', SUBREQUEST_BUDGET: "1", ALLOWED_ACOUNTS: "a@example.com" }),
    );
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.trim().split("\n").slice(-3)).toEqual([
      "  ALLOWED_ACOUNTS is not a setting. Did you mean ALLOWED_ACCOUNTS?",
      "  TOKEN_KEYS.keys must hold at least one key",
      "  SUBREQUEST_BUDGET must be 8 or more",
    ]);
    expect(stderr).not.toContain("a-secret-of-this-test");
  });

  it.each([
    ["no file", null, [], /There is no .*\n\n {2}cp \.dev\.vars\.example/],
    ["no port", toText(GOOD), ["--port", "many"], /^--port must be a port number\.\n$/],
  ])("starts nothing with %s, and says so", async (_, text, args, says) => {
    const { code, stderr } = await run(text, ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(says);
  });
});

it("a Worker that says that it is not set up is not waited for, whoever starts it", { timeout: 60_000 }, async () => {
  await using stack = new AsyncDisposableStack();
  const envFile = await writeEnvFile(folder, { ...GOOD, TOKEN_KEYS: "{}", PUBLIC_URL: "nowhere" });
  let output = "";
  const starting = startWorker(stack, {
    port: await findPort(),
    envFile,
    persistTo: join(folder.path, "state"),
    onOutput: (text) => {
      output += text;
    },
  });
  await expect(starting).rejects.toThrow(
    /^The Worker is not set up:\n\n {2}TOKEN_KEYS\.keys .*\n {2}PUBLIC_URL must be/,
  );
  expect(output.split('"reason":"CONFIGURATION"').length - 1).toBe(1);
});
