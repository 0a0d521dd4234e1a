import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { ConfigError, describeUnknownNames, isDelegated, parseConfig } from "../../src/config.ts";
import { makeServiceAccount } from "../support/service-account.ts";
import {
  CLIENT_ID,
  CLIENT_SECRET,
  configuration,
  environment,
  KEY_A,
  KEY_B,
  ODD_VALUES,
  tokenKey,
} from "./fixtures.ts";

function problemsOf(changes: Record<string, unknown>): readonly string[] {
  try {
    parseConfig(environment(changes));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** What is told of a bad value of `name`, and of nothing else. */
function problemOf(name: string, value: unknown): string {
  const problems = problemsOf({ [name]: value });
  expect(problems).not.toEqual([]);
  for (const problem of problems) expect(problem).toMatch(new RegExp(`^${name}\\b`));
  return problems.join("\n");
}

const ENDPOINTS = [
  "GOOGLE_AUTHORIZATION_ENDPOINT",
  "GOOGLE_TOKEN_ENDPOINT",
  "GOOGLE_USERINFO_ENDPOINT",
  "GOOGLE_REVOCATION_ENDPOINT",
  "GOOGLE_JWKS_URI",
  "GOOGLE_RISC_CONFIGURATION",
  "GMAIL_API_URL",
];

const REQUIRED = ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "TOKEN_KEYS", "GOOGLE_SCOPES", "GOOGLE_ISSUER"];

describe("defaults", () => {
  test("those of wrangler.toml parse, to what the contract names", () => {
    const { google, ...rest } = configuration();
    expect(google).toEqual({
      clientId: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      scopes: ["openid", "email", "profile", "https://www.googleapis.com/auth/gmail.readonly"],
      issuer: "https://accounts.google.com",
      authorizationEndpoint: "https://accounts.google.com/o/oauth2/v2/auth",
      tokenEndpoint: "https://oauth2.googleapis.com/token",
      userinfoEndpoint: "https://openidconnect.googleapis.com/v1/userinfo",
      revocationEndpoint: "https://oauth2.googleapis.com/revoke",
      jwksUri: "https://www.googleapis.com/oauth2/v3/certs",
      riscConfiguration: "https://accounts.google.com/.well-known/risc-configuration",
    });
    expect(rest).toMatchObject({
      gmailApiUrl: "https://gmail.googleapis.com",
      publicOrigin: null,
      allowedAccounts: [],
      allowedOrigins: [],
      delegation: null,
      subrequestBudget: 50,
      quotaBudget: 5000,
      tokenKeys: [KEY_A],
    });
    expect(rest.credentials).toBe(env.CREDENTIALS);
  });

  test("wrangler.toml declares every name that is asked for", () => {
    for (const name of [
      ...REQUIRED,
      ...ENDPOINTS,
      "PUBLIC_URL",
      "ALLOWED_ACCOUNTS",
      "ALLOWED_ORIGINS",
      "DELEGATED_DOMAINS",
      "CREDENTIALS",
      "RATE_LIMITER",
    ]) {
      expect(env).toHaveProperty(name);
    }
  });
});

describe("what is wrong is named", () => {
  test.each([...REQUIRED, ...ENDPOINTS])("%s missing or empty", (name) => {
    expect(problemOf(name, undefined)).toMatch(/missing|must/);
    expect(problemOf(name, "")).toMatch(/missing|must/);
  });

  test.each(["PUBLIC_URL", "ALLOWED_ACCOUNTS", "SUBREQUEST_BUDGET", "QUOTA_BUDGET", "CREDENTIALS"])(
    "%s not there at all",
    (name) => {
      expect(problemOf(name, undefined)).not.toBe("");
    },
  );

  test("an empty name is told once", () => {
    for (const name of [...ENDPOINTS, "GOOGLE_SCOPES"]) expect(problemsOf({ [name]: "" })).toHaveLength(1);
  });

  test("all at once, one line per name", () => {
    const bad = Object.fromEntries([...REQUIRED, ...ENDPOINTS, "CREDENTIALS"].map((name) => [name, undefined]));
    const names = problemsOf(bad).map((problem) => problem.split(" ")[0]);
    expect(names).toHaveLength(Object.keys(bad).length);
    expect(new Set(names)).toEqual(new Set(Object.keys(bad)));
  });

  test("an environment that is none names every name", () => {
    expect(() => parseConfig({})).toThrow(ConfigError);
    expect(() => parseConfig(null)).toThrow(ConfigError);
  });

  test("no problem and no message holds a value", () => {
    const secret = "s3cr3t-value";
    const bad: Record<string, unknown> = { PUBLIC_URL: `${secret}/path`, ALLOWED_ACCOUNTS: secret };
    for (const name of [...ENDPOINTS, "GOOGLE_SCOPES", "SUBREQUEST_BUDGET", "QUOTA_BUDGET"]) bad[name] = secret;
    const rings = [
      secret,
      JSON.stringify({ keys: secret }),
      JSON.stringify({ keys: [{ ...KEY_A, k: secret }] }),
      JSON.stringify({ keys: [{ ...KEY_A, kty: secret }] }),
      JSON.stringify({ keys: [{ ...tokenKey(secret, 1) }, { ...tokenKey(secret, 2) }] }),
    ];
    for (const ring of rings) {
      const problems = problemsOf({ ...bad, TOKEN_KEYS: ring });
      expect(problems.length).toBeGreaterThan(10);
      expect(problems.join()).not.toContain(secret);
      expect(new ConfigError(problems).message).not.toContain(secret);
    }
  });
});

describe("a name that is set and means nothing", () => {
  const misspelt = environment({ ALLOWED_ACOUNTS: "only-me@example.test", FAVOURITE_COLOUR: "green" });
  const SENTENCES = [
    "ALLOWED_ACOUNTS is not a setting. Did you mean ALLOWED_ACCOUNTS?",
    "FAVOURITE_COLOUR is not a setting.",
  ];

  test("is named with the setting that was probably meant, without its value, and stops nothing", () => {
    expect(describeUnknownNames(misspelt)).toEqual(SENTENCES);
    expect(parseConfig(misspelt).unknownNames).toEqual(SENTENCES);
  });

  test("is none of those that wrangler.toml declares, nor of the bindings", () => {
    expect(configuration().unknownNames).toEqual([]);
    const bindings = { ASSETS: { fetch: () => {} }, __RUNTIME_VERSION: "1", CREDENTIALS: {} };
    expect(describeUnknownNames(bindings)).toEqual([]);
    expect(describeUnknownNames({ ...bindings, ALLOWED_ACOUNTS: ["a@example.test"] })).toHaveLength(1);
  });
});

/** What zod, and what we say where a schema has no message of its own. */
const NO_MESSAGE = /Invalid input|is not valid/;

describe("what is wrong is said in words of ours", () => {
  test.each(Object.keys(environment()).filter((name) => !name.startsWith("__")))("of each bad value of %s", (name) => {
    const problems = ODD_VALUES.flatMap((value) => problemsOf({ [name]: value }));
    expect(problems.length).toBeGreaterThanOrEqual(4);
    for (const problem of problems) {
      expect(problem).toMatch(new RegExp(`^${name} `));
      expect(problem).not.toMatch(NO_MESSAGE);
    }
  });

  test.each<[keys: unknown, says: string]>([
    [[], "TOKEN_KEYS must be an object"],
    [1, "TOKEN_KEYS must be an object"],
    ["a", "TOKEN_KEYS must be an object"],
    [{}, "TOKEN_KEYS.keys must be a list of keys"],
    [{ keys: null }, "TOKEN_KEYS.keys must be a list of keys"],
    [{ keys: [null] }, "TOKEN_KEYS.keys.0 must be an object"],
    [{ keys: [{ ...KEY_A, kty: 1 }] }, 'TOKEN_KEYS.keys.0.kty must be "oct"'],
    [{ keys: [{ ...KEY_A, kid: null }] }, "TOKEN_KEYS.keys.0.kid must be text"],
    [{ keys: [{ ...KEY_A, kid: "" }] }, "TOKEN_KEYS.keys.0.kid must not be empty"],
    [{ keys: [{ ...KEY_A, kid: "k".repeat(129) }] }, "TOKEN_KEYS.keys.0.kid must have at most 128 characters"],
    [{ keys: [{ ...KEY_A, k: 1 }] }, "TOKEN_KEYS.keys.0.k must be text"],
  ])("of the keys %j", (keys, says) => {
    expect(problemsOf({ TOKEN_KEYS: JSON.stringify(keys) })).toEqual([says]);
  });
});

describe("TOKEN_KEYS (RFC 7517 §5, RFC 7518 §6.4)", () => {
  const shortKey = { ...KEY_A, k: KEY_A.k.slice(0, 22) };
  // The last of 43 characters carries 4 bits and 2 that mean nothing: RFC 4648 §3.5.
  const sameKeyWrittenOtherwise = { ...KEY_A, kid: "b", k: `${KEY_A.k.slice(0, -1)}F` };
  test.each<[why: string, value: string, says: RegExp]>([
    ["is not JSON", "not JSON", /is not JSON/],
    ["is JSON null", "null", /is not JSON/],
    ["is a bare key", JSON.stringify(KEY_A), /^TOKEN_KEYS\.keys /],
    ["is an array", JSON.stringify([KEY_A]), /^TOKEN_KEYS /],
    ["is an empty set", JSON.stringify({ keys: [] }), /at least one key/],
    ["has a key of 128 bits", JSON.stringify({ keys: [shortKey] }), /^TOKEN_KEYS\.keys\.0\.k must be 256 bits/],
    ["has a key that is too long", JSON.stringify({ keys: [{ ...KEY_A, k: `${KEY_A.k}A` }] }), /256 bits/],
    ["has a key in base64", JSON.stringify({ keys: [{ ...KEY_A, k: `+/${KEY_A.k.slice(2)}` }] }), /base64url/],
    ["has a padded key", JSON.stringify({ keys: [{ ...KEY_A, k: `${KEY_A.k}=` }] }), /without padding/],
    ["has a key without kid", JSON.stringify({ keys: [{ kty: "oct", k: KEY_A.k }] }), /keys\.0\.kid/],
    ["has a key with an empty kid", JSON.stringify({ keys: [{ ...KEY_A, kid: "" }] }), /keys\.0\.kid/],
    ["has an RSA key", JSON.stringify({ keys: [{ ...KEY_A, kty: "RSA" }] }), /keys\.0\.kty/],
    ["repeats a kid", JSON.stringify({ keys: [KEY_A, { ...KEY_B, kid: "a" }] }), /not repeat a kid/],
    ["repeats a key under another kid", JSON.stringify({ keys: [KEY_A, { ...KEY_A, kid: "b" }] }), /not repeat a key/],
    ["repeats a key, written otherwise", JSON.stringify({ keys: [KEY_A, sameKeyWrittenOtherwise] }), /256 bits/],
    ["has a bad key behind a good one", JSON.stringify({ keys: [KEY_A, { ...KEY_B, k: "short" }] }), /keys\.1\.k/],
  ])("is refused where it %s, and the reason shows no key", (_, value, says) => {
    const problem = problemOf("TOKEN_KEYS", value);
    expect(problem).toMatch(says);
    expect(problem).not.toContain(KEY_A.k.slice(0, 8));
  });

  test("keeps its order, so that the first key seals", () => {
    expect(configuration({ TOKEN_KEYS: JSON.stringify({ keys: [KEY_B, KEY_A] }) }).tokenKeys).toEqual([KEY_B, KEY_A]);
  });

  test("may carry members that are not ours, as keys made elsewhere do", () => {
    const made = { ...KEY_A, alg: "A256GCM", use: "enc" };
    expect(configuration({ TOKEN_KEYS: JSON.stringify({ keys: [made] }) }).tokenKeys).toEqual([KEY_A]);
  });
});

describe("PUBLIC_URL", () => {
  test.each([
    ["https://mail.example.test", "https://mail.example.test"],
    ["https://mail.example.test/", "https://mail.example.test"],
    ["https://MAIL.example.test:443", "https://mail.example.test"],
    ["http://localhost:8787", "http://localhost:8787"],
    ["", null],
  ])("%s is an origin", (value, origin) => {
    expect(configuration({ PUBLIC_URL: value }).publicOrigin).toBe(origin);
  });

  test.each([
    "https://mail.example.test/app",
    "https://mail.example.test//",
    "https://mail.example.test/?a=b",
    "https://mail.example.test/#a",
    "https://user@mail.example.test",
    "mail.example.test",
    "ftp://mail.example.test",
    "javascript:alert(1)",
  ])("%s is refused", (value) => {
    expect(problemOf("PUBLIC_URL", value)).toMatch(/origin/);
  });
});

describe("endpoints (RFC 6749 §3.2: TLS)", () => {
  test.each(ENDPOINTS)("%s takes http on loopback only", (name) => {
    for (const host of ["localhost:1", "127.0.0.1:4000", "127.1.2.3", "[::1]:80", "google.localhost"]) {
      expect(problemsOf({ [name]: `http://${host}/x` })).toEqual([]);
    }
    const remote = ["example.test", "127.0.0.1.example.test", "localhost.example.test", "10.0.0.1", "[::2]"];
    for (const host of remote) expect(problemOf(name, `http://${host}/x`)).toMatch(/https/);
    expect(problemOf(name, "/relative")).toMatch(/https/);
  });

  test("GMAIL_API_URL loses its trailing slash, so that paths can follow", () => {
    expect(configuration({ GMAIL_API_URL: "https://gmail.example.test/" }).gmailApiUrl).toBe(
      "https://gmail.example.test",
    );
  });
});

describe("ALLOWED_ACCOUNTS", () => {
  test.each<[string, string[]]>([
    ["", []],
    [" , ,", []],
    ["Ann@Example.Test", ["ann@example.test"]],
    [" ann@example.test ,@Example.Test,", ["ann@example.test", "@example.test"]],
    ["\u212AIM@example.test,@\u0130BM.test", ["\u212Aim@example.test", "@\u0130bm.test"]],
  ])("%j is read without case, spaces and empty entries", (value, accounts) => {
    expect(configuration({ ALLOWED_ACCOUNTS: value }).allowedAccounts).toEqual(accounts);
  });

  test.each(["example.test", "@", "ann@", "ann@example.test @example.test", "ann@@example.test", "*"])(
    "%j is refused: a typing error must not open or close the door",
    (value) => {
      problemOf("ALLOWED_ACCOUNTS", value);
    },
  );
});

describe("GOOGLE_SERVICE_ACCOUNT and DELEGATED_DOMAINS", async () => {
  const { file, json } = await makeServiceAccount();
  const both = { GOOGLE_SERVICE_ACCOUNT: json, DELEGATED_DOMAINS: " Example.com,studio.example, " };

  test("together are delegation, for these domains in lower case", () => {
    expect(configuration(both).delegation).toEqual({
      serviceAccount: {
        email: file["client_email"],
        clientId: file["client_id"],
        keyId: file["private_key_id"],
        privateKeyPem: file["private_key"],
      },
      domains: ["example.com", "studio.example"],
    });
  });

  test("a key alone, and empty text, are none", () => {
    expect(configuration({ GOOGLE_SERVICE_ACCOUNT: json }).delegation).toBeNull();
    expect(configuration({ ...both, DELEGATED_DOMAINS: " , " }).delegation).toBeNull();
    expect(configuration({ GOOGLE_SERVICE_ACCOUNT: "", DELEGATED_DOMAINS: "" }).delegation).toBeNull();
  });

  test("domains without a key are named, also beside other problems", () => {
    const problem = "DELEGATED_DOMAINS needs the secret GOOGLE_SERVICE_ACCOUNT";
    expect(problemsOf({ DELEGATED_DOMAINS: "example.com" })).toEqual([problem]);
    expect(problemsOf({ ...both, GOOGLE_SERVICE_ACCOUNT: "" })).toEqual([problem]);
    expect(problemsOf({ DELEGATED_DOMAINS: "example.com", TOKEN_KEYS: "" })).toEqual([
      "TOKEN_KEYS is missing",
      problem,
    ]);
  });

  test.each([
    "example",
    "@example.com",
    "ann@example.com",
    "*.example.com",
    "example.com studio.example",
    "ex\u00E4.de",
  ])("%j is no list of domains", (value) => {
    expect(problemsOf({ ...both, DELEGATED_DOMAINS: value })).toEqual([
      "DELEGATED_DOMAINS.0 must hold domains such as example.com, separated by commas",
    ]);
  });

  test.each<[string, unknown, string]>([
    ["is a path", "../key.json", "GOOGLE_SERVICE_ACCOUNT is not JSON"],
    ["is null", "null", "GOOGLE_SERVICE_ACCOUNT is not JSON"],
    ["is no text", file, "GOOGLE_SERVICE_ACCOUNT must be the text of a key file"],
    ["is the file of an OAuth client", '{"web":{}}', 'GOOGLE_SERVICE_ACCOUNT.type must be "service_account"'],
    [
      "has a key in another form",
      JSON.stringify({ ...file, private_key: file["private_key"]?.replaceAll("PRIVATE", "RSA PRIVATE") }),
      "GOOGLE_SERVICE_ACCOUNT.private_key must be a PEM key of PKCS #8 (BEGIN PRIVATE KEY)",
    ],
  ])("a key that %s is named, without its value, and no other problem", (_, value, says) => {
    expect(problemsOf({ ...both, GOOGLE_SERVICE_ACCOUNT: value })).toEqual([says]);
  });

  test("a misspelt name is told, and the right one is known", () => {
    expect(describeUnknownNames({ GOOGLE_SERVICE_ACOUNT: json })).toEqual([
      "GOOGLE_SERVICE_ACOUNT is not a setting. Did you mean GOOGLE_SERVICE_ACCOUNT?",
    ]);
    expect(configuration(both).unknownNames).toEqual([]);
  });

  test.each<[string | null, boolean]>([
    ["example.com", true],
    ["EXAMPLE.com", true],
    [null, false],
    ["", false],
    ["mail.example.com", false],
    ["example.com.evil.test", false],
    ["xample.com", false],
    // Not ASCII: the Kelvin sign, which toLowerCase makes a k.
    ["studio.example\u212A", false],
  ])("hd %j is delegated: %s", (hostedDomain, expected) => {
    expect(isDelegated(configuration(both), hostedDomain)).toBe(expected);
    expect(isDelegated(configuration(), hostedDomain)).toBe(false);
  });
});

describe("GOOGLE_SCOPES", () => {
  test("are separated by any white space and not repeated", () => {
    const { scopes } = configuration({ GOOGLE_SCOPES: " openid  email\nopenid " }).google;
    expect(scopes).toEqual(["openid", "email"]);
  });

  test("need openid, or nobody would be known", () => {
    expect(problemOf("GOOGLE_SCOPES", "email profile")).toMatch(/openid/);
  });
});

describe.each([
  ["SUBREQUEST_BUDGET", "subrequestBudget", 8],
  ["QUOTA_BUDGET", "quotaBudget", 25],
] as const)("%s", (name, property, minimum) => {
  test("may be a number or text", () => {
    expect(configuration({ [name]: 10_000 })[property]).toBe(10_000);
    expect(configuration({ [name]: "10000" })[property]).toBe(10_000);
  });

  test(`may be ${minimum}, and no less`, () => {
    expect(configuration({ [name]: minimum })[property]).toBe(minimum);
    expect(configuration({ [name]: String(minimum) })[property]).toBe(minimum);
    expect(problemOf(name, minimum - 1)).toContain(String(minimum));
    expect(problemOf(name, String(minimum - 1))).toContain(String(minimum));
  });

  test.each(["", "many", "-50", "50.5", "5e3", " 50", "0x50", "Infinity", 50.5, Number.NaN, Infinity, true, null])(
    "%o is refused",
    (value) => {
      problemOf(name, value);
    },
  );
});
