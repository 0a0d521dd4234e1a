/** How the fake Google behaves and what it meters: the words that the benchmark and the fake's process share. */

/** What is called: each kind has a latency of its own, and is counted for itself. */
export const KINDS = ["token", "jwks", "userinfo", "revoke", "list", "get", "batch", "history", "profile"] as const;
export type Kind = (typeof KINDS)[number];

/** Milliseconds that each part of a batch takes, one after another: else batching would look free. */
export const PART_MS = 4;
/** Gmail's largest page of `messages.list`. */
export const MAX_PAGE_SIZE = 500;
/** Gmail's largest batch. */
export const MAX_PARTS = 100;

/** Gmail's price list in quota units: https://developers.google.com/workspace/gmail/api/reference/quota */
export const QUOTA_UNITS: Readonly<Partial<Record<Kind, number>>> = { list: 5, get: 20, history: 2, profile: 1 };

/** Paths of the fake's own, outside of Google's: what the benchmark tells it and asks of it. */
export const CONTROL = { reset: "/control/reset", meters: "/control/meters", revoke: "/control/revoke" } as const;

/** How the fake behaves until the next reset. Tokens that were issued outlive a reset. */
export interface Behaviour {
  /** Two resets with the same seed give the nth call of a kind the same latency. */
  readonly seed: number;
  /** Median latency of a list call in milliseconds; other kinds have a multiple of it. 0: no latency at all. */
  readonly medianMs: number;
  readonly mailboxSize: number;
  /** Messages of one user that may be read at once; those above it answer 429 at once. */
  readonly hiddenLimit: number;
  /** Shares of message reads that answer 429 and 503 by chance. */
  readonly refuse429: number;
  readonly fail503: number;
  /** `expires_in` of the access tokens that are issued. */
  readonly accessTokenSeconds: number;
}

/** A Google that does nothing wrong. */
export const HEALTHY: Behaviour = {
  seed: 1,
  medianMs: 50,
  mailboxSize: 1_000,
  hiddenLimit: 50,
  refuse429: 0,
  fail503: 0,
  accessTokenSeconds: 3_599,
};

/** What was metered since the reset. */
export interface Meters {
  readonly calls: Readonly<Record<Kind, number>>;
  /** Messages asked for, alone or as a part of a batch. */
  readonly reads: number;
  /** Of them, those above the hidden limit. */
  readonly refused: number;
  /** Of them, those that failed by chance. */
  readonly failed: number;
  readonly quotaUnits: number;
  /** Calls that waited for their answer at once. */
  readonly maxConcurrentCalls: number;
}
