/** A user's list of API tokens: whose they are, in which order, and which of them are left out. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type ApiToken, ApiTokenStore, MAX_TOKENS_PER_USER } from "../../../src/kv-store/api-tokens.ts";
import { Revocations } from "../../../src/kv-store/revocations.ts";
import { storageKeys } from "../../../src/kv-store/key-names.ts";
import { createKv, createWorld, json, KEY_A, KEY_B, START_MS } from "../fixtures.ts";
import { apiTokenOf, DAY_MS } from "./fixtures-api-tokens.ts";

const world = createWorld(json({}));
const tokens = new ApiTokenStore(createKv(world));

function tokenOf(sub: string, changes: Partial<ApiToken> = {}): Omit<ApiToken, "version"> {
  return apiTokenOf(sub, world.now(), changes);
}

beforeEach(async () => {
  await reset();
  world.clock.nowMs = START_MS;
});

// What is left would expire while another file compares what is stored.
afterAll(() => reset());

describe("a user's list", () => {
  test("has the user's tokens, newest first, without their secrets", async () => {
    const first = await tokens.create(tokenOf("1", { name: "first" }));
    world.clock.nowMs += 1_000;
    const second = await tokens.create(tokenOf("1", { name: "second" }));
    await tokens.create(tokenOf("2"));
    // Not a user whose `sub` begins alike.
    await tokens.create(tokenOf("11"));
    await tokens.markUsed(first.id, { version: 2, ...tokenOf("1") }, "2026-11-21");
    const listed = await tokens.list("1");
    expect(listed.map(({ id, name, lastUsedOn }) => [id, name, lastUsedOn])).toEqual([
      [second.id, "second", null],
      [first.id, "first", "2026-11-21"],
    ]);
    expect(JSON.stringify(listed)).not.toContain("gmedge_");
  });

  test("is in the order in which they were made, whatever the order of their IDs", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `token ${index}`);
    for (const name of names) {
      await tokens.create(tokenOf("1", { name }));
      world.clock.nowMs += 1_000;
    }
    expect((await tokens.list("1")).map(({ name }) => name)).toEqual(names.toReversed());
  });

  test("leaves out one under a key that is missing: it must not keep the user from the others", async () => {
    const retired = new ApiTokenStore(createKv(world, { keys: [KEY_B] }));
    await retired.create(tokenOf("1", { name: "unreadable" }));
    await tokens.create(tokenOf("1", { name: "readable" }));
    expect((await tokens.list("1")).map(({ name }) => name)).toEqual(["readable"]);
    const both = new ApiTokenStore(createKv(world, { keys: [KEY_A, KEY_B] }));
    expect(await both.list("1")).toHaveLength(2);
  });

  test("leaves out what a mark of the user has ended, and what has expired", async () => {
    await tokens.create(tokenOf("1", { name: "ended" }));
    world.clock.nowMs += 1_000;
    await new Revocations(createKv(world)).revokeUser("1", "user", world.now() - 1);
    await tokens.create(tokenOf("1", { name: "expired", expiresAtMs: world.now() + DAY_MS }));
    await tokens.create(tokenOf("1", { name: "in force" }));
    world.clock.nowMs += 2 * DAY_MS;
    expect((await tokens.list("1")).map(({ name }) => name)).toEqual(["in force"]);
  });

  test("is given although more of them ended than KV reads at once", async () => {
    for (let n = 0; n < 120; n += 1) await env.CREDENTIALS.put(storageKeys.apiTokenOf("1", `ended-${n}`), "");
    const { id } = await tokens.create(tokenOf("1"));
    expect((await tokens.list("1")).map((token) => token.id)).toEqual([id]);
  });

  test("may have twenty", () => {
    expect(MAX_TOKENS_PER_USER).toBe(20);
  });
});
