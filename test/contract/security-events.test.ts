/** What follows from Google's security events: each type about each kind of subject, seen from outside. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { deliver, expectAllEnded, expectAllLetIn, happen, household } from "../support/ending.ts";
import { expectError } from "../support/errors.ts";
import type { Google, User } from "../support/google.ts";
import { call, callbackAnswer, type Scene, signedIn, signIn } from "../support/scenes.ts";
import {
  about,
  EVENT_TYPES,
  idTokenClaims,
  issSub,
  refreshTokenHash,
  refreshTokenPrefix,
  type Subject,
  verification,
} from "../support/security-events.ts";

/** Every way to name an account. */
const SUBJECTS: [string, (user: User) => Subject][] = [
  ["iss-sub", (user) => issSub(user)],
  ["iss-sub, issuer without a slash", (user) => issSub(user, "https://accounts.google.com")],
  ["id_token_claims with an address", (user) => idTokenClaims(user, { email: true })],
  ["id_token_claims without an address", (user) => idTokenClaims(user, { email: false })],
  ["an address alone", ({ email }) => ({ subject_type: "id_token_claims", email })],
  ["an address in capitals", ({ email }) => ({ subject_type: "id_token_claims", email: email.toUpperCase() })],
];

/** Every way to name a refresh token. */
const TOKEN_SUBJECTS: [string, (refreshToken: string) => Subject | Promise<Subject>][] = [
  ["prefix", refreshTokenPrefix],
  ["hash, raw between", (token) => refreshTokenHash(token, "raw")],
  ["hash, hex between", (token) => refreshTokenHash(token, "hex")],
];

describe.for(SUBJECTS)("about %s", ([, subject]) => {
  test(
    "tokens-revoked ends sessions and API tokens, and consent is asked for again",
    { tags: ["process"] },
    async ({ open }) => {
      const house = await household(open);
      await happen(house, about("tokens-revoked", subject(house.user)));
      await expectAllEnded(house);
      expect(await signIn(house.browser, house.user), "what was stored is gone").toBe(2);
      expect((await call(house.browser)).status).toBe(200);
    },
  );

  test("sessions-revoked ends sessions and API tokens, and leaves the grant", async ({ open }) => {
    const house = await household(open);
    await happen(house, about("sessions-revoked", subject(house.user)));
    await expectAllEnded(house);
    expect(await signIn(house.browser, house.user)).toBe(1);
    expect((await call(house.browser)).status).toBe(200);
    await expectAllEnded({ ...house, browser: house.other });
  });

  test("account-disabled for hijacking ends sessions and API tokens, and does not refuse a sign-in", async ({
    open,
  }) => {
    const house = await household(open);
    await happen(house, about("account-disabled", subject(house.user), { reason: "hijacking" }));
    await expectAllEnded(house);
    expect(await signIn(house.browser, house.user)).toBe(1);
  });

  test("account-disabled as bulk-account is noted, and nothing else", async ({ open }) => {
    const house = await household(open);
    await happen(house, about("account-disabled", subject(house.user), { reason: "bulk-account" }));
    await expectLogged(house, '"reason":"bulk-account"');
    await expectAllLetIn(house);
    expect(await signIn(house.browser, house.user)).toBe(1);
  });

  test.for([{}, { reason: "" }])(
    "account-disabled with %j refuses sign-in, until account-enabled",
    async (more, { open }) => {
      const scene = await signedIn(open);
      await happen(scene, about("account-disabled", subject(scene.user), more));
      await expectError(await callbackAnswer(scene), 403, "ACCOUNT_NOT_ALLOWED");
      await happen(scene, about("account-enabled", subject(scene.user)));
      expect(await signIn(scene.browser, scene.user), "the grant is as it was").toBe(1);
    },
  );

  test("account-credential-change-required is noted, and nothing else", async ({ open }) => {
    const house = await household(open);
    await happen(house, about("account-credential-change-required", subject(house.user)));
    await expectLogged(house, EVENT_TYPES["account-credential-change-required"]);
    await expectAllLetIn(house);
    expect(await signIn(house.browser, house.user)).toBe(1);
  });
});

describe.for(TOKEN_SUBJECTS)("token-revoked by %s", ([, subject]) => {
  test("never sends that refresh token again, and asks for consent", async ({ open }) => {
    const scene = await signedIn(open);
    const { browser, google, user } = scene;
    await happen(scene, about("token-revoked", await subject(await google.refreshToken(user))));
    await google.act({ action: "killAccessTokens", email: user.email });
    await expectError(await call(browser), 401, "CONSENT_REQUIRED");
    expect(await google.count("token:refresh")).toBe(0);
    expect(await signIn(browser, user)).toBe(2);
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status, "the new refresh token is used").toBe(200);
  });

  test("touches nobody else's", async ({ open }) => {
    const scene = await signedIn(open);
    const { browser, google, user } = scene;
    const neighbour = await neighbourOf(scene);
    await happen(scene, about("token-revoked", await subject(await google.refreshToken(neighbour))));
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
    expect(await signIn(browser, user)).toBe(1);
  });
});

async function neighbourOf({ google, stage }: Scene): Promise<User> {
  const neighbour = await google.addUser({ name: "Neighbour" });
  await signIn(stage.browser(), neighbour);
  return neighbour;
}

/** What the Worker says is seen a moment later from outside of its process. */
async function expectLogged({ stage }: Pick<Scene, "stage">, text: string): Promise<void> {
  await expect.poll(() => stage.logs().replaceAll("\\/", "/")).toContain(text);
}

describe("an event", () => {
  test.for(["tokens-revoked", "sessions-revoked"] as const)("%s touches nobody else", async (type, { open }) => {
    const house = await household(open);
    await happen(house, about(type, issSub(await neighbourOf(house))));
    await expectAllLetIn(house);
    expect(await signIn(house.browser, house.user)).toBe(1);
  });

  test.for<[string, (user: User) => Subject]>([
    ["a sub of another issuer", (user) => issSub(user, "https://accounts.example.com/")],
    ["a form that we do not know", ({ sub }) => ({ subject_type: "phone", phone: sub })],
    ["a refresh token by an algorithm that we do not know", () => ({ token_identifier_alg: "md5", token: "x" })],
    ["a sub that no KV key may hold", () => ({ subject_type: "iss-sub", sub: "a b\n" })],
    ["an address that nobody here has", () => ({ subject_type: "id_token_claims", email: "nobody@example.com" })],
  ])("about %s is taken, and changes nothing", async ([, subject], { open }) => {
    const house = await household(open);
    await happen(house, about("tokens-revoked", subject(house.user)));
    await expectAllLetIn(house);
    expect(await signIn(house.browser, house.user)).toBe(1);
  });

  test("of a type that we do not know is taken and logged", async ({ open }) => {
    const house = await household(open);
    const type = `https://schemas.example.com/event-type/${crypto.randomUUID()}`;
    await happen(house, { [type]: { subject: issSub(house.user) } });
    await expectLogged(house, type);
    await expectAllLetIn(house);
  });

  test("that verifies the stream is logged with its state", async ({ open }) => {
    const stage = await open();
    const state = `state ${crypto.randomUUID()}`;
    await happen({ stage, google: stage.google }, verification(state));
    await expectLogged({ stage }, state);
  });

  test("is logged without saying whom it is about", { tags: ["process"] }, async ({ open }) => {
    const scene = await signedIn(open);
    const lines = scene.stage.logs().length;
    await happen(scene, about("sessions-revoked", idTokenClaims(scene.user, { email: true })));
    await expectLogged(scene, EVENT_TYPES["sessions-revoked"]);
    for (const secret of [scene.user.sub, scene.user.email]) {
      expect(scene.stage.logs().slice(lines)).not.toContain(secret);
    }
  });

  test("is one of several in a token: each has its own consequence", async ({ open }) => {
    const house = await household(open);
    const neighbour = await neighbourOf(house);
    const disabled = await house.google.addUser({ name: "Disabled" });
    await happen(house, {
      "https://schemas.example.com/event-type/new": { subject: issSub(house.user) },
      ...about("account-disabled", issSub(disabled)),
      ...about("sessions-revoked", issSub(house.user)),
      ...about("tokens-revoked", issSub(neighbour)),
    });
    await expectAllEnded(house);
    expect(await signIn(house.stage.browser(), neighbour)).toBe(2);
    const theirs = { ...house, user: disabled, browser: house.stage.browser() };
    await expectError(await callbackAnswer(theirs), 403, "ACCOUNT_NOT_ALLOWED");
  });
});

/** The same event, signed twice: the same ID in other words. */
async function signTwice(google: Google, user: User, nowMs: number): Promise<[string, string]> {
  const event = { events: about("sessions-revoked", issSub(user)), jti: crypto.randomUUID() };
  return [
    await google.securityEvent(event),
    await google.securityEvent({ ...event, iat: Math.floor(nowMs / 1000) - 5 }),
  ];
}

describe("a token that is delivered twice", () => {
  test("does its work once: a sign-in between the two deliveries survives", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    const [first, again] = await signTwice(google, user, stage.now());
    expect((await deliver(stage, first)).status).toBe(202);
    expect((await call(browser)).status).toBe(401);
    await signIn(browser, user);
    for (const token of [first, again]) expect((await deliver(stage, token)).status).toBe(202);
    expect((await call(browser)).status).toBe(200);
    await happen({ stage, google }, about("sessions-revoked", issSub(user)));
    expect((await call(browser)).status, "another delivery is another event").toBe(401);
  });

  test("does not disable an account anew that was enabled in between", async ({ open }) => {
    const scene = await signedIn(open);
    const token = await scene.google.securityEvent({ events: about("account-disabled", issSub(scene.user)) });
    expect((await deliver(scene.stage, token)).status).toBe(202);
    await happen(scene, about("account-enabled", issSub(scene.user)));
    expect((await deliver(scene.stage, token)).status).toBe(202);
    expect(await signIn(scene.browser, scene.user)).toBe(1);
  });
});

describeInside("what is stored", () => {
  test("of a user is gone after tokens-revoked", async ({ open }) => {
    const scene = await signedIn(open);
    const { google, stage, user } = scene;
    const before = await inside(stage).keys();
    const stored = async () => (await inside(stage).keys()).filter((key) => /^(credential|address):/.test(key));
    expect(before).toContain(`credential:${user.sub}`);
    const others = (await stored()).length;
    await happen(scene, about("tokens-revoked", issSub(user)));
    expect(await stored()).toHaveLength(others - 2);
    expect(await inside(stage).keys()).not.toContain(`credential:${user.sub}`);
    expect(await google.count("revoke"), "Google has revoked it already").toBe(0);
  });
});
