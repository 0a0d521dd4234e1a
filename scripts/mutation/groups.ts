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
      "src/id-token.ts",
      "src/callback.ts",
      "src/google-keys.ts",
      "src/document-cache.ts",
      "src/shared-work.ts",
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
      "src/keys.ts",
      "src/session.ts",
      "src/transaction.ts",
      "src/page-token.ts",
      "src/return-to.ts",
      "src/accounts.ts",
      "src/ascii.ts",
    ],
    tests: unit("keys", "key-ring", "config", "session", "transaction", "page-token", "return-to", "accounts"),
  },
  {
    name: "grant",
    mutate: ["src/grant.ts", "src/grant-memory.ts"],
    tests: unit("grant", "grant-outages", "grant-renewal", "grant-sharing"),
  },
  {
    name: "store",
    mutate: ["src/kv-store.ts", "src/sealed-kv.ts", "src/storage-keys.ts", "src/revocations.ts"],
    tests: unit("kv-store", "kv-store-lookups", "revocations", "storage-schema", "storage-schema-tokens", "sealed-kv"),
  },
  {
    name: "concurrency",
    mutate: ["src/concurrency-limit.ts"],
    tests: unit("concurrency-limit"),
  },
  {
    name: "api-tokens",
    mutate: ["src/api-tokens.ts", "src/tokens-under-way.ts"],
    tests: unit("api-tokens", "api-token-list", "storage-schema-tokens", "tokens-under-way"),
  },
  {
    name: "rotation",
    mutate: ["src/rotation.ts"],
    tests: unit("rotation", "rotation-races"),
  },
  {
    name: "passthrough",
    mutate: ["src/own-mailbox.ts", "src/batch-request.ts"],
    tests: unit("own-mailbox", "batch-request"),
  },
  {
    name: "security-events",
    mutate: ["src/security-event-token.ts"],
    tests: unit("security-event-token", "security-event-age"),
  },
  {
    name: "edge",
    mutate: ["src/operator.ts", "src/cookies.ts", "src/token-authentication.ts"],
    tests: unit("operator", "cookie-attributes", "token-authentication"),
  },
  {
    name: "gmail-errors",
    mutate: ["src/gmail-errors.ts", "src/http.ts"],
    tests: unit("gmail-errors", "http"),
  },
  {
    name: "sign-in",
    mutate: ["src/sign-in.ts"],
    tests: unit("sign-in"),
  },
];

function unit(...names: string[]): string[] {
  return names.map((name) => `test/${name}.test.ts`);
}
