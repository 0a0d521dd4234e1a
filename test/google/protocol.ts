/**
 * What our Google and those who drive it say to each other: configuration, faults, people, actions and records.
 *
 * Schemas first, types inferred, so that a typing error in a test's fault fails here and not as a strange answer.
 */
import * as z from "zod";

/** Where calls are counted. A `part` is a call within a batch, whatever it does. */
export const endpointSchema = z.enum([
  "auth",
  "token",
  "token:code",
  "token:refresh",
  "userinfo",
  "certs",
  "risc",
  "risc:certs",
  "revoke",
  "discovery",
  "list",
  "get",
  "attachment",
  "send",
  "modify",
  "deleteMessage",
  "threads",
  "thread",
  "profile",
  "labels",
  "label",
  "patchLabel",
  "history",
  "watch",
  "stop",
  "batch",
  "part",
  "other",
]);
export type Endpoint = z.infer<typeof endpointSchema>;

/** Errors that Google is known to answer, by the names that its documentation uses. */
export const namedFaultSchema = z.enum([
  "invalid_grant",
  "invalid_client",
  "invalid_request",
  "invalid_token",
  "authError",
  "tooManyRequests",
  "tooManyRequestsWithTime",
  "rateLimitExceeded",
  "userRateLimitExceeded",
  "dailyLimitExceeded",
  "insufficientPermissions",
  "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
  "domainPolicy",
  "accessNotConfigured",
  "failedPrecondition",
  "notFound",
  "backendError",
  "unavailable",
  "badRequest",
  "forbidden",
  "deadlineExceeded",
  "badGateway",
  "unauthorized_client",
  "admin_policy_enforced",
  "rate_limit_exceeded",
  "internal_failure",
]);
export type NamedFault = z.infer<typeof namedFaultSchema>;

/** Where faults can be queued: `token` is both kinds of token calls, `all` all of Google but its pages. */
export const faultEndpointSchema = z.enum([...endpointSchema.options, "all"]);
export type FaultEndpoint = z.infer<typeof faultEndpointSchema>;

export const faultSchema = z.strictObject({
  /** One of Google's own errors; `detail` is its `error_subtype`, or the seconds of its `Retry-After`. */
  named: namedFaultSchema.exactOptional(),
  detail: z.string().exactOptional(),
  /** Seconds until the client may try again, and where a named error says so. */
  retryAfter: z.number().int().nonnegative().exactOptional(),
  retryAfterIn: z.enum(["header", "message"]).exactOptional(),
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
export type Fault = z.infer<typeof faultSchema>;

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

export const configSchema = z.strictObject({
  issuer: z.string().default("https://accounts.google.com"),
  /** Who asks for consent, on the consent page. */
  clientName: z.string().default("gmail-edge"),
  /** Refuses what Google lets pass and a careful client never does: no PKCE, no nonce, online access. */
  demandsCare: z.boolean().default(true),
  clients: z.array(z.strictObject({ id: z.string(), secret: z.string() })).default([]),
  redirectUris: z.array(z.string()).default([]),
  codeLifetimeSeconds: z.number().default(600),
  accessTokenLifetimeSeconds: z.number().default(3599),
  /** Bytes of an access token; Google says up to 2,048. */
  accessTokenLength: z.number().int().min(40).default(220),
  /** `google`: only when the consent page was shown. */
  refreshTokens: z.enum(["google", "never"]).default("google"),
  refreshTokenExpiresIn: z.number().nullable().default(null),
  /** Live refresh tokens per account and client; the oldest dies silently. */
  maxRefreshTokens: z.number().default(100),
  idToken: z
    .enum([
      "valid",
      "wrong-key",
      "unknown-kid",
      "alg-none",
      "hs256-client-secret",
      "hs256-public-key",
      "other-aud",
      "other-iss",
      "iss-without-scheme",
      "expired",
      "other-nonce",
      "no-nonce",
      "no-sub",
      "garbage",
      "absent",
    ])
    .default("valid"),
  userinfo: z.enum(["valid", "no-sub", "other-sub", "numeric-sub", "empty-sub"]).default("valid"),
  /** What the token endpoint says was granted, instead of the truth. */
  grantedScopes: z.array(z.string()).nullable().default(null),
  callbackIss: z.enum(["valid", "other", "absent"]).default("valid"),
  listing: listingSchema.default(listingSchema.parse({})),
  shuffleBatchParts: z.boolean().default(true),
  /** Of one user; `null`: units are metered and not limited. */
  quotaUnitsPerMinute: z.number().nullable().default(6000),
  /** Whether messages in history records name their labels; Google promises IDs only. */
  historyLabels: z.boolean().default(true),
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
  /** Old keys stay in the JWKS after a rotation, as at Google. */
  keepOldKeys: z.boolean().default(true),
});
export type Config = z.infer<typeof configSchema>;

/** Some of the configuration; what is not named stays as it is. Checked where it is merged, because defaults must not fill it up. */
export type ConfigPatch = Partial<Omit<z.input<typeof configSchema>, "listing" | "push">> & {
  readonly listing?: Partial<z.input<typeof listingSchema>>;
  readonly push?: Partial<z.input<typeof pushSchema>>;
};
export const configPatchSchema = z.custom<ConfigPatch>((value) => typeof value === "object" && value !== null);

/** Header by which a test plays the person at the consent screen, in place of the pages. */
export const PERSON_HEADER = "x-google-person";
/** Header that says which error a page shows, for tests. */
export const PAGE_ERROR_HEADER = "x-google-page-error";
/** Header by which the core tells its server to break the connection; no HTTP answer can say that. */
export const BREAK_HEADER = "x-google-break";

/** What is not Google's: all of it is below this path. */
export const CONTROL_PREFIX = "/__emulator";
/** The control API of tests: GET is the snapshot, POST is an action. */
export const CONTROL_PATH = `${CONTROL_PREFIX}/control`;

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
