/**
 * The `client_secret_….json` that Google's console gives for an OAuth client: found, read, and checked against where the
 * Worker will run. Errors say what to do in the console; none shows a value of the file but the client ID.
 */

import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import * as z from "zod/mini";
import { ScriptError } from "./script-error.ts";

const CONSOLE_URL = "https://console.cloud.google.com/auth/clients";
const HOW_TO_GET_ONE = `In Google's console (${CONSOLE_URL}): Create client, type "Web application", then Download JSON.`;

const FileSchema = z.union([z.object({ web: z.unknown() }), z.object({ installed: z.unknown() })]);

const ClientSchema = z.pipe(
  z.object({
    client_id: z
      .string("client_id is missing")
      .check(
        z.regex(/^[\w-]+\.apps\.googleusercontent\.com$/, "client_id does not end in .apps.googleusercontent.com"),
      ),
    client_secret: z
      .string("client_secret is missing: Google gives it only when the client or a new secret is made (Add secret)")
      .check(z.regex(/^[\w.~-]+$/, "client_secret has characters that Google does not use")),
    redirect_uris: z._default(z.array(z.string(), "redirect_uris is not a list"), []),
  }),
  z.transform(({ client_id, client_secret, redirect_uris }) => ({
    id: client_id,
    secret: client_secret,
    redirectUris: redirect_uris,
  })),
);

/** An OAuth client of type "Web application". */
export type GoogleClient = z.output<typeof ClientSchema>;

/**
 * The file that is named, or the only one of its kind in the folder.
 *
 * @throws {ScriptError} where there is none, or several
 */
export async function findClientFile(folder: string, named: string | undefined): Promise<string> {
  if (named !== undefined) return resolve(folder, named);
  const found = (await readdir(folder)).filter((name) => /^client_secret.*\.json$/.test(name)).toSorted();
  const [only, ...more] = found;
  if (only === undefined) {
    throw new ScriptError(
      `There is no client_secret_….json in ${folder}. Give its path as argument.\n\n${HOW_TO_GET_ONE}`,
    );
  }
  if (more.length > 0) throw new ScriptError(`Which one? Give its path as argument: ${found.join(", ")}`);
  return join(folder, only);
}

/** Reads and checks it. @throws {ScriptError} */
export async function readClient(path: string): Promise<GoogleClient> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new ScriptError(`${path} cannot be read.`);
  }
  const file = FileSchema.safeParse(parseJsonOrNull(text));
  if (!file.success) {
    throw new ScriptError(`${path} is not what Google's console gives for an OAuth client.\n\n${HOW_TO_GET_ONE}`);
  }
  if (!("web" in file.data)) {
    throw new ScriptError(
      `${path} is of a client of type "Desktop app", which has no redirect URI.\n\n${HOW_TO_GET_ONE}`,
    );
  }
  const client = ClientSchema.safeParse(file.data.web);
  if (client.success) return client.data;
  throw new ScriptError(
    `${path}: ${client.error.issues.map(({ message }) => message).join("; ")}.\n\n${HOW_TO_GET_ONE}`,
  );
}

/** @throws {ScriptError} where Google would refuse this redirect URI, as far as the file tells */
export function requireRedirectUri({ id, redirectUris }: GoogleClient, redirectUri: string): void {
  if (redirectUris.includes(redirectUri)) return;
  throw new ScriptError(`The OAuth client does not have the redirect URI of this Worker. Add exactly this one:

  ${redirectUri}

Where: ${CONSOLE_URL}/${id}, "Authorized redirect URIs", Add URI, Save.
The file has: ${redirectUris.join(", ") || "none"}

Then run this again with --redirect-uri-added, or with the file downloaded anew.`);
}

function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
