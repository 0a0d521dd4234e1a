/**
 * What a Worker asks the object of a user, and what the object answers: one object per user, named by `sub`. Answers cross
 * as data, errors too: an error that is thrown across RPC keeps its message only. Called by object/client.ts, answered by
 * object/core.ts.
 */
import type { Access } from "../access.ts";
import { AppError, type AppErrorOptions, type Reason } from "../errors.ts";
import type { MessageRef } from "../gmail.ts";
import type { AccessToken, Identity } from "../identity.ts";
import type { MetadataRow } from "./rows/queue.ts";

/** An answer, or the error in its place. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: ErrorData };

/** An AppError as data. */
export interface ErrorData {
  readonly reason: Reason;
  readonly message: string;
  readonly options: Omit<AppErrorOptions, "cause">;
}

/** Does the work, and tells an AppError as data. */
async function toOutcome<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { ok: false, error: toErrorData(error) };
  }
}

/** @throws AppError where the outcome is one */
export function fromOutcome<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw toAppError(outcome.error);
}

export function toAppError({ reason, message, options }: ErrorData): AppError {
  return new AppError(reason, message, options);
}

/** An AppError without its cause. */
export function toErrorData(error: AppError): ErrorData {
  const { reason, message, code, status, programMessage, metadata } = error;
  const { retryAfterSeconds, signInAgain, logDetail } = error;
  return {
    reason,
    message,
    options: {
      code,
      status,
      programMessage,
      metadata,
      ...(retryAfterSeconds === null ? {} : { retryAfterSeconds }),
      ...(signInAgain === null ? {} : { signInAgain }),
      ...(logDetail === null ? {} : { logDetail }),
    },
  };
}

/** Who acts: a session or an API token by its ID, or a service that acts while the user is offline. */
export type Actor =
  | { readonly kind: "session"; readonly id: string }
  | { readonly kind: "token"; readonly id: string }
  | { readonly kind: "offline"; readonly id: "offline" };

/** Someone whom Google has just identified. Times are epoch milliseconds. */
export interface SignIn {
  readonly identity: Identity;
  readonly emailVerified: boolean;
  /** `hd` of the ID token: the Workspace domain that runs the account. */
  readonly hostedDomain: string | null;
  readonly session: {
    readonly id: string;
    /** When the callback came. */
    readonly signedInAtMs: number;
    readonly device: string;
    readonly place: string | null;
  };
  /** Granted scopes, as Google named them. */
  readonly scopes: readonly string[];
  /** Null where it opens no mailbox. */
  readonly accessToken: AccessToken | null;
  /** Null where Google gave none: then the stored one has to do. */
  readonly refreshToken: string | null;
  /** The service account opens this mailbox: there is no grant of the user's own. */
  readonly delegated: boolean;
  /** What `wake` answered; null where it did not. */
  readonly ends: number | null;
  /** The session that this browser had, where it was the same user's. */
  readonly previousSession: string | null;
}

/**
 * What became of a sign-in. `no-grant`: no refresh token came, and none that is stored is usable. `disabled`: Google has
 * disabled the account. `ended`: everything of this user was ended meanwhile.
 */
export type SignInResult = "signed-in" | "no-grant" | "disabled" | "ended";

/** A session, as its owner sees it. Times are epoch milliseconds. */
export interface SessionInfo {
  readonly id: string;
  readonly device: string;
  readonly place: string | null;
  readonly createdAtMs: number;
  /** To the minute. */
  readonly lastUsedAtMs: number;
}

/** An API token that is to be made. */
export interface NewToken {
  readonly name: string;
  readonly access: Access;
  readonly scopes: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
}

/** An API token, as its owner sees it later: without its text. Times are epoch milliseconds. */
export interface TokenInfo {
  readonly id: string;
  readonly name: string;
  readonly access: Access;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** To the minute; null for never. */
  readonly lastUsedAtMs: number | null;
}

/** An API token in force, for whom it speaks, and the access token to do so with. */
export interface OpenToken {
  readonly id: string;
  readonly identity: Identity;
  readonly scopes: readonly string[];
  readonly access: Access;
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
  /** Null where none is kept that has not expired. */
  readonly accessToken: AccessToken | null;
}

/** A user with a stored grant, for work while they are offline. */
export interface OfflineUser {
  readonly sub: string;
  readonly email: string | null;
  readonly accessToken: AccessToken;
}

/** An access token. `isFresh`: Google gave it after it was asked for here. */
export interface Renewed {
  readonly accessToken: AccessToken;
  readonly isFresh: boolean;
  /** By the service account: consent would change nothing. */
  readonly isDelegated: boolean;
}

/** What a request of an actor did: counts only. */
export interface Usage {
  readonly messagesListed: number;
  readonly messagesRead: number;
  readonly units: number;
}

/** Who lists messages, and with which access token. */
export interface RowsCaller {
  readonly sub: string;
  readonly email: string | null;
  readonly actor: Actor;
  readonly accessToken: AccessToken;
  /** Units that this request has spent elsewhere and that the object has not been told of. */
  readonly spentUnits: number;
}

/** A page of rows that is asked for. */
export interface RowsRequest extends RowsCaller {
  /** Of the request's log line. */
  readonly requestId: string;
  /** Names the request, as in `sync`; null: nothing is kept. */
  readonly moment: string | null;
  readonly refs: readonly MessageRef[];
  /** Each row as soon as it is there. */
  readonly isStreamed: boolean;
  /** Rows of the request were read before: an error of the page is no longer that of the whole. */
  readonly hasRows: boolean;
  /** What is left of the request's. */
  readonly budget: { readonly calls: number; readonly units: number; readonly ms: number };
}

/** What a question has cost so far. */
export interface Cost {
  /** Gmail quota units. */
  readonly units: number;
  /** Calls to Google. */
  readonly calls: number;
  /** Messages whose rows were read from Gmail. */
  readonly rowsRead: number;
  /** Messages whose rows were known, or read by others. */
  readonly rowsKnown: number;
}

/** A page of rows: whole, or piece by piece, each a line of JSON: {@link RowsPart}. */
export type RowsAnswer =
  | { readonly kind: "known"; readonly rows: readonly MetadataRow[]; readonly cost: Cost }
  | { readonly kind: "parts"; readonly parts: ReadableStream<Uint8Array> };

/** Unread messages by label; one that could not be read is missing. */
export interface UnreadAnswer {
  readonly counts: ReadonlyMap<string, number>;
  readonly cost: Cost;
}

/** Rows that follow each other, or what ends them. */
export type RowsPart = { readonly cost: Cost } & (
  | { readonly rows: readonly MetadataRow[] }
  /** Not null: the user's units of this minute are spent. */
  | { readonly end: { readonly retryAfterSeconds: number | null } }
  | { readonly error: ErrorData }
);

/** A day of an actor. */
export interface ActivityDay extends Usage {
  /** `YYYY-MM-DD` in UTC. */
  readonly day: string;
  readonly kind: Actor["kind"];
  readonly id: string;
  /** Of a token: its name; of a session: its device. */
  readonly label: string | null;
  readonly requests: number;
}

/** What is left of a user who has disconnected: the tokens to give back to Google. */
export interface Disconnected {
  readonly refreshToken: string | null;
  readonly accessToken: string | null;
  /** The access was the service account's, which only an administrator ends. */
  readonly wasDelegated: boolean;
}

/** When a security event was issued, and what it is about. */
export interface EventTimes {
  /** Epoch milliseconds. */
  readonly issuedAtMs: number;
  /** Epoch milliseconds: what began later is none of the event's business. */
  readonly untilMs: number;
}

/** What ends sessions and API tokens without their owner. */
export type SecurityConsequence = "end-sessions" | "forget" | "disable" | "enable";

/** A record in KV that is sealed under `TOKEN_KEYS`. */
export interface SealedRecord {
  readonly purpose: "credential" | "address" | "mailbox-key";
  readonly key: string;
}

/**
 * What became of sealing a record again. `current`: it was under the active key already. `dead`: there is no grant that it
 * could serve.
 */
export type ResealOutcome = "current" | "resealed" | "dead";

/** What an object can be asked; each question is one request to it. Whatever fails is thrown as AppError. */
export interface MailboxQuestions {
  /** Makes the object awake, and reads what a sign-in will ask for. @returns what the sign-in brings as `ends` */
  wake(sub: string): Promise<number>;
  signIn(request: SignIn): Promise<SignInResult>;
  /** Whether a session is in force. */
  checkSession(id: string): Promise<boolean>;
  listSessions(): Promise<SessionInfo[]>;
  /** @returns whether there was one */
  endSession(id: string): Promise<boolean>;
  /** Ends all sessions and API tokens. */
  endAll(): Promise<void>;
  /** Deletes everything of the user but what keeps older requests from filling it again. */
  disconnect(user: { readonly sub: string; readonly email: string | null }): Promise<Disconnected>;
  secure(sub: string, consequence: SecurityConsequence, event: EventTimes): Promise<void>;
  /** @param sessionId of who makes it. @returns its text; null where that session has ended */
  makeToken(sessionId: string, id: string, token: NewToken): Promise<string | null>;
  listTokens(): Promise<TokenInfo[]>;
  /** @returns whether there was one */
  revokeToken(id: string): Promise<boolean>;
  /** @param hash SHA-256 of its text. @returns null where it is not in force */
  openToken(hash: string): Promise<OpenToken | null>;
  /** @param address by which the user was found. @returns null where there is no grant, or the address is not theirs any more */
  openOffline(sub: string, address: string | null): Promise<OfflineUser | null>;
  /** An access token for an actor. @param refused the one that Google has refused; null where it has expired */
  accessToken(sub: string, actor: Actor, refused: string | null): Promise<Renewed>;
  /** @param spentUnits those that the object has not been told of */
  report(actor: Actor, usage: Usage, spentUnits?: number): Promise<void>;
  /** Brings the kept rows up to date, for a request that begins now. @param moment names the request */
  sync(moment: string, caller: RowsCaller): Promise<Cost>;
  rows(request: RowsRequest): Promise<RowsAnswer>;
  /** How many messages are unread under labels. @param moment as in {@link RowsRequest} */
  countUnread(moment: string | null, caller: RowsCaller, labelIds: readonly string[]): Promise<UnreadAnswer>;
  /** Remembers a message for the frame of its page. @param json as Gmail answered */
  keepOpened(actor: Actor, messageId: string, json: string): Promise<void>;
  /** What was remembered of a message; null for nothing. */
  opened(actor: Actor, messageId: string): Promise<string | null>;
  listActivity(): Promise<ActivityDay[]>;
  /** When the stored grant came, in epoch milliseconds; null where there is none. */
  consentedAt(sub: string): Promise<number | null>;
  /** Seals a record of the user's again, under the key that seals now. @throws SealError where it does not open */
  reseal(sub: string, record: SealedRecord): Promise<ResealOutcome>;
}

export type Question = keyof MailboxQuestions;

/** The class behind the binding, as a Worker sees it. */
export interface MailboxRpc {
  ask(question: Question, values: readonly unknown[]): Promise<Outcome<unknown>>;
}

/** Answers a question of {@link MailboxRpc}. */
export async function answer(
  object: MailboxQuestions,
  question: Question,
  values: readonly unknown[],
): Promise<Outcome<unknown>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- they come from object/client.ts, which has the same interface
  const method = object[question] as (...values: readonly unknown[]) => Promise<unknown>;
  return toOutcome(async () => Reflect.apply(method, object, values));
}
