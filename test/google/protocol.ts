/**
 * What this Google is told: configuration, faults, people. Schemas first, types inferred, so that a typing error in a fault
 * fails here and not as a strange answer.
 */
import * as z from "zod";
import { ERROR_NAMES } from "./errors.ts";

/** Where calls are counted. A `part` is a call within a batch, whatever it does. */
// prettier-ignore
const ENDPOINTS = [
  "auth", "token", "token:code", "token:refresh", "token:assertion", "userinfo", "certs", "risc", "risc:certs", "revoke",
  "list", "get", "attachment", "send", "modify", "deleteMessage", "threads", "thread", "profile",
  "labels", "label", "patchLabel", "history", "watch", "stop", "batch", "part", "other",
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** Where faults can be queued: `token` is every kind of token calls, `all` all of Google but its pages. */
const faultEndpointSchema = z.enum([...ENDPOINTS, "all"]);
export type FaultEndpoint = z.infer<typeof faultEndpointSchema>;

export const faultSchema = z.strictObject({
  endpoint: faultEndpointSchema,
  /** One of Google's own errors; `detail` is its `error_subtype`, or the seconds of its `Retry-After`. */
  named: z.enum(ERROR_NAMES).exactOptional(),
  detail: z.string().exactOptional(),
  /** Of a named error: seconds until the client may try again. */
  retryAfter: z.number().int().nonnegative().exactOptional(),
  /** Of a named error in place of its usual one. Without a name: the page of Google's front end. */
  status: z.number().int().min(200).max(599).exactOptional(),
  /** A string is sent as it is, anything else as JSON. */
  body: z.unknown().exactOptional(),
  headers: z.record(z.string(), z.string()).exactOptional(),
  /** How many calls it spoils; 1 unless said. */
  times: z.union([z.number().int().positive(), z.literal("always")]).exactOptional(),
  /** How many calls it lets through first. */
  after: z.number().int().nonnegative().exactOptional(),
  /** Only calls whose URL or body contains this. */
  match: z.string().exactOptional(),
  /** The chance that a call is concerned, of 1: drawn from the seed, the call and how often it was made. */
  share: z.number().min(0).max(1).exactOptional(),
  /** Only while so many reads of the account (gets and parts) are in flight. */
  maxConcurrent: z.number().int().positive().exactOptional(),
  /** Before whatever else; alone: a slow but right answer. Delays of several faults add up. */
  delayMs: z.number().exactOptional(),
  /** No answer at all, until the caller gives up. */
  hang: z.boolean().exactOptional(),
  /** 200 with a page of HTML where JSON is promised. */
  nonJson: z.boolean().exactOptional(),
  /** The right answer, cut in the middle, and the connection closed. */
  truncated: z.boolean().exactOptional(),
  /** The connection is closed without an answer. */
  disconnect: z.boolean().exactOptional(),
});
export type QueuedFault = z.infer<typeof faultSchema>;
/** What goes wrong, wherever it does. */
export type Fault = Omit<QueuedFault, "endpoint">;

/** Messages made from their number, when they are asked for: a hundred thousand cost no memory. */
const numberedSchema = z.strictObject({
  messages: z.number().int().nonnegative().default(25),
  /** Every n-th message is in SPAM or TRASH; 0: none. */
  spamEvery: z.number().int().nonnegative().default(0),
  trashEvery: z.number().int().nonnegative().default(0),
});
export type NumberedOptions = z.infer<typeof numberedSchema>;

/** Mail as people have it, the same for the same seed. */
const livedInSchema = z.strictObject({
  kind: z.enum(["busy", "small"]),
  /** When it ends, in epoch milliseconds; now unless said. */
  untilMs: z.number().exactOptional(),
});

const mailboxSchema = z.union([livedInSchema, numberedSchema]);

export const userSchema = z.strictObject({
  email: z.string(),
  sub: z.string(),
  name: z.string().default("Ada Lovelace"),
  picture: z.string().default("https://lh3.googleusercontent.com/a/picture"),
  /** Workspace domain, the `hd` claim; consumer accounts have none. */
  hd: z.string().exactOptional(),
  emailVerified: z.boolean().default(true),
  /** What is in the mailbox, for the account chooser. */
  about: z.string().default(""),
  /** `null`: the account has no Gmail. */
  mailbox: mailboxSchema.nullable().default({ messages: 25, spamEvery: 0, trashEvery: 0 }),
});
export type User = z.infer<typeof userSchema>;
export type UserInput = z.input<typeof userSchema>;

/** What the person does at the consent screen. Without a user, the `login_hint` or the only account is taken. */
export const personSchema = z.strictObject({
  user: z.string().exactOptional(),
  /** Scopes that are not ticked. */
  untick: z.array(z.string()).exactOptional(),
  deny: z.boolean().exactOptional(),
  /** Comes back as `error` of the callback. */
  error: z.string().exactOptional(),
});
export type Person = z.infer<typeof personSchema>;

export const listingSchema = z.strictObject({
  /** Numbers of the pages (0 is the first) that hold no message but a `nextPageToken`. */
  emptyPages: z.array(z.number().int().nonnegative()).default([]),
  /** Leave the `messages` key out of answers without messages, as Gmail does, or send `[]`. */
  absentWhenEmpty: z.boolean().default(true),
  /** How many messages of a page come again on the next one. */
  overlap: z.number().int().nonnegative().default(0),
  /** How many messages a page falls short of what was asked. */
  shortBy: z.number().int().nonnegative().default(0),
  resultSizeEstimate: z.number().int().nonnegative().default(201),
});

/** The Pub/Sub subscription behind `users.watch`. */
const pushSchema = z.strictObject({
  /** Where notifications are delivered; `null`: they wait until a test takes them. */
  endpoint: z.string().nullable().default(null),
  /** The endpoint unless said. */
  audience: z.string().nullable().default(null),
  serviceAccount: z.string().default("push@gmail-edge.iam.gserviceaccount.com"),
});

/** A service account, and what a Workspace administrator has authorized it for by its client ID. */
const serviceAccountSchema = z.strictObject({
  clientEmail: z.string(),
  clientId: z.string(),
  /** Public keys as JWK, each with the `kid` of its key file. */
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })),
  scopes: z.array(z.string()),
  /** Compared with `hd` of a user. */
  domains: z.array(z.string()),
});
export type ServiceAccount = z.infer<typeof serviceAccountSchema>;
export type ServiceAccountInput = z.input<typeof serviceAccountSchema>;

export const configSchema = z.strictObject({
  issuer: z.string().default("https://accounts.google.com"),
  /** Refuses what Google lets pass and a careful client never does: no PKCE, no nonce, online access. */
  demandsCare: z.boolean().default(true),
  clients: z.array(z.strictObject({ id: z.string(), secret: z.string() })).default([]),
  redirectUris: z.array(z.string()).default([]),
  serviceAccounts: z.array(serviceAccountSchema).default([]),
  codeLifetimeSeconds: z.number().default(600),
  accessTokenLifetimeSeconds: z.number().default(3599),
  /** Bytes of an access token; Google says up to 2,048. */
  accessTokenLength: z.number().int().min(40).default(220),
  /** `google`: only when the consent page was shown. */
  refreshTokens: z.enum(["google", "never"]).default("google"),
  // prettier-ignore
  idToken: z.enum([
    "valid", "wrong-key", "unknown-kid", "alg-none", "hs256-client-secret", "hs256-public-key", "other-aud", "other-iss",
    "iss-without-scheme", "expired", "other-nonce", "no-nonce", "no-sub", "garbage", "absent",
  ]).default("valid"),
  userinfo: z.enum(["valid", "no-sub", "other-sub", "numeric-sub", "empty-sub"]).default("valid"),
  /** What the token endpoint says was granted, instead of the truth. */
  grantedScopes: z.array(z.string()).nullable().default(null),
  callbackIss: z.enum(["valid", "other", "absent"]).default("valid"),
  listing: listingSchema.default(listingSchema.parse({})),
  shuffleBatchParts: z.boolean().default(true),
  /** Of one user; `null`: units are metered and not limited. */
  quotaUnitsPerMinute: z.number().nullable().default(6000),
  /** Calls are kept with all that was sent, or only counted: a server may run for days. */
  recordsCalls: z.boolean().default(true),
  /** Draws of latencies and of shares of faults follow from it. */
  seed: z.number().int().default(1),
  /** Median of a list call; 0: as fast as it can. */
  medianLatencyMs: z.number().nonnegative().default(0),
  /** Each part of a batch takes this long, one after another. */
  partMs: z.number().nonnegative().default(0),
  /** Where security events are sent that people ask for; `null`: there is nobody. */
  securityEventReceiver: z.string().nullable().default(null),
  push: pushSchema.default(pushSchema.parse({})),
  /** The issuer of security events ends with a slash. Google has shown both. */
  issuerSlash: z.boolean().default(false),
});
export type Config = z.infer<typeof configSchema>;

/** Some of the configuration; what is not named stays as it is. Checked where it is merged, because defaults must not fill it up. */
export type ConfigPatch = Partial<Omit<z.input<typeof configSchema>, "listing" | "push">> & {
  readonly listing?: Partial<z.input<typeof listingSchema>>;
  readonly push?: Partial<z.input<typeof pushSchema>>;
};

/** Header by which a test plays the person at the consent screen, in place of the pages. */
export const PERSON_HEADER = "x-google-person";
/** Header that says which error a page shows, for tests. */
export const PAGE_ERROR_HEADER = "x-google-page-error";
/** Header by which the core tells its server to break the connection; no HTTP answer can say that. */
export const BREAK_HEADER = "x-google-break";

/** Where it is controlled: GET is the snapshot, POST one action (control.ts). */
export const CONTROL_PATH = "/_control";

/** The Worker's variables that point it at a Google at this origin. */
export function endpointVars(origin: string): Record<string, string> {
  return {
    GOOGLE_AUTHORIZATION_ENDPOINT: `${origin}/o/oauth2/v2/auth`,
    GOOGLE_TOKEN_ENDPOINT: `${origin}/token`,
    GOOGLE_USERINFO_ENDPOINT: `${origin}/v1/userinfo`,
    GOOGLE_REVOCATION_ENDPOINT: `${origin}/revoke`,
    GOOGLE_JWKS_URI: `${origin}/oauth2/v3/certs`,
    GOOGLE_RISC_CONFIGURATION: `${origin}/.well-known/risc-configuration`,
    GMAIL_API_URL: origin,
  };
}
