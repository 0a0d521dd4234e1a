/**
 * The account page: who is signed in, what Google has granted, the API tokens, and the ways out.
 */
import { type Access, ACCESS_LEVELS } from "../access.ts";
import type { ActivityDay, SessionInfo, TokenInfo } from "../object/rpc.ts";
import type { Identity } from "../identity.ts";
import { Layout, PostButton } from "./layout.tsx";
import { longDate, type Reader } from "./dates.ts";

export interface AccountPageProps {
  readonly identity: Identity;
  readonly scopes: readonly string[];
  /** Epoch milliseconds; null where it is not known. */
  readonly consentedAtMs: number | null;
  readonly tokens: readonly TokenInfo[];
  readonly sessions: readonly SessionInfo[];
  /** ID of the one that asks. */
  readonly currentSession: string;
  readonly activity: readonly ActivityDay[];
  /** Where to sign in again before a token can be made; null where the sign-in is new enough. */
  readonly signInToMakeToken: string | null;
  /** A token that was just made, shown this once. */
  readonly newToken: { readonly name: string; readonly secret: string } | null;
  /** What was wrong with the form. */
  readonly problem: string | null;
  readonly reader: Reader;
  readonly nonce: string;
}

/** What each scope is for, in words. */
const SCOPE_PURPOSES: Readonly<Record<string, string>> = {
  openid: "to know that it is you",
  "https://www.googleapis.com/auth/userinfo.email": "to know your address",
  "https://www.googleapis.com/auth/userinfo.profile": "to show your name",
  "https://www.googleapis.com/auth/gmail.readonly": "to list, search and read your messages",
  "https://www.googleapis.com/auth/gmail.metadata": "to list your messages without their text",
  "https://www.googleapis.com/auth/gmail.modify": "to read and change your messages",
  "https://www.googleapis.com/auth/gmail.labels": "to see and change your labels",
  "https://www.googleapis.com/auth/gmail.send": "to send messages for you",
  "https://mail.google.com/": "everything in your mailbox",
};

/** What a token may do, in words. */
const ACCESS_PURPOSES: Readonly<Record<Access, string>> = {
  list: "list messages",
  read: "read everything",
  full: "read and change everything",
};
const DEFAULT_ACCESS: Access = "read";

const LIFETIMES: readonly number[] = [7, 30, 90, 365];
const DEFAULT_LIFETIME = 90;

export function AccountPage(props: AccountPageProps) {
  const { identity, scopes, consentedAtMs, reader, nonce } = props;
  return (
    <Layout title="Account" identity={identity} nonce={nonce}>
      <main id="content" class="narrow">
        <h1>Account</h1>
        <dl class="headers">
          <div>
            <dt>Signed in as</dt>
            <dd>
              <bdi>{identity.name ?? identity.email ?? identity.sub}</bdi>
            </dd>
          </div>
          {identity.email !== null && (
            <div>
              <dt>Address</dt>
              <dd>
                <bdi>{identity.email}</bdi>
              </dd>
            </div>
          )}
          {consentedAtMs !== null && (
            <div>
              <dt>Consent given</dt>
              <dd>
                <time datetime={new Date(consentedAtMs).toISOString()} data-format="long">
                  {longDate(consentedAtMs, reader)}
                </time>
              </dd>
            </div>
          )}
        </dl>
        <h2>What Google has granted</h2>
        <ul>
          {scopes.map((scope) => (
            <li>
              <code>{scope.replace("https://www.googleapis.com/auth/", "")}</code> {SCOPE_PURPOSES[scope] ?? ""}
            </li>
          ))}
        </ul>
        <Tokens {...props} />
        <Sessions {...props} />
        <Activity {...props} />
        <WaysOut />
      </main>
    </Layout>
  );
}

function Tokens({ tokens, newToken, problem, signInToMakeToken, reader }: AccountPageProps) {
  return (
    <section aria-labelledby="tokens">
      <h2 id="tokens">API tokens</h2>
      <p>
        With a token, your program can use your mail: <code>Authorization: Bearer …</code>. It can do what you choose
        below, within what you gave this site. Keep it like a password. See the <a href="/docs">API documentation</a>.
      </p>
      {newToken !== null && <NewToken {...newToken} />}
      {problem !== null && (
        <p class="notice" role="alert">
          {problem}
        </p>
      )}
      {signInToMakeToken === null ? (
        <TokenForm />
      ) : (
        <p>
          <a href={signInToMakeToken}>Sign in again to make a token</a>
        </p>
      )}
      {tokens.length > 0 && (
        <ul class="tokens">
          {tokens.map((token) => (
            <TokenItem token={token} reader={reader} />
          ))}
        </ul>
      )}
    </section>
  );
}

function TokenForm() {
  return (
    <form method="post" action="/account/tokens" class="fields">
      <label>
        Name
        <input name="name" required maxlength={100} autocomplete="off" placeholder="backup script" />
      </label>
      <label>
        Valid for
        <select name="expiresInDays">
          {LIFETIMES.map((days) => (
            <option value={String(days)} selected={days === DEFAULT_LIFETIME}>
              {days} days
            </option>
          ))}
        </select>
      </label>
      <label>
        It may
        <select name="access">
          {ACCESS_LEVELS.map((access) => (
            <option value={access} selected={access === DEFAULT_ACCESS}>
              {ACCESS_PURPOSES[access]}
            </option>
          ))}
        </select>
      </label>
      <button type="submit">Make a token</button>
    </form>
  );
}

function NewToken({ name, secret }: { name: string; secret: string }) {
  return (
    <div class="notice" role="status">
      <p>
        Your token “<bdi>{name}</bdi>”. Copy it now: it is not shown again.
      </p>
      <p class="secret">
        <code id="new-token">{secret}</code>
        <button type="button" data-copy="new-token" hidden>
          Copy
        </button>
      </p>
    </div>
  );
}

function TokenItem({ token, reader }: { token: TokenInfo; reader: Reader }) {
  const { id, name, access, createdAtMs, expiresAtMs, lastUsedAtMs } = token;
  return (
    <li>
      <div>
        <bdi class="name">{name}</bdi>
        <br />
        <span class="muted">
          May {ACCESS_PURPOSES[access]} · made <Day ms={createdAtMs} reader={reader} /> · expires{" "}
          <Day ms={expiresAtMs} reader={reader} /> ·{" "}
          {lastUsedAtMs === null ? (
            "never used"
          ) : (
            <>
              last used <Day ms={lastUsedAtMs} reader={reader} />
            </>
          )}
        </span>
      </div>
      <form method="post" action={`/account/tokens/${id}/revoke`}>
        <button type="submit" aria-label={`Revoke ${name}`}>
          Revoke
        </button>
      </form>
    </li>
  );
}

function Sessions({ sessions, currentSession, reader }: AccountPageProps) {
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">Where you are signed in</h2>
      <ul class="tokens">
        {sessions.map(({ id, device, place, createdAtMs, lastUsedAtMs }) => (
          <li>
            <div>
              <span class="name">{device}</span>
              {id === currentSession && " (this one)"}
              <br />
              <span class="muted">
                {place !== null && `${place} · `}signed in <Day ms={createdAtMs} reader={reader} /> · last used{" "}
                <Day ms={lastUsedAtMs} reader={reader} />
              </span>
            </div>
            <form method="post" action={`/account/sessions/${id}/end`}>
              <button type="submit" aria-label={`End the session of ${device}`}>
                End
              </button>
            </form>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Days that are shown; the API tells more. */
const SHOWN_DAYS = 20;

function Activity({ activity, reader }: AccountPageProps) {
  if (activity.length === 0) return null;
  return (
    <section aria-labelledby="activity">
      <h2 id="activity">What was done</h2>
      <p>Counts only: this site keeps nothing of what was searched or read.</p>
      <ul class="tokens">
        {activity.slice(0, SHOWN_DAYS).map(({ day, kind, label, requests, messagesListed, messagesRead }) => (
          <li>
            <div>
              <bdi class="name">{label ?? ACTOR_WORDS[kind]}</bdi>
              <br />
              <span class="muted">
                {dayOf(day, reader)} · {counted(requests, "request")} · {counted(messagesListed, "message")} listed ·{" "}
                {counted(messagesRead, "message")} read
              </span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Who acted, where there is no name for it any more. */
const ACTOR_WORDS: Readonly<Record<ActivityDay["kind"], string>> = {
  session: "A browser that was signed in",
  token: "An API token",
  offline: "A service of this site",
};

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function WaysOut() {
  return (
    <section aria-labelledby="leave">
      <h2 id="leave">Leave</h2>
      <div class="ways">
        <PostButton action="/auth/logout" label="Sign out" />
        <p>Ends the session in this browser.</p>
        <PostButton action="/auth/logout?everywhere=true" label="Sign out everywhere" />
        <p>Signs you out everywhere and ends all your API tokens, at once.</p>
        <PostButton action="/auth/disconnect" label="Disconnect from Google" kind="danger" />
        <p>
          Ends this site's access to your Google account and deletes what is stored here: the encrypted grant, your
          address, sessions and API tokens. Your mail stays as it is.
        </p>
      </div>
    </section>
  );
}

/** The day of a point in time, where the reader is: the script writes it again in the browser's own time zone. */
function Day({ ms, reader: { locale, timeZone } }: { ms: number; reader: Reader }) {
  const day = new Intl.DateTimeFormat(locale, { timeZone, dateStyle: "medium" }).format(ms);
  return (
    <time datetime={new Date(ms).toISOString()} data-format="day">
      {day}
    </time>
  );
}

/** A day in UTC, which has no time of its own to move it to another time zone. */
function dayOf(date: string, { locale }: Reader): string {
  return new Intl.DateTimeFormat(locale, { timeZone: "UTC", dateStyle: "medium" }).format(Date.parse(date));
}
