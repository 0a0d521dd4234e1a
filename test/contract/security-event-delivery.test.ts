/** Which deliveries to the Cross-Account Protection receiver are taken, which are refused, and which should come again. */
import { decodeProtectedHeader } from "jose";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { deliver } from "../support/ending.ts";
import { expectError } from "../support/errors.ts";
import type { Fault, SecurityEventInput } from "../support/google.ts";
import { reachedThrough } from "../support/object-views.ts";
import { call, callbackAnswer, newcomer, type Scene, signedIn, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";
import { makeTokenKeys, OTHER_CLIENT } from "../support/stage.ts";

const MAX_BODY_BYTES = 64 * 1024;
const DAY_SECONDS = 24 * 60 * 60;

function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** A token that ends the sessions of the scene's user, unless it is refused. */
function sign({ google, user }: Scene, how: Partial<SecurityEventInput> = {}): Promise<string> {
  return google.securityEvent({ events: about("sessions-revoked", issSub(user)), ...how });
}

/** The token was taken, with nothing to say, and has done its work. */
async function expectTaken({ browser, stage }: Scene, token: string): Promise<void> {
  const response = await deliver(stage, token);
  expect([response.status, await response.text()]).toEqual([202, ""]);
  expect(response.headers.get("cache-control")).toContain("no-store");
  expect((await call(browser)).status).toBe(401);
}

describe("a delivery is taken", () => {
  test.for([
    { inConfiguration: false, inToken: false },
    { inConfiguration: false, inToken: true },
    { inConfiguration: true, inToken: false },
    { inConfiguration: true, inToken: true },
  ])("with or without a slash at the end of the issuer: %j", async ({ inConfiguration, inToken }, { open }) => {
    const scene = await signedIn(open, { google: { issuerSlash: inConfiguration } });
    await expectTaken(scene, await sign(scene, { iss: `https://accounts.google.com${inToken ? "/" : ""}` }));
  });

  test.for<[string, (client: string) => Partial<SecurityEventInput>]>([
    ["that is for several clients, ours among them", (client) => ({ aud: [OTHER_CLIENT.id, client] })],
    ["whose exp is over: what has happened does not expire", () => ({ flaw: "expired" })],
    ["that is ahead of our clock by half a minute", () => ({ iat: secondsFromNow(30) })],
    ["without typ, which is only recommended", () => ({ typ: null })],
  ])("%s", async ([, how], { open }) => {
    const scene = await signedIn(open);
    await expectTaken(scene, await sign(scene, how(scene.stage.client.id)));
  });

  test("whatever Content-Type it has, and without any of a caller's", { tags: ["process"] }, async ({ open }) => {
    const { stage, ...scene } = await signedIn(open);
    const body = await sign({ ...scene, stage });
    expect((await stage.send({ path: "/auth/security-events", method: "POST", body })).status).toBe(202);
    expect((await call(scene.browser)).status).toBe(401);
  });
});

describe("a delivery is refused with 400, and nothing has changed:", () => {
  test.for([
    "wrong-key",
    "id-token-key",
    "unknown-kid",
    "no-kid",
    "tampered",
    "alg-none",
    "hs256-public-key",
    "other-aud",
    "no-aud",
    "other-iss",
    "no-iss",
    "no-jti",
    "no-iat",
    "no-events",
    "events-list",
    "garbage",
  ] as const)("%s", async (flaw, { open }) => {
    const scene = await signedIn(open);
    const jti = crypto.randomUUID();
    const before = await scene.stage.inside?.keys();
    const token = await sign(scene, { flaw, jti });
    const { metadata, text } = await expectError(await deliver(scene.stage, token), 400, "INVALID_ARGUMENT");
    expect(metadata["parameter"]).toBe("body");
    expect(text).not.toContain(token);
    expect(await scene.stage.inside?.keys()).toEqual(before);
    expect((await call(scene.browser)).status).toBe(200);
    // Nor does the right one with the same ID count as seen.
    await expectTaken(scene, await sign(scene, { jti }));
  });

  test.for<[string, Partial<SecurityEventInput>]>([
    ["an issuer that begins like Google's", { iss: "https://accounts.google.com.evil.test" }],
    ["an issuer with two slashes", { iss: "https://accounts.google.com//" }],
    ["an empty issuer", { iss: "" }],
    ["a list without our client", { aud: [OTHER_CLIENT.id] }],
    ["an empty list", { aud: [] }],
    ["an empty jti", { jti: "" }],
    [
      "an event of 31 days ago: it could be a repetition that nobody remembers",
      { iat: secondsFromNow(-31 * DAY_SECONDS) },
    ],
    ["an event of years ago", { iat: 1_500_000_000 }],
    ["an event of tomorrow", { iat: secondsFromNow(DAY_SECONDS) }],
    ["an event of two minutes from now", { iat: secondsFromNow(120) }],
    ["an event that is no object", { events: { "https://schemas.example.com/x": "y" } }],
  ])("%s", async ([, how], { open }) => {
    const scene = await signedIn(open);
    await expectError(await deliver(scene.stage, await sign(scene, how)), 400, "INVALID_ARGUMENT");
    expect((await call(scene.browser)).status).toBe(200);
  });

  test.for<[string, string]>([
    ["nothing", ""],
    ["JSON", "{}"],
    ["two dots", ".."],
    ["a token of five parts", "a.b.c.d.e"],
    ["a header that is no JSON", "AAAA.AAAA.AAAA"],
  ])("%s", async ([, body], { open }) => {
    const scene = await newcomer(open);
    await expectError(await deliver(scene.stage, body), 400, "INVALID_ARGUMENT");
  });
});

describe("a delivery is no delivery", () => {
  test("with more than 64 KiB: 413", async ({ open }) => {
    const { stage } = await newcomer(open);
    await expectError(await deliver(stage, "a".repeat(MAX_BODY_BYTES)), 400, "INVALID_ARGUMENT");
    await expectError(await deliver(stage, "a".repeat(MAX_BODY_BYTES + 1)), 413, "INVALID_ARGUMENT");
  });

  test("when it is a GET", async ({ open }) => {
    const { stage } = await newcomer(open);
    expect((await stage.send({ path: "/auth/security-events" })).status).toBe(405);
  });
});

const OUTAGES: [string, Fault][] = [
  ["cannot be reached", { disconnect: true }],
  ["answers 500", { status: 500 }],
  ["answers 404", { status: 404 }],
  ["answers nonsense", { nonJson: true }],
  ["answers something else", { status: 200, body: { keys: "none" } }],
  ["does not answer in time", { hang: true }],
];

async function expectComesAgain(scene: Scene, endpoint: "risc" | "risc:certs", fault: Fault): Promise<void> {
  const { browser, google, stage } = scene;
  const token = await sign(scene);
  await google.always(endpoint, fault);
  await expectError(await deliver(stage, token), 503, "UPSTREAM_UNAVAILABLE");
  expect((await call(browser)).status).toBe(200);
  await google.clearFaults();
  await expectTaken(scene, token);
}

describeInside("Google delivers again, and is heard,", () => {
  describe.for(["risc", "risc:certs"] as const)("after %s", (endpoint) => {
    test.for(OUTAGES)("%s", async ([, fault], { open }) => {
      await expectComesAgain(await signedIn(open), endpoint, fault);
    });
  });

  test("after keys that nobody can use", async ({ open }) => {
    const scene = await signedIn(open);
    const { kid = "" } = decodeProtectedHeader(await sign(scene));
    const unusable = { kty: "RSA", alg: "RS256", use: "sig", n: "AQAB", e: "AQAB", kid };
    await expectComesAgain(scene, "risc:certs", { status: 200, body: { keys: [unusable] } });
  });

  test.for([
    ["whether it was seen cannot be read", "get"],
    ["it cannot be remembered", "put"],
  ] as const)("after storage fails: %s", async ([, operation], { open }) => {
    const scene = await signedIn(open);
    const token = await sign(scene);
    const { kv, redeploy } = inside(scene.stage);
    const broken = redeploy({}, { CREDENTIALS: failing(kv, operation, "security-event:") });
    await expectError(await deliver(broken, token), 503, "STORAGE_UNAVAILABLE");
    await expectTaken(scene, token);
  });

  test("after half of its events were dealt with: the object of the second user cannot be reached", async ({
    open,
  }) => {
    const scene = await signedIn(open);
    const second = await scene.google.addUser({ name: "Second" });
    const token = await sign(scene, {
      events: { ...about("account-disabled", issSub(second)), ...about("sessions-revoked", issSub(scene.user)) },
    });
    const { mailboxes, redeploy } = inside(scene.stage);
    let asked = 0;
    const MAILBOXES = reachedThrough(mailboxes, async (_, ask) => {
      asked += 1;
      if (asked > 1) throw new Error("out of reach");
      return ask();
    });
    await expectError(await deliver(redeploy({}, { MAILBOXES }), token), 503, "STORAGE_UNAVAILABLE");
    const { status } = await callbackAnswer({ ...scene, user: second, browser: scene.stage.browser() });
    expect(status, "the first event is in force").toBe(403);
    expect((await call(scene.browser)).status).toBe(200);
    await expectTaken(scene, token);
  });
});

describeInside("a Worker that has just started", () => {
  test("fetches configuration and keys once for 50 deliveries at once", async ({ open }) => {
    const scene = await signedIn(open);
    const tokens = await Promise.all(Array.from({ length: 50 }, () => sign(scene)));
    await scene.google.fault("risc", { delayMs: 50 });
    await scene.google.fault("risc:certs", { delayMs: 50 });
    const answers = await Promise.all(tokens.map((token) => deliver(scene.stage, token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect([await scene.google.count("risc"), await scene.google.count("risc:certs")]).toEqual([1, 1]);
  });

  test("fetches the keys of ID tokens once for 10 sign-ins at once", async ({ open }) => {
    const { google, stage, user } = await newcomer(open);
    await google.fault("certs", { delayMs: 50 });
    await Promise.all(Array.from({ length: 10 }, () => signIn(stage.browser(), user)));
    expect(await google.count("certs")).toBe(1);
  });

  test("takes a delivery by a key of after its last fetch once that is a minute old", async ({ open }) => {
    const scene = await signedIn(open);
    expect((await deliver(scene.stage, await scene.google.securityEvent({ events: {} }))).status).toBe(202);
    await scene.google.act({ action: "rotateKeys", of: "security-event" });
    const token = await sign(scene);
    await expectError(await deliver(scene.stage, token), 400, "INVALID_ARGUMENT");
    await inside(scene.stage).advance(60_000);
    await expectTaken(scene, token);
    expect(await scene.google.count("risc:certs")).toBe(2);
  });
});

describeInside("an address whose key is missing from TOKEN_KEYS", () => {
  test("loses no event: 500, and it is heard when the key is back", async ({ open }) => {
    const scene = await signedIn(open);
    const { email } = scene.user;
    const token = await sign(scene, { events: about("sessions-revoked", { subject_type: "id_token_claims", email }) });
    const keyless = inside(scene.stage).redeploy({ TOKEN_KEYS: makeTokenKeys("other") });
    await expectError(await deliver(keyless, token), 500, "INTERNAL");
    await expectTaken(scene, token);
  });
});

describe("Google delivers again, and is heard, from outside too:", () => {
  test("after the configuration was down", async ({ open }) => {
    await expectComesAgain(await signedIn(open, { apart: "risc configuration down" }), "risc", { status: 500 });
  });

  test("after the keys were down", async ({ open }) => {
    await expectComesAgain(await signedIn(open, { apart: "risc keys down" }), "risc:certs", { disconnect: true });
  });
});

/** Storage in which one operation fails for keys with a prefix. */
function failing(kv: KVNamespace, operation: "get" | "put", prefix: string): KVNamespace {
  return new Proxy(kv, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...values: unknown[]): Promise<unknown> => {
        if (name === operation && [values[0]].flat().some((key) => String(key).startsWith(prefix))) {
          throw new Error("storage is down");
        }
        return Reflect.apply(method, target, values);
      };
    },
  });
}
