/**
 * What happens at Google by those who drive it, and what it tells them: actions, security events, pushes, the snapshot.
 */
import * as z from "zod";
import { configPatchSchema, endpointSchema, faultEndpointSchema, faultSchema, userSchema } from "./protocol.ts";

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
  /** What was metered since the calls were forgotten, recorded or not. */
  meters: z.object({
    calls: z.record(z.string(), z.number()),
    /** Reads that were refused because too many were in flight. */
    refused: z.number(),
    /** Calls that failed by a fault that hits a share of them. */
    failed: z.number(),
  }),
});
export type Snapshot = z.infer<typeof snapshotSchema>;

/** What ID tokens and what security events are signed with: key sets that share nothing. */
/** A notification as Pub/Sub pushes it: to be sent to the receiver with this header and this body. */
export const pushDeliverySchema = z.object({ authorization: z.string(), body: z.string() });
export type PushDelivery = z.infer<typeof pushDeliverySchema>;

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
  /** Where people may be sent back to, besides where they may already. */
  z.strictObject({ action: z.literal("register"), redirectUri: z.string() }),
  z.strictObject({ action: z.literal("fault"), endpoint: faultEndpointSchema, fault: faultSchema }),
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
  /** The person, or a filter of theirs, changes labels elsewhere. */
  z.strictObject({
    action: z.literal("changeLabels"),
    email: z.string(),
    id: z.string(),
    add: z.array(z.string()).default([]),
    remove: z.array(z.string()).default([]),
  }),
  /** A message is gone for good. */
  z.strictObject({ action: z.literal("deleteMail"), email: z.string(), id: z.string() }),
  /** History so far is no longer there: `history.list` answers 404 for it. */
  z.strictObject({ action: z.literal("forgetHistory"), email: z.string() }),
  /** All numbered mailboxes hold so many messages, as if they always had. */
  z.strictObject({ action: z.literal("resizeMailboxes"), messages: z.number() }),
  /** Takes the notifications that nobody was sent. Answers them as JSON. */
  z.strictObject({ action: z.literal("takePushes") }),
  /** Signs a notification, with claims of its token spoiled. Answers it as JSON. */
  z.strictObject({
    action: z.literal("push"),
    email: z.string(),
    historyId: z.string().exactOptional(),
    claims: z.record(z.string(), z.unknown()).default({}),
    isForged: z.boolean().default(false),
  }),
]);
export type Action = z.input<typeof actionSchema>;

/** The answer to an action. Most have no value. */
export const actionAnswerSchema = z.strictObject({ value: z.string().nullable() });
export type ActionAnswer = z.infer<typeof actionAnswerSchema>;
