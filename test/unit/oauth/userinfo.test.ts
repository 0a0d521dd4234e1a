/** Who the user is, by userinfo; and what an outage of one of Google's OAuth endpoints is called. */
import { describe, expect, test } from "vitest";
import type { Upstream } from "../../../src/lib/upstream.ts";
import { fetchUserInfo, refreshAccessToken, revokeToken } from "../../../src/oauth.ts";
import { appErrorOf, configuration, createWorld, json } from "../fixtures.ts";

const { google } = configuration();

const OUTAGE = { reason: "UPSTREAM_UNAVAILABLE", code: 502 };

async function userInfoOf(body: unknown): Promise<unknown> {
  return fetchUserInfo(createWorld(json(body)).upstream, google, "at");
}

describe("userinfo (OpenID Connect Core §5.3)", () => {
  test("is asked with the access token, in the header", async () => {
    const world = createWorld(json({ sub: "1" }));
    await fetchUserInfo(world.upstream, google, "at");
    expect(world.calls[0]?.headers.get("Authorization")).toBe("Bearer at");
    expect(world.calls[0]?.url.search).toBe("");
  });

  test("gives what Google says, and null or unverified for what it does not", async () => {
    const body = { sub: "1", email: "a@example.test", email_verified: true, name: "A", picture: "https://p.test/" };
    expect(await userInfoOf(body)).toEqual({
      sub: "1",
      email: "a@example.test",
      emailVerified: true,
      name: "A",
      picture: "https://p.test/",
    });
    expect(await userInfoOf({ sub: "1" })).toEqual({
      sub: "1",
      email: null,
      emailVerified: false,
      name: null,
      picture: null,
    });
  });

  test.each([{}, { sub: "" }, { sub: null }, { sub: 1 }])("%j names nobody: sub is null", async (body) => {
    expect(await userInfoOf(body)).toMatchObject({ sub: null });
  });

  test.each([400, 401, 403, 429, 500, 503])("%i is an outage", async (status) => {
    const world = createWorld(json({ error: "invalid_token" }, { status }));
    expect(await appErrorOf(fetchUserInfo(world.upstream, google, "at"))).toMatchObject(OUTAGE);
  });

  test.each([null, [], "text", { sub: "1", email: 1 }])("%j is an outage", async (body) => {
    expect(await appErrorOf(userInfoOf(body))).toMatchObject(OUTAGE);
  });
});

describe("an outage names the endpoint", () => {
  const calls: [string, (upstream: Upstream) => Promise<unknown>][] = [
    [
      "Google's token endpoint",
      (upstream) => refreshAccessToken(upstream, google, { refreshToken: "rt", scopes: ["openid"] }),
    ],
    ["Google's revocation endpoint", (upstream) => revokeToken(upstream, google, "rt")],
    ["Google's userinfo endpoint", (upstream) => fetchUserInfo(upstream, google, "at")],
  ];

  test.each(calls)("%s, that answers 503", async (endpoint, call) => {
    const { upstream } = createWorld(() => new Response(null, { status: 503 }));
    expect((await appErrorOf(call(upstream))).message).toContain(`${endpoint} is not working`);
  });

  test.each(calls)("%s, that cannot be reached", async (endpoint, call) => {
    const { upstream } = createWorld(() => Promise.reject(new TypeError("lost")));
    expect((await appErrorOf(call(upstream))).message).toContain(`${endpoint} cannot be reached`);
  });
});
