/**
 * Work on behalf of a user who is offline: the stored grant is found by `sub` or address, and used without a session.
 * What the service binding offers, without the binding.
 */
import * as z from "zod/mini";
import { AppError, invalidArgument, toErrorStatus } from "../errors.ts";
import type { GmailProfile } from "../gmail.ts";
import type { GmailMessage } from "../gmail/message.ts";
import { Grant, type GrantServices } from "../object/access.ts";
import type { RequestScope } from "../context.ts";
import { openedOrNull } from "../lib/key-ring.ts";
import { parseListOptions } from "./options.ts";
import { parseOptions } from "../lib/schema.ts";
import { reportError } from "../lib/log.ts";
import {
  collectMessages,
  gmailOf,
  type ListServices,
  type MailboxUser,
  type MessagesAnswer,
  streamMessages,
} from "./list.ts";

/** What works for somebody who is offline. */
type OfflineServices = ListServices & GrantServices & Pick<RequestScope, "acting" | "mailboxes" | "store">;

/** Options of a listing, as the query of `GET /api/messages` has them. */
export interface ListMessagesOptions {
  readonly q?: string;
  readonly labelIds?: readonly string[];
  readonly includeSpamTrash?: boolean;
  readonly limit?: number | "all";
  readonly pageToken?: string;
  readonly view?: "id" | "metadata";
}

/** Options of `users.messages.get`. */
export interface GetMessageOptions {
  readonly format?: "minimal" | "full" | "raw" | "metadata";
  readonly metadataHeaders?: readonly string[];
}

export const GetMessageOptionsSchema = z.strictObject({
  format: z._default(z.enum(["minimal", "full", "raw", "metadata"], "must be minimal, full, raw or metadata"), "full"),
  metadataHeaders: z._default(z.array(z.string("must be text"), "must be a list of names"), []),
});

/** `GET /api/messages` for a user. @param user `sub` or address */
export async function listMessages(
  scope: OfflineServices,
  user: string,
  options: ListMessagesOptions = {},
): Promise<MessagesAnswer> {
  const parsed = parseListOptions({ ...options });
  return actFor(scope, user, (mailbox) => collectMessages(scope, mailbox, parsed));
}

/** The NDJSON of `GET /api/messages` for a user. @param user `sub` or address */
export async function openMessageStream(
  scope: OfflineServices,
  user: string,
  options: ListMessagesOptions = {},
): Promise<ReadableStream<Uint8Array>> {
  const parsed = parseListOptions({ ...options });
  return actFor(scope, user, (mailbox) =>
    streamMessages(scope, mailbox, parsed, (error) =>
      toErrorStatus(reportError(scope.trace, error), { requestId: scope.trace.requestId }),
    ),
  );
}

/** One message of a user, as Gmail has it. @param user `sub` or address */
export async function getMessage(
  scope: OfflineServices,
  user: string,
  id: string,
  options: GetMessageOptions = {},
): Promise<GmailMessage> {
  if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id)) throw invalidArgument("id", "id is not a message ID.");
  const { format, metadataHeaders } = parseOptions(GetMessageOptionsSchema, options ?? {});
  const query = new URLSearchParams({ format });
  for (const name of metadataHeaders) query.append("metadataHeaders", name);
  return actFor(scope, user, ({ grant }) => gmailOf(scope, grant).getMessage(id, query));
}

/** Gmail's profile of a user. @param user `sub` or address */
export async function getProfile(scope: OfflineServices, user: string): Promise<GmailProfile> {
  return actFor(scope, user, ({ grant }) => gmailOf(scope, grant).getProfile());
}

/** Finds the user's grant and works with it. Their object says whether it is in force. */
async function actFor<T>(scope: OfflineServices, user: string, work: (mailbox: MailboxUser) => Promise<T>): Promise<T> {
  const { acting, mailboxes, trace } = scope;
  const sub = await findUser(scope, user);
  const mailbox = sub === null ? null : mailboxes.of(sub);
  const address = user.includes("@") ? user : null;
  const found = sub === null || mailbox === null ? null : await mailbox.ask("openOffline", sub, address);
  if (mailbox === null || found === null) throw consentRequired(user);
  trace.subject = found.sub;
  acting.current = { mailbox, actor: OFFLINE };
  const { accessToken, email } = found;
  const grant = new Grant(scope, {
    user: { sub: found.sub, email },
    actor: OFFLINE,
    mailbox,
    accessToken,
    isRevoked: NEVER,
  });
  return work({ sub: found.sub, email, grant });
}

/** An address has at most 254 characters, a `sub` 255. */
const MAX_USER_CHARACTERS = 255;

/** What a service does for a user ends with the grant. */
const NEVER = Promise.resolve(false);

const OFFLINE = { kind: "offline", id: "offline" } as const;

/** @returns the `sub` of a user who is named by it or by an address; null where nobody has the address */
async function findUser({ store }: OfflineServices, user: unknown): Promise<string | null> {
  if (typeof user !== "string" || user === "" || user.length > MAX_USER_CHARACTERS)
    throw invalidArgument("user", "user must be a sub or an address.");
  return user.includes("@") ? openedOrNull(store.readAddress(user), "An address") : user;
}

function consentRequired(user: string): AppError {
  return new AppError("CONSENT_REQUIRED", "This user has given no consent, or has taken it back.", {
    signInAgain: { prompt: "consent", loginHint: user },
  });
}
