/** What the tests of sign-in share: a Google that answers as told, and a trip to it that ends, over real storage. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { TokenKey } from "../../../src/lib/key-ring.ts";
import type { Credential, CredentialStore } from "../../../src/kv-store.ts";
import { REAL_WORLD, createRequestScope, type RequestScope } from "../../../src/context.ts";
import { finishTrip, type TripOutcome, type Visitor } from "../../../src/auth/sign-in.ts";
import type { Transaction } from "../../../src/auth/transaction.ts";
import { CLIENT_ID, createStore, createWorld, KEY_A, START_MS, STAYING } from "../fixtures.ts";
import { createIsolateServices } from "../fixtures-objects.ts";
import { CREDENTIAL } from "./fixtures-grant.ts";

export const READONLY = "https://www.googleapis.com/auth/gmail.readonly";
export const MODIFY = "https://www.googleapis.com/auth/gmail.modify";
const { privateKey, publicKey } = await generateKeyPair("RS256");
const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "RS256", use: "sig" };

export const TRANSACTION: Transaction = {
  codeVerifier: "the-verifier",
  nonce: "the-nonce",
  returnTo: "/inbox",
  loginHint: "hint@example.test",
  prompt: null,
  codeRetried: false,
  identityOnly: false,
  consentForced: false,
};

export const USER = {
  sub: "1",
  email: "ann@example.test",
  email_verified: true,
  name: "Ann",
  picture: "https://p.test/",
};

const VISITOR: Visitor = { device: "Firefox on Linux", place: "Bern, CH", previous: null };

/** What Google answers, over its best answers. */
export interface Answers {
  readonly token?: object;
  readonly tokenStatus?: number;
  readonly claims?: object;
  readonly userinfo?: object;
  readonly revocationStatus?: number;
}

export interface Trial {
  readonly scope: RequestScope;
  /** The tokens that were revoked. */
  readonly revoked: string[];
  /** What the token endpoint was asked for. */
  readonly asked: URLSearchParams[];
  readonly finish: (changes?: Partial<Transaction>, visitor?: Visitor) => Promise<TripOutcome>;
}

async function idToken(claims: object): Promise<string> {
  const standard = {
    iss: "https://accounts.google.com",
    aud: CLIENT_ID,
    exp: START_MS / 1000 + 60,
    nonce: "the-nonce",
  };
  return new SignJWT({ ...standard, sub: "1", email: USER.email, email_verified: true, ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "one" })
    .sign(privateKey);
}

export async function trial(answers: Answers = {}, vars: Record<string, unknown> = {}): Promise<Trial> {
  const revoked: string[] = [];
  const asked: URLSearchParams[] = [];
  const token = {
    access_token: "at",
    expires_in: 3600,
    token_type: "Bearer",
    scope: `openid ${READONLY}`,
    refresh_token: "rt",
    id_token: await idToken(answers.claims ?? {}),
    ...answers.token,
  };
  const world = createWorld(({ url, body }) => {
    if (url.pathname === "/token") {
      asked.push(new URLSearchParams(body));
      return Response.json(token, { status: answers.tokenStatus ?? 200 });
    }
    if (url.pathname === "/v1/userinfo") return Response.json({ ...USER, ...answers.userinfo });
    if (url.pathname === "/oauth2/v3/certs") return Response.json({ keys: [jwk] });
    if (url.pathname !== "/revoke") throw new Error(`Nobody was to call ${url.href}`);
    revoked.push(new URLSearchParams(body).get("token") ?? "");
    return new Response(null, { status: answers.revocationStatus ?? 200 });
  });
  const { fetch, now, sleep, upstream } = world;
  const services = createIsolateServices(vars, { ...REAL_WORLD, fetch, now, sleep }, crypto.randomUUID());
  const context = {
    url: "https://mail.example.test/auth/callback",
    waitUntil: () => {},
    clientSignal: STAYING,
  };
  const scope = { ...createRequestScope(services, context), upstream };
  const finish: Trial["finish"] = (changes, visitor = VISITOR) =>
    finishTrip(scope, { transaction: { ...TRANSACTION, ...changes }, code: "the-code" }, visitor);
  return { scope, revoked, asked, finish };
}

export function storage(keys: readonly TokenKey[] = [KEY_A]): CredentialStore {
  return createStore(
    createWorld(() => new Response()),
    { keys },
  );
}

export async function record(): Promise<Credential | null> {
  return (await storage().findCredential("1"))?.credential ?? null;
}

/** A session of someone whose grant is stored already, so that no refresh token comes. */
export async function returning(
  changes: Partial<Credential> = {},
  answers: Answers = {},
  vars: Record<string, unknown> = {},
): Promise<Trial> {
  const stored = { ...CREDENTIAL, scopes: ["openid", READONLY], ...changes };
  await storage().writeCredential(stored);
  return trial({ ...answers, token: { refresh_token: undefined, ...answers.token } }, vars);
}
