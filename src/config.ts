/**
 * Configuration: vars, secrets and bindings, checked once and turned into the terms of the code. The only module that
 * sees raw `env`. Errors name what is wrong and never show a value.
 */
import type { DurableObjectNamespace, KVNamespace, RateLimit } from "@cloudflare/workers-types";
import * as z from "zod/mini";
import { toAsciiLowerCase } from "./lib/ascii.ts";
import { type TokenKey, TokenKeysSchema } from "./lib/key-ring.ts";
import { findNearest } from "./lib/nearest.ts";
import { isSecureOrigin, isSecureUrl } from "./lib/origins.ts";
import { type ServiceAccount, ServiceAccountSchema } from "./lib/service-account-key.ts";
import { GET_UNITS, LIST_UNITS } from "./gmail/quota.ts";

/** Google's endpoints and identity, as absolute URLs. */
export interface GoogleConfig {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Scopes to ask for, as configured. */
  readonly scopes: readonly string[];
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userinfoEndpoint: string;
  readonly revocationEndpoint: string;
  readonly jwksUri: string;
  /** Says who signs security events, and where the keys are. */
  readonly riscConfiguration: string;
}

/** Domain-wide delegation: whose mailboxes a service account opens without a consent of theirs. */
export interface Delegation {
  readonly serviceAccount: ServiceAccount;
  /** Workspace domains in ASCII lower case; one at least. */
  readonly domains: readonly string[];
}

export interface Config {
  readonly google: GoogleConfig;
  readonly gmailApiUrl: string;
  /** External origin; null: the origin of each request. */
  readonly publicOrigin: string | null;
  /** Addresses and `@domain`s in ASCII lower case; empty: every account. */
  readonly allowedAccounts: readonly string[];
  /** Null: every user consents. */
  readonly delegation: Delegation | null;
  /** Origins whose pages may call the API with an API token; empty: none. */
  readonly allowedOrigins: readonly string[];
  /** Upstream calls that one request may make. */
  readonly subrequestBudget: number;
  /** Gmail quota units that one request may spend. */
  readonly quotaBudget: number;
  /** Gmail quota units that one user may spend in a minute. */
  readonly userQuotaPerMinute: number;
  /** Whether rows are kept. */
  readonly keepsRows: boolean;
  readonly tokenKeys: readonly TokenKey[];
  readonly credentials: KVNamespace;
  /** The objects of the users. */
  readonly mailboxes: DurableObjectNamespace;
  /** Where objects live; null: near to who first asks for one. */
  readonly jurisdiction: "eu" | "us" | null;
  /** Null: nothing limits how often an address may call. */
  readonly rateLimiter: RateLimit | null;
  /** A sentence for each name that is set and means nothing. */
  readonly unknownNames: readonly string[];
}

/** What is wrong with the configuration: one line per name, no values. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Configuration: ${problems.join("; ")}`);
    this.problems = problems;
  }
}

/** Least that `SUBREQUEST_BUDGET` may be: a refresh, a page and the retries of both. */
const MIN_SUBREQUESTS = 8;
/** Least that `QUOTA_BUDGET` may be: a page and one of its rows. */
const MIN_QUOTA_UNITS = LIST_UNITS + GET_UNITS;
/** Least that `USER_QUOTA_PER_MINUTE` may be: a program's list with a row, of its share of the minute. */
const MIN_UNITS_PER_MINUTE = 31;

const required = z.string("is missing").check(z.minLength(1, "is missing"));

const endpoint = required.check(z.refine(isSecureUrl, "must be an https URL (http only on loopback)"));

const ORIGIN = "an https origin: scheme and host, no path (http only on loopback)";

const publicUrl = z.pipe(
  z.string("must be a string").check(z.refine((url) => url === "" || isSecureOrigin(url), `must be ${ORIGIN}`)),
  z.transform((url) => (url === "" ? null : new URL(url).origin)),
);

const scopes = z.pipe(
  required.check(z.refine((list) => words(list).includes("openid"), "must contain openid, which says who signs in")),
  z.transform(words),
);

const allowedAccounts = z.pipe(
  z.pipe(z.string("must be a string"), z.transform(lowerCaseEntries)),
  z.array(z.string().check(z.regex(/^[^@\s]*@[^@\s]+$/, "must hold addresses and @domains, separated by commas"))),
);

const delegatedDomains = z.pipe(
  z.pipe(z._default(z.string("must be a string"), ""), z.transform(lowerCaseEntries)),
  z.array(
    z
      .string()
      .check(z.regex(/^(?:[a-z0-9-]+\.)+[a-z0-9-]+$/, "must hold domains such as example.com, separated by commas")),
  ),
);

/** Of an optional secret, empty text counts as none: a line of `.dev.vars` may be left empty. */
const serviceAccount = z.pipe(
  z.pipe(
    z
      ._default(z.string("must be the text of a key file"), "")
      .check(z.refine((text) => text === "" || parseJsonOrNull(text) !== null, "is not JSON")),
    z.transform(parseJsonOrNull),
  ),
  z.nullable(ServiceAccountSchema),
);

const allowedOrigins = z.pipe(
  z.pipe(
    z._default(z.string("must be a string"), ""),
    z.transform((list) => list.split(/[\s,]+/).filter(Boolean)),
  ),
  z.array(
    z.pipe(
      z.string().check(z.refine(isSecureOrigin, `must hold origins, separated by commas, each ${ORIGIN}`)),
      z.transform((url) => new URL(url).origin),
    ),
  ),
);

/** A count; wrangler.toml may carry it as a number, everything else as text. */
function count(minimum: number) {
  return z.pipe(
    z.pipe(
      z.union([z.number(), z.string().check(z.regex(/^\d{1,9}$/, "must be a whole number"))], "must be a whole number"),
      z.transform(Number),
    ),
    z.int("must be a whole number").check(z.gte(minimum, `must be ${minimum} or more`)),
  );
}

const tokenKeys = z.pipe(
  z.pipe(
    required.check(z.refine((text) => text === "" || parseJsonOrNull(text) !== null, "is not JSON")),
    z.transform(parseJsonOrNull),
  ),
  z.pipe(
    TokenKeysSchema,
    z.transform(({ keys }) => keys),
  ),
);

const SettingsSchema = z.object({
  GOOGLE_CLIENT_ID: required,
  GOOGLE_CLIENT_SECRET: required,
  TOKEN_KEYS: tokenKeys,
  PUBLIC_URL: publicUrl,
  GOOGLE_SCOPES: scopes,
  ALLOWED_ACCOUNTS: allowedAccounts,
  ALLOWED_ORIGINS: allowedOrigins,
  GOOGLE_SERVICE_ACCOUNT: serviceAccount,
  DELEGATED_DOMAINS: delegatedDomains,
  SUBREQUEST_BUDGET: count(MIN_SUBREQUESTS),
  QUOTA_BUDGET: count(MIN_QUOTA_UNITS),
  USER_QUOTA_PER_MINUTE: z._default(count(MIN_UNITS_PER_MINUTE), 6_000),
  MESSAGE_CACHE: z._default(z.enum(["on", "off"], "must be on or off"), "on"),
  GOOGLE_ISSUER: required,
  GOOGLE_AUTHORIZATION_ENDPOINT: endpoint,
  GOOGLE_TOKEN_ENDPOINT: endpoint,
  GOOGLE_USERINFO_ENDPOINT: endpoint,
  GOOGLE_REVOCATION_ENDPOINT: endpoint,
  GOOGLE_JWKS_URI: endpoint,
  GOOGLE_RISC_CONFIGURATION: endpoint,
  GMAIL_API_URL: endpoint,
  CREDENTIALS: z.custom<KVNamespace>(isBinding, "KV binding is missing"),
  MAILBOXES: z.custom<DurableObjectNamespace>(isBinding, "Durable Object binding is missing"),
  JURISDICTION: z._default(z.enum(["", "eu", "us"], "must be eu, us or empty"), ""),
  RATE_LIMITER: z.optional(z.custom<RateLimit>(isBinding, "is not a binding")),
});

/** Domains without a key would leave their users without access. */
const EnvSchema = SettingsSchema.check(
  z.refine((env) => env.DELEGATED_DOMAINS.length === 0 || env.GOOGLE_SERVICE_ACCOUNT !== null, {
    path: ["DELEGATED_DOMAINS"],
    error: "needs the secret GOOGLE_SERVICE_ACCOUNT",
    // Also where other names are wrong, so that all are named at once.
    when: ({ value }) => isBinding(value) && "DELEGATED_DOMAINS" in value && Array.isArray(value.DELEGATED_DOMAINS),
  }),
);
/**
 * Checks the environment and turns it into a {@link Config}.
 *
 * @throws ConfigError that names every bad or missing name at once
 */
export function parseConfig(env: unknown): Config {
  // For what a schema has no message of its own for.
  const parsed = EnvSchema.safeParse(env, { error: () => "is not valid" });
  if (!parsed.success) throw new ConfigError(describeIssues(parsed.error.issues));
  const values = parsed.data;
  return {
    google: {
      clientId: values.GOOGLE_CLIENT_ID,
      clientSecret: values.GOOGLE_CLIENT_SECRET,
      scopes: values.GOOGLE_SCOPES,
      issuer: values.GOOGLE_ISSUER,
      authorizationEndpoint: values.GOOGLE_AUTHORIZATION_ENDPOINT,
      tokenEndpoint: values.GOOGLE_TOKEN_ENDPOINT,
      userinfoEndpoint: values.GOOGLE_USERINFO_ENDPOINT,
      revocationEndpoint: values.GOOGLE_REVOCATION_ENDPOINT,
      jwksUri: values.GOOGLE_JWKS_URI,
      riscConfiguration: values.GOOGLE_RISC_CONFIGURATION,
    },
    gmailApiUrl: values.GMAIL_API_URL.replace(/\/+$/, ""),
    publicOrigin: values.PUBLIC_URL,
    allowedAccounts: values.ALLOWED_ACCOUNTS,
    delegation: toDelegation(values),
    allowedOrigins: values.ALLOWED_ORIGINS,
    subrequestBudget: values.SUBREQUEST_BUDGET,
    quotaBudget: values.QUOTA_BUDGET,
    userQuotaPerMinute: values.USER_QUOTA_PER_MINUTE,
    keepsRows: values.MESSAGE_CACHE === "on",
    tokenKeys: values.TOKEN_KEYS,
    credentials: values.CREDENTIALS,
    mailboxes: values.MAILBOXES,
    jurisdiction: values.JURISDICTION === "" ? null : values.JURISDICTION,
    rateLimiter: values.RATE_LIMITER ?? null,
    unknownNames: describeUnknownNames(env),
  };
}

function toDelegation({
  GOOGLE_SERVICE_ACCOUNT: account,
  DELEGATED_DOMAINS: domains,
}: z.infer<typeof EnvSchema>): Delegation | null {
  return account === null || domains.length === 0 ? null : { serviceAccount: account, domains };
}

/**
 * Whether the service account opens the mailbox of an account, so that no consent to Gmail is needed.
 *
 * @param hostedDomain `hd` of the ID token, the only proof of a domain: a consumer account may carry any address. Null for
 *   none
 */
export function isDelegated({ delegation }: Pick<Config, "delegation">, hostedDomain: string | null): boolean {
  return hostedDomain !== null && (delegation?.domains.includes(toAsciiLowerCase(hostedDomain)) ?? false);
}

/**
 * A misspelt setting is one that does not hold: `ALLOWED_ACOUNTS` would let everybody in.
 *
 * @returns a sentence for each name that is set and means nothing, with the name that was probably meant; no values
 */
export function describeUnknownNames(env: unknown): string[] {
  const known = Object.keys(EnvSchema.shape);
  const entries: [string, unknown][] = isBinding(env) ? Object.entries(env) : [];
  return entries
    .filter(([name, value]) => !known.includes(name) && isSetting(name, value))
    .map(([name]) => {
      const nearest = findNearest(name, known);
      return `${name} is not a setting.${nearest === null ? "" : ` Did you mean ${nearest}?`}`;
    });
}

/** Other bindings may be there for reasons of their own; names that begin so are those of runtimes and test pools. */
function isSetting(name: string, value: unknown): boolean {
  return !name.startsWith("__") && (!isBinding(value) || Array.isArray(value));
}

/** The first issue of each name: what else is wrong with a value often follows from it. */
function describeIssues(issues: readonly z.core.$ZodIssue[]): string[] {
  const byName = new Map<string, string>();
  for (const { path, message } of issues) {
    const name = String(path[0] ?? "env");
    if (!byName.has(name)) byName.set(name, `${path.map(String).join(".")} ${message}`.trim());
  }
  return [...byName.values()];
}

function isBinding(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function lowerCaseEntries(list: string): string[] {
  return list
    .split(",")
    .map((entry) => toAsciiLowerCase(entry.trim()))
    .filter(Boolean);
}

function words(list: string): string[] {
  return [...new Set(list.split(/\s+/).filter(Boolean))];
}

function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
