/** Work on behalf of a user who is offline: by `sub` and by address, with the stored grant and no session. */
import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import type { AppError } from "../../../src/errors.ts";
import * as offline from "../../../src/mailbox/offline.ts";
import { createRequestScope, REAL_WORLD, type RequestScope } from "../../../src/context.ts";
import {
  appErrorOf,
  type Call,
  createStore,
  createWorld,
  KEY_A,
  KEY_B,
  type Network,
  STAYING,
  type World,
} from "../fixtures.ts";
import { createIsolateServices } from "../fixtures-objects.ts";
import { answerBatch, googleError, messageOf } from "../gmail/fixtures-batch.ts";
import { mailbox, messages } from "../gmail/fixtures.ts";
import { CREDENTIAL, failRead, tokens } from "../auth/fixtures-grant.ts";

const ADDRESS = CREDENTIAL.email ?? "";

interface Isolate {
  readonly world: World;
  /** A new call by service binding. */
  readonly scope: () => RequestScope;
  readonly refreshes: () => number;
  /** Gmail takes no token from now on but those of later refreshes. */
  readonly killTokens: () => void;
}

function createIsolate(
  changes: { refresh?: () => Response; vars?: Record<string, unknown>; gmail?: Network } = {},
): Isolate {
  const list = mailbox({ refs: messages(30) });
  let refreshes = 0;
  let oldest = 1;
  const gmail: Network = (call, index) => {
    const { pathname } = call.url;
    if (pathname === "/batch/gmail/v1") return answerBatch(call, messageOf);
    if (pathname.endsWith("/profile")) return Response.json({ emailAddress: ADDRESS });
    if (pathname.endsWith("/messages")) return list(call, index);
    return Response.json({ id: pathname.split("/").at(-1), threadId: "t", snippet: call.url.search });
  };
  const world = createWorld((call: Call, index) => {
    if (call.url.pathname === "/token") {
      refreshes += 1;
      return changes.refresh?.() ?? tokens(`fresh-${refreshes}`);
    }
    const token = Number(call.headers.get("Authorization")?.replace("Bearer fresh-", ""));
    return token >= oldest ? (changes.gmail ?? gmail)(call, index) : googleError(401);
  });
  const { fetch } = world;
  const services = createIsolateServices(
    changes.vars ?? {},
    { ...REAL_WORLD, fetch, now: world.now, sleep: world.sleep },
    crypto.randomUUID(),
  );
  return {
    world,
    scope: () => createRequestScope(services, { url: null, waitUntil: (work) => void work, clientSignal: STAYING }),
    refreshes: () => refreshes,
    killTokens: () => {
      oldest = refreshes + 1;
    },
  };
}

beforeEach(async () => {
  await reset();
  const store = createStore(createWorld(() => new Response()));
  await store.writeCredential(CREDENTIAL);
  await store.writeAddress(ADDRESS, CREDENTIAL.sub);
});

describe("a user is found", () => {
  test.each([CREDENTIAL.sub, ADDRESS, ADDRESS.toUpperCase()])("as %s", async (user) => {
    const isolate = createIsolate();
    const answer = await offline.listMessages(isolate.scope(), user, { limit: 3 });
    expect(answer.messages.map(({ id }) => id)).toEqual(["m0", "m1", "m2"]);
    expect(answer).toMatchObject({ nextPageToken: expect.any(String), resultSizeEstimate: 30 });
    expect(isolate.refreshes()).toBe(1);
  });
});

/** Expects every method to refuse a user. */
async function refused(user: string): Promise<AppError> {
  const isolate = createIsolate();
  const errors = [
    await appErrorOf(offline.listMessages(isolate.scope(), user)),
    await appErrorOf(offline.openMessageStream(isolate.scope(), user)),
    await appErrorOf(offline.getMessage(isolate.scope(), user, "m1")),
    await appErrorOf(offline.getProfile(isolate.scope(), user)),
  ];
  for (const error of errors) expect(error).toMatchObject({ reason: "CONSENT_REQUIRED", code: 401 });
  expect(isolate.world.calls).toEqual([]);
  return errors[0] as AppError;
}

describe("CONSENT_REQUIRED, and no call to Google, for", () => {
  test.each(["2", "nobody@example.test", "@", "1 ", "credential:1", "__proto__", "x".repeat(255)])(
    "who never came: %s",
    async (user) => {
      const { message } = await refused(user);
      expect(message).not.toContain(user.repeat(2).slice(0, 20));
    },
  );

  test("an address that has gone to another account, whose credential has another one", async () => {
    const store = createStore(createWorld(() => new Response()));
    await store.writeCredential({ ...CREDENTIAL, email: "ann.new@example.test" });
    await refused(ADDRESS);
  });

  test("an address that only looks like the user's in another script, even where both have one index entry", async () => {
    const store = createStore(createWorld(() => new Response()));
    const lookalike = "\u212Aim@example.test";
    await store.writeCredential({ ...CREDENTIAL, email: "kim@example.test" });
    await store.writeAddress(lookalike, CREDENTIAL.sub);
    await refused(lookalike);
  });

  test("a user who disconnected, by address and by sub", async () => {
    const store = createStore(createWorld(() => new Response()));
    await store.deleteCredential(CREDENTIAL.sub);
    await refused(CREDENTIAL.sub);
    await refused(ADDRESS);
  });

  test("a record that does not open", async () => {
    await env.CREDENTIALS.put(`credential:${CREDENTIAL.sub}`, "a.b.c.d.e");
    await refused(CREDENTIAL.sub);
  });

  test("a user whose refresh token is dead", async () => {
    await createStore(createWorld(() => new Response())).markIdentifierDead(
      "prefix",
      CREDENTIAL.refreshToken.slice(0, 16),
    );
    await refused(CREDENTIAL.sub);
  });

  test("a credential of another OAuth client", async () => {
    await createStore(createWorld(() => new Response())).writeCredential({ ...CREDENTIAL, clientId: "another" });
    await refused(CREDENTIAL.sub);
  });
});

describe("other errors keep their reasons", () => {
  test("invalid_grant is CONSENT_REQUIRED", async () => {
    const isolate = createIsolate({ refresh: () => Response.json({ error: "invalid_grant" }, { status: 400 }) });
    expect(await appErrorOf(offline.getProfile(isolate.scope(), ADDRESS))).toMatchObject({
      reason: "CONSENT_REQUIRED",
    });
  });

  test("Google down is UPSTREAM_UNAVAILABLE", async () => {
    const isolate = createIsolate({ refresh: () => new Response("down", { status: 503 }) });
    expect(await appErrorOf(offline.getProfile(isolate.scope(), ADDRESS))).toMatchObject({
      reason: "UPSTREAM_UNAVAILABLE",
    });
  });

  test("storage down is STORAGE_UNAVAILABLE, and never a lost grant", async () => {
    const kv = new Proxy(env.CREDENTIALS, { get: failRead });
    const isolate = createIsolate({ vars: { CREDENTIALS: kv } });
    expect(await appErrorOf(offline.getProfile(isolate.scope(), ADDRESS))).toMatchObject({
      reason: "STORAGE_UNAVAILABLE",
    });
  });

  test("a key that is gone from TOKEN_KEYS is the operator's, not a lost grant", async () => {
    const isolate = createIsolate({ vars: { TOKEN_KEYS: JSON.stringify({ keys: [KEY_B] }) } });
    await expect(offline.getProfile(isolate.scope(), ADDRESS)).rejects.not.toMatchObject({
      reason: "CONSENT_REQUIRED",
    });
    expect(KEY_A.kid).not.toBe(KEY_B.kid);
  });
});

describe("an access token", () => {
  test("serves later calls, by whichever name the user goes", async () => {
    const isolate = createIsolate();
    await offline.getProfile(isolate.scope(), CREDENTIAL.sub);
    await offline.getProfile(isolate.scope(), ADDRESS);
    await offline.listMessages(isolate.scope(), ADDRESS);
    expect(isolate.refreshes()).toBe(1);
  });

  test("that has died is replaced once, and the new one serves later calls", async () => {
    const isolate = createIsolate();
    await offline.getProfile(isolate.scope(), ADDRESS);
    isolate.killTokens();
    await offline.getProfile(isolate.scope(), ADDRESS);
    await offline.getProfile(isolate.scope(), ADDRESS);
    expect(isolate.refreshes()).toBe(2);
  });

  test("that expires within a minute is replaced before it is used", async () => {
    const isolate = createIsolate();
    await offline.getProfile(isolate.scope(), ADDRESS);
    isolate.world.clock.nowMs += 3_590_000;
    await offline.getProfile(isolate.scope(), ADDRESS);
    expect(isolate.refreshes()).toBe(2);
  });

  test("does not outlive a disconnect", async () => {
    const isolate = createIsolate();
    await offline.getProfile(isolate.scope(), ADDRESS);
    const { sub, email } = CREDENTIAL;
    await isolate.scope().mailboxes.of(sub).ask("disconnect", { sub, email });
    const calls = isolate.world.calls.length;
    for (const user of [sub, ADDRESS]) {
      const error = await appErrorOf(offline.getProfile(isolate.scope(), user));
      expect(error).toMatchObject({ reason: "CONSENT_REQUIRED" });
    }
    expect(isolate.world.calls.length).toBe(calls);
  });
});

describe("getMessage", () => {
  test("gives Gmail's message in the format that is asked for", async () => {
    const isolate = createIsolate();
    const get = async (options?: offline.GetMessageOptions): Promise<URLSearchParams> => {
      const message = await offline.getMessage(isolate.scope(), ADDRESS, "18c-_", options);
      expect(message.id).toBe("18c-_");
      return new URLSearchParams(message.snippet);
    };
    expect((await get()).get("format")).toBe("full");
    const query = await get({ format: "metadata", metadataHeaders: ["From", "List-Id"] });
    expect([query.get("format"), query.getAll("metadataHeaders")]).toEqual(["metadata", ["From", "List-Id"]]);
  });

  test("of a message that is gone is NOT_FOUND in Google's words", async () => {
    const isolate = createIsolate({
      gmail: () => googleError(404, { status: "NOT_FOUND", message: "Requested entity was not found." }),
    });
    expect(await appErrorOf(offline.getMessage(isolate.scope(), ADDRESS, "m1"))).toMatchObject({
      reason: "NOT_FOUND",
      code: 404,
      programMessage: "Requested entity was not found.",
    });
  });
});

describe("INVALID_ARGUMENT, and neither storage nor Google is asked, for", () => {
  // What another Worker sends is not checked by its types.
  const wild = offline as unknown as Record<
    "getMessage" | "listMessages" | "getProfile",
    (...values: unknown[]) => Promise<unknown>
  >;

  test.each<[string, keyof typeof wild, unknown[]]>([
    ...["", "../me", "a/b", "a?b", "x".repeat(65), 7, null].map((id): [string, "getMessage", unknown[]] => [
      "id",
      "getMessage",
      [ADDRESS, id],
    ]),
    ...["", "FULL", "eml", null, 1].map((format): [string, "getMessage", unknown[]] => [
      "format",
      "getMessage",
      [ADDRESS, "m1", { format }],
    ]),
    ...["", null, undefined, 7, {}].map((user): [string, "getProfile", unknown[]] => ["user", "getProfile", [user]]),
    ["limit", "listMessages", [ADDRESS, { limit: 0 }]],
    ["view", "listMessages", [ADDRESS, { view: "full" }]],
    ["labelIds", "listMessages", [ADDRESS, { labelIds: "INBOX" }]],
    ["pageToken", "listMessages", [ADDRESS, { pageToken: 1 }]],
    ["metadataHeaders", "getMessage", [ADDRESS, "m1", { metadataHeaders: "From" }]],
  ])("%s of %s%j", async (parameter, method, values) => {
    const isolate = createIsolate();
    expect(await appErrorOf(wild[method](isolate.scope(), ...values))).toMatchObject({
      reason: "INVALID_ARGUMENT",
      metadata: { parameter },
    });
    expect(isolate.world.calls).toEqual([]);
  });
});

test("streamMessages gives the NDJSON of the API", async () => {
  const stream = await offline.openMessageStream(createIsolate().scope(), ADDRESS, { limit: 5, view: "metadata" });
  const lines = (await new Response(stream).text()).trimEnd().split("\n");
  const [last, ...rows] = lines.map((line): Record<string, unknown> => JSON.parse(line)).toReversed();
  expect(rows.toReversed().map(({ id }) => id)).toEqual(["m0", "m1", "m2", "m3", "m4"]);
  expect(last).toEqual({ nextPageToken: expect.any(String), count: 5, quotaUnits: 105 });
});
