/**
 * Whether this deployment works, looked at from inside: for `GET /healthz?deep=1`, by an operator. What is wrong is named,
 * with what to do about it; no secret is.
 */
import { AppError } from "../errors.ts";
import { enablingUrl } from "../gmail/errors.ts";
import { exchangeCode, gmailScopes, OAuthError } from "../oauth.ts";
import { requireSigningKey } from "../oauth/service-account.ts";
import type { Config } from "../config.ts";
import type { RequestScope } from "../context.ts";
import { redirectUri } from "../auth/sign-in.ts";
import { storageKeys } from "../kv-store/key-names.ts";

/** Tokens are judged by their times: with a clock that is further off they fail. */
const MAX_CLOCK_SKEW_MS = 60_000;
const PROBE_TTL_MS = 60_000;

/** The Admin console's page "Domain-wide delegation". */
const DELEGATION_URL = "https://admin.google.com/ac/owl/domainwidedelegation";

/** One thing that was looked at. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, and where it is wrong, what to do. */
  readonly detail: string;
}

/** What is looked at. */
type HealthServices = Pick<
  RequestScope,
  "config" | "keyRing" | "kv" | "mailboxes" | "origin" | "trace" | "upstream" | "world"
>;

/** Looks at everything, side by side. Never throws. */
export async function checkHealth(scope: HealthServices): Promise<HealthCheck[]> {
  return Promise.all([
    run("keys", "TOKEN_KEYS: make new ones with `npm run keys`.", () => checkKeys(scope)),
    run("storage", "Look at the KV binding CREDENTIALS, and at Cloudflare's status.", () => checkStorage(scope)),
    run("objects", "Look at the Durable Object binding MAILBOXES and JURISDICTION, and at Cloudflare's status.", () =>
      checkObjects(scope),
    ),
    run("google", "Look at GOOGLE_JWKS_URI, and at Google's status.", () => checkGoogle(scope)),
    run("client", "Put GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET as Google's console shows them.", () =>
      checkClient(scope),
    ),
    run("gmail-api", "", async () => describeGmailApi(scope.config)),
    run("settings", "Set it by its name, and remove this one.", async () => checkSettings(scope.config)),
    run("accounts", "", async () => describeAllowed(scope.config)),
    run("delegation", "GOOGLE_SERVICE_ACCOUNT: put the JSON of a new key, as Google's console gives it.", () =>
      describeDelegation(scope.config),
    ),
    run("redirect-uri", "", async () => `Google's console must list exactly ${redirectUri(scope.origin)}`),
  ]);
}

/** @param remedy what to do where it fails */
async function run(name: string, remedy: string, work: () => Promise<string>): Promise<HealthCheck> {
  try {
    return { name, ok: true, detail: await work() };
  } catch (error) {
    // Of errors that nobody foresaw, the message may hold anything.
    const problem = error instanceof AppError ? error.message : "It does not work.";
    return { name, ok: false, detail: `${problem} ${remedy}` };
  }
}

async function checkKeys({ keyRing, world }: HealthServices): Promise<string> {
  const binding = { purpose: "operator", owner: "health" } as const;
  await keyRing.open(binding, await keyRing.seal(binding, null), world.now());
  return `Sealing with ${keyRing.activeKid}; ${keyRing.size} in all.`;
}

/** An object that is nobody's answers, and writes nothing. */
async function checkObjects({ config, mailboxes }: HealthServices): Promise<string> {
  await mailboxes.of("health").ask("checkSession", "none");
  return config.jurisdiction === null ? "One answered." : `One answered; JURISDICTION is ${config.jurisdiction}.`;
}

async function checkStorage({ kv, trace, world }: HealthServices): Promise<string> {
  const key = storageKeys.probe(trace.requestId);
  await kv.put(key, trace.requestId, world.now() + PROBE_TTL_MS);
  const isThere = (await kv.get(key)) === trace.requestId;
  await kv.delete(key);
  return isThere ? "Written and read." : "Written; not to be read here yet, which may take a minute.";
}

function checkSettings({ unknownNames }: Config): string {
  if (unknownNames.length > 0) throw new AppError("INTERNAL", unknownNames.join(" "));
  return "Every name that is set is known.";
}

/** A door that is open is no mistake, but must not be a surprise. */
function describeAllowed({ allowedAccounts }: Config): string {
  if (allowedAccounts.length > 0) return `These may sign in: ${allowedAccounts.join(", ")}`;
  return "ALLOWED_ACCOUNTS is empty: everybody with a Google account that your consent screen lets through may sign in.";
}

/** Only a user's call shows whether an administrator has authorized the service account: it needs the user's address. */
async function describeDelegation({ delegation, google }: Config): Promise<string> {
  if (delegation === null) return "Not set up, as DELEGATED_DOMAINS is empty: every user consents.";
  const { domains, serviceAccount } = delegation;
  await requireSigningKey(serviceAccount);
  return (
    `Users of ${domains.join(", ")} need no consent to Gmail, if their administrator has authorized client ID ` +
    `${serviceAccount.clientId} for ${gmailScopes(google.scopes).join(",")} at ${DELEGATION_URL}`
  );
}

/** Only a user's call shows whether it is enabled. A client ID begins with the number of its project. */
function describeGmailApi({ google }: Config): string {
  const [, project = null] = /^(\d{5,20})-/.exec(google.clientId) ?? [];
  return `The Gmail API must be enabled, else users get ACCESS_BLOCKED: ${enablingUrl(project)}`;
}

/** Google's keys are where they should be, and Google's clock and ours agree. */
async function checkGoogle({ config, upstream, world }: HealthServices): Promise<string> {
  const endpoint = "Google's key endpoint";
  const response = await upstream.fetch(config.google.jwksUri, {}, { endpoint });
  if (response.status !== 200) throw new AppError("UPSTREAM_UNAVAILABLE", `${endpoint} answered ${response.status}.`);
  // A shared cache may have kept the answer, and Date is when it was made: RFC 9111 §4.2.3.
  const ageMs = 1000 * (Number(response.headers.get("Age") ?? 0) || 0);
  const googlesMs = Date.parse(response.headers.get("Date") ?? "") + ageMs;
  if (Number.isNaN(googlesMs)) throw new AppError("UPSTREAM_UNAVAILABLE", `${endpoint} does not say what time it is.`);
  const skewMs = Math.abs(googlesMs - world.now());
  if (skewMs > MAX_CLOCK_SKEW_MS) throw new AppError("INTERNAL", `The clock is ${Math.round(skewMs / 1000)} s off.`);
  return "Reached; the clocks agree.";
}

/** A code that is none: Google refuses the code of a client that it knows, and otherwise the client. */
async function checkClient(scope: HealthServices): Promise<string> {
  const request = { code: "health-check", codeVerifier: "health-check", redirectUri: redirectUri(scope.origin) };
  try {
    await exchangeCode(scope.upstream, scope.config.google, request);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    // Any other is about the client: it was deleted, or may not do this.
    if (error.code === "invalid_grant") return "Google knows the client.";
    throw new AppError("INTERNAL", `Google answers ${error.code.replaceAll(/[^a-z_]/g, "").slice(0, 40)}.`);
  }
  return "Google took a code that is none.";
}
