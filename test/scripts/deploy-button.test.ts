/**
 * What a "Deploy to Cloudflare" button reads of this repository: it asks for what the Worker needs, says what each value is,
 * and carries no value of a developer's into a deployment.
 *
 * https://developers.cloudflare.com/workers/platform/deploy-buttons/
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseEnv } from "node:util";
import { expect, test } from "vitest";
import { unstable_readConfig as readWranglerConfig } from "wrangler";
import * as z from "zod";
import { describeUnknownNames } from "../../src/config.ts";
import { TokenKeysSchema } from "../../src/lib/key-ring.ts";

const ROOT = path.join(import.meta.dirname, "../..");

const PackageSchema = z.object({
  cloudflare: z.object({ bindings: z.record(z.string(), z.object({ description: z.string() })) }),
});

const ConfigSchema = z.object({
  vars: z.record(z.string(), z.string()),
  secrets: z.object({ required: z.array(z.string()) }),
  kv_namespaces: z.array(z.object({ binding: z.string() })),
});

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), "utf8");
}

const { bindings } = PackageSchema.parse(JSON.parse(read("package.json"))).cloudflare;
const config = ConfigSchema.parse(readWranglerConfig({ config: path.join(ROOT, "wrangler.toml") }));

test("everything that is asked for is described, and nothing else", () => {
  const asked = [
    ...config.secrets.required,
    ...Object.keys(config.vars),
    ...config.kv_namespaces.map((kv) => kv.binding),
  ];
  expect(Object.keys(bindings).sort()).toEqual(asked.sort());
});

test("it asks for the secrets that the Worker needs, and offers no value for them", () => {
  // Every line that is not a comment becomes a secret of the deployment, with its value as the default.
  const offered = parseEnv(read(".dev.vars.example"));
  expect(offered).toEqual(Object.fromEntries(config.secrets.required.map((name) => [name, ""])));
});

test("every name in .dev.vars.example, commented or not, is one that the Worker knows", () => {
  const uncommented = read(".dev.vars.example").replaceAll(/^# (?=[A-Z_]+=)/gm, "");
  expect(Object.keys(parseEnv(uncommented)).length).toBeGreaterThan(5);
  expect(describeUnknownNames(parseEnv(uncommented))).toEqual([]);
  expect(describeUnknownNames(config.vars)).toEqual([]);
});

test("the command that is shown for TOKEN_KEYS makes a value that the Worker takes", () => {
  const [, command = ""] = /`(printf [^`]+)`/.exec(bindings["TOKEN_KEYS"]?.description ?? "") ?? [];
  const make = (): unknown =>
    JSON.parse(execFileSync("bash", ["-eu", "-o", "pipefail", "-c", command], { encoding: "utf8" }));
  // Often enough for every character that base64 and base64url write differently.
  const made = Array.from({ length: 20 }, () => TokenKeysSchema.parse(make()).keys[0]?.k);
  expect(new Set(made).size).toBe(20);
});
