/** The settings that a Worker would get, checked by its own parser before it is started. */

import { join } from "node:path";
import { parseEnv } from "node:util";
import { unstable_readConfig as readWranglerConfig } from "wrangler";
import { ConfigError, describeUnknownNames, parseConfig } from "../../src/config.ts";

/** What a file in dotenv format and wrangler.toml say, together. */
export interface Settings {
  /** What the Worker would answer every request with 500 for; no values. */
  readonly problems: readonly string[];
  /** A sentence for each name that is set and means nothing. */
  readonly unknownNames: readonly string[];
}

/**
 * Checks the settings as wrangler gives them to the Worker: the file's win over those of wrangler.toml.
 *
 * @param root the project's folder
 */
export function checkSettings(root: string, text: string): Settings {
  const env = { ...readDeclaredVars(root), ...parseEnv(text) };
  return {
    problems: findProblems({ ...env, CREDENTIALS: {}, MAILBOXES: {} }),
    unknownNames: describeUnknownNames(env),
  };
}

/** The vars of wrangler.toml. @param root the project's folder */
export function readDeclaredVars(root: string): Readonly<Record<string, unknown>> {
  return readWranglerConfig({ config: join(root, "wrangler.toml") }).vars;
}

function findProblems(env: unknown): readonly string[] {
  try {
    parseConfig(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
