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
      "src/oauth/google-documents.ts",
      "src/isolate/shared-work.ts",
    ],
    tests: unit(
      "oauth",
      "userinfo",
      "id-token",
      "callback",
      "google-keys",
      "google-keys-fetching",
      "document-cache",
      "shared-work",
    ),
  },
  {
    name: "sealing",
    mutate: [
      "src/lib/key-ring.ts",
      "src/auth/session.ts",
      "src/auth/transaction.ts",
      "src/mailbox/page-token.ts",
      "src/auth/return-to.ts",
      "src/auth/accounts.ts",
      "src/lib/ascii.ts",
    ],
    tests: unit("keys", "key-ring", "config", "session", "transaction", "page-token", "return-to", "accounts"),
  },
  {
    name: "grant",
    mutate: ["src/auth/grant.ts", "src/isolate/grant-memory.ts"],
    tests: unit("grant", "grant-outages", "grant-renewal", "grant-sharing"),
  },
  {
    name: "store",
    mutate: [
      "src/kv-store.ts",
      "src/kv-store/sealed-kv.ts",
      "src/kv-store/key-names.ts",
      "src/kv-store/revocations.ts",
    ],
    tests: unit("kv-store", "kv-store-lookups", "revocations", "storage-schema", "storage-schema-tokens", "sealed-kv"),
  },
  {
    name: "concurrency",
    mutate: ["src/isolate/concurrency-limit.ts"],
    tests: unit("concurrency-limit"),
  },
  {
    name: "api-tokens",
    mutate: ["src/kv-store/api-tokens.ts", "src/isolate/tokens-under-way.ts"],
    tests: unit("api-tokens", "api-token-list", "storage-schema-tokens", "tokens-under-way"),
  },
  {
    name: "rotation",
    mutate: ["src/operator/rotation.ts"],
    tests: unit("rotation", "rotation-races"),
  },
  {
    name: "passthrough",
    mutate: ["src/gmail/own-mailbox.ts", "src/gmail/batch-request.ts"],
    tests: unit("own-mailbox", "batch-request"),
  },
  {
    name: "security-events",
    mutate: ["src/oauth/security-event-token.ts"],
    tests: unit("security-event-token", "security-event-age"),
  },
  {
    name: "edge",
    mutate: ["src/routes/operator.ts", "src/http/cookies.ts", "src/http/bearer.ts"],
    tests: unit("operator", "cookie-attributes", "token-authentication"),
  },
  {
    name: "gmail-errors",
    mutate: ["src/gmail/errors.ts", "src/lib/upstream.ts"],
    tests: unit("gmail-errors", "http"),
  },
  {
    name: "sign-in",
    mutate: ["src/auth/sign-in.ts"],
    tests: unit("sign-in"),
  },
];

function unit(...names: string[]): string[] {
  return names.map((name) => `test/${name}.test.ts`);
}
