/** What the tests of sign-in share: a Google that answers as told, and a trip to it that ends, over real storage. */
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { TokenKey } from "../../../src/lib/key-ring.ts";
import type { Credential, CredentialStore } from "../../../src/kv-store.ts";
import { REAL_WORLD, createRequestScope, createServices, type RequestScope } from "../../../src/context.ts";
import { finishTrip, type TripOutcome } from "../../../src/auth/sign-in.ts";
import type { Transaction } from "../../../src/auth/transaction.ts";
import { CLIENT_ID, configuration, createStore, createWorld, KEY_A, START_MS, STAYING } from "../fixtures.ts";
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
  consentForced: false,
};

export const USER = {
  sub: "1",
  email: "ann@example.test",
  email_verified: true,
  name: "Ann",
  picture: "https://p.test/",
};

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
  /** Resolves when what goes on after the answer is done. */
  readonly afterwards: () => Promise<void>;
  readonly finish: (changes?: Partial<Transaction>) => Promise<TripOutcome>;
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
  const deferred: Promise<unknown>[] = [];
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
  const { now, sleep, upstream } = world;
  const services = createServices(configuration(vars), { ...REAL_WORLD, fetch, now, sleep });
  const context = {
    url: "https://mail.example.test/auth/callback",
    waitUntil: (work: Promise<unknown>) => void deferred.push(work),
    clientSignal: STAYING,
  };
  const scope = { ...createRequestScope(services, context), upstream };
  const afterwards = async (): Promise<void> => {
    // What goes on may leave more to do.
    while (deferred.length > 0) await deferred.shift();
  };
  const finish: Trial["finish"] = (changes) => finishTrip(scope, { ...TRANSACTION, ...changes }, "the-code");
  return { scope, revoked, asked, afterwards, finish };
}

export function storage(keys: readonly TokenKey[] = [KEY_A]): CredentialStore {
  return createStore(
    createWorld(() => new Response()),
    { keys },
  );
}

export async function record(): Promise<Credential | null> {
  return storage().readCredential("1");
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
