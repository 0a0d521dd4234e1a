/** `npm run security-events` against a RISC API that is as strict as Google's. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { manageStream } from "../../scripts/lib/stream-commands.ts";
import { type FakeRiscApi, googleError, startFakeRiscApi } from "./fake-risc-api.ts";

const RECEIVER = "https://mail.example.com/auth/security-events";
const EVENTS = [
  "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked",
  "https://schemas.openid.net/secevent/oauth/event-type/token-revoked",
  "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
  "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
  "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
  "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required",
  "https://schemas.openid.net/secevent/risc/event-type/verification",
];

let api: FakeRiscApi;
let folder: string;
let keyPath: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "gmail-edge-test-"));
  api = await startFakeRiscApi();
  keyPath = await write("service-account.json", JSON.stringify(api.keyFile));
});
afterAll(async () => {
  api.close();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  api.stream = null;
  api.status = "enabled";
  api.refusal = null;
  api.tokens.length = 0;
});

async function write(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** What is printed. */
function manage(...args: string[]): Promise<string> {
  return manageStream(["--api-origin", api.origin, "--key", keyPath, ...args], Date.now());
}

/** What is said of a failure, which is for people as it is. */
async function failure(run: Promise<string>): Promise<string> {
  const error: unknown = await run.then(
    (text) => new Error(`no failure, but: ${text}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new TypeError("something else than an error was thrown");
  expect(error.name === "ScriptError" || error instanceof TypeError, String(error)).toBe(true);
  return error.message;
}

/** The script in a process of its own, as people run it. */
function runScript(...args: string[]): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const script = join(import.meta.dirname, "..", "..", "scripts", "security-events.ts");
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [script, ...args], (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode, stdout, stderr });
    });
  });
}

/** Key material and tokens, in any part. */
function expectNothingSecret(text: string): void {
  const pemLines = (api.keyFile["private_key"] ?? "").split("\n").filter((line) => /^[\w+/=]{20,}$/.test(line));
  const secrets = [...pemLines, ...api.tokens.flatMap((token) => token.split(".").slice(1))];
  expect(secrets.length).toBeGreaterThan(20);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
}

describe("register", () => {
  it("asks for every documented event, sent to the given address", async () => {
    const printed = await manage("register", "--url", RECEIVER);
    expect(api.stream).toEqual({
      delivery: { delivery_method: "https://schemas.openid.net/secevent/risc/delivery-method/push", url: RECEIVER },
      events_requested: EVENTS,
    });
    for (const shown of [RECEIVER, ...EVENTS]) expect(printed).toContain(shown);
    expectNothingSecret(printed);
  });

  it.each([
    ["no address", [], "--url"],
    ["an address without TLS", ["--url", "http://mail.example.com/auth/security-events"], "https"],
    ["an address that the Worker does not answer", ["--url", "https://mail.example.com/"], RECEIVER],
    ["an address with a query", ["--url", `${RECEIVER}?a=b`], RECEIVER],
    ["an address with a password", ["--url", RECEIVER.replace("//", "//a:b@")], RECEIVER],
  ])("refuses %s before Google is asked", async (_what, args, words) => {
    expect(await failure(manage("register", ...args))).toContain(words);
    expect(api.tokens).toEqual([]);
  });
});

describe("status", () => {
  beforeEach(() => manage("register", "--url", RECEIVER));

  it("shows address, state and events", async () => {
    const printed = await manage("status");
    expect(printed).toContain(`Receiver: ${RECEIVER}\nStatus:   enabled\n`);
    expect(printed).not.toContain("Not requested");
  });

  it("says which events are not requested", async () => {
    if (api.stream !== null) api.stream.events_requested = EVENTS.slice(1);
    expect(JSON.parse(await manage("status", "--json"))).toEqual({
      url: RECEIVER,
      status: "enabled",
      events: EVENTS.slice(1),
      missing: EVENTS.slice(0, 1),
    });
    expect(await manage("status")).toMatch(/Not requested.*:\n.*tokens-revoked$/);
  });

  it("says unknown of what Google leaves out", async () => {
    api.refusal = { status: 200, body: {} };
    expect(await manage("status")).toBe("Receiver: unknown\nStatus:   unknown\nEvents:\n  unknown");
  });

  it("without a stream says how to get one", async () => {
    api.stream = null;
    expect(await failure(manage("status"))).toMatch(/404: Project has no.*\n.*register/);
  });
});

describe("verify", () => {
  it("sends a state that is new each time, and says what to look for", async () => {
    await manage("register", "--url", RECEIVER);
    const printed = await manage("verify");
    const json: unknown = JSON.parse(await manage("verify", "--json"));
    const [first, second] = api.verifications;
    expect(printed).toContain(`npm run wrangler -- tail --search ${first}`);
    expect(json).toEqual({ state: second });
    expect(first).not.toBe(second);
  });
});

describe("disable and enable", () => {
  it("stop and resume the stream", async () => {
    await manage("register", "--url", RECEIVER);
    expect(await manage("disable")).toBe("The stream of security events is disabled.");
    expect(api.status).toBe("disabled");
    expect(await manage("enable", "--json")).toBe('{"status":"enabled"}');
    expect(api.status).toBe("enabled");
  });
});

describe("a refusal of Google", () => {
  it.each([
    [403, "RISC API has not been used in project 1 before or it is disabled.", "Enable the RISC API"],
    [403, "Service account needs permission to access your RISC configuration", "RISC Configuration Admin"],
    [403, "The delivery endpoint does not belong to any of your project's domains.", "authorized domains"],
    [403, "Existing stream configuration does not have spec-compliant delivery method for RISC.", "Firebase"],
    [403, "To use this API your project must have at least one OAuth client configured.", "OAuth client"],
    [401, "Unauthorized.", "clock"],
  ])("%i %s is shown with what to do", async (status, message, advice) => {
    api.refusal = googleError(status, message, "PERMISSION_DENIED");
    const said = await failure(manage("register", "--url", RECEIVER));
    expect(said.split("\n")).toEqual([`Google answers ${status}: ${message}`, expect.stringContaining(advice)]);
    expectNothingSecret(said);
  });

  it.each([
    [503, "<html>", "Google answers 503: no reason given"],
    [200, "<html>", "Google answers 200: no reason given"],
    [200, { events_requested: "all" }, "Google's answer is not understood."],
  ])("that is not what was promised is a failure: %i %s", async (status, body, words) => {
    api.refusal = { status, body };
    expect(await failure(manage("status"))).toBe(words);
  });

  it("of another account's key says so", async () => {
    const other = await startFakeRiscApi();
    other.close();
    const path = await write("other.json", JSON.stringify(other.keyFile));
    expect(await failure(manage("--key", path, "status"))).toContain("401");
  });

  it("to answer at all says who does not", async () => {
    const gone = await startFakeRiscApi();
    gone.close();
    const host = new URL(gone.origin).host;
    expect(await failure(manage("--api-origin", gone.origin, "status"))).toBe(`${host} does not answer.`);
  });
});

describe("a key file", () => {
  it.each([
    ["that is not there", null, "ENOENT"],
    ["that is not JSON", "-----BEGIN PRIVATE KEY-----", "not JSON"],
    ["of an OAuth client", '{"web":{"client_secret":"s"}}', "OAuth client"],
    [
      "of a person",
      '{"type":"authorized_user","refresh_token":"r"}',
      'type must be "service_account"; client_email is missing; client_id is missing; private_key_id is missing',
    ],
    ["that is a list", "[]", "not a service account's key file: must be an object."],
    [
      "with a broken key",
      '{"type":"service_account","client_email":"a@b","client_id":"1","private_key_id":"b","private_key":"broken"}',
      "key file: private_key must be a PEM key of PKCS #8 (BEGIN PRIVATE KEY).",
    ],
  ])("%s is refused for it", async (_what, content, words) => {
    const path = content === null ? join(folder, "absent.json") : await write("bad.json", content);
    expect(await failure(manage("--key", path, "status"))).toContain(words);
  });
});

describe("a mistake in the command", () => {
  it.each([
    ["no command", [], "Usage"],
    ["an unknown command", ["delete"], "Usage"],
    ["two commands", ["enable", "disable"], "Usage"],
    ["an unknown option", ["status", "--quiet"], "--quiet"],
    ["an address where none belongs", ["status", "--url", RECEIVER], "--url"],
    ["another API", ["status", "--api-origin", "https://risc.example.com"], "--api-origin"],
    ["another scheme", ["status", "--api-origin", "http://risc.googleapis.com"], "--api-origin"],
  ])("is told before Google is asked: %s", async (_what, args, words) => {
    expect(await failure(manage(...args))).toContain(words);
    expect(api.tokens).toEqual([]);
  });

  it("is told: no key", async () => {
    expect(await failure(manageStream(["status"], Date.now()))).toContain("--key is missing");
  });
});

describe("the script", { timeout: 60_000 }, () => {
  it("prints what was done, and ends with 0", async () => {
    const args = ["--api-origin", api.origin, "--key", keyPath, "register", "--url", RECEIVER, "--json"];
    const { exitCode, stdout, stderr } = await runScript(...args);
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({ url: RECEIVER, events: EVENTS });
  });

  it("prints a failure in one line of JSON for a program, or as text", async () => {
    const forProgram = await runScript("status", "--json", "--unknown");
    expect([forProgram.exitCode, forProgram.stdout]).toEqual([2, ""]);
    expect(JSON.parse(forProgram.stderr)).toEqual({ error: expect.stringContaining("--unknown") });
    const forPeople = await runScript("status");
    expect([forPeople.exitCode, forPeople.stdout]).toEqual([1, ""]);
    expect(forPeople.stderr).toMatch(/^--key is missing\. Usage: npm run security-events/);
  });
});
