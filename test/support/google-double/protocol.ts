/**
 * What the double of Google and its test-side client say to each other: configuration, faults, people and records.
 *
 * Schemas first, types inferred, so that a typing error in a test's fault fails in the double and not as a strange answer.
 */
import * as z from "zod";

/** Every place where calls are counted and faults can be queued. `token` stands for both kinds of token calls. */
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
  "list",
  "get",
  "profile",
  "labels",
  "modify",
  "patchLabel",
  "deleteMessage",
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
]);
export type NamedFault = z.infer<typeof namedFaultSchema>;

export const faultSchema = z.strictObject({
  /** One of Google's own errors; `detail` is its `error_subtype`, or the seconds of its `Retry-After`. */
  named: namedFaultSchema.exactOptional(),
  detail: z.string().exactOptional(),
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
  /** Alone: a slow but right answer. */
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

export const mailboxSchema = z.strictObject({
  messages: z.number().int().nonnegative().default(25),
  /** Every n-th message is in SPAM or TRASH; 0: none. */
  spamEvery: z.number().int().nonnegative().default(0),
  trashEvery: z.number().int().nonnegative().default(0),
});
export type Mailbox = z.infer<typeof mailboxSchema>;

export const userSchema = z.strictObject({
  email: z.string(),
  sub: z.string(),
  name: z.string().default("Ada Lovelace"),
  picture: z.string().default("https://lh3.googleusercontent.com/a/picture"),
  /** Workspace domain, the `hd` claim; consumer accounts have none. */
  hd: z.string().exactOptional(),
  emailVerified: z.boolean().default(true),
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

export const configSchema = z.strictObject({
  issuer: z.string().default("https://accounts.google.com"),
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
  quotaUnitsPerMinute: z.number().default(6000),
  /** The issuer of security events ends with a slash. Google has shown both. */
  issuerSlash: z.boolean().default(false),
  /** Old keys stay in the JWKS after a rotation, as at Google. */
  keepOldKeys: z.boolean().default(true),
});
export type Config = z.infer<typeof configSchema>;

/** Some of the configuration; what is not named stays as it is. Checked where it is merged, because defaults must not fill it up. */
export type ConfigPatch = Partial<Omit<z.input<typeof configSchema>, "listing">> & {
  readonly listing?: Partial<z.input<typeof listingSchema>>;
};
const configPatchSchema = z.custom<ConfigPatch>((value) => typeof value === "object" && value !== null);

export const callSchema = z.object({
  endpoint: endpointSchema,
  method: z.string(),
  path: z.string(),
  query: z.array(z.tuple([z.string(), z.string()])),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  /** The double's clock when the call came. */
  atMs: z.number(),
  /** 0 while there is no answer. */
  status: z.number(),
});
export type Call = z.infer<typeof callSchema>;

export const grantSchema = z.object({
  sub: z.string(),
  email: z.string(),
  scopes: z.array(z.string()),
  liveRefreshTokens: z.number(),
  /** The live ones themselves, oldest first; what the Worker stored must be the last. */
  refreshTokens: z.array(z.string()),
});

/** Everything that a test may want to know about what happened. */
export const snapshotSchema = z.object({
  calls: z.array(callSchema),
  /** What a client of Google must never do. Empty is the only good answer. */
  violations: z.array(z.string()),
  maxConcurrent: z.number(),
  quotaUnits: z.number(),
  /** Tokens, codes and verifiers that were issued or seen. */
  secrets: z.array(z.string()),
  grants: z.array(grantSchema),
  pendingFaults: z.number(),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

/** What ID tokens and what security events are signed with: key sets that share nothing. */
export const keyPurposeSchema = z.enum(["id-token", "security-event"]);
export type KeyPurpose = z.infer<typeof keyPurposeSchema>;

export const securityEventSchema = z.strictObject({
  /** Event type URI to what is said about it, as in RFC 8417. */
  events: z.record(z.string(), z.unknown()),
  /** Random unless said. */
  jti: z.string().exactOptional(),
  /** The first client unless said. */
  aud: z.union([z.string(), z.array(z.string())]).exactOptional(),
  /** The issuer of the RISC configuration unless said. */
  iss: z.string().exactOptional(),
  /** Epoch seconds; now unless said. */
  iat: z.number().exactOptional(),
  /** The header's `typ`; `null`: none. RFC 8417 only recommends it. */
  typ: z.string().nullable().default("secevent+jwt"),
  flaw: z
    .enum([
      "wrong-key",
      "id-token-key",
      "unknown-kid",
      "no-kid",
      "tampered",
      "alg-none",
      "hs256-public-key",
      "other-aud",
      "no-aud",
      "other-iss",
      "no-iss",
      "no-jti",
      "no-iat",
      "no-events",
      "events-list",
      "garbage",
      /** An `exp` in the past. No flaw to a receiver: events tell of what was, and Google says not to check it. */
      "expired",
    ])
    .nullable()
    .default(null),
});
export type SecurityEvent = z.infer<typeof securityEventSchema>;
export type SecurityEventInput = z.input<typeof securityEventSchema>;

/** What happens at Google without the Worker's doing. */
export const actionSchema = z.discriminatedUnion("action", [
  /** As new, but for the keys: a verifier may have cached them. */
  z.strictObject({ action: z.literal("reset") }),
  z.strictObject({ action: z.literal("configure"), patch: configPatchSchema }),
  z.strictObject({ action: z.literal("addUser"), user: userSchema }),
  z.strictObject({ action: z.literal("fault"), endpoint: endpointSchema, fault: faultSchema }),
  z.strictObject({ action: z.literal("clearFaults") }),
  z.strictObject({ action: z.literal("forgetCalls") }),
  z.strictObject({ action: z.literal("advanceClock"), ms: z.number() }),
  z.strictObject({ action: z.literal("rotateKeys"), of: keyPurposeSchema.default("id-token") }),
  /** Google signs a Security Event Token. Answers it, in compact form; sending it is the test's part. */
  z.strictObject({ action: z.literal("securityEvent"), event: securityEventSchema }),
  /** The person removes the app's access in their Google account. */
  z.strictObject({ action: z.literal("revokeGrant"), email: z.string() }),
  /** Refresh and access tokens die, the consent lives on. */
  z.strictObject({ action: z.literal("changePassword"), email: z.string() }),
  /** Access tokens alone die. */
  z.strictObject({ action: z.literal("killAccessTokens"), email: z.string() }),
  /** New mail, on top. */
  z.strictObject({ action: z.literal("receiveMail"), email: z.string(), messages: z.number() }),
]);
export type Action = z.input<typeof actionSchema>;

/** The answer to an action. Most have no value. */
export const actionAnswerSchema = z.strictObject({ value: z.string().nullable() });
export type ActionAnswer = z.infer<typeof actionAnswerSchema>;

/** Header by which the client of the double plays the person at the consent screen. */
export const PERSON_HEADER = "x-double-person";

/** Header by which the core tells its server to break the connection; no HTTP answer can say that. */
export const BREAK_HEADER = "x-double-break";

/** The one path of the control API: GET is the snapshot, POST is an action. */
export const CONTROL_PATH = "/__double";
