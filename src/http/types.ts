/**
 * Who calls, and the types that Hono carries through a request.
 */
import type { Context } from "hono";
import type { Access } from "../access.ts";
import type { Grant } from "../auth/grant.ts";
import type { Session } from "../auth/session.ts";
import type { RequestScope } from "../context.ts";
import type { Identity } from "../identity.ts";

/**
 * Whose content an answer is. `page`: our own, also where nobody says anything. `mail`: a stranger's HTML, for a frame of
 * ours, where it may do nothing but be looked at; `mail-with-pictures`: the same, which loads pictures, as its reader has asked for. `passed`: an answer of Gmail's, passed on; a browser shows nothing of it.
 */
export type ContentPolicy = "page" | "mail" | "mail-with-pictures" | "passed";

/** A signed-in caller. */
export interface Caller {
  readonly identity: Identity;
  /** Granted scopes, as Google named them. */
  readonly scopes: readonly string[];
  /** What the caller may do: everything with a session, else what the API token is for. */
  readonly access: Access;
  readonly grant: Grant;
  /** Null: the caller came with an API token. */
  readonly session: Session | null;
  /** Whether it was ended elsewhere: read beside everything else, and known before anything is answered. */
  readonly isRevoked: Promise<PromiseSettledResult<boolean>>;
  /** Called when the caller turned out to be revoked. */
  readonly forget: () => void;
  /** Keeps what has changed, once the answer is ready. */
  readonly keep: () => Promise<void>;
}

/** A caller with the session cookie. */
export type SessionCaller = Caller & { readonly session: Session };

/** The types of the Hono app. */
export interface AppEnv {
  Variables: {
    scope: RequestScope;
    /** Set by authentication, where the request was found to be somebody's. */
    caller?: Caller;
    /** Set by whoever makes an answer that is not a page of ours. */
    contentPolicy?: ContentPolicy;
    /** Set by the security headers before the answer is made: what the page's script element must carry. */
    secureHeadersNonce?: string;
  };
}

export type AppContext = Context<AppEnv>;
