/**
 * Domain-wide delegation in `npm run setup`: the key of a service account, the domains, and what the administrator of each
 * domain enters.
 */

import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { gmailScopes } from "../../src/oauth.ts";
import { ScriptError } from "./script-error.ts";
import { readServiceAccountSecret } from "./service-account.ts";
import { readDeclaredVars } from "./settings.ts";

const ADMIN_CONSOLE_URL = "https://admin.google.com/ac/owl/domainwidedelegation";

/** What is to be set. */
export interface DelegationSettings {
  /** What an administrator authorizes. */
  readonly clientId: string;
  /** In lower case. */
  readonly domains: readonly string[];
  /** The value of `GOOGLE_SERVICE_ACCOUNT`. */
  readonly secret: string;
}

/** The options of the command line. */
export interface DelegationOptions {
  readonly "service-account"?: string | undefined;
  readonly "delegated-domains"?: string | undefined;
}

/**
 * Reads what the options say; null where they say nothing.
 *
 * @param folder where the person is
 * @throws {ScriptError} that says what is wrong with them, or with the key file
 */
export async function readDelegation(options: DelegationOptions, folder: string): Promise<DelegationSettings | null> {
  const { "service-account": file, "delegated-domains": list } = options;
  if (file === undefined && list === undefined) return null;
  if (file === undefined) throw new ScriptError("--delegated-domains needs --service-account FILE, a key file.");
  if (list === undefined) throw new ScriptError("--service-account needs --delegated-domains, such as example.com.");
  const domains = list.split(",").map((entry) => entry.trim().toLowerCase());
  // Values are checked by the Worker's own parser afterwards; this is what people get wrong.
  const wrong = domains.find((domain) => !/^(?:[a-z0-9-]+\.)+[a-z0-9-]+$/.test(domain));
  if (wrong !== undefined) {
    throw new ScriptError(
      `--delegated-domains must hold domains such as example.com, separated by commas: not "${wrong}".`,
    );
  }
  return { ...(await readServiceAccountSecret(resolve(folder, file))), domains };
}

/**
 * A deployed Worker has its vars from wrangler.toml, and no secret may have a var's name.
 *
 * @throws {ScriptError} that says which line to write
 */
export function requireDeclaredDomains(root: string, { domains }: DelegationSettings): void {
  const line = domains.join(",");
  if (readDeclaredVars(root)["DELEGATED_DOMAINS"] === line) return;
  throw new ScriptError(`A deployment takes the domains from wrangler.toml. Write there, under [vars]:

  DELEGATED_DOMAINS = "${line}"

Then run this again.`);
}

/** What an administrator has to authorize. */
export interface AuthorizationNeeded {
  readonly clientId: string;
  readonly domains: readonly string[];
  /** The Gmail scopes that the Worker asks for. */
  readonly scopes: readonly string[];
}

/** @param local the text of .dev.vars, which wins over wrangler.toml; empty for a deployment */
export function toAuthorize(
  { clientId, domains }: DelegationSettings,
  root: string,
  local: string,
): AuthorizationNeeded {
  const { GOOGLE_SCOPES } = { ...readDeclaredVars(root), ...parseEnv(local) };
  const scopes = gmailScopes(typeof GOOGLE_SCOPES === "string" ? GOOGLE_SCOPES.split(/\s+/) : []);
  return { clientId, domains, scopes };
}

/** What the administrator of each domain does, in lines. */
export function describeAuthorization({ clientId, domains, scopes }: AuthorizationNeeded): string[] {
  return [
    `Domain-wide delegation for ${domains.join(", ")}. An administrator of each domain adds at`,
    `${ADMIN_CONSOLE_URL} (Security, API controls, Domain-wide delegation)`,
    `  Client ID: ${clientId}`,
    `  OAuth scopes: ${scopes.join(",")}`,
  ];
}
