/** Who it is that came back. ID token, userinfo, and who is let in. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError, expectPage } from "../support/errors.ts";
import type { ConfigPatch } from "../support/google.ts";
import { callbackAnswer, newcomer, type Scene, type SceneOptions, signIn } from "../support/scenes.ts";

const ALLOWED = { ALLOWED_ACCOUNTS: "x@example.com, Grace@Example.com,@Example.org" };

type Variant<K extends keyof ConfigPatch> = NonNullable<ConfigPatch[K]>;

/** Nothing is left of a refused sign-in: no session, and no refresh token that a later sign-in would find. */
async function expectNothingKept(scene: Scene): Promise<void> {
  const { stage, google, browser, user } = scene;
  expect(browser.jar.named("session")).toEqual([]);
  if (stage.inside === undefined) return;
  const stored = await stage.stored();
  const { secrets } = await google.snapshot();
  for (const secret of [...secrets, user.sub]) expect(stored).not.toContain(secret);
}

describe("the ID token is not valid: 400 INVALID_ID_TOKEN", () => {
  const variants: Variant<"idToken">[] = [
    "wrong-key",
    "unknown-kid",
    "alg-none",
    "hs256-client-secret",
    "hs256-public-key",
    "other-aud",
    "other-iss",
    "expired",
    "other-nonce",
    "no-nonce",
    "garbage",
  ];
  test.for(variants)("%s", async (idToken, { open }) => {
    const scene = await newcomer(open, { google: { idToken } });
    await expectError(await callbackAnswer(scene), 400, "INVALID_ID_TOKEN");
    await expectNothingKept(scene);
  });

  test("absent: refused, by whichever reason", async ({ open }) => {
    const scene = await newcomer(open, { google: { idToken: "absent" } });
    expect((await callbackAnswer(scene)).status).toBeGreaterThanOrEqual(400);
    await expectNothingKept(scene);
  });

  test("without a sub: refused, by whichever reason", async ({ open }) => {
    const scene = await newcomer(open, { google: { idToken: "no-sub" } });
    expect((await callbackAnswer(scene)).status).toBe(400);
    await expectNothingKept(scene);
  });

  test("is a page for a person", { tags: ["process"] }, async ({ open }) => {
    const { browser, user } = await newcomer(open, { google: { idToken: "other-nonce" } });
    await expectPage((await browser.signIn({ user: user.email })).response, 400);
  });
});

test("an iss without https:// is as good as one with it", async ({ open }) => {
  const { browser, user } = await newcomer(open, { google: { idToken: "iss-without-scheme" } });
  await signIn(browser, user);
});

describe("userinfo has no sub, or another sub than the ID token: 400 NO_USER_ID", () => {
  test.for<Variant<"userinfo">>(["no-sub", "empty-sub", "other-sub", "numeric-sub"])(
    "%s",
    async (userinfo, { open }) => {
      const scene = await newcomer(open, { google: { userinfo } });
      await expectError(await callbackAnswer(scene), 400, "NO_USER_ID");
      await expectNothingKept(scene);
    },
  );
});

describe("ALLOWED_ACCOUNTS lets in", () => {
  test.for<[string, Record<string, string>, SceneOptions["user"]]>([
    ["everyone when it is empty", {}, { email: "who@ever.example" }],
    ["a verified address, whatever its case", ALLOWED, { email: "gRACE@example.COM" }],
    ["a Workspace domain by hd", ALLOWED, { email: "grace@other.example", hd: "example.org" }],
  ])("%s", async ([, vars, user], { open }) => {
    const scene = await newcomer(open, { vars, user: user ?? {} });
    await signIn(scene.browser, scene.user);
  });
});

describe("the account is not in ALLOWED_ACCOUNTS: 403 ACCOUNT_NOT_ALLOWED, the fresh grant is revoked, nothing stored", () => {
  test.for<[string, SceneOptions["user"]]>([
    ["another address", { email: "eve@example.com" }],
    ["a listed address that is not verified", { email: "grace@example.com", emailVerified: false }],
    ["a consumer account with an address in the domain", { email: "eve@example.org" }],
    ["an address in the domain, of another Workspace", { email: "eve@example.org", hd: "evil.example" }],
    ["a domain that ends like the listed one", { email: "eve@evil-example.org", hd: "evil-example.org" }],
    ["a subdomain of the listed one", { email: "eve@sub.example.org", hd: "sub.example.org" }],
  ])("%s", async ([, user], { open }) => {
    const scene = await newcomer(open, { vars: ALLOWED, user: user ?? {} });
    await expectError(await callbackAnswer(scene), 403, "ACCOUNT_NOT_ALLOWED");
    const { grants } = await scene.google.snapshot();
    expect(grants.find(({ sub }) => sub === scene.user.sub)).toMatchObject({ scopes: [], liveRefreshTokens: 0 });
    await expectNothingKept(scene);
  });

  test("also when Google cannot be reached to revoke it", async ({ open }) => {
    const scene = await newcomer(open, { vars: ALLOWED });
    await scene.google.always("revoke", { status: 503 });
    await expectError(await callbackAnswer(scene), 403, "ACCOUNT_NOT_ALLOWED");
    await expectNothingKept(scene);
  });
});

describeInside("an account that is taken off the list", () => {
  test("does not come in again", async ({ open }) => {
    const scene = await newcomer(open);
    await signIn(scene.browser, scene.user);
    const stage = inside(scene.stage).redeploy({ ALLOWED_ACCOUNTS: "@example.org" });
    await expectError(await callbackAnswer({ ...scene, stage, browser: stage.browser() }), 403, "ACCOUNT_NOT_ALLOWED");
  });
});
