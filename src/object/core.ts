/**
 * The object of one user: sessions, API tokens, activity and the grant, and what ends what. One object per user, wherever
 * the user's requests arrive: what it says holds at once. docs/architecture.md has who asks it what, and when.
 *
 * A plain class, so that tests give it a clock and a Google; the class that the runtime knows is `Mailbox` in index.ts.
 */
import { AppError } from "../errors.ts";
import { IdentitySchema, type Identity } from "../identity.ts";
import { settle } from "../lib/settle.ts";
import { Activity } from "./activity.ts";
import { ApiTokens } from "./api-tokens.ts";
import { Database, type ObjectStorage } from "./database.ts";
import { type GrantParts, ObjectGrant } from "./grant.ts";
import {
  type ActivityDay,
  type Actor,
  type Disconnected,
  type MailboxQuestions,
  type NewToken,
  type OfflineUser,
  type OpenToken,
  type Renewed,
  type ResealOutcome,
  type SecurityConsequence,
  type SessionInfo,
  type SignIn,
  type SignInResult,
  type TokenInfo,
  type Usage,
} from "./rpc.ts";
import { Schedule } from "./schedule.ts";
import { SESSION_TTL_SECONDS, Sessions } from "./sessions.ts";
import { Turns } from "./turns.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Names in `meta`. */
const META = {
  identity: "identity",
  /** When everything of this user was ended last, in epoch milliseconds: no sign-in that began earlier comes to life. */
  endedAt: "ended_at_ms",
  /** Google has disabled the account. */
  disabled: "disabled",
  /** The address of the user could not be written: the next sign-in writes it, with a new refresh token or without. */
  owesAddress: "owes_address",
  /** Records in KV that a disconnect could not delete: user and addresses, as JSON. */
  toErase: "to_erase",
} as const;

export interface CoreParts extends Omit<GrantParts, "database" | "turns"> {
  readonly storage: ObjectStorage;
  /** In hexadecimal. */
  readonly objectId: string;
}

export class MailboxCore implements MailboxQuestions {
  readonly #parts: CoreParts;
  readonly #database: Database;
  readonly #schedule: Schedule;
  readonly #sessions: Sessions;
  readonly #apiTokens: ApiTokens;
  readonly #activity: Activity;
  readonly #grant: ObjectGrant;
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
    this.#grant = new ObjectGrant({ ...parts, database, turns: this.#turns });
    const [sessions, apiTokens] = [this.#sessions, this.#apiTokens];
    this.#activity = new Activity({ database, sessions, apiTokens, now });
  }

  async wake(sub: string): Promise<void> {
    this.#grant.wake(sub);
  }

  async signIn(request: SignIn): Promise<SignInResult> {
    return this.#turns.take(() => this.#signIn(request));
  }

  async #signIn(request: SignIn): Promise<SignInResult> {
    const { identity, session } = request;
    if (this.#database.get(META.disabled) !== null) return "disabled";
    if (session.signedInAtMs <= this.#endedAtMs()) return "ended";
    // What a disconnect has left in KV is deleted first: later, it would be the new grant that is deleted.
    await this.#erase();
    const { email, sub } = identity;
    const isAddressNew =
      request.refreshToken !== null || request.delegated || this.#database.get(META.owesAddress) !== null;
    const knowsAddress = isAddressNew && email !== null && request.emailVerified;
    const writing = knowsAddress ? this.#parts.store.writeAddress(email, sub) : null;
    const [kept, written] = await Promise.allSettled([this.#grant.keep(request), writing]);
    if (kept.status === "rejected") throw kept.reason;
    if (!kept.value) return "no-grant";
    // A refresh token comes with a new consent only. What began under an older one ends: had somebody else got hold of a
    // session or an API token, it would come back to life with the new grant.
    if (request.refreshToken !== null) this.#endUntil(session.signedInAtMs - 1);
    // The record of the grant is there by now: the next sign-in does the rest.
    this.#database.set(META.owesAddress, written.status === "rejected" ? "yes" : null);
    if (written.status === "rejected") throw written.reason;
    // Everything may have been ended while KV was written.
    if (session.signedInAtMs <= this.#endedAtMs()) return "ended";
    this.#database.transaction(() => {
      this.#database.set(META.identity, JSON.stringify(identity));
      if (request.previousSession !== null) this.#sessions.end(request.previousSession);
      this.#sessions.begin(session);
      this.#schedule.plan("expiry", this.#parts.now() + DAY_MS);
    });
    if (request.accessToken !== null) await this.#grant.remember(request.accessToken);
    return "signed-in";
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
    this.#endUntil(this.#parts.now());
  }

  async disconnect(user: { sub: string; email: string | null }): Promise<Disconnected> {
    return this.#turns.take(() => this.#forget(user));
  }

  async secure(sub: string, consequence: SecurityConsequence, untilMs: number): Promise<void> {
    switch (consequence) {
      case "disable":
        return this.#database.set(META.disabled, "yes");
      case "enable":
        return this.#database.set(META.disabled, null);
      case "end-sessions":
        return this.#endUntil(untilMs);
      case "forget":
        this.#endUntil(untilMs);
        return this.#turns.take(() => this.#forgetOlder(sub, untilMs));
    }
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

  async openOffline(sub: string): Promise<OfflineUser> {
    // Who has an access token has a grant: KV is asked at each refresh.
    const { accessToken } = await this.#grant.accessToken(sub, null);
    return { sub, email: this.#identity()?.email ?? (await this.#grant.emailOf(sub)), accessToken };
  }

  async accessToken(sub: string, actor: Actor, refused: string | null): Promise<Renewed> {
    this.#requireInForce(actor);
    const renewed = await this.#grant.accessToken(sub, refused);
    // A new consent may have ended it meanwhile: the new access token is not its own.
    this.#requireInForce(actor);
    return renewed;
  }

  #requireInForce({ kind, id }: Actor): void {
    const isInForce =
      kind === "offline" ||
      (kind === "session" ? this.#sessions.signedInAtMs(id) !== null : this.#apiTokens.isInForce(id));
    if (!isInForce) throw signInRequired();
  }

  async report(actor: Actor, usage: Usage): Promise<void> {
    // What a user did before a disconnect is deleted, and does not come back.
    if (this.#identity() !== null) this.#activity.count(actor, usage);
  }

  async listActivity(): Promise<ActivityDay[]> {
    return this.#activity.list();
  }

  async consentedAt(sub: string): Promise<number | null> {
    return this.#grant.consentedAtMs(sub);
  }

  async reseal(sub: string, record: { purpose: "credential" | "address"; key: string }): Promise<ResealOutcome> {
    return this.#turns.take(() => this.#grant.reseal(sub, record));
  }

  /** What the alarm does. */
  async alarm(): Promise<void> {
    for (const purpose of this.#schedule.take(this.#parts.now())) {
      // An object that was stopped while it erased has lost the plan, and does it here.
      if (purpose === "erasure" || purpose === "expiry") await this.#turns.take(() => this.#eraseOrPlan());
      if (purpose === "expiry") await this.#turns.take(() => this.#expire());
    }
  }

  async #expire(): Promise<void> {
    const left = this.#sessions.expire() + this.#apiTokens.expire() + this.#activity.expire();
    const oldestMs = this.#parts.now() - SESSION_TTL_SECONDS * 1000;
    if (this.#endedAtMs() < oldestMs) this.#database.set(META.endedAt, null);
    const isNeeded = left > 0 || [META.endedAt, META.disabled, META.toErase].some((name) => this.#database.get(name));
    if (isNeeded) this.#schedule.plan("expiry", this.#parts.now() + DAY_MS);
    else await this.#database.deleteAll();
  }

  /** Deletes everything of the user here, and in KV. */
  async #forget({ sub, email }: { sub: string; email: string | null }): Promise<Disconnected> {
    const { email: storedEmail, ...tokens } = await this.#grant.read(sub);
    this.#database.transaction(() => {
      this.#endUntil(this.#parts.now());
      this.#grant.end();
      this.#database.run("DELETE FROM activity");
      this.#database.set(META.identity, null);
      this.#database.set(META.toErase, JSON.stringify({ sub, emails: [email, storedEmail] }));
    });
    await this.#eraseOrPlan();
    return tokens;
  }

  async #forgetOlder(sub: string, untilMs: number): Promise<void> {
    const consentedAtMs = await this.#grant.consentedAtMs(sub);
    // The user may have consented again since.
    if (consentedAtMs === null || consentedAtMs <= untilMs) await this.#forget({ sub, email: null });
  }

  /** Everything has ended by now: what KV does not delete is deleted later. */
  async #eraseOrPlan(): Promise<void> {
    const erased = await settle(this.#erase());
    if (erased.status === "rejected") this.#schedule.plan("erasure", this.#parts.now() + ERASE_AGAIN_MS);
  }

  /** Deletes what is left in KV. @throws AppError `STORAGE_UNAVAILABLE` */
  async #erase(): Promise<void> {
    const text = this.#database.get(META.toErase);
    if (text === null) return;
    const { sub, emails }: { sub: string; emails: (string | null)[] } = JSON.parse(text);
    await this.#grant.erase(sub, emails);
    this.#database.set(META.toErase, null);
  }

  /** Ends all sessions that signed in until then, and the API tokens that they made, or make. */
  #endUntil(untilMs: number): void {
    this.#database.transaction(() => {
      this.#sessions.endUntil(untilMs);
      this.#apiTokens.endUntil(untilMs);
      if (untilMs > this.#endedAtMs()) this.#database.set(META.endedAt, String(untilMs));
      this.#schedule.plan("expiry", this.#parts.now() + DAY_MS);
    });
  }

  #endedAtMs(): number {
    return Number(this.#database.get(META.endedAt) ?? Number.NEGATIVE_INFINITY);
  }

  #identity(): Identity | null {
    const text = this.#database.get(META.identity);
    return text === null ? null : IdentitySchema.parse(JSON.parse(text));
  }
}

/** How soon KV is asked again to delete what it could not. */
const ERASE_AGAIN_MS = 60_000;

function signInRequired(): AppError {
  return new AppError("SIGN_IN_REQUIRED", "You are not signed in. Sign in with Google, or send an API token.", {
    signInAgain: {},
  });
}
