/** `POST /operator/rotate`: who may walk through what is stored, and what the walk answers. */
import { PURPOSES } from "../../src/lib/key-ring.ts";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { operatorToken, rotate, withNewKey } from "../support/rings.ts";
import { call, signedIn } from "../support/scenes.ts";
import { makeTokenKeys } from "../support/stage.ts";

describe("who is not the operator: 403", () => {
  test.for<[string, string | null]>([
    ["nobody", null],
    ["an empty token", "Bearer "],
    ["something that is no token", "Bearer not-a-token"],
    ["what looks like an API token", `Bearer gmedge_${"A".repeat(92)}`],
    ["a name and password", "Basic b3BlcmF0b3I6cGFzc3dvcmQ="],
  ])("%s", async ([, authorization], { open }) => {
    await expectError(await rotate(await open(), authorization), 403, "PERMISSION_DENIED");
  });

  test("a signed-in user, by the cookie or by what is in it", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const [cookie] = browser.jar.named("session");
    const answer = await browser.fetch("/operator/rotate", { method: "POST", headers: { accept: "application/json" } });
    await expectError(answer, 403, "PERMISSION_DENIED");
    await expectError(await rotate(stage, `Bearer ${cookie?.value}`), 403, "PERMISSION_DENIED");
  });

  test("a user's API token", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const made = await browser.fetch("/api/tokens", {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ name: "mine" }),
    });
    const { token }: { token: string } = await made.json();
    expect((await call(stage.browser(), "/api/messages?limit=1")).status).toBe(401);
    await expectError(await rotate(stage, `Bearer ${token}`), 403, "PERMISSION_DENIED");
  });

  test.for(PURPOSES.filter((purpose) => purpose !== "operator"))(
    "who has something sealed as %s",
    async (purpose, { open }) => {
      const stage = await open();
      const token = await operatorToken(stage, { purpose });
      await expectError(await rotate(stage, `Bearer ${token}`), 403, "PERMISSION_DENIED");
    },
  );

  test("who has a token for another deployment, or for another key", async ({ open }) => {
    const stage = await open();
    for (const changes of [
      { owner: "https://another.example.com" },
      { owner: `${stage.origin}/` },
      { tokenKeys: makeTokenKeys("first") },
      { tokenKeys: makeTokenKeys("another") },
    ]) {
      const answer = await rotate(stage, `Bearer ${await operatorToken(stage, changes)}`);
      await expectError(answer, 403, "PERMISSION_DENIED");
    }
  });

  test("who comes too late", async ({ open }) => {
    const stage = await open();
    const token = await operatorToken(stage, { lifetimeMs: -1_000 });
    await expectError(await rotate(stage, `Bearer ${token}`), 403, "PERMISSION_DENIED");
  });
});

describe("the operator", () => {
  test("gets a page of the walk", { tags: ["process"] }, async ({ open }) => {
    const stage = await open();
    const answer = await rotate(stage, `Bearer ${await operatorToken(stage)}`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      activeKid: "first",
      current: expect.any(Number),
      resealed: expect.any(Number),
      left: expect.any(Object),
    });
  });

  test("must POST, and not with a cursor of any length", async ({ open }) => {
    const stage = await open();
    const authorization = `Bearer ${await operatorToken(stage)}`;
    const got = await stage.send({ path: "/operator/rotate", headers: { authorization, accept: "application/json" } });
    expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
    await expectError(await rotate(stage, authorization, `?cursor=${"A".repeat(4_097)}`), 400, "INVALID_ARGUMENT");
  });

  test("is told by PUBLIC_URL, wherever the request came in", async ({ open }) => {
    const stage = await open({ publicUrl: "https://mail.example.com" });
    const ours = await operatorToken(stage, { owner: "https://mail.example.com" });
    const inner = await operatorToken(stage, { owner: "http://behind-the-proxy.test" });
    expect((await rotate(stage, `Bearer ${ours}`)).status).toBe(200);
    await expectError(await rotate(stage, `Bearer ${inner}`), 403, "PERMISSION_DENIED");
  });

  test("shows no token in the log", { tags: ["process"] }, async ({ open }) => {
    const stage = await open();
    const token = await operatorToken(stage);
    const other = await operatorToken(stage, { owner: "https://another.example.com" });
    for (const each of [token, other]) await rotate(stage, `Bearer ${each}`);
    for (const each of [token, other]) expect(stage.logs()).not.toContain(each.slice(-30));
  });
});

describeInside("the operator, with a new key in front", () => {
  test("may be told by any key of the ring, and the walk seals with the first", async ({ open }) => {
    const { stage } = await signedIn(open);
    const rotated = inside(stage).redeploy({ TOKEN_KEYS: withNewKey(stage.tokenKeys, "second") });
    const answer = await rotate(rotated, `Bearer ${await operatorToken(stage)}`);
    expect(await answer.json()).toMatchObject({ activeKid: "second" });
  });
});
