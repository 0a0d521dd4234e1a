/** Scopes and refresh tokens. Consent is asked for when it is needed, and only then. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import { queryOf } from "../support/google.ts";
import {
  call,
  callbackAnswer,
  callbackUrl,
  GMAIL_READONLY,
  newcomer,
  openCallback,
  signedIn,
  signIn,
} from "../support/scenes.ts";
import { OTHER_CLIENT } from "../support/stage.ts";

const GMAIL_MODIFY = "https://www.googleapis.com/auth/gmail.modify";

describe("the granted scope lacks a Gmail scope that was asked for: 403 SCOPE_REQUIRED", () => {
  test("to a program, with the way to ask again", async ({ open }) => {
    const scene = await newcomer(open);
    const { text, metadata } = await expectError(
      await callbackAnswer(scene, { untick: [GMAIL_READONLY] }),
      403,
      "SCOPE_REQUIRED",
    );
    expect(text).toMatch(/gmail/i);
    expect(metadata["authorizationUrl"]).toContain(`${scene.stage.origin}/auth/login`);
    expect(scene.browser.jar.named("session")).toEqual([]);
  });

  test(
    "to a person, naming what to tick, with a link that asks again and works",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, user, stage } = await newcomer(open);
      const visit = await browser.signIn({ user: user.email, untick: [GMAIL_READONLY] });
      const page = await expectPage(visit.response, 403);
      expect(visit.trips).toBe(1);
      expect(page).toMatch(/gmail/i);
      const link = /href="([^"]*\/auth\/login[^"]*)"/.exec(page)?.[1]?.replaceAll("&amp;", "&");
      const target = new URL(link ?? "", stage.origin);
      const again = await browser.navigate(target.pathname + target.search, { person: { user: user.email } });
      expect(again.response.status).toBe(200);
      expect(again.trips).toBe(1);
    },
  );

  test("one of two Gmail scopes is not enough", async ({ open }) => {
    const scene = await newcomer(open, {
      vars: { GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY} ${GMAIL_MODIFY}` },
    });
    await expectError(await callbackAnswer(scene, { untick: [GMAIL_MODIFY] }), 403, "SCOPE_REQUIRED");
  });

  test("what counts is the token response, not the callback's scope parameter", async ({ open }) => {
    const scene = await newcomer(open, { google: { grantedScopes: ["openid"] } });
    await expectError(await callbackAnswer(scene), 403, "SCOPE_REQUIRED");
  });

  test("unticked e-mail and profile are no obstacle to Gmail, or refused without a session", async ({ open }) => {
    const scene = await newcomer(open);
    const response = await callbackAnswer(scene, { untick: ["profile"] });
    if (response.status !== 302) expect(scene.browser.jar.named("session")).toEqual([]);
  });

  test("an attempt without Gmail leaves the stored grant usable", async ({ open }) => {
    const { google, browser, user, stage } = await signedIn(open);
    await google.configure({ grantedScopes: ["openid"] });
    const other = stage.browser();
    expect((await openCallback(other, await callbackUrl({ stage, google, user, browser: other }))).status).toBe(403);
    await google.configure({ grantedScopes: null });
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
  });
});

describe("a refresh token came: it is stored under the user's sub, and the user is signed in", () => {
  test("after one trip, with everything that was granted", { tags: ["process"] }, async ({ open }) => {
    const { browser, user, google } = await newcomer(open);
    expect(await signIn(browser, user)).toBe(1);
    expect(await google.count("token:code")).toBe(1);
    const me = await (await call(browser, "/api/me")).json();
    expect(me).toMatchObject({ sub: user.sub, email: user.email, name: user.name, picture: user.picture });
    expect(me).toHaveProperty("scopes", expect.arrayContaining([GMAIL_READONLY]));
  });

  test("and it is what a refresh uses", async ({ open }) => {
    const { browser, user, google } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
    expect(await google.count("token:refresh")).toBe(1);
  });
});

describe("none came, one is stored: the stored one stays, and the user is signed in", () => {
  test("after one trip, as often as it happens", async ({ open }) => {
    const { browser, user, google, stage } = await signedIn(open);
    for (let n = 0; n < 3; n += 1) {
      expect(await signIn(stage.browser(), user)).toBe(1);
    }
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
    const { grants } = await google.snapshot();
    // Each forced consent would have made one more, and killed other sessions after a hundred.
    expect(grants[0]?.liveRefreshTokens).toBe(1);
  });
});

describe("none came, none is stored: one trip with prompt=consent and login_hint", () => {
  test("which brings the refresh token", { tags: ["process"] }, async ({ open }) => {
    const known = await signedIn(open);
    const { google, user } = known;
    // Somebody who consented in another deployment: this one stores nothing of them.
    await known.browser.submit("/auth/disconnect");
    await consentElsewhere(known);
    await google.forgetCalls();
    const visit = await known.stage.browser().signIn({ user: user.email });
    expect(visit.response.status).toBe(200);
    expect(visit.trips).toBe(2);
    const [, forced] = visit.trail.filter((url) => url.startsWith(google.origin)).map((url) => new URL(url));
    expect(forced?.searchParams.get("prompt")).toBe("consent");
    expect([user.email, user.sub]).toContain(forced?.searchParams.get("login_hint"));
  });

  test("which brings none either: 403 NO_REFRESH_TOKEN with authorizationUrl, and no third trip", async ({ open }) => {
    const scene = await newcomer(open, { google: { refreshTokens: "never" } });
    const { browser, user, google, stage } = scene;
    const visit = await browser.signIn({ user: user.email });
    await expectPage(visit.response, 403);
    expect(visit.trips).toBe(2);
    expect(browser.jar.named("session")).toEqual([]);

    const first = await openCallback(browser, await callbackUrl(scene));
    const forced = first.headers.get("location") ?? "";
    expect(
      queryOf({ ...(await google.calls("auth"))[0]!, query: [...new URL(forced).searchParams] }).get("prompt"),
    ).toBe("consent");
    const last = await openCallback(browser, new URL(await google.consent(forced, { user: user.email })));
    const { metadata } = await expectError(last, 403, "NO_REFRESH_TOKEN");
    expect(metadata["authorizationUrl"]).toContain(`${stage.origin}/auth/login`);
  });

  test("ends at the place where the first trip was to end", async ({ open }) => {
    const known = await signedIn(open);
    await known.browser.submit("/auth/disconnect");
    await consentElsewhere(known);
    const visit = await known.stage.browser().signIn({ user: known.user.email }, "/healthz?kept=1");
    expect([visit.url, visit.trips]).toEqual(["/healthz?kept=1", 2]);
  });
});

describe("a stored record counts as none", () => {
  test("when its refresh token is known to be dead", async ({ open }) => {
    const { browser, user, google, stage } = await signedIn(open);
    await google.act({ action: "changePassword", email: user.email });
    await expectError(await call(browser), 401, "CONSENT_REQUIRED");
    // The consent lives on, so the first trip brings no refresh token.
    const next = stage.browser();
    expect(await signIn(next, user)).toBe(2);
    expect((await call(next)).status).toBe(200);
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(next)).status).toBe(200);
    // And with the new one stored, one trip is enough again.
    expect(await signIn(stage.browser(), user)).toBe(1);
  });
});

describeInside("a stored record counts as none (other deployments over the same storage)", () => {
  test("when it was made for another client ID", async ({ open }) => {
    const { user, stage } = await signedIn(open);
    const moved = inside(stage).redeploy({
      GOOGLE_CLIENT_ID: OTHER_CLIENT.id,
      GOOGLE_CLIENT_SECRET: OTHER_CLIENT.secret,
    });
    const browser = moved.browser();
    expect(await signIn(browser, user)).toBe(2);
    await moved.google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
  });

  test("when it was made for fewer scopes than are asked for now", async ({ open }) => {
    const { user, stage, google } = await signedIn(open);
    // Consented elsewhere in the meantime: Google shows no page, so no refresh token comes.
    const wider = inside(stage).redeploy({ GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY} ${GMAIL_MODIFY}` });
    await google.consent((await wider.browser().begin()).href, { user: user.email });
    const browser = wider.browser();
    expect(await signIn(browser, user)).toBe(2);
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser)).status).toBe(200);
    expect(await signIn(wider.browser(), user)).toBe(1);
  });

  test("but not when it was made for more scopes", async ({ open }) => {
    const { user, stage } = await signedIn(open, {
      vars: { GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY} ${GMAIL_MODIFY}` },
    });
    const narrower = inside(stage).redeploy({ GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY}` });
    expect(await signIn(narrower.browser(), user)).toBe(1);
  });

  test("but not when a key was put in front of the one that sealed it", async ({ open }) => {
    const { browser, user, stage } = await signedIn(open);
    const old: { keys: unknown[] } = JSON.parse(stage.tokenKeys);
    const fresh: { keys: unknown[] } = JSON.parse(
      stage.tokenKeys
        .replaceAll(/"k":"(.)/g, (_, one) => `"k":"${one === "_" ? "A" : "_"}`)
        .replaceAll("first", "second"),
    );
    const rotated = inside(stage).redeploy({ TOKEN_KEYS: JSON.stringify({ keys: [...fresh.keys, ...old.keys] }) });
    const after = rotated.browser();
    browser.jar.copyTo(after.jar);
    expect((await call(after)).status).toBe(200);
    expect(await signIn(rotated.browser(), user)).toBe(1);
  });
});

/** The person consents, but the code never reaches this Worker. */
async function consentElsewhere({ stage, google, user }: Awaited<ReturnType<typeof signedIn>>): Promise<void> {
  const url = await stage.browser().begin();
  await google.consent(url.href, { user: user.email });
}
