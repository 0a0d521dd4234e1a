/** Security events that come late, or again: what they end, and what they leave. */
import { describeInside, expect, inside, test } from "../support/contract.ts";
import { callWithToken, deliver, happen, makeApiToken } from "../support/ending.ts";
import { expectError } from "../support/errors.ts";
import type { SecurityEventInput } from "../support/google.ts";
import { call, type Scene, signedIn, signIn } from "../support/scenes.ts";
import { about, issSub } from "../support/security-events.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A token that ends the sessions of the scene's user, unless said otherwise. */
function sign({ google, user }: Scene, how: Partial<SecurityEventInput> = {}): Promise<string> {
  return google.securityEvent({ events: about("sessions-revoked", issSub(user)), ...how });
}

/** The token was taken, and has ended the session of the scene's browser. */
async function expectTaken({ browser, stage }: Scene, token: string): Promise<void> {
  expect((await deliver(stage, token)).status).toBe(202);
  expect((await call(browser)).status).toBe(401);
}

function secondsOf({ stage }: Scene): number {
  return Math.floor(stage.now() / 1000);
}

describeInside("a late delivery", () => {
  test("ends what began until a minute after the event, and nothing that began later", async ({ open }) => {
    const scene = await signedIn(open);
    const iat = secondsOf(scene);
    await inside(scene.stage).advance(MINUTE_MS - 5_000);
    const within = scene.stage.browser();
    await signIn(within, scene.user);
    await inside(scene.stage).advance(MINUTE_MS);
    const later = scene.stage.browser();
    await signIn(later, scene.user);
    const apiToken = await makeApiToken(later);
    await inside(scene.stage).advance(29 * DAY_MS);
    await expectTaken(scene, await sign(scene, { iat }));
    expect((await call(within)).status).toBe(401);
    expect((await call(later)).status).toBe(200);
    expect((await callWithToken(scene.stage, apiToken, "/api/me")).status).toBe(401);
  });

  test("of tokens-revoked leaves the grant of a later consent, and its session", async ({ open }) => {
    const scene = await signedIn(open);
    const iat = secondsOf(scene);
    await inside(scene.stage).advance(2 * MINUTE_MS);
    const later = scene.stage.browser();
    await later.navigate("/auth/login?prompt=consent", { person: { user: scene.user.email } });
    await inside(scene.stage).advance(DAY_MS);
    await expectTaken(scene, await sign(scene, { iat, events: about("tokens-revoked", issSub(scene.user)) }));
    expect((await call(later)).status).toBe(200);
    expect(await inside(scene.stage).kv.get(`credential:${scene.user.sub}`)).not.toBeNull();
  });

  test("does not set back what another event has ended", async ({ open }) => {
    const scene = await signedIn(open);
    const iat = secondsOf(scene) - 600;
    await inside(scene.stage).advance(2_000);
    await happen(scene, about("sessions-revoked", issSub(scene.user)));
    await inside(scene.stage).advance(2_000);
    await expectTaken(scene, await sign(scene, { iat }));
  });
});

describeInside("a delivery that was taken once", () => {
  test("is never taken again: it is remembered for as long as its age would let it in", async ({ open }) => {
    const scene = await signedIn(open);
    // Google's clock may be a minute ahead.
    const token = await sign(scene, { iat: secondsOf(scene) + 55 });
    expect((await deliver(scene.stage, token)).status).toBe(202);
    const { keys } = await inside(scene.stage).kv.list({ prefix: "security-event:" });
    const remembered = Math.max(...keys.map(({ expiration = 0 }) => expiration));
    await inside(scene.stage).advance(30 * DAY_MS + 2 * MINUTE_MS);
    await expectError(await deliver(scene.stage, token), 400, "INVALID_ARGUMENT");
    expect(remembered * 1000).toBeGreaterThan(scene.stage.now());
  });
});
