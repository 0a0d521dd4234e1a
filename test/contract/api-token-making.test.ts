/** Who makes how many API tokens: many requests at once, and sessions whose sign-in is old. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { askForToken, listTokens, makeToken, revokeToken, withToken } from "../support/api-tokens.ts";
import { signedIn } from "../support/scenes.ts";

const TEN_MINUTES_MS = 10 * 60 * 1000;
const ME = { path: "/api/me" } as const;

describe("forty at once", () => {
  test("get twenty, and the twenty are listed", { tags: ["process"] }, async ({ open }) => {
    const { browser } = await signedIn(open);
    const answers = await Promise.all(Array.from({ length: 40 }, () => askForToken(browser.copy())));
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(20);
    for (const answer of refused) await expectError(answer, 400, "FAILED_PRECONDITION");
    expect(await listTokens(browser)).toHaveLength(20);
    await expectError(await askForToken(browser), 400, "FAILED_PRECONDITION");
  });
});

describeInside("forty at once", () => {
  test("in two isolates of a location: no more than twenty are left, and those that were given work", async ({
    open,
  }) => {
    const { browser, stage } = await signedIn(open);
    const isolates = [stage, inside(stage).redeploy({})];
    const browsers = isolates.map((isolate) => {
      const other = isolate.browser();
      browser.jar.copyTo(other.jar);
      return other;
    });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, n) => askForToken((browsers[n % 2] ?? browser).copy())),
    );
    const given = answers.filter(({ status }) => status === 201);
    const listed = await listTokens(browser);
    expect(listed.length).toBeLessThanOrEqual(20);
    expect(listed).toHaveLength(given.length);
    for (const answer of given) {
      const { token }: { token: string } = await answer.json();
      expect((await withToken(stage, token, ME)).status).toBe(200);
    }
  });

  test("leave nothing behind that keeps the user from another one", async ({ open }) => {
    const { browser } = await signedIn(open);
    await Promise.all(Array.from({ length: 40 }, () => askForToken(browser.copy())));
    const [first] = await listTokens(browser);
    await revokeToken(browser, first?.id ?? "");
    await makeToken(browser);
  });
});

describeInside("a session whose sign-in is more than ten minutes old", () => {
  test("makes no token: 401, with the way to sign in again, without consent", async ({ open }) => {
    const { browser, google, stage, user } = await signedIn(open);
    await inside(stage).advance(TEN_MINUTES_MS + 1_000);
    const before = await inside(stage).keys();
    const { metadata } = await expectError(
      await browser.fetch("/api/tokens", {
        method: "POST",
        body: '{"name":"late"}',
        headers: { "content-type": "application/json", referer: `${stage.origin}/account?x=1` },
      }),
      401,
      "SIGN_IN_REQUIRED",
    );
    expect(await inside(stage).keys()).toEqual(before);
    const url = new URL(metadata["authorizationUrl"] ?? "");
    expect(url.origin + url.pathname).toBe(`${stage.origin}/auth/login`);
    expect(Object.fromEntries(url.searchParams)).toEqual({ return_to: "/account?x=1", login_hint: user.email });
    expect(await listTokens(browser), "and does everything else").toEqual([]);
    await google.forgetCalls();
    const visit = await browser.navigate(url.pathname + url.search, { person: { user: user.email } });
    expect([visit.trips, visit.url, visit.response.status]).toEqual([1, "/account?x=1", 200]);
    await makeToken(browser);
  });

  test("makes one until then", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    await inside(stage).advance(TEN_MINUTES_MS - 30_000);
    await makeToken(browser);
  });

  test("revokes one, though", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { id } = await makeToken(browser);
    await inside(stage).advance(TEN_MINUTES_MS + 1_000);
    expect((await revokeToken(browser, id)).status).toBe(204);
  });
});
