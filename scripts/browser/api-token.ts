/**
 * An API token for whoever has just started a Worker with the emulated Google: signs in as a person would, and makes it.
 */

import * as z from "zod/mini";
import { ScriptError } from "../lib/script-error.ts";
import { Browser } from "./without-script.ts";

const NAME = "npm run dev";

const TokensSchema = z.object({ tokens: z.array(z.object({ id: z.string(), name: z.string() })) });
const MadeSchema = z.object({ token: z.string() });

/**
 * Makes the token, in place of the one that an earlier start has made.
 *
 * @param user.email an account of the emulated Google, which consents to everything
 * @returns the token, good for a day
 * @throws ScriptError where the Worker does not answer as it should
 */
export async function makeApiToken(origin: string, user: { email: string; access: "read" | "full" }): Promise<string> {
  const browser = new Browser();
  const consent = await browser.visit(`${origin}/auth/login?login_hint=${encodeURIComponent(user.email)}`);
  const home = await browser.press(consent, 'button[value="allow"]');
  if (home.status !== 200 || home.url.origin !== origin) {
    const heading = home.document.querySelector("h1")?.text.trim() ?? "no heading";
    throw new ScriptError(
      `Signing in as ${user.email} ended at ${home.url.pathname} with ${home.status}: ${heading}. GOOGLE_SCOPES (--scopes) needs openid and a scope of Gmail.`,
    );
  }
  const call = async (method: string, path: string, body?: object): Promise<unknown> => {
    const response = await browser.fetch(`${origin}${path}`, { method, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    if (!response.ok) throw new ScriptError(`${method} ${path} answered ${response.status}: ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  const { tokens } = z.parse(TokensSchema, await call("GET", "/api/tokens"));
  for (const { id, name } of tokens) if (name === NAME) await call("DELETE", `/api/tokens/${id}`);
  const made = await call("POST", "/api/tokens", { name: NAME, expiresInDays: 1, access: user.access });
  return z.parse(MadeSchema, made).token;
}
