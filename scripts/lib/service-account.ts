/**
 * A Google service account's key file, as Cloud Console makes it. What is secret in it stays in here: no message
 * shows any of it, and the private key leaves as a key that cannot be exported.
 */

import { type CryptoKey, importPKCS8 } from "jose";
import { readFile } from "node:fs/promises";
import * as z from "zod/mini";
import { ScriptError } from "./script-error.ts";

const text = z.string().check(z.minLength(1));
const keyFile = z.object({
  type: z.literal("service_account"),
  client_email: text,
  private_key_id: text,
  private_key: text,
});
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
  try {
    const privateKey = await importPKCS8(file.private_key, "RS256");
    return { email: file.client_email, keyId: file.private_key_id, privateKey };
  } catch {
    throw new ScriptError(`${path}: its private_key is not a PEM key of PKCS #8. Create the key anew, as JSON.`);
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

function parse(path: string, json: string): z.infer<typeof keyFile> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ScriptError(`${path} is not JSON. Create the service account's key with the type JSON.`);
  }
  const parsed = keyFile.safeParse(value);
  if (parsed.success) return parsed.data;
  if (oauthClientFile.safeParse(value).success) {
    throw new ScriptError(`${path} is the file of an OAuth client. The RISC API wants a service account's key.`);
  }
  const names = [...new Set(parsed.error.issues.map((issue) => issue.path.join(".")))].filter((name) => name !== "");
  const wrong = names.length === 0 ? "" : `: ${names.join(", ")} missing or wrong`;
  throw new ScriptError(`${path} is not a service account's key file${wrong}.`);
}
