/**
 * What is mutated, and which tests have to notice: each group of modules with the tests of just these modules, as every
 * mutant runs all tests that reach it. A module belongs to one group.
 */

export interface Group {
  readonly name: string;
  readonly mutate: readonly string[];
  /** Files of the vitest project `worker`. */
  readonly tests: readonly string[];
}

export const GROUPS: readonly Group[] = [
  {
    name: "oauth",
    mutate: [
      "src/oauth.ts",
      "src/oauth/id-token.ts",
      "src/auth/transaction.ts",
      "src/oauth/google-documents.ts",
      "src/isolate/shared-work.ts",
    ],
    tests: named(
      "unit/oauth/oauth",
      "unit/oauth/userinfo",
      "unit/oauth/id-token",
      "unit/auth/callback",
      "unit/auth/transaction",
      "unit/oauth/google-keys",
      "unit/oauth/google-keys-fetching",
      "unit/oauth/document-cache",
      "unit/isolate/shared-work",
    ),
  },
  {
    name: "sealing",
    mutate: [
      "src/lib/key-ring.ts",
      "src/auth/session.ts",
      "src/mailbox/page-token.ts",
      "src/auth/return-to.ts",
      "src/oauth/accounts.ts",
      "src/lib/ascii.ts",
    ],
    tests: named(
      "unit/lib/key-ring",
      "unit/lib/key-ring-rotation",
      "unit/config",
      "unit/auth/session",
      "unit/mailbox/page-token",
      "unit/auth/return-to",
      "unit/oauth/accounts",
    ),
  },
  {
    name: "grant",
    mutate: ["src/object/access.ts", "src/object/grant.ts"],
    tests: named("unit/object/access", "unit/object/grant"),
  },
  {
    name: "object",
    mutate: [
      "src/object/core.ts",
      "src/object/activity.ts",
      "src/object/api-tokens.ts",
      "src/object/database.ts",
      "src/object/schedule.ts",
      "src/object/sessions.ts",
      "src/object/token-text.ts",
    ],
    tests: named(
      "unit/object/core",
      "unit/object/activity",
      "unit/object/api-tokens",
      "unit/object/database",
      "unit/object/schedule",
      "unit/object/sessions",
      "unit/object/token-text",
    ),
  },
  {
    name: "store",
    mutate: ["src/kv-store.ts", "src/kv-store/sealed-kv.ts", "src/kv-store/key-names.ts"],
    tests: named("unit/kv-store/kv-store", "unit/kv-store/storage-schema", "unit/kv-store/sealed-kv"),
  },
  {
    name: "concurrency",
    mutate: ["src/object/rows/concurrency-limit.ts"],
    tests: named("unit/object/rows/concurrency-limit"),
  },
  {
    name: "rows",
    mutate: [
      "src/object/rows/history.ts",
      "src/object/rows/kept-rows.ts",
      "src/object/rows/minute.ts",
      "src/object/rows/opened-messages.ts",
      "src/object/rows/row-key.ts",
      "src/object/rows/unread-counts.ts",
      "src/gmail/history.ts",
      "src/mailbox/object-rows.ts",
    ],
    tests: named(
      "unit/object/rows/history",
      "unit/object/rows/kept-rows",
      "unit/object/rows/minute",
      "unit/object/rows/opened-messages",
      "unit/object/rows/row-key",
      "unit/object/rows/unread-counts",
      "unit/gmail/history",
      "unit/mailbox/object-rows",
    ),
  },
  {
    name: "rotation",
    mutate: ["src/operator/rotation.ts"],
    tests: named("unit/operator/rotation", "races/rotation"),
  },
  {
    name: "passthrough",
    mutate: ["src/gmail/own-mailbox.ts", "src/gmail/batch-request.ts"],
    tests: named("unit/gmail/own-mailbox", "unit/gmail/batch-request"),
  },
  {
    name: "security-events",
    mutate: ["src/oauth/security-event-token.ts"],
    tests: named("unit/oauth/security-event-token", "unit/auth/security-event-age"),
  },
  {
    name: "edge",
    mutate: ["src/routes/operator.ts", "src/http/cookies.ts", "src/http/bearer.ts"],
    tests: named("unit/operator/operator", "unit/http/cookie-attributes", "unit/http/bearer"),
  },
  {
    name: "gmail-errors",
    mutate: ["src/gmail/errors.ts", "src/lib/upstream.ts"],
    tests: named("unit/gmail/errors", "unit/lib/upstream"),
  },
  {
    name: "sign-in",
    mutate: ["src/auth/sign-in.ts"],
    tests: named("unit/auth/sign-in"),
  },
];

function named(...names: string[]): string[] {
  return names.map((name) => `test/${name}.test.ts`);
}
