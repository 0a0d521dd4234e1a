/**
 * Stages in front of a real `wrangler dev` process with the local Google on a loopback port. Node only.
 *
 * Stages with the same variables share a process one after the other, so each begins by making Google new.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, inject } from "vitest";
import { described } from "./described.ts";
import { Google } from "./google.ts";
import { sendOverHttp } from "./http-client.ts";
import { browserFor, CLIENT, googleFor, type Harness, type Stage, type StageOptions } from "./stage.ts";
import { type Delivery, deliverySchema, type Order } from "./wrangler-pool.ts";

/** Directories of wrangler's local state. */
const STORAGE = ["v3/kv", "v3/do"];
const OBSERVABILITY = "v3/observability";

/** This test file. */
const BORROWER = crypto.randomUUID();

async function openStage(options: StageOptions): Promise<Stage> {
  const publicUrl = options.publicUrl === undefined ? {} : { PUBLIC_URL: options.publicUrl };
  const deployment = await borrow({
    vars: { ...publicUrl, ...options.vars },
    apart: options.apart ?? "",
  });
  const { stateDirectory, outputFile, tokenKeys } = deployment;
  const google = new Google(deployment.googleOrigin);
  const origin = options.publicUrl ?? deployment.origin;
  await google.act({ action: "reset" });
  await google.configure(googleFor(origin, options.google));
  const base = { origin, google, now: () => Date.now(), send: described(sendOverHttp(deployment.origin)) };
  return {
    ...base,
    client: CLIENT,
    tokenKeys,
    browser: () => browserFor(base),
    logs: () => readFileSync(outputFile, "utf8") + withoutAddressBar(readTree(join(stateDirectory, OBSERVABILITY))),
    stored: async () => STORAGE.map((name) => readTree(join(stateDirectory, name))).join("\n"),
  };
}

async function borrow(wanted: { vars: Record<string, string>; apart: string }): Promise<Delivery> {
  return deliverySchema.parse(await send({ order: "borrow", borrower: BORROWER, ...wanted }));
}

async function send(order: Order): Promise<unknown> {
  const response = await fetch(inject("wranglerPool"), { method: "POST", body: JSON.stringify(order) });
  const text = await response.text();
  if (!response.ok) throw new Error(`no wrangler: ${text}`);
  return JSON.parse(text);
}

afterAll(async () => {
  await send({ order: "return", borrower: BORROWER });
});

/**
 * Wrangler's local traces without the address at which Google's redirect arrived: the code in it is Google's doing, the tool
 * writes it down, and the Worker has no say in either. Deployed, `redact_query_string` keeps it out.
 */
function withoutAddressBar(traces: string): string {
  return traces.replaceAll(/\/auth\/callback\?[\w%=&.~+*-]*/g, "/auth/callback?…");
}

/** All files below a directory as one text, byte by byte: they are searched, not understood. */
function readTree(directory: string): string {
  if (!existsSync(directory)) return "";
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("\n");
}

export const harness: Harness = { name: "wrangler-dev", openStage };
