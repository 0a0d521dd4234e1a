/**
 * A Google service account's key file, as Cloud Console makes it. No message shows what is secret in it. For calls from
 * here the private key leaves as a key that cannot be exported; for the Worker, as the text of its secret.
 */

import { type CryptoKey, importPKCS8 } from "jose";
import { readFile } from "node:fs/promises";
import * as z from "zod/mini";
import { ServiceAccountSchema } from "../../src/lib/service-account-key.ts";
import { parseJsonOrNull } from "./json.ts";
import { ScriptError } from "./script-error.ts";

/** The file that people have at hand instead: that of the OAuth client. */
const oauthClientFile = z.union([z.object({ web: z.unknown() }), z.object({ installed: z.unknown() })]);

/** Who calls, and what proves it. */
export interface ServiceAccount {
  readonly email: string;
  readonly keyId: string;
  readonly privateKey: CryptoKey;
}

/**
 * Reads a key file.
 *
 * @throws {ScriptError} that says what is wrong with it
 */
export async function readServiceAccount(path: string): Promise<ServiceAccount> {
  const file = parse(path, await read(path));
  return { email: file.email, keyId: file.keyId, privateKey: await importKey(path, file.privateKeyPem) };
}

/**
 * Reads a key file for the Worker.
 *
 * @returns its client ID, and the value of `GOOGLE_SERVICE_ACCOUNT`: the members that the Worker reads, in one line
 * @throws {ScriptError} that says what is wrong with it
 */
export async function readServiceAccountSecret(path: string): Promise<{ clientId: string; secret: string }> {
  const text = await read(path);
  const { clientId, privateKeyPem } = parse(path, text);
  await importKey(path, privateKeyPem);
  const members = ["type", "client_email", "client_id", "private_key_id", "private_key"];
  return { clientId, secret: JSON.stringify(JSON.parse(text), members) };
}

async function importKey(path: string, pem: string): Promise<CryptoKey> {
  try {
    return await importPKCS8(pem, "RS256");
  } catch {
    throw new ScriptError(`${path}: private_key is not an RSA key. Create another key in Google's console, type JSON.`);
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new ScriptError(`${path} cannot be read (${code}).`);
  }
}

function parse(path: string, json: string): z.infer<typeof ServiceAccountSchema> {
  const value = parseJsonOrNull(json);
  if (value === null) {
    throw new ScriptError(`${path} is not JSON. Create the service account's key with the type JSON.`);
  }
  const parsed = ServiceAccountSchema.safeParse(value, { error: () => "is not valid" });
  if (parsed.success) return parsed.data;
  if (oauthClientFile.safeParse(value).success) {
    throw new ScriptError(`${path} is the file of an OAuth client. This needs a service account's key.`);
  }
  const wrong = parsed.error.issues.map(({ path: names, message }) => `${names.join(".")} ${message}`.trim());
  throw new ScriptError(`${path} is not a service account's key file: ${wrong.join("; ")}.`);
}
