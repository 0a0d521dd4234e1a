/** How the rivals on Node are configured: by environment variables. */

export interface RivalConfig {
  readonly port: number;
  /** The origin that browsers know, such as `http://127.0.0.1:8000`. */
  readonly publicUrl: string;
  /** The origin that serves all of Google's paths. */
  readonly googleUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly sessionSecret: string;
}

export const GMAIL_SCOPE = "https://www.googleapis.com/auth/gmail.readonly";

/** Reads the environment. @throws Error that names a variable that is missing */
export function readConfig(): RivalConfig {
  return {
    port: Number(variable("PORT")),
    publicUrl: variable("PUBLIC_URL"),
    googleUrl: variable("GOOGLE_URL"),
    clientId: variable("GOOGLE_CLIENT_ID"),
    clientSecret: variable("GOOGLE_CLIENT_SECRET"),
    sessionSecret: variable("SESSION_SECRET"),
  };
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set.`);
  return value;
}
