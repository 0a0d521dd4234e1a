/**
 * Who calls, and the types that Hono carries through a request.
 */
import type { Context } from "hono";
import type { Access } from "../access.ts";
import type { Grant } from "../object/access.ts";
import type { Session } from "../auth/session.ts";
import type { RequestScope } from "../context.ts";
import type { Mailbox } from "../object/client.ts";
import type { OpenToken } from "../object/rpc.ts";
import type { Identity } from "../identity.ts";

/**
 * Whose content an answer is. `page`: our own, also where nobody says anything. `mail`: a stranger's HTML, for a frame of
 * ours, where it may do nothing but be looked at; `mail-with-pictures`: the same, which loads pictures, as its reader has asked for. `passed`: a Gmail response, passed on; a browser shows nothing of it.
 */
export type ContentPolicy = "page" | "mail" | "mail-with-pictures" | "passed";

/** Who calls, with what the user has granted. */
interface Authorized {
  readonly identity: Identity;
  /** Granted scopes, as Google named them. */
  readonly scopes: readonly string[];
  /** What the caller may do: everything with a session, else what the API token is for. */
  readonly access: Access;
  readonly grant: Grant;
  /** The user's object. */
  readonly mailbox: Mailbox;
  /** Whether it was ended elsewhere: read beside everything else, and known before anything is answered. */
  readonly isRevoked: Promise<boolean>;
}

/** A caller with the session cookie. */
export interface SessionCaller extends Authorized {
  readonly session: Session;
  /** The cookie is sealed under an older key than the active one. */
  readonly isOutdated: boolean;
}

/** A caller with an API token. */
export interface TokenCaller extends Authorized {
  readonly session: null;
  /** SHA-256 of the token. */
  readonly hash: string;
  /** What was known of the token when the request came. */
  readonly known: OpenToken;
}

export type Caller = SessionCaller | TokenCaller;

/** The types of the Hono app. */
export interface AppEnv {
  Variables: {
    scope: RequestScope;
    /** Set by authentication, where the request was found to be somebody's. */
    caller?: Caller;
    /** Set by a handler whose response is not one of our pages. */
    contentPolicy?: ContentPolicy;
    /** Set by the security headers before the answer is made: what the page's script element must carry. */
    secureHeadersNonce?: string;
  };
}

export type AppContext = Context<AppEnv>;
