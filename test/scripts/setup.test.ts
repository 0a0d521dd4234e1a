/** `npm run setup`: what it takes, what it writes, and what a wrangler in its place gets from it. */

import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeTemporaryFolder, type TemporaryFolder } from "../../scripts/lib/env-file.ts";
import { setUp } from "../../scripts/lib/setup-steps.ts";
import { addTokenKey, parseTokenKeys } from "../../scripts/lib/token-keys.ts";
import { ServiceAccountSchema } from "../../src/lib/service-account-key.ts";
import { makeServiceAccount } from "../support/service-account.ts";

const ID = "123-abc.apps.googleusercontent.com";
const SECRET = "GOCSPX-secret_of-these-tests";
const LOCAL = "http://localhost:8787/auth/callback";
const URL_OPTION = ["--deploy", "--public-url", "https://mail.example.com"];
const PUBLIC = "https://mail.example.com/auth/callback";
const KEYS = JSON.stringify(addTokenKey(new Date()));

/** Writes down how it is called and with what, then answers as the environment says. */
const FAKE_WRANGLER = `
import { appendFileSync, readFileSync } from "node:fs";
const args = process.argv.slice(2);
const input = readFileSync(0, "utf8");
appendFileSync(process.env.CALLS, JSON.stringify({ args, input }) + "\\n");
const said = process.env["SAYS_" + args.slice(0, 2).join("_").toUpperCase()] ?? "done";
console.log(said.replace("INPUT", input));
process.exit(Number(process.env["EXITS_" + args.slice(0, 2).join("_").toUpperCase()] ?? 0));
`;

let temporary: TemporaryFolder;
let root: string;

beforeEach(async () => {
  temporary = await makeTemporaryFolder();
  root = join(temporary.path, "project");
  await mkdir(root);
  await writeFile(join(temporary.path, "wrangler.mjs"), FAKE_WRANGLER);
  await writeFile(
    join(root, ".dev.vars.example"),
    '# Secret.\nGOOGLE_CLIENT_ID=""\nGOOGLE_CLIENT_SECRET=""\nTOKEN_KEYS=\'\'\n',
  );
});
afterEach(() => temporary[Symbol.asyncDispose]());

async function client(changes: Record<string, unknown> = {}, name = "client_secret_123.json"): Promise<void> {
  const web = { client_id: ID, project_id: "p", client_secret: SECRET, redirect_uris: [LOCAL, PUBLIC], ...changes };
  await writeFile(join(root, name), JSON.stringify({ web }));
}

const progress: string[] = [];

async function run(args: readonly string[] = [], env: Record<string, string> = {}): Promise<string> {
  progress.length = 0;
  const fake = [process.execPath, join(temporary.path, "wrangler.mjs")];
  const text = await setUp(args, {
    root,
    folder: root,
    env: { SAYS_SECRET_LIST: "[]", ...env, CALLS: join(temporary.path, "calls") },
    now: () => new Date("2026-11-22T12:00:00Z"),
    commands: { wrangler: fake, deploy: [...fake, "deploy"] },
    onProgress: (line) => progress.push(line),
  });
  for (const secret of await secrets()) expect(text + progress.join("")).not.toContain(secret);
  return text;
}

/** What nothing may show. */
async function secrets(): Promise<string[]> {
  const { TOKEN_KEYS = "" } = parseEnv((await vars()) ?? "");
  // Keys that are not valid are looked for by the test itself.
  const keys = TOKEN_KEYS.includes("kid") ? parseTokenKeys(TOKEN_KEYS).keys : [];
  return [SECRET, ...keys.map(({ k }) => k)];
}

async function failure(args: readonly string[] = [], env: Record<string, string> = {}): Promise<string> {
  const error: unknown = await run(args, env).then(
    (text) => expect.fail(`no failure, but: ${text}`),
    (reason: unknown) => reason,
  );
  const message = error instanceof Error ? error.message : String(error);
  for (const secret of await secrets()) expect(message + progress.join("")).not.toContain(secret);
  return message;
}

async function vars(): Promise<string | null> {
  return readFile(join(root, ".dev.vars"), "utf8").catch(() => null);
}

async function calls(): Promise<{ args: string[]; input: string }[]> {
  const text = await readFile(join(temporary.path, "calls"), "utf8").catch(() => "");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}

describe("for this machine", () => {
  it("writes .dev.vars from the example, for its owner only, with new keys, and names what it did", async () => {
    await client();
    const text = await run();
    expect(text).toMatch(/added: GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, TOKEN_KEYS/);
    expect(text).toContain(`redirect URI ${LOCAL}`);
    const written = (await vars()) ?? "";
    expect(written.startsWith("# Secret.\n")).toBe(true);
    const parsed = parseEnv(written);
    expect(parsed).toMatchObject({ GOOGLE_CLIENT_ID: ID, GOOGLE_CLIENT_SECRET: SECRET });
    expect(parseTokenKeys(parsed["TOKEN_KEYS"] ?? "").keys).toHaveLength(1);
    expect((await stat(join(root, ".dev.vars"))).mode & 0o777).toBe(0o600);
    expect((await readdir(root)).toSorted()).toEqual([".dev.vars", ".dev.vars.example", "client_secret_123.json"]);
  });

  it("run again changes nothing, but who may read the file", async () => {
    await client();
    await run();
    const before = await vars();
    await chmod(join(root, ".dev.vars"), 0o644);
    expect(await run()).toMatch(/left as it was: GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, TOKEN_KEYS/);
    expect(await vars()).toBe(before);
    expect((await stat(join(root, ".dev.vars"))).mode & 0o777).toBe(0o600);
  });

  it("changes its own lines and no others, and keeps the keys", async () => {
    await client();
    const others = `# mine\nALLOWED_ACCOUNTS="ada@example.com"\n\nTOKEN_KEYS='${KEYS}'\n`;
    await writeFile(join(root, ".dev.vars"), `export GOOGLE_CLIENT_ID=old\n${others}`);
    const outcome = JSON.parse(await run(["--json"]));
    expect(outcome).toEqual({
      clientFile: join(root, "client_secret_123.json"),
      redirectUri: LOCAL,
      added: ["GOOGLE_CLIENT_SECRET"],
      changed: ["GOOGLE_CLIENT_ID"],
      kept: ["TOKEN_KEYS"],
      unknown: [],
      secretsPut: [],
      secretsKept: [],
      delegation: null,
      deployed: false,
      dryRun: false,
    });
    expect(await vars()).toBe(`GOOGLE_CLIENT_ID='${ID}'\n${others}GOOGLE_CLIENT_SECRET='${SECRET}'\n`);
  });

  it("names what is no setting, with the one that was probably meant, and leaves it as it is", async () => {
    await client();
    const misspelt = "ALLOWED_ACOUNTS='ada@example.com'\n";
    await writeFile(join(root, ".dev.vars"), misspelt);
    const text = await run();
    expect(text).toContain("  ALLOWED_ACOUNTS is not a setting. Did you mean ALLOWED_ACCOUNTS?\n");
    expect(text).not.toContain("ada@example.com");
    expect((await vars())?.startsWith(misspelt)).toBe(true);
    expect(JSON.parse(await run(["--json"])).unknown).toHaveLength(1);
  });

  it("--dry-run says the same and writes nothing", async () => {
    await client();
    expect(await run(["--dry-run"])).toMatch(/Nothing is written[^]*added: GOOGLE_CLIENT_ID/);
    expect(await vars()).toBeNull();
  });

  it("keys that are not valid are not replaced, and nothing is written", async () => {
    await client();
    await writeFile(join(root, ".dev.vars"), 'TOKEN_KEYS=\'{"keys":[{"k":"hunter2"}]}\'\n');
    expect(await failure()).toMatch(/^(?!.*hunter2)TOKEN_KEYS in \.dev\.vars is not/);
    expect(await vars()).toBe('TOKEN_KEYS=\'{"keys":[{"k":"hunter2"}]}\'\n');
  });

  it("a value over several lines is not torn: nothing is written", async () => {
    await client();
    const text = "GOOGLE_CLIENT_SECRET='a\nb'\n";
    await writeFile(join(root, ".dev.vars"), text);
    expect(await failure()).toMatch(/cannot be changed safely/);
    expect(await vars()).toBe(text);
  });
});

describe("the client's file", () => {
  it("is the only one of its kind in the folder, or the one that is named", async () => {
    expect(await failure()).toMatch(/There is no client_secret_….json[^]*console\.cloud\.google\.com/);
    await client({}, "client_secret_1.json");
    await client({ client_id: `other-${ID}` }, "client_secret_2.json");
    expect(await failure()).toMatch(/client_secret_1\.json, client_secret_2\.json/);
    await run(["client_secret_2.json"]);
    expect(parseEnv((await vars()) ?? "")["GOOGLE_CLIENT_ID"]).toBe(`other-${ID}`);
    expect(await failure(["nowhere.json"])).toMatch(/nowhere\.json cannot be read/);
  });

  it.each<[string, unknown, RegExp]>([
    [
      "another type of client",
      { installed: { client_id: ID, client_secret: SECRET } },
      /Desktop app[^]*Web application/,
    ],
    ["a service account", { type: "service_account", private_key: SECRET }, /not what Google's console gives/],
    ["no secret", { web: { client_id: ID, redirect_uris: [LOCAL] } }, /client_secret is missing/],
    ["another form of ID", { web: { client_id: "me@example.com", client_secret: SECRET } }, /client_id does not end/],
    ["a list", [SECRET], /not what Google's console gives/],
  ])("with %s is refused, and nothing is written", async (_, content, says) => {
    await writeFile(join(root, "client_secret_1.json"), JSON.stringify(content));
    expect(await failure()).toMatch(says);
    expect(await vars()).toBeNull();
  });

  it("without the redirect URI is refused with what to add and where, unless it was added since", async () => {
    await client({ redirect_uris: ["http://localhost:8787/"] });
    const message = await failure();
    expect(message).toContain(`\n  ${LOCAL}\n`);
    expect(message).toContain(`https://console.cloud.google.com/auth/clients/${ID}`);
    expect(await vars()).toBeNull();
    await run(["--redirect-uri-added"]);
    expect(await vars()).toContain(ID);
  });
});

describe("--deploy", () => {
  it("puts the secrets by standard input, never as arguments, and then deploys", async () => {
    await client();
    const outcome = JSON.parse(await run([...URL_OPTION, "--json"]));
    expect(outcome).toMatchObject({ redirectUri: PUBLIC, deployed: true, secretsKept: [] });
    const made = await calls();
    expect(made.map(({ args }) => args)).toEqual([
      ["secret", "list", "--format", "json"],
      ["secret", "bulk"],
      ["deploy"],
    ]);
    const local = parseEnv((await vars()) ?? "");
    expect(JSON.parse(made[1]?.input ?? "")).toEqual(local);
    expect(outcome.secretsPut).toEqual(Object.keys(local));
  });

  it("leaves the deployed Worker's keys alone", async () => {
    await client();
    await run(URL_OPTION, { SAYS_SECRET_LIST: '[{"name":"TOKEN_KEYS","type":"secret_text"}]' });
    expect(Object.keys(JSON.parse((await calls())[1]?.input ?? ""))).toEqual([
      "GOOGLE_CLIENT_ID",
      "GOOGLE_CLIENT_SECRET",
    ]);
  });

  it("a Worker that does not exist yet has no secrets", async () => {
    await client();
    await run(URL_OPTION, { SAYS_SECRET_LIST: "This Worker does not exist [code: 10007]", EXITS_SECRET_LIST: "1" });
    expect(Object.keys(JSON.parse((await calls())[1]?.input ?? ""))).toContain("TOKEN_KEYS");
  });

  it.each<[string, Record<string, string>, RegExp, number]>([
    [
      "secrets cannot be listed",
      { SAYS_SECRET_LIST: "Not logged in.", EXITS_SECRET_LIST: "1" },
      /wrangler -- login[^]*Not logged/,
      1,
    ],
    ["what is listed is not JSON", { SAYS_SECRET_LIST: "none" }, /does not list/, 1],
    [
      "secrets are not taken",
      { SAYS_SECRET_BULK: "bad: INPUT", EXITS_SECRET_BULK: "1" },
      /did not take the secrets/,
      2,
    ],
    ["the deployment fails", { SAYS_DEPLOY: "no subdomain", EXITS_DEPLOY: "3" }, /exit code 3[^]*no subdomain/, 3],
  ])("ends where %s", async (_, env, says, count) => {
    await client();
    expect(await failure(URL_OPTION, env)).toMatch(says);
    expect(await calls()).toHaveLength(count);
  });

  it("shows no secret that wrangler prints", async () => {
    await client();
    const message = await failure(URL_OPTION, { SAYS_SECRET_BULK: `bad: ${SECRET}`, EXITS_SECRET_BULK: "1" });
    expect(message).toContain("bad: …");
  });

  it("--dry-run asks which secrets there are and does nothing", async () => {
    await client();
    const outcome = JSON.parse(await run([...URL_OPTION, "--dry-run", "--json"]));
    expect(outcome).toMatchObject({
      deployed: false,
      dryRun: true,
      secretsPut: expect.arrayContaining(["TOKEN_KEYS"]),
    });
    expect((await calls()).map(({ args }) => args[1])).toEqual(["list"]);
    expect(await vars()).toBeNull();
  });

  it.each([
    [["--deploy"], /needs --public-url/],
    [["--deploy", "--public-url", "http://mail.example.com"], /must be https/],
    [["--deploy", "--public-url", "https://mail.example.com/x"], /without a path/],
    [["--deploy", "--public-url", "http://localhost:8787"], /not this machine/],
    [["--public-url", "https://mail.example.com"], /is for --deploy/],
    [["a.json", "b.json"], /one file only/],
  ])("%j is refused", async (args, says) => {
    await client();
    expect(await failure(args)).toMatch(says);
    expect(await calls()).toEqual([]);
    await rm(join(root, "client_secret_123.json"));
  });
});

describe("--service-account", async () => {
  const { file, json } = await makeServiceAccount();
  const OPTIONS = ["--service-account", "key.json", "--delegated-domains", "Example.com, studio.example"];
  const READONLY = "https://www.googleapis.com/auth/gmail.readonly";
  const [, line = ""] = (file["private_key"] ?? "").split("\n");

  beforeEach(async () => {
    await client();
    await writeFile(join(root, "key.json"), json);
    await declare("");
  });

  async function declare(domains: string): Promise<void> {
    const text = `name = "w"\n[vars]\nGOOGLE_SCOPES = "openid email ${READONLY}"\nDELEGATED_DOMAINS = "${domains}"\n`;
    await writeFile(join(root, "wrangler.toml"), text);
  }

  async function refusal(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const message = await failure(args, env);
    expect(message + progress.join("")).not.toContain(line);
    return message;
  }

  it("writes key and domains to .dev.vars, and says what an administrator enters; shows no key", async () => {
    const text = await run(OPTIONS);
    expect(text).toMatch(/added: .*GOOGLE_SERVICE_ACCOUNT, DELEGATED_DOMAINS\n/);
    expect(text).toContain("Domain-wide delegation for example.com, studio.example.");
    expect(text).toContain(`  Client ID: ${file["client_id"]}\n  OAuth scopes: ${READONLY}\n`);
    expect(text).not.toContain(line);
    const { DELEGATED_DOMAINS, GOOGLE_SERVICE_ACCOUNT = "" } = parseEnv((await vars()) ?? "");
    expect(DELEGATED_DOMAINS).toBe("example.com,studio.example");
    const kept: unknown = JSON.parse(GOOGLE_SERVICE_ACCOUNT);
    expect(ServiceAccountSchema.parse(kept)).toEqual(ServiceAccountSchema.parse(file));
    expect(kept).not.toHaveProperty("project_id");
    expect(await run(OPTIONS)).toMatch(/left as it was: .*GOOGLE_SERVICE_ACCOUNT, DELEGATED_DOMAINS\n/);
  });

  it("asks for the scopes that .dev.vars sets", async () => {
    const send = "https://www.googleapis.com/auth/gmail.send";
    await writeFile(join(root, ".dev.vars"), `GOOGLE_SCOPES="openid ${READONLY} ${send}"\n`);
    expect(JSON.parse(await run([...OPTIONS, "--json"])).delegation).toEqual({
      clientId: file["client_id"],
      domains: ["example.com", "studio.example"],
      scopes: [READONLY, send],
    });
  });

  it("--deploy puts the key by standard input, and the domains, which are no secret, not", async () => {
    await declare("example.com,studio.example");
    await run([...URL_OPTION, ...OPTIONS]);
    const put: Record<string, string> = JSON.parse((await calls())[1]?.input ?? "");
    expect(Object.keys(put)).toEqual([
      "GOOGLE_CLIENT_ID",
      "GOOGLE_CLIENT_SECRET",
      "TOKEN_KEYS",
      "GOOGLE_SERVICE_ACCOUNT",
    ]);
    expect(ServiceAccountSchema.parse(JSON.parse(put["GOOGLE_SERVICE_ACCOUNT"] ?? "")).keyId).toBe(
      file["private_key_id"],
    );
  });

  it("--deploy takes the domains from wrangler.toml: where others are there, nothing is written", async () => {
    await declare("example.com");
    const message = await refusal([...URL_OPTION, ...OPTIONS]);
    expect(message).toContain('\n  DELEGATED_DOMAINS = "example.com,studio.example"\n');
    expect([await vars(), await calls()]).toEqual([null, []]);
  });

  it("shows no part of the key that wrangler prints", async () => {
    await declare("example.com,studio.example");
    const env = { SAYS_SECRET_BULK: "bad: INPUT", EXITS_SECRET_BULK: "1" };
    expect(await refusal([...URL_OPTION, ...OPTIONS], env)).toMatch(/did not take the secrets/);
  });

  it.each<[string, unknown, RegExp]>([
    ["is not there", null, /key\.json cannot be read \(ENOENT\)/],
    ["is not JSON", "-----BEGIN PRIVATE KEY-----", /key\.json is not JSON\. Create .* type JSON/],
    ["is of an OAuth client", { web: { client_id: ID, client_secret: SECRET } }, /is the file of an OAuth client/],
    ["is of a person", { ...file, type: "authorized_user" }, /type must be "service_account"/],
    ["lacks a member", { ...file, client_id: undefined }, /client_id is missing/],
    ["has no key in it", { ...file, private_key: "secret" }, /private_key must be a PEM key of PKCS #8/],
    [
      "has a key that is none",
      { ...file, private_key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
      /private_key is not an RSA key/,
    ],
  ])("a key file that %s is refused, and nothing is written", async (_, content, says) => {
    await rm(join(root, "key.json"));
    if (content !== null) {
      await writeFile(join(root, "key.json"), typeof content === "string" ? content : JSON.stringify(content));
    }
    expect(await refusal(OPTIONS)).toMatch(says);
    expect(await vars()).toBeNull();
  });

  it.each([
    [["--service-account", "key.json"], /needs --delegated-domains/],
    [["--delegated-domains", "example.com"], /needs --service-account/],
    [["--service-account", "key.json", "--delegated-domains", "@example.com"], /not "@example\.com"/],
    [["--service-account", "key.json", "--delegated-domains", ""], /must hold domains/],
  ])("%j is refused", async (args, says) => {
    expect(await refusal(args)).toMatch(says);
    expect(await vars()).toBeNull();
  });
});

async function declareJurisdiction(jurisdiction: string, id = ""): Promise<void> {
  const text = `[vars]\nJURISDICTION = "${jurisdiction}"\n\n[[kv_namespaces]]\nbinding = "CREDENTIALS"\n${id}`;
  await writeFile(join(root, "wrangler.toml"), text);
}

async function declared(): Promise<string> {
  return readFile(join(root, "wrangler.toml"), "utf8");
}

describe("--jurisdiction", () => {
  const EU = [...URL_OPTION, "--jurisdiction", "eu"];
  const ID_OF_KV = "0123456789abcdef0123456789abcdef";
  const CREATED = { SAYS_KV_NAMESPACE: `id = "${ID_OF_KV}"` };

  beforeEach(() => client());

  it("makes KV there, and writes both to wrangler.toml before it deploys; again, it has nothing to do", async () => {
    await declareJurisdiction("");
    await run(EU, CREATED);
    expect((await calls())[0]?.args).toEqual([
      "kv",
      "namespace",
      "create",
      "gmail-edge-credentials",
      "--jurisdiction",
      "eu",
    ]);
    expect((await calls()).at(-1)?.args).toEqual(["deploy"]);
    const text = await declared();
    expect(text).toContain('JURISDICTION = "eu"');
    expect(text).toContain(`binding = "CREDENTIALS"\nid = "${ID_OF_KV}"\n`);
    await run(EU);
    expect(await declared()).toBe(text);
    expect((await calls()).filter(({ args }) => args[0] === "kv")).toHaveLength(1);
  });

  it("writes nothing in a dry run", async () => {
    await declareJurisdiction("");
    const before = await declared();
    await run([...EU, "--dry-run"]);
    expect([await declared(), (await calls()).some(({ args }) => args[0] === "kv")]).toEqual([before, false]);
  });

  it.each<[string, string[], () => Promise<void>, RegExp]>([
    ["another word", [...URL_OPTION, "--jurisdiction", "mars"], () => declareJurisdiction(""), /must be eu or us/],
    ["no deployment", ["--jurisdiction", "eu"], () => declareJurisdiction(""), /is for --deploy/],
    ["another jurisdiction", EU, () => declareJurisdiction("us"), /ends all sessions/],
    ["a namespace that exists", EU, () => declareJurisdiction("", `id = "${ID_OF_KV}"\n`), /cannot move/],
  ])("refuses, and writes nothing: %s", async (_, args, prepare, message) => {
    await prepare();
    expect(await failure(args)).toMatch(message);
    expect([await vars(), await calls()]).toEqual([null, []]);
  });

  it("tells what wrangler says where it makes none", async () => {
    await declareJurisdiction("");
    expect(await failure(EU, { SAYS_KV_NAMESPACE: "no rights", EXITS_KV_NAMESPACE: "1" })).toMatch(/no rights/);
    expect(await declared()).toContain('JURISDICTION = ""');
  });
});
