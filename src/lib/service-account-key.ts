/**
 * The form of a Google service account's key, as Google's console gives it for download. Only reads it: signing with it is
 * src/oauth/service-account.ts.
 *
 * https://developers.google.com/identity/protocols/oauth2/service-account#creatinganaccount
 */
import * as z from "zod/mini";

const PKCS8_PEM = /^-----BEGIN PRIVATE KEY-----\s[A-Za-z0-9+/=\s]+-----END PRIVATE KEY-----\s*$/;

function text(message = "must not be empty") {
  return z.string("is missing").check(z.minLength(1, message));
}

/** The JSON of a key file. Members that are not named here are ignored. */
export const ServiceAccountSchema = z.pipe(
  z.object(
    {
      type: z.literal("service_account", 'must be "service_account"'),
      client_email: text().check(z.regex(/^[^@\s]+@[^@\s]+$/, "must be an address")),
      client_id: text().check(z.regex(/^\d+$/, "must be digits, as text")),
      private_key_id: text(),
      private_key: text().check(z.regex(PKCS8_PEM, "must be a PEM key of PKCS #8 (BEGIN PRIVATE KEY)")),
    },
    "must be an object",
  ),
  z.transform((file) => ({
    email: file.client_email,
    /** What an administrator authorizes for a domain. */
    clientId: file.client_id,
    /** `kid` of what it signs. */
    keyId: file.private_key_id,
    privateKeyPem: file.private_key,
  })),
);

export type ServiceAccount = z.infer<typeof ServiceAccountSchema>;
