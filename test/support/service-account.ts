/**
 * A service account with a key of its own: the file that Google's console gives for download, and what Google keeps of it.
 *
 * Runs in workerd and in Node.
 */
import { exportJWK, exportPKCS8, generateKeyPair } from "jose";
import type { ServiceAccountInput } from "../google/protocol.ts";

export interface MadeServiceAccount {
  /** The members of the key file. */
  readonly file: Readonly<Record<string, string>>;
  /** The value of `GOOGLE_SERVICE_ACCOUNT`. */
  readonly json: string;
  /** A JWK. */
  readonly publicKey: { readonly kty: string };
  /** For `serviceAccounts` of the local Google's configuration. */
  registered(grant: { scopes: string[]; domains: string[] }): ServiceAccountInput;
}

/** Makes one; slow, as RSA keys are. */
export async function makeServiceAccount(): Promise<MadeServiceAccount> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kty: "RSA" };
  const number = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  const file = {
    type: "service_account",
    project_id: "mail-of-these-tests",
    private_key_id: crypto.randomUUID().replaceAll("-", ""),
    private_key: await exportPKCS8(privateKey),
    client_email: `gmail-edge-${number}@mail-of-these-tests.iam.gserviceaccount.com`,
    client_id: `1${number.padStart(20, "0")}`,
    auth_uri: "https://accounts.google.com/o/oauth2/auth",
    token_uri: "https://oauth2.googleapis.com/token",
    universe_domain: "googleapis.com",
  };
  const { client_email: clientEmail, client_id: clientId, private_key_id: keyId } = file;
  return {
    file,
    json: JSON.stringify(file),
    publicKey: jwk,
    registered: (grant) => ({ clientEmail, clientId, keys: [{ ...jwk, kid: keyId }], ...grant }),
  };
}
