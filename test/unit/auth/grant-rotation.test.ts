/** A refresh token that comes with a refresh replaces the one before: RFC 6749 §6. */
import { reset } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import { GrantMemory } from "../../../src/isolate/grant-memory.ts";
import { Revocations } from "../../../src/kv-store/revocations.ts";
import { appErrorOf, createKv, createStore, START_MS, type World } from "../fixtures.ts";
import { createGoogle, createGrant, CREDENTIAL, refusal, stored } from "./fixtures-grant.ts";

/** Google gives another refresh token with each refresh. */
function rotatingGoogle() {
  return createGoogle({
    refresh: (count) =>
      Response.json({
        access_token: `fresh-${count}`,
        expires_in: 3600,
        token_type: "Bearer",
        refresh_token: `rotated-${count}`,
      }),
  });
}

/** A refresh by a grant of its own, with all that goes on after it. */
async function refresh(world: World, grantMemory = new GrantMemory(), store = createStore(world)): Promise<string> {
  const later: Promise<unknown>[] = [];
  const grant = createGrant(world, { accessToken: null, grantMemory, store, defer: (work) => void later.push(work) });
  try {
    return await grant.accessToken();
  } finally {
    await Promise.all(later);
  }
}

function sentTokens(world: World): (string | null)[] {
  return world.calls.map(({ body }) => new URLSearchParams(body).get("refresh_token"));
}

beforeEach(async () => {
  await reset();
  await createStore(createGoogle().world).writeCredential(CREDENTIAL);
});

describe("a refresh token that comes with a refresh", () => {
  test("is stored in place of the one before, and everything else of the record stays", async () => {
    const { world } = rotatingGoogle();
    expect(await refresh(world)).toBe("fresh-1");
    expect(await stored()).toEqual({ ...CREDENTIAL, refreshToken: "rotated-1" });
  });

  test("is what the next refresh sends, in this isolate and in others", async () => {
    const { world } = rotatingGoogle();
    const here = new GrantMemory();
    await refresh(world, here);
    here.deadTokens.set("fresh-1", true);
    await refresh(world, here);
    await refresh(world, new GrantMemory());
    expect(sentTokens(world)).toEqual(["the-refresh-token", "rotated-1", "rotated-2"]);
    expect(await stored()).toMatchObject({ refreshToken: "rotated-3" });
  });

  test("is used although storage still answers with the one before", async () => {
    const { world } = rotatingGoogle();
    const here = new GrantMemory();
    await refresh(world, here);
    here.deadTokens.set("fresh-1", true);
    await createStore(world).writeCredential(CREDENTIAL);
    await refresh(world, here);
    expect(sentTokens(world)).toEqual(["the-refresh-token", "rotated-1"]);
  });

  test("that is the same one changes nothing", async () => {
    const { world } = createGoogle({
      refresh: () =>
        Response.json({
          access_token: "fresh",
          expires_in: 3600,
          token_type: "Bearer",
          refresh_token: CREDENTIAL.refreshToken,
        }),
    });
    expect(await refresh(world)).toBe("fresh");
    expect(await stored()).toEqual(CREDENTIAL);
  });

  test("does not bring back what a disconnect deletes meanwhile", async () => {
    const { google, world } = rotatingGoogle();
    google.before = () => createStore(world).deleteCredential("1", CREDENTIAL.refreshToken);
    expect(await refresh(world)).toBe("fresh-1");
    expect(await stored()).toBeNull();
  });

  test("does not replace that of a newer consent", async () => {
    const { google, world } = rotatingGoogle();
    const newer = { ...CREDENTIAL, refreshToken: "of-a-newer-consent", updatedAtMs: START_MS + 1 };
    google.before = async () => {
      await new Revocations(createKv(world)).revokeUser("1", "consent", START_MS);
      await createStore(world).writeCredential(newer);
    };
    await refresh(world);
    expect(await stored()).toEqual(newer);
  });

  test("dies as any other does", async () => {
    const { google, world } = rotatingGoogle();
    const here = new GrantMemory();
    await refresh(world, here);
    here.deadTokens.set("fresh-1", true);
    google.refresh = refusal("invalid_grant");
    expect(await appErrorOf(refresh(world, here))).toMatchObject({ reason: "CONSENT_REQUIRED" });
    expect(await createStore(world).isDead("rotated-1")).toBe(true);
    expect(await stored()).toMatchObject({ refreshToken: "rotated-1" });
  });
});
