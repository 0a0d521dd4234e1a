/** The grant in the object: one refresh for all, what ends it, what replaces it, and a KV that lags or is down. */
import { decodeProtectedHeader } from "jose";
import { describe, expect, test, vi } from "vitest";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { sha256 } from "../../../src/lib/key-ring.ts";
import { CREDENTIAL, refusal, tokens } from "../auth/fixtures-grant.ts";
import { appErrorOf, CLIENT_ID, KEY_A, KEY_B, START_MS } from "../fixtures.ts";
import {
  breakKv,
  EMAIL,
  elsewhere,
  holdKv,
  inObject,
  MINUTE_MS,
  READONLY,
  signIn,
  signInOf,
  SUB,
  type TestObject,
} from "./fixtures.ts";

const OFFLINE = { kind: "offline", id: "offline" } as const;
const HOUR_MS = 60 * MINUTE_MS;
const KEY = storageKeys.credential(SUB);
const CONSENT_REQUIRED = { reason: "CONSENT_REQUIRED", code: 401 };
const isRecord = (kind: string, key: string): boolean => kind === "put" && key === KEY;

/** Asks for an access token. @param refused one that Google has refused */
async function ask({ core }: TestObject, refused: string | null = null): Promise<string> {
  return (await core.accessToken(SUB, OFFLINE, refused)).accessToken.value;
}

/** An object whose user has signed in with the refresh token `first`; the access token has expired, and so has the lag. */
async function withGrant(
  work: (object: TestObject) => Promise<void>,
  ...options: Parameters<typeof inObject> extends [unknown, ...infer R] ? R : never
) {
  await inObject(
    async (object) => {
      expect(await signIn(object, "s", { refreshToken: "first" })).toBe("signed-in");
      await object.afterwards();
      object.clock.nowMs += HOUR_MS;
      await work(object);
    },
    ...options,
  );
}

/** Lets Google wait with its next answer. */
function holdGoogle({ google, sent }: TestObject, answer: () => Response) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const before = google.refresh;
  google.refresh = async () => {
    google.refresh = before;
    await promise;
    return answer();
  };
  const count = sent.length;
  return { release: resolve, arrived: () => vi.waitFor(() => expect(sent.length).toBeGreaterThan(count)) };
}

const rotated = (value: string, refreshToken: string) => (): Response =>
  Response.json({ access_token: value, expires_in: 3600, token_type: "Bearer", refresh_token: refreshToken });

describe("one refresh", () => {
  test("serves a thousand who ask at once, and those who ask later, in each life", async () => {
    await withGrant(async (object) => {
      const { core, sent } = object;
      const asking = Array.from({ length: 1_000 }, () => core.accessToken(SUB, OFFLINE, null));
      const given = await Promise.all(asking);
      const accessToken = { value: "fresh-1", expiresAtMs: START_MS + 2 * HOUR_MS };
      expect(new Set(given.map((one) => JSON.stringify(one)))).toEqual(
        new Set([JSON.stringify({ accessToken, isFresh: true, isDelegated: false })]),
      );
      expect(sent).toEqual(["first"]);
      object.evict();
      expect(await object.core.accessToken(SUB, OFFLINE, null)).toEqual({
        accessToken,
        isFresh: false,
        isDelegated: false,
      });
      expect(sent).toHaveLength(1);
      object.clock.nowMs += HOUR_MS - MINUTE_MS;
      expect(await ask(object)).toBe("fresh-2");
    });
  });

  test("is not needed while the access token of the sign-in lives", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      expect(await ask(object)).toBe("of-s");
      object.clock.nowMs += HOUR_MS - MINUTE_MS - 1;
      object.evict();
      expect(await ask(object)).toBe("of-s");
      expect(object.sent).toEqual([]);
    });
  });

  test("replaces an access token that Google has refused, for all who name it; who comes later with it gets the new one", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      expect(await Promise.all([ask(object, "of-s"), ask(object, "of-s")])).toEqual(["fresh-1", "fresh-1"]);
      expect(await object.core.accessToken(SUB, OFFLINE, "of-s")).toMatchObject({ isFresh: false, isDelegated: false });
      expect(object.sent).toHaveLength(1);
      expect(await ask(object, "fresh-1")).toBe("fresh-2");
      object.evict();
      expect(await ask(object)).toBe("fresh-2");
    });
  });

  test("is for those only who act with a session or an API token in force, or offline", async () => {
    await withGrant(async ({ core, sent }) => {
      for (const kind of ["session", "token"] as const) {
        const asking = core.accessToken(SUB, { kind, id: "ended" }, null);
        expect(await appErrorOf(asking)).toMatchObject({ reason: "SIGN_IN_REQUIRED", code: 401 });
      }
      expect(sent).toEqual([]);
      expect(await core.accessToken(SUB, { kind: "session", id: "s" }, null)).toMatchObject({ isFresh: true });
    });
  });
});

describe("Google refuses the refresh", () => {
  test("invalid_grant: consent is needed, it is remembered without a second call, and the record stays", async () => {
    await withGrant(async (object) => {
      object.google.refresh = refusal("invalid_grant");
      const signInAgain = { prompt: "consent", loginHint: EMAIL };
      expect(await appErrorOf(ask(object))).toMatchObject({ ...CONSENT_REQUIRED, signInAgain });
      for (let life = 0; life < 2; life += 1) {
        for (let time = 0; time < 10; time += 1) expect(await appErrorOf(ask(object))).toMatchObject(CONSENT_REQUIRED);
        expect(await object.core.openOffline(SUB, null)).toBeNull();
        object.evict();
      }
      expect(object.sent).toEqual(["first"]);
      expect(object.kv.central(KEY)).not.toBeNull();
      expect(await signIn(object, "without consent", { refreshToken: null })).toBe("no-grant");
      object.google.refresh = () => tokens("fresh");
      expect(await signIn(object, "with consent", { refreshToken: "second" })).toBe("signed-in");
      expect(await ask(object, "of-with consent")).toBe("fresh");
      expect(object.sent).toEqual(["first", "second"]);
    });
  });

  test.each<[string, () => Response | Promise<Response>, object]>([
    ["500", refusal("invalid_grant", 500), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["503", () => new Response("busy", { status: 503 }), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["429", refusal("invalid_grant", 429), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["no connection", () => Promise.reject(new TypeError("lost")), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["nonsense", () => Response.json({}), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["invalid_client", refusal("invalid_client", 401), { reason: "INTERNAL", code: 500 }],
    ["unauthorized_client", refusal("unauthorized_client", 401), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["admin_policy_enforced", refusal("admin_policy_enforced"), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["org_internal", refusal("org_internal", 403), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["policy_enforced", refusal("policy_enforced"), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["deleted_client", refusal("deleted_client", 401), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["disabled_client", refusal("disabled_client", 401), { reason: "ACCESS_BLOCKED", code: 403 }],
    ["a code that nobody knows", refusal("new_in_2027"), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["a code that is a name of Object's", refusal("constructor"), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
    ["invalid_scope", refusal("invalid_scope"), { reason: "SCOPE_REQUIRED", code: 403 }],
    ["invalid_request", refusal("invalid_request"), { reason: "UPSTREAM_UNAVAILABLE", code: 502 }],
  ])("%s: all who wait are told so, nothing changes, and the next one asks anew", async (_, refresh, expected) => {
    await withGrant(async (object) => {
      object.google.refresh = refresh;
      const before = object.kv.central(KEY);
      const failures = await Promise.all([1, 2, 3].map(() => appErrorOf(ask(object))));
      for (const failure of failures) expect(failure).toMatchObject(expected);
      const calls = object.sent.length;
      expect(calls).toBeLessThanOrEqual(2);
      expect(object.kv.central(KEY)).toBe(before);
      object.google.refresh = () => tokens("fresh");
      expect(await ask(object)).toBe("fresh");
      expect(object.sent).toHaveLength(calls + 1);
    });
  });

  test("an unexpected refusal is named for the log and not for the caller", async () => {
    await withGrant(async (object) => {
      object.google.refresh = refusal("new_in_2027", 401);
      const error = await appErrorOf(ask(object));
      expect(error.logDetail).toContain("new_in_2027");
      expect(error.message).not.toContain("new_in_2027");
    });
  });

  test.each<[code: string, who: RegExp, isByAccount: boolean]>([
    ["admin_policy_enforced", /administrator of your organization.*Admin console/, true],
    ["org_internal", /one organization only.*External/, true],
    ["unauthorized_client", /Whoever runs this site/, false],
  ])("%s says who can do what, and is logged", async (code, who, isByAccount) => {
    await withGrant(async (object) => {
      object.google.refresh = refusal(code, 400);
      const error = await appErrorOf(ask(object));
      expect(error.message).toMatch(who);
      expect(error.metadata).toEqual({ error: code });
      expect(error.logDetail).toBe(`refresh: ${code}`);
      expect(error.retryAfterSeconds).toBeNull();
      expect(error.signInAgain).toEqual(isByAccount ? { prompt: "select_account" } : null);
    });
  });
});

describe("what is stored is not sent to Google", () => {
  const stored = { ...CREDENTIAL, scopes: ["openid", READONLY] };

  test.each<[string, object, object, object]>([
    ["for another client", { clientId: "another" }, {}, CONSENT_REQUIRED],
    [
      "with no scope that is configured",
      { scopes: ["email"] },
      { GOOGLE_SCOPES: `openid ${READONLY}` },
      CONSENT_REQUIRED,
    ],
    [
      "of an account that is not allowed",
      {},
      { ALLOWED_ACCOUNTS: "bob@example.test" },
      { reason: "ACCOUNT_NOT_ALLOWED", code: 403 },
    ],
  ])("%s", async (_, changes, vars, expected) => {
    await inObject(
      async (object) => {
        await elsewhere(object).writeCredential({ ...stored, ...changes });
        const before = object.kv.central(KEY);
        expect(await appErrorOf(ask(object))).toMatchObject(expected);
        expect([object.sent, object.kv.central(KEY)]).toEqual([[], before]);
      },
      { vars: { ...vars } },
    );
  });

  test.each(["ann@example.test", "@work.test"])("but that of an account that is allowed as %s is", async (allowed) => {
    await inObject(
      async (object) => {
        await elsewhere(object).writeCredential({ ...stored, hostedDomain: "work.test" });
        expect(await ask(object)).toBe("fresh-1");
        expect(object.sent).toEqual([stored.refreshToken]);
      },
      { vars: { ALLOWED_ACCOUNTS: allowed } },
    );
  });

  test("when there is none, or what there is does not open", async () => {
    await inObject(async (object) => {
      expect(await appErrorOf(ask(object))).toMatchObject({ ...CONSENT_REQUIRED, signInAgain: { loginHint: SUB } });
      await object.kv.at("elsewhere").put(KEY, "rubbish");
      object.clock.nowMs += 2 * MINUTE_MS;
      expect(await appErrorOf(ask(object))).toMatchObject(CONSENT_REQUIRED);
      expect(object.sent).toEqual([]);
    });
  });

  test("under a key that is gone: INTERNAL, which names it for the operator only", async () => {
    await inObject(async (object) => {
      await elsewhere(object, [KEY_B]).writeCredential(stored);
      const error = await appErrorOf(ask(object));
      expect(error).toMatchObject({ reason: "INTERNAL", code: 500, metadata: {} });
      expect(error.logDetail).toMatch(/^A credential is sealed under kid b,/);
      expect(error.message).not.toMatch(/kid|TOKEN_KEYS/);
      expect(object.sent).toEqual([]);
    });
  });

  test("when a security event has named it as dead", async () => {
    await withGrant(async (object) => {
      await elsewhere(object).markIdentifierDead("prefix", "first");
      expect(await appErrorOf(ask(object))).toMatchObject(CONSENT_REQUIRED);
      expect(await object.core.openOffline(SUB, null)).toBeNull();
      expect(object.sent).toEqual([]);
    });
  });
});

describe("while Google refreshes", () => {
  test("everything is ended: the access token that comes is not kept, and nothing comes back", async () => {
    await withGrant(async (object) => {
      const { core, kv } = object;
      const held = holdGoogle(object, rotated("late", "rotated"));
      const asking = appErrorOf(ask(object));
      await held.arrived();
      expect(await core.disconnect({ sub: SUB, email: EMAIL })).toEqual({
        refreshToken: "first",
        accessToken: null,
        wasDelegated: false,
      });
      held.release();
      expect(await asking).toMatchObject(CONSENT_REQUIRED);
      await object.afterwards();
      expect(kv.names).toEqual([]);
      expect(await appErrorOf(ask(object))).toMatchObject(CONSENT_REQUIRED);
      object.evict();
      expect(await appErrorOf(ask(object))).toMatchObject(CONSENT_REQUIRED);
      expect(object.sent).toEqual(["first"]);
    });
  });

  test.each<[string, () => Response]>([
    ["an access token", rotated("late", "rotated")],
    ["that the old grant is dead", refusal("invalid_grant")],
  ])("a new consent comes: all get its access token, and not %s", async (_, answer) => {
    await withGrant(async (object) => {
      const held = holdGoogle(object, answer);
      const asking = [ask(object), ask(object)];
      await held.arrived();
      expect(await signIn(object, "newer", { refreshToken: "second" })).toBe("signed-in");
      held.release();
      expect(await Promise.all(asking)).toEqual(["of-newer", "of-newer"]);
      await object.afterwards();
      expect((await elsewhere(object).findCredential(SUB))?.credential).toMatchObject({ refreshToken: "second" });
      object.clock.nowMs += HOUR_MS;
      expect(await ask(object)).toBe("fresh-2");
      expect(object.sent).toEqual(["first", "second"]);
    });
  });

  test("a new consent comes that KV does not take: who asked gets its access token, and is not sent to consent", async () => {
    await withGrant(async (object) => {
      const google = holdGoogle(object, refusal("invalid_grant"));
      const asking = ask(object);
      await google.arrived();
      const kv = holdKv(object, isRecord);
      const signingIn = signIn(object, "newer", { refreshToken: "second" });
      await kv.arrived();
      expect(await signingIn).toBe("signed-in");
      google.release();
      expect(await asking).toBe("of-newer");
      expect(await ask(object, "of-newer")).toBe("fresh-2");
      expect(object.sent).toEqual(["first", "second"]);
      kv.release();
    });
  });
});

describe("a refresh token that comes with a refresh (RFC 6749 §6)", () => {
  test("replaces the one before, though KV still tells that one; the time of the consent stays", async () => {
    await withGrant(async (object) => {
      object.google.refresh = (count) => rotated(`fresh-${count}`, `rotated-${count}`)();
      const before = object.kv.central(KEY) ?? "";
      expect(await ask(object)).toBe("fresh-1");
      await object.afterwards();
      const found = await elsewhere(object).findCredential(SUB);
      expect(found?.credential).toMatchObject({
        refreshToken: "rotated-1",
        updatedAtMs: START_MS,
        createdAtMs: START_MS,
      });
      expect(await object.core.consentedAt(SUB)).toBe(START_MS);
      object.clock.nowMs += 2_000;
      await object.kv.at("the object").put(KEY, before);
      expect(await ask(object, "fresh-1")).toBe("fresh-2");
      expect(object.sent).toEqual(["first", "rotated-1"]);
    });
  });

  test("that is the same one changes nothing", async () => {
    await withGrant(async (object) => {
      object.google.refresh = rotated("fresh", "first");
      const before = object.kv.central(KEY);
      expect(await ask(object)).toBe("fresh");
      await object.afterwards();
      expect(object.kv.central(KEY)).toBe(before);
    });
  });

  test.each(["a disconnect", "a new consent"])("and whose writing waits for %s is not written", async (what) => {
    await withGrant(async (object) => {
      object.google.refresh = rotated("fresh-1", "rotated-1");
      const isDisconnect = what === "a disconnect";
      const held = holdKv(object, (kind) => kind === (isDisconnect ? "delete" : "put"));
      const ending = isDisconnect
        ? object.core.disconnect({ sub: SUB, email: EMAIL })
        : signIn(object, "newer", { refreshToken: "second" });
      const asking = ask(object).catch(() => null);
      await held.arrived();
      await asking;
      held.release();
      await ending;
      await object.afterwards();
      const found = await elsewhere(object).findCredential(SUB);
      expect(found?.credential.refreshToken ?? null).toBe(isDisconnect ? null : "second");
    });
  });

  test("and that is being written when everything ends is gone with the rest", async () => {
    await withGrant(async (object) => {
      object.google.refresh = rotated("fresh-1", "rotated-1");
      const held = holdKv(object, isRecord);
      expect(await ask(object)).toBe("fresh-1");
      await held.arrived();
      const ending = object.core.disconnect({ sub: SUB, email: EMAIL });
      held.release();
      expect(await ending).toMatchObject({ refreshToken: "rotated-1" });
      await object.afterwards();
      expect(object.kv.names).toEqual([]);
      expect(await object.core.openOffline(SUB, null)).toBeNull();
    });
  });
});

describe("KV that still answers the old record", () => {
  test("after a new consent is not believed for five minutes", async () => {
    await withGrant(async (object) => {
      const old = object.kv.central(KEY) ?? "";
      await signIn(object, "newer", { refreshToken: "second" });
      await object.afterwards();
      object.clock.nowMs += 2_000;
      await object.kv.at("the object").put(KEY, old);
      object.clock.nowMs += 4 * MINUTE_MS;
      object.evict();
      expect(await ask(object, "of-newer")).toBe("fresh-1");
      expect(object.sent).toEqual(["second"]);
      object.clock.nowMs += MINUTE_MS;
      expect(await ask(object, "fresh-1"), "by then KV has settled").toBe("fresh-2");
      expect(object.sent).toEqual(["second", "first"]);
    });
  });

  test("after a disconnect is not believed until the next sign-in", async () => {
    await withGrant(async (object) => {
      const old = object.kv.central(KEY) ?? "";
      await object.core.disconnect({ sub: SUB, email: EMAIL });
      object.clock.nowMs += 2_000;
      await object.kv.at("the object").put(KEY, old);
      object.evict();
      expect(await object.core.openOffline(SUB, null)).toBeNull();
      expect(await object.core.consentedAt(SUB)).toBeNull();
      expect(await appErrorOf(ask(object))).toMatchObject(CONSENT_REQUIRED);
      expect(await signIn(object, "without consent", { refreshToken: null })).toBe("no-grant");
      expect(object.sent).toEqual([]);
    });
  });
});

/** The key that the credential is sealed under. */
function kid({ kv }: TestObject): unknown {
  return decodeProtectedHeader(kv.central(KEY) ?? "").kid;
}

describe("a record under an older key", () => {
  test.each(["a refresh", "a sign-in without consent"])("is sealed anew by %s", async (what) => {
    await withGrant(async (object) => {
      object.evict({ keys: [KEY_B, KEY_A] });
      expect(kid(object)).toBe("a");
      if (what === "a refresh") await ask(object);
      else expect(await signIn(object, "again", { refreshToken: null })).toBe("signed-in");
      await object.afterwards();
      expect(kid(object)).toBe("b");
      expect((await elsewhere(object, [KEY_B]).findCredential(SUB))?.credential).toMatchObject({
        refreshToken: "first",
      });
    });
  });

  test("is left where Google has refused its refresh token", async () => {
    await withGrant(async (object) => {
      object.evict({ keys: [KEY_B, KEY_A] });
      object.google.refresh = refusal("invalid_grant");
      await appErrorOf(ask(object));
      await object.afterwards();
      expect(kid(object)).toBe("a");
    });
  });

  test("is sealed anew by the walk: record and address, once", async () => {
    await withGrant(async (object) => {
      object.evict({ keys: [KEY_B, KEY_A] });
      const records = [
        { purpose: "credential", key: KEY },
        { purpose: "address", key: await storageKeys.address(EMAIL) },
      ] as const;
      for (const expected of ["resealed", "current"]) {
        for (const record of records) expect(await object.core.reseal(SUB, record)).toBe(expected);
        object.clock.nowMs += 2 * MINUTE_MS;
      }
      expect(kid(object)).toBe("b");
      expect(await elsewhere(object, [KEY_B]).readAddress(EMAIL)).toBe(SUB);
    });
  });

  test("is dead for the walk where there is no grant that it could serve", async () => {
    await withGrant(async (object) => {
      const record = { purpose: "credential", key: KEY } as const;
      const old = object.kv.central(KEY) ?? "";
      object.evict({ keys: [KEY_B, KEY_A] });
      object.google.refresh = refusal("invalid_grant");
      await appErrorOf(ask(object));
      expect(await object.core.reseal(SUB, record)).toBe("dead");
      await object.core.disconnect({ sub: SUB, email: EMAIL });
      object.clock.nowMs += 2_000;
      await object.kv.at("the object").put(KEY, old);
      expect(await object.core.reseal(SUB, record)).toBe("dead");
      expect(object.kv.central(KEY)).toBe(old);
    });
  });

  test("and the access token in the object, too: one that does not open is got anew", async () => {
    await inObject(async (object) => {
      await signIn(object, "s", { refreshToken: "first" });
      object.evict({ keys: [KEY_B, KEY_A] });
      expect(await ask(object)).toBe("of-s");
      object.clock.nowMs += 2 * MINUTE_MS;
      await elsewhere(object, [KEY_B]).writeCredential({ ...CREDENTIAL, scopes: ["openid", READONLY] });
      object.clock.nowMs += 5 * MINUTE_MS;
      object.evict({ keys: [KEY_B] });
      expect(await ask(object)).toBe("fresh-1");
    });
  });
});

describe("KV is down", () => {
  test("who needs the record is told STORAGE_UNAVAILABLE, and Google is not asked; who does not is served", async () => {
    await withGrant(async (object) => {
      const restore = breakKv(object, () => true);
      const works = [() => ask(object), () => object.core.openOffline(SUB, null), () => object.core.consentedAt(SUB)];
      for (const work of works) {
        expect(await appErrorOf(work())).toMatchObject({ reason: "STORAGE_UNAVAILABLE", code: 503 });
      }
      expect(object.sent).toEqual([]);
      restore();
      expect(await ask(object)).toBe("fresh-1");
      breakKv(object, () => true);
      expect(await ask(object)).toBe("fresh-1");
      expect(await object.core.checkSession("s")).toBe(true);
    });
  });

  test("for writes: a refresh serves all the same", async () => {
    await withGrant(async (object) => {
      object.google.refresh = rotated("fresh-1", "rotated-1");
      breakKv(object, (kind) => kind === "put");
      using log = vi.spyOn(console, "error").mockReturnValue();
      using warn = vi.spyOn(console, "warn").mockReturnValue();
      using info = vi.spyOn(console, "log").mockReturnValue();
      expect(await ask(object)).toBe("fresh-1");
      await object.afterwards();
      expect([...log.mock.calls, ...warn.mock.calls, ...info.mock.calls].join()).toContain("STORAGE_UNAVAILABLE");
    });
  });

  test.each(["credential:", "address:"])(
    "for the %s of a sign-in: it is served by the object for as long as that lasts, and KV gets it then",
    async (prefix) => {
      await inObject(async (object) => {
        const restore = breakKv(object, (kind, key) => kind !== "get" && key.startsWith(prefix));
        expect(await signIn(object, "s", { refreshToken: "first" })).toBe("signed-in");
        await object.advance(HOUR_MS);
        object.evict();
        expect(await ask(object)).toBe("fresh-1");
        expect(object.kv.names.some((name) => name.startsWith(prefix))).toBe(false);
        restore();
        await object.advance(MINUTE_MS);
        expect((await elsewhere(object).findCredential(SUB))?.credential.refreshToken).toBe("first");
        expect(await elsewhere(object).readAddress(EMAIL)).toBe(SUB);
        object.kv.operations.length = 0;
        await object.advance(MINUTE_MS);
        expect(object.kv.operations, "nothing is owed any more").toEqual([]);
      });
    },
  );

  test("wholly: a sign-in with a new consent succeeds, and one without is told so", async () => {
    await withGrant(async (object) => {
      const restore = breakKv(object, () => true);
      await object.core.wake(SUB);
      expect(await appErrorOf(signIn(object, "without", { refreshToken: null }))).toMatchObject({ code: 503 });
      expect(await signIn(object, "with", { refreshToken: "second" })).toBe("signed-in");
      expect(await object.core.checkSession("with")).toBe(true);
      await object.advance(10 * MINUTE_MS);
      expect(await object.core.disconnect({ sub: SUB, email: EMAIL })).toMatchObject({ refreshToken: "second" });
      restore();
      await object.advance(MINUTE_MS);
      expect(object.kv.names).toEqual([]);
    });
  });

  test("for a refresh token that came with a refresh: it is not lost with the life of the object", async () => {
    await withGrant(async (object) => {
      object.google.refresh = rotated("fresh-1", "rotated-1");
      const restore = breakKv(object, (kind) => kind === "put");
      expect(await ask(object)).toBe("fresh-1");
      object.evict();
      expect(await ask(object, "fresh-1")).toBe("fresh-1");
      expect(object.sent).toEqual(["first", "rotated-1"]);
      restore();
      await object.advance(MINUTE_MS);
      expect((await elsewhere(object).findCredential(SUB))?.credential.refreshToken).toBe("rotated-1");
    });
  });

  test("what KV is owed is sealed by the key that seals when KV gets it", async () => {
    await inObject(async (object) => {
      const restore = breakKv(object, (kind) => kind === "put");
      await signIn(object, "s", { refreshToken: "first" });
      await object.afterwards();
      object.evict({ keys: [KEY_B, KEY_A] });
      restore();
      await object.advance(MINUTE_MS);
      expect(kid(object)).toBe("b");
    });
  });
});

describe("a write of KV that hangs", () => {
  test("holds up no sign-in and no disconnect, and brings nothing back when it is done", async () => {
    await inObject(async (object) => {
      const held = holdKv(object, isRecord);
      expect(await signIn(object, "s", { refreshToken: "first" })).toBe("signed-in");
      await held.arrived();
      expect(await object.core.disconnect({ sub: SUB, email: EMAIL })).toMatchObject({ refreshToken: "first" });
      held.release();
      await object.afterwards();
      expect(object.kv.names).toEqual([]);
    });
  });

  test("is done again by the alarm of the object's next life", async () => {
    await inObject(async (object) => {
      const held = holdKv(object, isRecord);
      await signIn(object, "s", { refreshToken: "first" });
      await held.arrived();
      object.evict();
      object.kv.gate = null;
      await object.advance(MINUTE_MS);
      expect((await elsewhere(object).findCredential(SUB))?.credential.refreshToken).toBe("first");
      held.release();
    });
  });

  test("is followed by what came after it", async () => {
    await inObject(async (object) => {
      const held = holdKv(object, isRecord);
      await signIn(object, "s", { refreshToken: "first" });
      await held.arrived();
      object.clock.nowMs += MINUTE_MS;
      object.kv.gate = null;
      await signIn(object, "newer", { refreshToken: "second" });
      await vi.waitFor(() => expect(object.kv.names).toContain(KEY));
      object.clock.nowMs += 2_000;
      held.release();
      await object.afterwards();
      expect((await elsewhere(object).findCredential(SUB))?.credential.refreshToken).toBe("second");
    });
  });
});

describe("what a sign-in has the object read beforehand", () => {
  test("is used by it, without a second look", async () => {
    await withGrant(async (object) => {
      await object.core.wake(SUB);
      await vi.waitFor(() => expect(object.kv.operations.length).toBeGreaterThan(0));
      object.kv.operations.length = 0;
      expect(await signIn(object, "again", { refreshToken: null })).toBe("signed-in");
      expect(object.kv.operations.filter(({ keys }) => keys.includes(KEY))).toEqual([]);
    });
  });

  test("and that could not be read is read again where it is needed", async () => {
    await withGrant(async (object) => {
      const restore = breakKv(object, (kind) => kind === "get");
      await object.core.wake(SUB);
      await vi.waitFor(() => expect(object.kv.operations.at(-1)?.kind).toBe("get"));
      expect(await appErrorOf(signIn(object, "again", { refreshToken: null }))).toMatchObject({
        reason: "STORAGE_UNAVAILABLE",
      });
      restore();
      await object.core.wake(SUB);
      expect(await signIn(object, "again", { refreshToken: null })).toBe("signed-in");
    });
  });

  test("does not stand for what was stored since", async () => {
    await withGrant(async (object) => {
      object.google.refresh = rotated("fresh-1", "rotated-1");
      object.evict({ keys: [KEY_B, KEY_A] });
      await object.core.wake(SUB);
      await ask(object);
      await object.afterwards();
      expect(await signIn(object, "again", { refreshToken: null })).toBe("signed-in");
      await object.afterwards();
      expect((await elsewhere(object, [KEY_B]).findCredential(SUB))?.credential).toMatchObject({
        refreshToken: "rotated-1",
      });
    });
  });
});

test("nothing in the object shows a token, but who it is", async () => {
  await withGrant(async (object) => {
    await ask(object);
    const rows = object.storage.sql.exec("SELECT name, value FROM meta").toArray();
    const text = JSON.stringify(rows);
    for (const secret of ["first", "of-s", "fresh-1", await sha256("first")]) expect(text).not.toContain(`"${secret}"`);
    for (const secret of ["of-s", "fresh-1"]) expect(text).not.toContain(secret);
    expect(text).toContain(EMAIL);
    expect((await elsewhere(object).findCredential(SUB))?.credential).toEqual({
      ...CREDENTIAL,
      clientId: CLIENT_ID,
      refreshToken: "first",
      scopes: ["openid", READONLY],
    });
  });
});

test("a newer consent keeps when the first one came", async () => {
  await withGrant(async (object) => {
    await object.core.wake(SUB);
    // It reads the same, and later.
    await object.core.consentedAt(SUB);
    await object.core.signIn(signInOf(object.clock.nowMs, "newer", { refreshToken: "second" }));
    await object.afterwards();
    const found = await elsewhere(object).findCredential(SUB);
    expect(found?.credential).toMatchObject({ createdAtMs: START_MS, updatedAtMs: object.clock.nowMs });
  });
});
