/** The access token behind an API token: the object keeps it, so that one refresh serves everybody. */
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import type { Google } from "../support/google.ts";
import { call, signedIn } from "../support/scenes.ts";
import type { Stage } from "../support/stage.ts";

const PROFILE = { path: "/gmail/v1/users/me/profile" } as const;

async function profile(stage: Stage, token: string): Promise<void> {
  const response = await withToken(stage, token, PROFILE);
  expect(response.status, await response.text()).toBe(200);
}

async function endpoints(google: Google): Promise<string> {
  return (await google.calls()).map(({ endpoint }) => endpoint).join(" ");
}

describe("the access token behind an API token", () => {
  test("is that of the sign-in: no refresh for as long as it lasts", { tags: ["process"] }, async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    for (let n = 0; n < 3; n += 1) await profile(stage, token);
    expect(await endpoints(google)).toBe("profile profile profile");
  });
});

describeInside("the access token behind an API token", () => {
  test("is known to the next isolate, and to the session", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    await inside(stage).advance(3_600_000);
    await profile(stage, token);
    await profile(inside(stage).at("there"), token);
    expect((await call(browser, PROFILE.path)).status).toBe(200);
    expect(await endpoints(google)).toBe("token:refresh profile profile profile");
  });

  test("is replaced when it is about to expire, and when Google refuses it", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    const { token } = await makeToken(browser);
    await profile(stage, token);
    await inside(stage).advance(3_590_000);
    await profile(stage, token);
    await google.act({ action: "killAccessTokens", email: user.email });
    await profile(stage, token);
    await profile(inside(stage).at("there"), token);
    expect(await endpoints(google)).toBe("profile token:refresh profile profile token:refresh profile profile");
  });
});
