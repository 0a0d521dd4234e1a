/**
 * The fuzz run: arbitrary requests to every route. None may fail with a 5xx, hang, lead elsewhere, or find its own markup in
 * a page. `FUZZ_RUNS` and `FUZZ_SEED` in the environment make it longer or other; without them it is always the same.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { harness, print } from "../support/harness.workerd.ts";
import { call, type Scene, signedIn, signIn } from "../support/scenes.ts";
import { expectSoundAnswer } from "./answers.ts";
import { type Real, requests } from "./inputs.ts";
import { ROUTES } from "./routes.ts";
import { anyText } from "./values.ts";

/** With so many inputs or more, every status of a route's list must come up. */
const ENOUGH_RUNS = 20_000;

const runs = inject("fuzzRuns");
const seed = inject("fuzzSeed");

let scene: Scene;
let real: Real;
/** For the routes that end a session: one of its own. */
let leaving: Real;
let inputs = 0;

beforeAll(async () => {
  scene = await signedIn((options = {}) => harness.openStage(options), {
    near: true,
    google: { quotaUnitsPerMinute: 1_000_000_000 },
    user: { mailbox: { messages: 12 } },
  });
  real = await lookAt(scene);
  const user = await scene.google.addUser();
  const browser = scene.stage.browser();
  await signIn(browser, user);
  leaving = await lookAt({ ...scene, user, browser });
});

/** What the browser of a scene holds. */
async function lookAt({ browser, stage, user }: Scene): Promise<Real> {
  const authorization = await browser.begin("?return_to=%2Finbox");
  const listing: { nextPageToken: string } = await (await call(browser, "/api/messages?limit=5")).json();
  const pair = (part: string): string => browser.jar.named(part).map(({ name, value }) => `${name}=${value}`)[0] ?? "";
  return {
    origin: stage.origin,
    sessionCookie: pair("session"),
    state: authorization.searchParams.get("state") ?? "",
    transactionCookie: pair("_tx_"),
    pageToken: listing.nextPageToken,
    address: user.email,
  };
}

afterAll(() => {
  print(`fuzz: ${inputs} inputs, seed ${seed}`);
  // A run that tries nothing must not pass.
  expect(inputs).toBeGreaterThan(0);
});

describe("an arbitrary request", () => {
  for (const route of ROUTES)
    test(`to ${route.name} gets a sound answer`, { timeout: 600_000 }, async ({ task }) => {
      const { name, percent, statuses } = route;
      const numRuns = Math.ceil((runs * percent) / 100);
      const reached = new Map<number, number>();
      await fc.assert(
        fc.asyncProperty(requests(name === "leaving" ? leaving : real, route), async (input) => {
          inputs += 1;
          const status = await expectSoundAnswer(scene.stage, input);
          reached.set(status, (reached.get(status) ?? 0) + 1);
          if (inputs % 500 === 0) await scene.google.forgetCalls();
        }),
        { numRuns, seed },
      );
      // Of few inputs none may get so far.
      if (runs >= ENOUGH_RUNS) expect([...reached.keys()]).toEqual(expect.arrayContaining([...statuses]));
      Object.assign(task.meta, { fuzz: { inputs: numRuns, statuses: Object.fromEntries(reached) } });
    });

  test("that begins a sign-in ends on this origin, whatever return_to says", { timeout: 60_000 }, async () => {
    // Not the scene's: so many sign-ins of a user end the session that was unused for longest.
    const user = await scene.google.addUser();
    await fc.assert(
      fc.asyncProperty(anyText, async (returnTo) => {
        inputs += 1;
        const browser = scene.stage.browser();
        const authorization = await browser.begin(`?return_to=${encodeURIComponent(returnTo.toWellFormed())}`);
        const response = await browser.comeBack(await scene.google.consent(authorization.href, { user: user.email }));
        expect(response.status).toBe(302);
        expect(response.headers.get("location")).toMatch(/^\/(?!\/|\\|auth(?:\/|$))[\x21-\x7e]*$/);
      }),
      { numRuns: Math.ceil(runs / 100), seed },
    );
  });

  test("has left the session and the stored grant as they were", async () => {
    const { google, user, browser } = scene;
    const { violations } = await google.snapshot();
    expect(violations.filter((violation) => /^(?:token|authorization|revocation) request/.test(violation))).toEqual([]);
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
  });
});
