/** Security events that Google did not send, or sent to somebody else: they end nothing. */
import { describe, describeInside, expect } from "../support/contract.ts";
import type { SecurityEventInput } from "../support/google.ts";
import { about, issSub } from "../support/security-events.ts";
import { FORBIDDEN, INVALID, test, type Victim } from "./victim.ts";

const FLAWS = [
  "garbage",
  "alg-none",
  "hs256-public-key",
  "wrong-key",
  "unknown-kid",
  "no-kid",
  "tampered",
  "id-token-key",
  "other-aud",
  "no-aud",
  "other-iss",
  "no-iss",
  "no-jti",
  "no-events",
  "events-list",
] as const satisfies readonly NonNullable<SecurityEventInput["flaw"]>[];

const TYPES = ["sessions-revoked", "tokens-revoked", "account-disabled"] as const;

function deliver(jwt: string) {
  const headers = { "content-type": "application/secevent+jwt", accept: "application/json" };
  return { method: "POST", path: "/auth/security-events", headers, body: jwt };
}

async function expectStillSignedIn({ stage, cookieName, session, apiToken }: Victim): Promise<void> {
  const cookie = { cookie: `${cookieName}=${session}` };
  for (const headers of [cookie, { authorization: `Bearer ${apiToken}` }]) {
    expect((await stage.send({ path: "/api/me", headers })).status).toBe(200);
  }
}

describe("a forged event is refused with 400, and its user stays signed in:", () => {
  test.for(FLAWS)("%s", async (flaw, { victim }) => {
    const scene = await victim();
    for (const type of TYPES) {
      const events = about(type, issSub(scene.user), { reason: "hijacking" });
      await scene.refused(deliver(await scene.google.securityEvent({ events, flaw })), INVALID, flaw);
    }
    await expectStillSignedIn(scene);
  });

  test("one of our own sealed values, an ID token of the user's, nothing, or a megabyte", async ({ victim }) => {
    const scene = await victim();
    const { secrets } = await scene.google.snapshot();
    const jwts = secrets.filter((secret) => secret.split(".").length === 3);
    for (const body of [scene.session, scene.apiToken, "", "..", "{}", ...jwts]) {
      await scene.refused(deliver(body), INVALID, body.slice(0, 20));
    }
    await scene.refused(deliver("a".repeat(1024 * 1024)), [413, "INVALID_ARGUMENT"]);
    await expectStillSignedIn(scene);
  });

  test("the user's own session lets nobody deliver one", async ({ victim }) => {
    const scene = await victim();
    const events = about("sessions-revoked", issSub(scene.user));
    const request = deliver(await scene.google.securityEvent({ events, flaw: "wrong-key" }));
    const cookie = `${scene.cookieName}=${scene.session}`;
    await scene.refused({ ...request, headers: { ...request.headers, cookie } }, FORBIDDEN);
    const { origin } = scene.stage;
    await scene.refused({ ...request, headers: { ...request.headers, cookie, origin } }, INVALID);
    await expectStillSignedIn(scene);
  });
});

describeInside("a right event", () => {
  test("ends the session and the API token of its user, and of nobody else", async ({ victim }) => {
    const scene = await victim();
    const other = await scene.google.addUser();
    const events = about("sessions-revoked", issSub(other));
    expect((await scene.attack(deliver(await scene.google.securityEvent({ events })))).status).toBe(202);
    await expectStillSignedIn(scene);
    const own = await scene.google.securityEvent({ events: about("sessions-revoked", issSub(scene.user)) });
    expect((await scene.attack(deliver(own))).status).toBe(202);
    await scene.refused({ path: "/api/me", headers: { cookie: `${scene.cookieName}=${scene.session}` } }, [
      401,
      "SIGN_IN_REQUIRED",
    ]);
    await scene.refused({ path: "/api/me", headers: { authorization: `Bearer ${scene.apiToken}` } }, [
      401,
      "SIGN_IN_REQUIRED",
    ]);
  });

  test("delivered again ends no session that began after it", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const { stage, user, google } = scene;
    const jwt = await google.securityEvent({ events: about("sessions-revoked", issSub(user)) });
    expect((await scene.attack(deliver(jwt))).status).toBe(202);
    await stage.inside?.advance(60_000);
    const later = stage.browser();
    await later.signIn({ user: user.email });
    await stage.inside?.advance(60_000);
    expect((await scene.attack(deliver(jwt))).status).toBe(202);
    const me = await later.fetch("/api/me", { headers: { accept: "application/json" } });
    expect(me.status).toBe(200);
  });

  test("of the subject of another issuer ends nothing", async ({ victim }) => {
    const scene = await victim();
    const events = about("sessions-revoked", issSub(scene.user, "https://evil.test/"));
    expect((await scene.attack(deliver(await scene.google.securityEvent({ events })))).status).toBe(202);
    await expectStillSignedIn(scene);
  });
});
