/**
 * The object of one user: sessions, API tokens, activity and the grant, and what ends what. One object per user, wherever
 * the user's requests arrive: what it says holds at once. docs/architecture.md has who asks it what, and when.
 *
 * A plain class, so that tests give it a clock and a Google; the class that the runtime knows is `Mailbox` in index.ts.
 */
import { AppError, signInRequired } from "../errors.ts";
import { IdentitySchema, type Identity } from "../identity.ts";
import { toAsciiLowerCase } from "../lib/ascii.ts";
import { settle } from "../lib/settle.ts";
import type { LruCache } from "../isolate/lru-cache.ts";
import type { Trace } from "../lib/trace.ts";
import type { StartTimer, Upstream } from "../lib/upstream.ts";
import { Grant } from "./access.ts";
import { Activity } from "./activity.ts";
import { ApiTokens } from "./api-tokens.ts";
import { Database, type ObjectStorage } from "./database.ts";
import { type GrantParts, ObjectGrant } from "./grant.ts";
import { Records } from "./records.ts";
import {
  type ActivityDay,
  type Actor,
  type Disconnected,
  type EventTimes,
  type MailboxQuestions,
  type NewToken,
  type OfflineUser,
  type OpenToken,
  type Cost,
  type Renewed,
  type RowsAnswer,
  type RowsCaller,
  type RowsRequest,
  type ResealOutcome,
  type SealedRecord,
  type SecurityConsequence,
  type SessionInfo,
  type SignIn,
  type SignInResult,
  type TokenInfo,
  type UnreadAnswer,
  type Usage,
} from "./rpc.ts";
import { answerRows, costOf, gmailFor, type RowsCalls } from "./rows/answer.ts";
import { ConcurrencyLimit } from "./rows/concurrency-limit.ts";
import { KeptRows } from "./rows/kept-rows.ts";
import { OpenedMessages } from "./rows/opened-messages.ts";
import { MinuteQuota } from "./rows/minute.ts";
import { RowKey } from "./rows/row-key.ts";
import { MailboxRows } from "./rows/rows.ts";
import { Schedule } from "./schedule.ts";
import { SESSION_TTL_SECONDS, Sessions } from "./sessions.ts";
import { Turns } from "./turns.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Rows that nobody has looked at for so long are forgotten. */
const ROWS_UNUSED_MS = 30 * DAY_MS;

/** Names in `meta`. */
const META = {
  identity: "identity",
  /** How often everything of this user was ended: a sign-in in progress that counted fewer does not come to life. */
  ends: "ends",
  /** When everything of this user was ended last, in epoch milliseconds: no sign-in that began earlier comes to life. */
  endedAt: "ended_at_ms",
  /** Google has disabled the account. */
  disabled: "disabled",
  /** When the last event that said whether the account is disabled was issued, in epoch milliseconds. */
  accountEvent: "account_event_ms",
} as const;

export interface CoreParts extends Omit<GrantParts, "database" | "eraseRowKey" | "records" | "schedule" | "turns"> {
  readonly storage: ObjectStorage;
  /** What the calls of one request are made with, and counted by. */
  readonly openCalls: (request?: {
    readonly maxCalls?: number;
    readonly deadlineMs?: number;
    readonly requestId?: string;
    /** Told of quota units before they are spent. */
    readonly onSpend?: (units: number) => void;
  }) => { readonly upstream: Upstream; readonly trace: Trace };
  /** Access tokens that Google has answered 401 to. */
  readonly refusedTokens: LruCache<true>;
  readonly startTimer: StartTimer;
}

export class MailboxCore implements MailboxQuestions {
  readonly #parts: CoreParts;
  readonly #database: Database;
  readonly #schedule: Schedule;
  readonly #sessions: Sessions;
  readonly #apiTokens: ApiTokens;
  readonly #activity: Activity;
  readonly #records: Records;
  readonly #grant: ObjectGrant;
  readonly #rowKey: RowKey;
  readonly #rows: MailboxRows;
  readonly #opened: OpenedMessages;
  readonly #minute: MinuteQuota;
  readonly #concurrency: ConcurrencyLimit;
  /** What changes the grant. */
  readonly #turns = new Turns();

  constructor(parts: CoreParts) {
    const { now, objectId, storage } = parts;
    const database = new Database(storage);
    this.#parts = parts;
    this.#database = database;
    this.#schedule = new Schedule(database, storage);
    this.#sessions = new Sessions(database, now);
    this.#apiTokens = new ApiTokens(database, objectId, now);
    const eraseRowKey = async (sub: string): Promise<void> => this.#rowKey.erase(sub);
    const shared = { ...parts, database, eraseRowKey, schedule: this.#schedule };
    this.#records = new Records(shared);
    this.#grant = new ObjectGrant({ ...shared, records: this.#records, turns: this.#turns });
    const [sessions, apiTokens] = [this.#sessions, this.#apiTokens];
    this.#activity = new Activity({ database, sessions, apiTokens, now });
    const { config, defer, kv, warn } = parts;
    this.#opened = new OpenedMessages(now);
    const dropRows = (): void => this.#rows.onKeyLost();
    const onMade = (): void => {
      this.#records.keepRowKey();
      this.#schedule.plan("rows", now() + ROWS_UNUSED_MS);
    };
    this.#rowKey = new RowKey({ database, kv, warn, dropRows, onMade });
    // Rows from before it was turned off.
    if (!config.keepsRows && this.#rowKey.isMade) this.#schedule.set("rows", now());
    const kept = new KeptRows(database, now);
    const { startTimer } = parts;
    this.#rows = new MailboxRows({ kept, key: this.#rowKey, opened: this.#opened, defer, startTimer, warn });
    this.#minute = new MinuteQuota(config.userQuotaPerMinute, now);
    this.#concurrency = new ConcurrencyLimit(now);
  }

  async wake(sub: string): Promise<number> {
    this.#grant.wake(sub);
    return this.#ends();
  }

  async signIn(request: SignIn): Promise<SignInResult> {
    return this.#turns.take(() => this.#signIn(request));
  }

  async #signIn(request: SignIn): Promise<SignInResult> {
    const obstacle = this.#obstacle(request);
    if (obstacle !== null) return obstacle;
    const keep = await this.#grant.prepare(request);
    if (keep === null) return "no-grant";
    // Everything may have been ended meanwhile.
    const late = this.#obstacle(request);
    if (late !== null) return late;
    const accessToken = this.#database.transaction(() => {
      // A refresh token comes with a new consent only. What began under an older one ends before the new grant serves
      // anybody: had somebody else got hold of a session or an API token, it would come back to life with it.
      if (request.refreshToken !== null) this.#endUntil(request.session.signedInAtMs - 1);
      this.#keepIdentity(request);
      if (request.previousSession !== null) this.#sessions.end(request.previousSession);
      this.#sessions.begin(request.session);
      this.#planExpiry();
      return keep();
    });
    this.#parts.defer(this.#records.write(true));
    if (accessToken !== null) await this.#grant.remember(accessToken);
    return "signed-in";
  }

  #keepIdentity({ delegated, emailVerified, identity, refreshToken }: SignIn): void {
    const { email, sub } = identity;
    const former = this.#identity()?.email ?? null;
    const isChanged = former !== null && former !== email;
    const isNew = isChanged || delegated || refreshToken !== null;
    const addresses: [string, boolean][] = isChanged ? [[former, false]] : [];
    if (isNew && email !== null && emailVerified) addresses.push([email, true]);
    if (addresses.length > 0) this.#records.decide(sub, { addresses });
    this.#database.set(META.identity, JSON.stringify(identity));
  }

  /** Why a sign-in may not come to life; null where it may. */
  #obstacle({ ends, session }: SignIn): "disabled" | "ended" | null {
    if (this.#database.get(META.disabled) !== null) return "disabled";
    const isEnded = (ends !== null && ends !== this.#ends()) || session.signedInAtMs <= this.#endedAtMs();
    return isEnded ? "ended" : null;
  }

  async checkSession(id: string): Promise<boolean> {
    return this.#sessions.signedInAtMs(id) !== null;
  }

  async listSessions(): Promise<SessionInfo[]> {
    return this.#sessions.list();
  }

  async endSession(id: string): Promise<boolean> {
    return this.#sessions.end(id);
  }

  async endAll(): Promise<void> {
    this.#database.transaction(() => this.#endEverything());
  }

  async disconnect(user: { sub: string; email: string | null }): Promise<Disconnected> {
    const tokens = await this.#turns.take(() => this.#forget(user));
    await this.#writeOwed();
    return tokens;
  }

  async secure(sub: string, consequence: SecurityConsequence, event: EventTimes): Promise<void> {
    switch (consequence) {
      case "disable":
      case "enable":
        return this.#setDisabled(consequence === "disable", event.issuedAtMs);
      case "end-sessions":
        return this.#endUntil(event.untilMs);
      case "forget":
        this.#endUntil(event.untilMs);
        if (await this.#turns.take(() => this.#forgetOlder(sub, event.untilMs))) await this.#writeOwed();
    }
  }

  /** Events may come late, and again: the latest that was issued counts. */
  #setDisabled(isDisabled: boolean, issuedAtMs: number): void {
    if (issuedAtMs < Number(this.#database.get(META.accountEvent) ?? 0)) return;
    this.#database.transaction(() => {
      this.#database.set(META.accountEvent, String(issuedAtMs));
      this.#database.set(META.disabled, isDisabled ? "yes" : null);
      this.#planExpiry();
    });
  }

  async makeToken(sessionId: string, id: string, token: NewToken): Promise<string | null> {
    return this.#apiTokens.make(id, token, () => this.#sessions.signedInAtMs(sessionId));
  }

  async listTokens(): Promise<TokenInfo[]> {
    return this.#apiTokens.list();
  }

  async revokeToken(id: string): Promise<boolean> {
    return this.#apiTokens.revoke(id);
  }

  async openToken(hash: string): Promise<OpenToken | null> {
    const accessToken = await this.#grant.held();
    const token = this.#apiTokens.find(hash);
    const identity = this.#identity();
    return token === null || identity === null ? null : { ...token, identity, accessToken };
  }

  async openOffline(sub: string, address: string | null): Promise<OfflineUser | null> {
    const email = this.#identity()?.email ?? (await this.#grant.emailOf(sub));
    // It may have gone to another account since.
    if (address !== null && (email === null || toAsciiLowerCase(email) !== toAsciiLowerCase(address))) return null;
    try {
      // Who has an access token has a grant: KV is asked at each refresh.
      const { accessToken } = await this.#grant.accessToken(sub, null);
      return { sub, email, accessToken };
    } catch (error) {
      if (error instanceof AppError && error.reason === "CONSENT_REQUIRED") return null;
      throw error;
    }
  }

  async accessToken(sub: string, actor: Actor, refused: string | null): Promise<Renewed> {
    this.#requireInForce(actor);
    const renewed = await this.#grant.accessToken(sub, refused);
    // A new consent may have ended it meanwhile: the new access token is not its own.
    this.#requireInForce(actor);
    return renewed;
  }

  #requireInForce(actor: Actor): void {
    if (!this.#isInForce(actor)) throw signInRequired();
  }

  #isInForce({ kind, id }: Actor): boolean {
    if (kind === "offline") return true;
    return kind === "session" ? this.#sessions.signedInAtMs(id) !== null : this.#apiTokens.isInForce(id);
  }

  async sync(moment: string, caller: RowsCaller): Promise<Cost> {
    const calls = this.#callsOf(caller);
    if (this.#keptSince(moment) !== null) await this.#rows.sync(moment, caller.sub, gmailFor(calls));
    return costOf(calls.trace);
  }

  async countUnread(moment: string | null, caller: RowsCaller, labelIds: readonly string[]): Promise<UnreadAnswer> {
    const calls = this.#callsOf(caller);
    const asked = { moment: this.#keptSince(moment), sub: caller.sub, reader: gmailFor(calls) };
    const counts = await this.#rows.countUnread(labelIds, asked);
    return { counts, cost: costOf(calls.trace) };
  }

  async rows(request: RowsRequest): Promise<RowsAnswer> {
    const { budget, requestId } = request;
    const calls = this.#callsOf(request, { maxCalls: budget.calls, deadlineMs: budget.ms, requestId });
    const [rows, minute, concurrency] = [this.#rows, this.#minute, this.#concurrency];
    return answerRows({ ...calls, rows, minute, concurrency }, { ...request, moment: this.#keptSince(request.moment) });
  }

  /** Nothing is kept of who has disconnected, or has not signed in since 0.x; whatever the Worker that asks is set to. */
  #keptSince(moment: string | null): string | null {
    return this.#parts.config.keepsRows && this.#identity() !== null ? moment : null;
  }

  async keepOpened(actor: Actor, messageId: string, json: string): Promise<void> {
    if (this.#parts.config.keepsRows && this.#isInForce(actor)) this.#opened.set(messageId, json);
  }

  async opened(actor: Actor, messageId: string): Promise<string | null> {
    this.#requireInForce(actor);
    return this.#opened.get(messageId);
  }

  /** What a caller's calls are made with. Their units count in the user's minute. @throws AppError where the caller has ended */
  #callsOf(
    { accessToken, actor, email, spentUnits, sub }: RowsCaller,
    limits: Parameters<CoreParts["openCalls"]>[0] = {},
  ): RowsCalls {
    this.#requireInForce(actor);
    this.#minute.spend(spentUnits);
    const { config, now, openCalls, refusedTokens } = this.#parts;
    const { trace, upstream } = openCalls({ ...limits, onSpend: (units) => this.#minute.spend(units) });
    const grant = new Grant(
      { refusedTokens, trace, upstream, world: { now } },
      {
        user: { sub, email },
        actor,
        accessToken,
        mailbox: { ask: async (_, ...values) => this.accessToken(...values) },
        isRevoked: NOT_REVOKED,
      },
    );
    return { apiUrl: config.gmailApiUrl, grant, now, trace, upstream };
  }

  async report(actor: Actor, usage: Usage, spentUnits = 0): Promise<void> {
    this.#minute.spend(spentUnits);
    // What a user did before a disconnect is deleted, and does not come back.
    if (this.#identity() !== null && (this.#isInForce(actor) || this.#activity.knows(actor))) {
      this.#activity.count(actor, usage);
    }
  }

  async listActivity(): Promise<ActivityDay[]> {
    return this.#activity.list();
  }

  async consentedAt(sub: string): Promise<number | null> {
    return this.#grant.consentedAtMs(sub);
  }

  async reseal(sub: string, { key, purpose }: SealedRecord): Promise<ResealOutcome> {
    if (purpose === "mailbox-key") return this.#turns.take(() => this.#rowKey.reseal(sub));
    const outcome = await this.#records.during(() => this.#turns.take(() => this.#grant.reseal(sub, { key, purpose })));
    await this.#records.write();
    return outcome;
  }

  /** What the alarm does. */
  async alarm(): Promise<void> {
    for (const purpose of this.#schedule.take(this.#parts.now())) {
      await (purpose === "storing"
        ? this.#writeOwed()
        : this.#turns.take(() => (purpose === "rows" ? this.#dropUnusedRows() : this.#expire())));
    }
  }

  async #dropUnusedRows(): Promise<void> {
    const unusedAtMs = this.#activity.latestMs() + ROWS_UNUSED_MS;
    const { config, now } = this.#parts;
    if (config.keepsRows && unusedAtMs > now()) return this.#schedule.set("rows", unusedAtMs);
    this.#rows.forget();
    const sub = this.#identity()?.sub;
    if (sub !== undefined) await this.#rowKey.erase(sub);
    // A list may have come meanwhile.
    this.#schedule.set("rows", this.#rowKey.isMade ? now() + ROWS_UNUSED_MS : null);
  }

  async #expire(): Promise<void> {
    const nowMs = this.#parts.now();
    const isUsed = [this.#sessions, this.#apiTokens, this.#activity].map((part) => part.expire()).some(Boolean);
    if (this.#endedAtMs() < nowMs - SESSION_TTL_SECONDS * 1000) this.#database.set(META.endedAt, null);
    const isKept = [META.endedAt, META.disabled].some((name) => this.#database.get(name) !== null);
    const isOwed = this.#records.isOwed || this.#rowKey.isMade;
    if (isUsed || isKept || isOwed) this.#schedule.set("expiry", nowMs + DAY_MS);
    else await this.#database.deleteAll();
  }

  /** Deletes everything of the user here; KV is owed the same. */
  async #forget({ sub, email }: { sub: string; email: string | null }): Promise<Disconnected> {
    const { email: storedEmail, ...tokens } = await this.#grant.read(sub);
    this.#database.transaction(() => {
      this.#endEverything();
      this.#grant.end();
      const emails = [email, storedEmail, this.#identity()?.email ?? null];
      this.#records.remove(
        sub,
        emails.filter((one) => one !== null),
      );
      this.#rows.forget();
      this.#database.run("DELETE FROM activity");
      this.#database.set(META.identity, null);
    });
    return tokens;
  }

  /** @returns whether that was done */
  async #forgetOlder(sub: string, untilMs: number): Promise<boolean> {
    const sinceMs = await this.#grant.sinceMs(sub);
    // The user may have consented again since.
    if (sinceMs !== null && sinceMs > untilMs) return false;
    await this.#forget({ sub, email: null });
    return true;
  }

  /** What KV does not take is logged, and taken later. */
  async #writeOwed(): Promise<void> {
    const writing = this.#records.write();
    this.#parts.defer(writing);
    await settle(writing);
  }

  /** Ends all sessions and API tokens, whatever the clocks of those who began them said, and sign-ins in progress. */
  #endEverything(): void {
    const { now } = this.#parts;
    this.#endUntil(Math.max(now(), this.#sessions.latestMs(), this.#apiTokens.latestMs()));
    this.#database.set(META.ends, String(this.#ends() + 1));
  }

  #ends(): number {
    return Number(this.#database.get(META.ends) ?? 0);
  }

  /** Ends all sessions that signed in until then, and the API tokens that they made, or make. */
  #endUntil(untilMs: number): void {
    this.#database.transaction(() => {
      this.#sessions.endUntil(untilMs);
      this.#apiTokens.endUntil(untilMs);
      if (untilMs > this.#endedAtMs()) this.#database.set(META.endedAt, String(untilMs));
      this.#planExpiry();
    });
  }

  #planExpiry(): void {
    this.#schedule.plan("expiry", this.#parts.now() + DAY_MS);
  }

  #endedAtMs(): number {
    return Number(this.#database.get(META.endedAt) ?? Number.NEGATIVE_INFINITY);
  }

  #identity(): Identity | null {
    const text = this.#database.get(META.identity);
    return text === null ? null : IdentitySchema.parse(JSON.parse(text));
  }
}

/** Who acts was found in force when the question came. */
const NOT_REVOKED = Promise.resolve(false);
