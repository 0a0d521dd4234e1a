/** What ends what in the object of a user: sign-ins of each kind, a disconnect and what it leaves, security events. */
import { describe, expect, test } from "vitest";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import type { SignIn } from "../../../src/object/rpc.ts";
import { appErrorOf, START_MS } from "../fixtures.ts";
import {
  at,
  breakKv,
  DAY_MS,
  EMAIL,
  elsewhere,
  holdKv,
  IDENTITY,
  inForce,
  inObject,
  makeToken,
  MINUTE_MS,
  newToken,
  READONLY,
  signIn,
  signInOf,
  SUB,
  type TestObject,
} from "./fixtures.ts";

const ANN = { sub: SUB, email: EMAIL };
const USAGE = { messagesListed: 1, messagesRead: 1, units: 5 };
const OFFLINE = { kind: "offline", id: "offline" } as const;
const KEY = storageKeys.credential(SUB);

function rows({ storage }: TestObject): number {
  return storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'meta'").toArray().length;
}

describe("a sign-in", () => {
  test("with a refresh token stores the grant and the verified address, and ends what began before it", async () => {
    await inObject(async (object) => {
      await signIn(object, "one");
      const hash = await makeToken(object, "one");
      object.clock.nowMs += 1;
      expect(await signIn(object, "two", { refreshToken: "second", hostedDomain: "example.test" })).toBe("signed-in");
      expect(await inForce(object, ["one", "two"], [hash])).toEqual([false, true, false]);
      await object.afterwards();
      const found = await elsewhere(object).findCredential(SUB);
      expect(found?.credential).toMatchObject({ refreshToken: "second", hostedDomain: "example.test", email: EMAIL });
      expect(await elsewhere(object).readAddress(EMAIL)).toBe(SUB);
    });
  });

  test("without one relies on the stored one, ends nothing, and writes nothing to KV", async () => {
    await inObject(async (object) => {
      await signIn(object, "one");
      const hash = await makeToken(object, "one");
      object.clock.nowMs += MINUTE_MS;
      object.kv.operations.length = 0;
      expect(await signIn(object, "two", { refreshToken: null })).toBe("signed-in");
      expect(await inForce(object, ["one", "two"], [hash])).toEqual([true, true, true]);
      await object.afterwards();
      expect(object.kv.operations.filter(({ kind }) => kind !== "get")).toEqual([]);
    });
  });

  test.each<[string, Partial<SignIn>]>([
    ["is not verified", { emailVerified: false }],
    ["is missing", { identity: { ...IDENTITY, email: null } }],
  ])("whose address %s leads to nobody", async (_, changes) => {
    await inObject(async (object) => {
      expect(await signIn(object, "one", changes)).toBe("signed-in");
      await object.afterwards();
      expect(object.kv.names).toEqual([KEY]);
    });
  });

  test.each<[string, Partial<SignIn>, object]>([
    ["there is none", {}, {}],
    ["it covers less than is granted now", { scopes: ["openid"] }, {}],
    ["it was given to another client", {}, { GOOGLE_CLIENT_ID: "another-client.apps.example.test" }],
  ])(
    "without a refresh token, where the stored one will not do, for %s: no-grant, and nothing changes",
    async (why, first, vars) => {
      await inObject(async (object) => {
        if (why !== "there is none") await signIn(object, "one", first);
        object.evict({ vars: { ...vars } });
        expect(await signIn(object, "two", { refreshToken: null, previousSession: "one" })).toBe("no-grant");
        expect(await inForce(object, ["one", "two"])).toEqual([why !== "there is none", false]);
      });
    },
  );

  test("that began before everything was ended is ended", async () => {
    await inObject(async (object) => {
      await signIn(object, "one");
      const began = signInOf(object.clock.nowMs, "two");
      const beganToo = signInOf(object.clock.nowMs, "three", { refreshToken: null });
      await object.core.endAll();
      for (const request of [began, beganToo]) expect(await object.core.signIn(request)).toBe("ended");
      object.evict();
      expect(await object.core.signIn(began)).toBe("ended");
      object.clock.nowMs += 1;
      expect(await signIn(object, "four", { refreshToken: null })).toBe("signed-in");
      expect(await inForce(object, ["one", "two", "three", "four"])).toEqual([false, false, false, true]);
    });
  });

  test("that is under way when everything is ended is ended", async () => {
    await inObject(async (object) => {
      await signIn(object, "one");
      await object.advance(DAY_MS);
      const held = holdKv(object, (kind) => kind === "get");
      const signingIn = signIn(object, "two", { refreshToken: null });
      await held.arrived();
      await object.core.endAll();
      held.release();
      expect(await signingIn).toBe("ended");
      expect(await inForce(object, ["one", "two"])).toEqual([false, false]);
    });
  });

  test("of two at once, that with the later consent stays, whichever comes first", async () => {
    await inObject(async (object) => {
      const [early, late] = [signInOf(START_MS, "early"), signInOf(START_MS + 1, "late")];
      object.clock.nowMs += 2_000;
      expect(await Promise.all([late, early].map((request) => object.core.signIn(request)))).toEqual([
        "signed-in",
        "ended",
      ]);
      expect(await inForce(object, ["early", "late"])).toEqual([false, true]);
    });
    await inObject(async (object) => {
      const [early, late] = [signInOf(START_MS, "early"), signInOf(START_MS + 1, "late")];
      object.clock.nowMs += 2_000;
      expect(await Promise.all([early, late].map((request) => object.core.signIn(request)))).toEqual([
        "signed-in",
        "signed-in",
      ]);
      expect(await inForce(object, ["early", "late"])).toEqual([false, true]);
    });
  });

  test("that the Worker asks for twice is one session", async () => {
    await inObject(async (object) => {
      const request = signInOf(START_MS, "one");
      for (let time = 0; time < 2; time += 1) expect(await object.core.signIn(request)).toBe("signed-in");
      expect(await object.core.listSessions()).toHaveLength(1);
    });
  });
});

describe("a disconnect", () => {
  test("ends and deletes everything at once, and gives the tokens that are to be given back to Google", async () => {
    await inObject(async (object) => {
      const { core } = object;
      await signIn(object, "s", { refreshToken: "first" });
      const hash = await makeToken(object, "s");
      await core.report({ kind: "session", id: "s" }, USAGE);
      expect(await core.disconnect(ANN)).toEqual({ refreshToken: "first", accessToken: "of-s", wasDelegated: false });
      for (let life = 0; life < 2; life += 1) {
        expect(await inForce(object, ["s"], [hash])).toEqual([false, false]);
        expect([await core.listSessions(), await core.listTokens(), await core.listActivity()]).toEqual([[], [], []]);
        expect(await core.openOffline(SUB, null)).toBeNull();
        expect(await appErrorOf(core.accessToken(SUB, OFFLINE, null))).toMatchObject({ reason: "CONSENT_REQUIRED" });
        object.evict();
      }
      expect(object.kv.names).toEqual([]);
      expect(await core.disconnect(ANN)).toEqual({ refreshToken: null, accessToken: null, wasDelegated: false });
      expect(JSON.stringify(object.storage.sql.exec("SELECT * FROM meta").toArray())).not.toContain(EMAIL);
    });
  });

  test("keeps what is reported later from coming back", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      await object.core.report({ kind: "session", id: "s" }, USAGE);
      await object.core.report({ kind: "session", id: "s" }, USAGE);
      await object.core.disconnect(ANN);
      for (const actor of [{ kind: "session", id: "s" } as const, OFFLINE]) await object.core.report(actor, USAGE);
      await object.advance(2 * MINUTE_MS);
      expect(await object.core.listActivity()).toEqual([]);
      object.clock.nowMs += 1;
      await signIn(object, "again");
      await object.core.report({ kind: "session", id: "again" }, USAGE);
      expect(await object.core.listActivity()).toMatchObject([{ id: "again", requests: 1 }]);
    });
  });

  test.each(["credential:", "address:"])(
    "while KV cannot delete %s succeeds, and the alarm deletes it later",
    async (prefix) => {
      await inObject(async (object) => {
        await signIn(object, "s", { refreshToken: "first" });
        const restore = breakKv(object, (kind, key) => kind === "delete" && key.startsWith(prefix));
        expect(await object.core.disconnect(ANN)).toMatchObject({ refreshToken: "first" });
        expect(await inForce(object, ["s"])).toEqual([false]);
        object.evict();
        await object.advance(10 * MINUTE_MS);
        expect(object.kv.names.filter((name) => name.startsWith(prefix))).toHaveLength(1);
        expect(await object.core.openOffline(SUB, null)).toBeNull();
        restore();
        await object.advance(MINUTE_MS);
        expect(object.kv.names).toEqual([]);
      });
    },
  );

  test("whose object is stopped while its alarm erases is finished by a later one", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      breakKv(object, (kind) => kind === "delete");
      await object.core.disconnect(ANN);
      const held = holdKv(object, (kind) => kind === "delete");
      object.clock.nowMs += MINUTE_MS;
      void object.core.alarm();
      await held.arrived();
      object.kv.gate = null;
      object.evict();
      await object.advance(2 * DAY_MS);
      expect(object.kv.names).toEqual([]);
    });
  });

  test("that KV has not finished does not take what the next sign-in brings", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const restore = breakKv(object, (kind) => kind === "delete");
      await object.core.disconnect(ANN);
      object.clock.nowMs += 1_000;
      expect(await signIn(object, "again", { refreshToken: "second" })).toBe("signed-in");
      restore();
      await object.advance(10 * MINUTE_MS);
      expect(await object.core.openOffline(SUB, null)).toMatchObject({ email: EMAIL });
      expect((await elsewhere(object).findCredential(SUB))?.credential).toMatchObject({ refreshToken: "second" });
      expect(await elsewhere(object).readAddress(EMAIL)).toBe(SUB);
    });
  });

  test("while KV cannot be read: STORAGE_UNAVAILABLE, and nothing has changed", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      await object.afterwards();
      object.clock.nowMs += 10 * MINUTE_MS;
      const restore = breakKv(object, () => true);
      expect(await appErrorOf(object.core.disconnect(ANN))).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
      restore();
      expect(await inForce(object, ["s"])).toEqual([true]);
      expect(await object.core.openOffline(SUB, null)).not.toBeNull();
    });
  });

  test("leaves an address that has gone to somebody else", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      object.clock.nowMs += 2 * MINUTE_MS;
      await elsewhere(object).writeAddress(EMAIL, "2");
      object.clock.nowMs += 2 * MINUTE_MS;
      await object.core.disconnect(ANN);
      expect(await elsewhere(object).readAddress(EMAIL)).toBe("2");
    });
  });

  test("waits for a sign-in that is under way, and ends that, too", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      await object.advance(DAY_MS);
      const held = holdKv(object, (kind) => kind === "get");
      const signingIn = signIn(object, "again", { refreshToken: null });
      await held.arrived();
      const ending = object.core.disconnect(ANN);
      held.release();
      await Promise.all([signingIn, ending]);
      expect(await inForce(object, ["s", "again"])).toEqual([false, false]);
      expect(object.kv.names).toEqual([]);
    });
  });
});

describe("an object that holds nothing any more", () => {
  test("is deleted: 30 days after a disconnect, and not while an older session could come", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const began = signInOf(START_MS, "late");
      await object.core.disconnect(ANN);
      await object.advance(30 * DAY_MS - 1);
      expect([rows(object), await object.core.signIn(began)]).toEqual([1, "ended"]);
      await object.advance(2 * DAY_MS);
      expect([rows(object), object.alarmAtMs()]).toEqual([0, null]);
      expect(await inForce(object, ["s"])).toEqual([false]);
      object.clock.nowMs += 1;
      expect(await signIn(object, "again")).toBe("signed-in");
      expect(await inForce(object, ["again"])).toEqual([true]);
    });
  });

  test("is not one with an API token, or an account that Google has disabled, or records that KV has still", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      await object.core.makeToken("s", "t", newToken({ expiresAtMs: START_MS + 300 * DAY_MS }));
      await object.advance(299 * DAY_MS);
      expect(await object.core.listTokens()).toHaveLength(1);
      await object.advance(4 * DAY_MS);
      expect(rows(object)).toBe(0);
      expect(object.kv.names, "the grant is in KV").toContain(KEY);
    });
    await inObject(async (object) => {
      await signIn(object, "s");
      await object.core.secure(SUB, "disable", at(0));
      const restore = breakKv(object, (kind) => kind === "delete");
      await object.core.disconnect(ANN);
      await object.advance(3 * DAY_MS);
      restore();
      await object.advance(100 * DAY_MS);
      expect(object.kv.names).toEqual([]);
      expect([rows(object), await signIn(object, "again")]).toEqual([1, "disabled"]);
    });
  });

  test("waits for a sign-in that is under way", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      await object.advance(31 * DAY_MS);
      object.clock.nowMs = Math.max(object.clock.nowMs, object.alarmAtMs() ?? 0);
      const held = holdKv(object, (kind) => kind === "get");
      const signingIn = signIn(object, "again", { refreshToken: null });
      await held.arrived();
      const ringing = object.core.alarm();
      held.release();
      expect(await signingIn).toBe("signed-in");
      await ringing;
      expect(await inForce(object, ["again"])).toEqual([true]);
    });
  });

  test("is also one that has only ended what it never had", async () => {
    await inObject(async (object) => {
      await object.core.secure(SUB, "end-sessions", at(START_MS));
      await object.advance(40 * DAY_MS);
      expect([rows(object), object.alarmAtMs()]).toEqual([0, null]);
    });
  });
});

describe("a security event", () => {
  test("that ends sessions ends those that began until then, their tokens, and what they make", async () => {
    await inObject(async (object) => {
      await signIn(object, "old");
      const old = await makeToken(object, "old");
      object.clock.nowMs += 2_000;
      await signIn(object, "new", { refreshToken: null });
      const young = await makeToken(object, "new");
      await object.core.secure(SUB, "end-sessions", at(START_MS));
      expect(await inForce(object, ["old", "new"], [old, young])).toEqual([false, true, false, true]);
      expect(await object.core.makeToken("old", "t", newToken())).toBeNull();
      expect(await object.core.signIn(signInOf(START_MS, "late", { refreshToken: null }))).toBe("ended");
      expect(await object.core.openOffline(SUB, null), "the grant stays").not.toBeNull();
      await object.core.secure(SUB, "end-sessions", at(START_MS - DAY_MS));
      expect(
        await object.core.signIn(signInOf(START_MS, "late", { refreshToken: null })),
        "an older one moves nothing back",
      ).toBe("ended");
    });
  });

  test("that the grant is revoked forgets the user, in KV too", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      const hash = await makeToken(object, "s");
      await object.core.secure(SUB, "forget", at(object.clock.nowMs));
      expect(await inForce(object, ["s"], [hash])).toEqual([false, false]);
      expect([object.kv.names, await object.core.openOffline(SUB, null)]).toEqual([[], null]);
    });
  });

  test("that the grant is revoked leaves a newer consent alone", async () => {
    await inObject(async (object) => {
      await signIn(object, "old");
      object.clock.nowMs += 2_000;
      await signIn(object, "new", { refreshToken: "second" });
      const hash = await makeToken(object, "new");
      await object.core.secure(SUB, "forget", at(START_MS + 1_999));
      expect(await inForce(object, ["new"], [hash])).toEqual([true, true]);
      expect((await elsewhere(object).findCredential(SUB))?.credential).toMatchObject({ refreshToken: "second" });
    });
  });

  test("that the grant is revoked has ended the sessions even where KV is down; it is delivered again then", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      await object.afterwards();
      object.clock.nowMs += 10 * MINUTE_MS;
      const restore = breakKv(object, () => true);
      const securing = object.core.secure(SUB, "forget", at(object.clock.nowMs));
      expect(await appErrorOf(securing)).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
      expect(await inForce(object, ["s"])).toEqual([false]);
      restore();
      await object.core.secure(SUB, "forget", at(object.clock.nowMs));
      expect(object.kv.names).toEqual([]);
    });
  });

  test("that an account is disabled keeps it from signing in until it is enabled, and ends nothing", async () => {
    await inObject(async (object) => {
      await signIn(object, "s");
      object.clock.nowMs += 2_000;
      await object.core.secure(SUB, "disable", at(object.clock.nowMs));
      object.evict();
      expect(await signIn(object, "again")).toBe("disabled");
      expect(await inForce(object, ["s", "again"])).toEqual([true, false]);
      await object.core.secure(SUB, "enable", at(object.clock.nowMs));
      expect(await signIn(object, "again")).toBe("signed-in");
    });
  });
});

test("a user with a stored grant is found for work while they are offline", async () => {
  await inObject(async (object) => {
    await signIn(object, "s", { scopes: ["openid", READONLY] });
    await object.core.endAll();
    const fresh = { value: "fresh-1", expiresAtMs: START_MS + 7_200_000 };
    const accessToken = { value: "of-s", expiresAtMs: START_MS + 3_600_000 };
    expect(await object.core.openOffline(SUB, null)).toEqual({ sub: SUB, email: EMAIL, accessToken });
    object.clock.nowMs += 3_600_000;
    expect(await object.core.openOffline(SUB, null)).toEqual({ sub: SUB, email: EMAIL, accessToken: fresh });
    expect(await object.core.openOffline(SUB, EMAIL.toUpperCase())).toMatchObject({ email: EMAIL });
    expect(await object.core.openOffline(SUB, "other@example.test")).toBeNull();
  });
});
