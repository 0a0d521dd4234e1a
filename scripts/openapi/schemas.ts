/**
 * What the Worker answers, as schemas. It makes these answers itself and need not check them, so they are kept out of
 * its bundle; their types are tied to those of the code, and every answer of the contract tests is checked against them.
 */
import * as z from "zod";
import { ACCESS_LEVELS } from "../../src/access.ts";
import { type ErrorStatus, type Reason, REASONS } from "../../src/errors.ts";
import type { Attachment } from "../../src/mail/attachments.ts";
import type { DecodedMessage } from "../../src/mailbox/message.ts";
import type { MessagesAnswer } from "../../src/mailbox/list.ts";
import type { MessageMetadata } from "../../src/gmail/message.ts";
import type { RotationPage } from "../../src/operator/rotation.ts";
import { NewTokenSchema } from "../../src/auth/api-tokens.ts";
import { IdentitySchema } from "../../src/identity.ts";
import type { Schema } from "./types.ts";

const reasons = Object.keys(REASONS) as [Reason, ...Reason[]];

const ErrorStatusSchema = z.object({
  code: z.int().describe("The HTTP status."),
  status: z.string().describe("The canonical status of google.rpc.Code."),
  message: z.string().min(1).describe("What is wrong, and what to do, for a person."),
  details: z.tuple([
    z.object({
      "@type": z.literal("type.googleapis.com/google.rpc.ErrorInfo"),
      domain: z.literal("gmail-edge"),
      reason: z.enum(reasons).describe("What programs read."),
      metadata: z
        .record(z.string(), z.string())
        .describe("Always `requestId`; `authorizationUrl` where signing in helps; `parameter` of a bad parameter."),
    }),
  ]),
}) satisfies z.ZodType<ErrorStatus>;

const MessageRefSchema = z.object({ id: z.string(), threadId: z.string() });

const MessageRowSchema = z.object({
  ...MessageRefSchema.shape,
  labelIds: z.array(z.string()),
  snippet: z.string().describe("As Gmail gives it: with HTML entities."),
  date: z.iso.datetime().nullable().describe("RFC 3339, in UTC; null where Gmail has no date."),
  from: z.string().nullable().describe("RFC 5322 addresses: names decoded, and quoted where needed."),
  to: z.string().nullable().describe("As `from`."),
  subject: z.string().nullable(),
  unread: z.boolean(),
}) satisfies z.ZodType<MessageMetadata>;

const AttachmentSchema = z.object({
  id: z.string().describe("For `/api/messages/{id}/attachments/{partId}`: Gmail's `partId`, which stays the same."),
  name: z.string(),
  type: z.string().describe("Media type, as the sender says."),
  size: z.int().describe("Bytes."),
  inline: z.boolean().describe("The message shows it within its text."),
}) satisfies z.ZodType<Attachment>;

const DecodedMessageSchema = z.object({
  ...MessageRowSchema.shape,
  date: z.iso.datetime().nullable().describe("RFC 3339, in UTC."),
  headers: z
    .array(z.object({ name: z.string(), value: z.string() }))
    .describe("All of them, in their order, with encoded words decoded."),
  text: z.string().nullable().describe("The plain text; null for none."),
  html: z.string().nullable().describe("The HTML as it came, not sanitized; null for none."),
  attachments: z.array(AttachmentSchema),
}) satisfies z.ZodType<DecodedMessage>;

const UnreadableRowSchema = z
  .object({ ...MessageRefSchema.shape, error: ErrorStatusSchema })
  .describe("A message that could not be read in time stands in its place with its error.");

const rowSchema = z.union([MessageRowSchema, UnreadableRowSchema, MessageRefSchema]);
const pageToken = z.string().min(1).exactOptional().describe("There is more: where to go on.");

const retryAfterSeconds = z
  .int()
  .positive()
  .exactOptional()
  .describe("The user's quota units of this minute are used up: seconds to wait before going on with `nextPageToken`.");

const MessagesSchema = z.object({
  messages: z.array(rowSchema).describe("Newest first."),
  nextPageToken: pageToken,
  retryAfterSeconds,
  resultSizeEstimate: z.int().describe("Gmail's guess of how many match in all."),
}) satisfies z.ZodType<MessagesAnswer>;

const StreamEndSchema = z
  .object({ nextPageToken: pageToken, retryAfterSeconds, count: z.int(), quotaUnits: z.int() })
  .describe("The last line.");
const StreamFailureSchema = z
  .object({ error: ErrorStatusSchema })
  .describe("The last line, where something went wrong after the first one.");

const access = z
  .enum(ACCESS_LEVELS)
  .describe("`list`: who you are, and lists of what is there. `read`: every GET and HEAD. `full`: everything.");

const TokenSchema = z.object({
  id: z.string(),
  name: z.string(),
  access,
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().nullable().describe("To the minute; null for never."),
});

const CreatedTokenSchema = z.object({
  id: z.string(),
  token: z.string().describe("The secret. It is shown this once."),
  name: z.string(),
  access,
  expiresAt: z.iso.datetime(),
});

const SessionSchema = z.object({
  id: z.string(),
  device: z.string().describe("Browser and system, in words."),
  place: z.string().exactOptional().describe("City and country, as far as Cloudflare knows them."),
  createdAt: z.iso.datetime(),
  lastUsedAt: z.iso.datetime().describe("To the minute."),
  current: z.boolean().describe("Whether it is the one that asks."),
});

const count = z.int().nonnegative();

const ActivityDaySchema = z.object({
  day: z.iso.date().describe("In UTC."),
  kind: z.enum(["session", "token", "offline"]).describe("`offline`: a service that acts for you."),
  id: z.string(),
  name: z.string().exactOptional().describe("Of the API token."),
  tokenId: z.string().exactOptional(),
  device: z.string().exactOptional().describe("Of the session."),
  requests: count,
  messagesListed: count,
  messagesRead: count,
  units: count.describe("Gmail API quota units."),
});

const DisconnectedSchema = z.object({
  disconnected: z.literal(true),
  revoked: z.boolean().describe("Whether Google confirmed that the grant is gone."),
  message: z.string().exactOptional().describe("What to do where it did not."),
});

const RotationPageSchema = z.object({
  activeKid: z.string().describe("The key that seals now."),
  current: z.int().describe("Records that were under the active key already."),
  resealed: z.int().describe("Records that were sealed anew by this call."),
  left: z
    .record(z.string(), z.int())
    .describe("Records that could not be sealed anew, by the `kid` that they are sealed under."),
  dead: z.int().describe("Records of users without a grant in force: nobody needs them any more."),
  cursor: z.string().nullable().describe("Where to go on; null at the end."),
}) satisfies z.ZodType<RotationPage>;

const ANSWERS = {
  Error: z.object({ error: ErrorStatusSchema }).describe("One shape for all errors: https://google.aip.dev/193"),
  ErrorStatus: ErrorStatusSchema,
  Me: z.object({ ...IdentitySchema.shape, scopes: z.array(z.string()) }),
  MessageRef: MessageRefSchema,
  MessageRow: MessageRowSchema,
  UnreadableRow: UnreadableRowSchema,
  Messages: MessagesSchema,
  Message: DecodedMessageSchema,
  Attachment: AttachmentSchema,
  Labels: z.object({
    labels: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        type: z.enum(["system", "user"]).describe("Gmail's own, or one of the user's."),
      }),
    ),
  }),
  MessagesLine: z.union([
    MessageRowSchema,
    UnreadableRowSchema,
    MessageRefSchema,
    StreamEndSchema,
    StreamFailureSchema,
  ]),
  StreamEnd: StreamEndSchema,
  StreamFailure: StreamFailureSchema,
  Token: TokenSchema,
  Sessions: z.object({ sessions: z.array(SessionSchema).describe("The latest used first.") }),
  Activity: z.object({ activity: z.array(ActivityDaySchema).describe("The last 30 days, the latest first.") }),
  Tokens: z.object({ tokens: z.array(TokenSchema).describe("Newest first.") }),
  CreatedToken: CreatedTokenSchema,
  SignedOut: z.object({ signedOut: z.literal(true) }),
  Disconnected: DisconnectedSchema,
  RotationPage: RotationPageSchema,
  Health: z.object({
    status: z.enum(["ok", "failing"]),
    checks: z.optional(z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() }))),
  }),
} as const;

/** Names of the schemas in the document. */
export type SchemaName = keyof typeof ANSWERS | "NewToken";

/** A reference to a schema of the document. */
export function refTo(name: SchemaName): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** All named schemas, as JSON Schema. */
export function componentSchemas(): Record<string, Schema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(ANSWERS)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` });
  const answers = Object.entries(schemas).map(([name, schema]) => [name, open(schema)] as const);
  return Object.fromEntries([...answers, ["NewToken", describeInput(NewTokenSchema)]]);
}

/** What a validating schema takes: types, limits and defaults. */
export function describeInput(schema: z.ZodType | z.core.$ZodType): Schema {
  // Of what is transformed only the outcome has a type; what may be left out is known of the input.
  const outcome = z.toJSONSchema(schema, { io: "output" });
  const { required } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const { required: _, ...rest } = open(outcome);
  return { ...rest, ...(required === undefined ? {} : { required }) };
}

/**
 * Without what stands for itself in OpenAPI, without a promise that no property will ever be added, and without what
 * zod says of every whole number and every time.
 */
function open(schema: Schema): Schema {
  return JSON.parse(
    JSON.stringify(schema, function (this: Schema, key, value: unknown) {
      if (key === "$schema" || key === "$id" || key === "propertyNames") return undefined;
      if (key === "pattern" && "format" in this) return undefined;
      if (typeof value === "number" && Math.abs(value) === Number.MAX_SAFE_INTEGER) return undefined;
      return key === "additionalProperties" && value === false ? undefined : value;
    }),
  );
}
