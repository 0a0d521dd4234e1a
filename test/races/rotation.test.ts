/** Key rotation beside what users do at the same time: nothing that was deleted comes back, nothing newer is lost. */
import * as z from "zod";
import { describe, expect, inside, type Open, test } from "../support/contract.ts";
import { happen } from "../support/ending.ts";
import { harness } from "../support/harness.workerd.ts";
import { offlineAt, openPlaces, type Places } from "../support/places.ts";
import { firstKeyOnly, keysOf, operatorToken, rotate } from "../support/rings.ts";
import { call, callbackUrl, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";
import { makeTokenKeys, type Stage } from "../support/stage.ts";

interface Flow {
  readonly name: string;
  /** The grant ends. */
  readonly ends: boolean;
  readonly prepare: (places: Places) => Promise<() => Promise<unknown>>;
}

const comeBack =
  (query: string): Flow["prepare"] =>
  async (places) => {
    const browser = places.at("there").browser();
    const { href } = await callbackUrl({ ...places, browser }, {}, query);
    return async () => expect((await browser.comeBack(href)).status).toBe(302);
  };

const FLOWS: readonly Flow[] = [
  {
    name: "a disconnect",
    ends: true,
    prepare:
      async ({ browser }) =>
      async () =>
        expect((await browser.submit("/auth/disconnect")).status).toBe(303),
  },
  {
    name: "tokens-revoked",
    ends: true,
    prepare: async (places) => () => happen(places, about("tokens-revoked", issSub(places.user))),
  },
  { name: "a sign-in", ends: false, prepare: comeBack("") },
  { name: "a new consent", ends: false, prepare: comeBack("?prompt=consent") },
  {
    name: "a refresh",
    ends: false,
    prepare: async ({ browser, google, user }) => {
      await google.act({ action: "killAccessTokens", email: user.email });
      return async () => expect((await call(browser)).status).toBe(200);
    },
  },
];

/** Somebody whose records are under the older of two keys, after the newer one came to the front. */
async function begin(open: Open): Promise<Places> {
  const keys = { newer: keysOf(makeTokenKeys("newer")), older: keysOf(makeTokenKeys("older")) };
  const ring = (...order: ("newer" | "older")[]): string => JSON.stringify({ keys: order.flatMap((kid) => keys[kid]) });
  const places = await openPlaces(open, { near: true, vars: { TOKEN_KEYS: ring("newer", "older") } });
  const before = inside(places.stage)
    .redeploy({ TOKEN_KEYS: ring("older", "newer") })
    .browser();
  await signIn(before, places.user);
  before.jar.copyTo(places.browser.jar);
  // Google lets every token live: what ends them is ours alone.
  await places.google.always("revoke", { status: 503 });
  await places.advance(2_000);
  return places;
}

const pageSchema = z.looseObject({ left: z.record(z.string(), z.number()), resealed: z.int(), dead: z.int() });

async function walk(stage: Stage): Promise<z.infer<typeof pageSchema>> {
  const response = await rotate(stage, `Bearer ${await operatorToken(stage)}`);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return pageSchema.parse(JSON.parse(text));
}

/** What is stored is the grant, or nothing; and the older key can go at once. */
async function expectWhole(places: Places, { ends }: Flow): Promise<void> {
  const records = places.kv.names.filter((name) => /^(credential|address):/.test(name));
  expect(records).toHaveLength(ends ? 0 : 2);
  await places.advance(60_000);
  expect(await walk(places.stage)).toMatchObject({ left: {}, dead: 0 });
  const rotated = inside(places.stage).redeploy({ TOKEN_KEYS: firstKeyOnly(places.stage.tokenKeys) });
  for (const name of [places.user.sub, places.user.email]) {
    expect(await offlineAt(places, rotated, name)).toBe(ends ? "CONSENT_REQUIRED" : "works");
  }
  expect(await signIn(rotated.browser(), places.user)).toBe(ends ? 2 : 1);
}

describe.for(FLOWS.map((flow) => [flow.name, flow] as const))("the walk beside %s", ([, flow]) => {
  test("that comes in each of its steps", { timeout: 120_000 }, async ({ open }) => {
    const probe = await begin((options = {}) => harness.openStage(options));
    const steps = await probe.steps.of(() => walk(probe.stage));
    expect(steps).toContain("ask reseal");
    for (const index of steps.keys()) {
      const places = await begin(open);
      const { answer } = await places.steps.play(index, () => walk(places.stage), await flow.prepare(places));
      expect(answer.left).toEqual({});
      await expectWhole(places, flow);
    }
  });

  test("in each of whose steps it comes", { timeout: 120_000 }, async ({ open }) => {
    const probe = await begin((options = {}) => harness.openStage(options));
    const steps = await probe.steps.of(await flow.prepare(probe));
    for (const index of steps.keys()) {
      const places = await begin(open);
      await places.steps.play(index, await flow.prepare(places), () => walk(places.stage));
      await expectWhole(places, flow);
    }
  });
});

test("the walk seals again what a user needs, and the older key can go at once", async ({ open }) => {
  const places = await begin(open);
  expect(await walk(places.stage)).toMatchObject({ left: {}, resealed: 2, dead: 0 });
  const rotated = inside(places.stage).redeploy({ TOKEN_KEYS: firstKeyOnly(places.stage.tokenKeys) });
  expect(await offlineAt(places, rotated)).toBe("works");
});

test("a grant whose refresh token is dead is of no use under any key, and is counted as such", async ({ open }) => {
  const places = await begin(open);
  await places.google.act({ action: "changePassword", email: places.user.email });
  await places.google.act({ action: "killAccessTokens", email: places.user.email });
  expect((await call(places.browser)).status).toBe(401);
  expect(await walk(places.stage)).toMatchObject({ dead: 1, left: {} });
});
