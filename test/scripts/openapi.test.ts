/** The OpenAPI document: valid, complete, and made from what the code checks with. */
import { execSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { unstable_readConfig as readWranglerConfig } from "wrangler";
import { makeDocument } from "../../scripts/openapi/document.ts";
import { makePage } from "../../scripts/openapi/page.ts";
import { METHODS } from "../../scripts/openapi/types.ts";
import { REASONS } from "../../src/errors.ts";
import { LIST_OPTION_NAMES } from "../../src/mailbox/options.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const document = makeDocument();

test("is a valid OpenAPI 3.1 document without a dead reference", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(JSON.parse(JSON.stringify(document)));
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(() => validator.resolveRefs()).not.toThrow();
});

test("the validator finds what is wrong", async () => {
  const broken = { ...document, paths: { "/x": { get: { responses: { 200: {} } } } } };
  expect((await new Validator().validate(JSON.parse(JSON.stringify(broken)))).valid).toBe(false);
});

test("[build] of wrangler.toml makes the served files, again only when something is newer, and watches none of them", () => {
  const { build } = readWranglerConfig({ config: path.join(ROOT, "wrangler.toml") });
  const run = (args = ""): string => execSync(`${build.command} ${args}`, { cwd: ROOT, encoding: "utf8" });
  expect(run("--force")).toContain("are made");
  const served: unknown = JSON.parse(readFileSync(path.join(ROOT, "public/openapi.json"), "utf8"));
  expect(served).toEqual(JSON.parse(JSON.stringify(document)));
  expect(statSync(path.join(ROOT, "public/docs/index.html")).size).toBeGreaterThan(10_000);
  expect(run()).toContain("nothing has changed");
  expect([build.watch_dir].flat().filter((folder) => !/^(src|scripts)\b/.test(folder ?? ""))).toEqual([]);
});

test("every reason has an example, and is the answer of some operation", () => {
  expect(Object.keys(document.components.examples)).toEqual(Object.keys(REASONS));
  const answered = JSON.stringify([document.paths, document.components.responses]);
  for (const reason of Object.keys(REASONS)) expect(answered).toContain(`#/components/examples/${reason}"`);
});

test("a listing takes the options that are checked, with their limits and defaults", () => {
  const parameters = document.paths["/api/messages"]?.get?.parameters ?? [];
  expect(parameters.map(({ name }) => name).toSorted()).toEqual(LIST_OPTION_NAMES.toSorted());
  const schemas = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]));
  expect(schemas["view"]).toMatchObject({ enum: ["id", "metadata"], default: "id" });
  expect(schemas["limit"]).toMatchObject({ default: 100 });
  expect(document.components.schemas["NewToken"]).toMatchObject({
    required: ["name"],
    properties: { name: { maxLength: 100 }, expiresInDays: { minimum: 1, maximum: 365, default: 90 } },
  });
});

test("operations have names of their own", () => {
  const ids = Object.values(document.paths).flatMap((item) =>
    METHODS.flatMap((method) => item[method]?.operationId ?? []),
  );
  expect(new Set(ids).size).toBe(ids.length);
});

test("the page names every operation and every reason", async () => {
  const page = await makePage(document);
  for (const item of Object.values(document.paths)) {
    for (const method of METHODS) {
      const id = item[method]?.operationId;
      if (id !== undefined) expect(page).toContain(`id="${id}"`);
    }
  }
  for (const reason of Object.keys(REASONS)) expect(page).toContain(`id="${reason}"`);
  const [markup = "", script = "", ...more] = page.split(/<\/?script>/);
  expect(markup + more.join("")).not.toMatch(/<style|\sstyle=|\son[a-z]+=|<script/);
  // The only script stands in the page, and the headers of all files allow it by its hash, and nothing else.
  expect(more).toHaveLength(1);
  const hash = createHash("sha256").update(script).digest("base64");
  const policies = readFileSync(path.join(ROOT, "public/_headers"), "utf8").match(/script-src [^;]*/g);
  expect(policies).toEqual([`script-src 'sha256-${hash}'`]);
});
