/** `setup -- --deploy --jurisdiction eu`: objects and KV of a deployment in one jurisdiction, as wrangler.toml says it. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKvNamespace, type Deployment } from "./deployment.ts";
import { ScriptError } from "./script-error.ts";

const JURISDICTIONS = new Set(["eu", "us"]);
const VARIABLE = /^JURISDICTION = "(.*)"$/m;
const BINDING = /^binding = "CREDENTIALS"\n(?:id = "(.*)"\n)?/m;

/** What is left to do for a jurisdiction. */
export interface JurisdictionPlan {
  readonly jurisdiction: string;
  readonly file: string;
  readonly text: string;
}

/** Checks the option against wrangler.toml. @returns null where there is nothing to do. @throws {ScriptError} */
export function planJurisdiction(root: string, jurisdiction: string | undefined): JurisdictionPlan | null {
  if (jurisdiction === undefined) return null;
  if (!JURISDICTIONS.has(jurisdiction)) throw new ScriptError("--jurisdiction must be eu or us.");
  const file = join(root, "wrangler.toml");
  const text = readFileSync(file, "utf8");
  const declared = VARIABLE.exec(text)?.[1];
  const binding = BINDING.exec(text);
  if (declared === undefined || binding === null) {
    throw new ScriptError("wrangler.toml lacks the line JURISDICTION, or the KV binding CREDENTIALS.");
  }
  const hasNamespace = binding[1] !== undefined;
  if (declared === jurisdiction && hasNamespace) return null;
  if (declared !== "" && declared !== jurisdiction) {
    throw new ScriptError(`wrangler.toml has JURISDICTION = "${declared}". Another one ends all sessions and API tokens:
where you want that, empty it there, and remove the id of CREDENTIALS.`);
  }
  if (hasNamespace) {
    throw new ScriptError(`The KV namespace of CREDENTIALS exists, and cannot move. Remove its id from wrangler.toml to get
another one: everybody consents once more then.`);
  }
  return { jurisdiction, file, text };
}

/** Makes the KV namespace, and writes wrangler.toml. */
export async function carryOut({ jurisdiction, file, text }: JurisdictionPlan, deployment: Deployment): Promise<void> {
  const id = await createKvNamespace(deployment, jurisdiction);
  const next = text
    .replace(VARIABLE, `JURISDICTION = "${jurisdiction}"`)
    .replace(BINDING, `binding = "CREDENTIALS"\nid = "${id}"\n`);
  writeFileSync(file, next);
}
