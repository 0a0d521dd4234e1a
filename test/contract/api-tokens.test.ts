/** Making, listing and revoking API tokens: for a person who is signed in, and for nobody and nothing else. */
import { describe, describeInside, expect, inside, test } from "../support/contract.ts";
import { apiErrorSchema, expectError } from "../support/errors.ts";
import {
  askForToken,
  expectInvalidToken,
  listTokens,
  makeToken,
  revokeToken,
  withToken,
} from "../support/api-tokens.ts";
import { call, newcomer, signedIn } from "../support/scenes.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const ME = { path: "/api/me" } as const;

/** A body of so many bytes. */
function padded(bytes: number): unknown {
  return { name: `x${" ".repeat(bytes - 12)}` };
}

describe("POST /api/tokens", () => {
  test("gives a token once, for 90 days unless said otherwise", { tags: ["process"] }, async ({ open }) => {
    const { browser, stage, user } = await signedIn(open);
    const response = await askForToken(browser, { name: "  backup script  " });
    expect(response.status).toBe(201);
    expect(response.headers.get("cache-control")).toContain("no-store");
    const made = await makeToken(browser, { name: "  backup script  " });
    expect(made.name).toBe("backup script");
    expect(Math.abs(Date.parse(made.expiresAt) - stage.now() - 90 * DAY_MS)).toBeLessThan(60_000);
    expect(await (await withToken(stage, made.token, ME)).json()).toMatchObject({ sub: user.sub });
  });

  test.for([1, 365])("takes %d days", async (expiresInDays, { open }) => {
    const { browser, stage } = await signedIn(open);
    const { expiresAt } = await makeToken(browser, { name: "x", expiresInDays });
    expect(Math.abs(Date.parse(expiresAt) - stage.now() - expiresInDays * DAY_MS)).toBeLessThan(60_000);
  });

  test.for<[string, unknown]>([
    ["name", {}],
    ["name", { name: "" }],
    ["name", { name: " \t " }],
    ["name", { name: 7 }],
    ["name", { name: null }],
    ["name", { name: "x".repeat(101) }],
    ["expiresInDays", { name: "x", expiresInDays: 0 }],
    ["expiresInDays", { name: "x", expiresInDays: -1 }],
    ["expiresInDays", { name: "x", expiresInDays: 366 }],
    ["expiresInDays", { name: "x", expiresInDays: 1.5 }],
    ["expiresInDays", { name: "x", expiresInDays: "30" }],
    ["expiresInDays", { name: "x", expiresInDays: null }],
    ["access", { name: "x", access: "admin" }],
    ["access", { name: "x", access: "" }],
    ["access", { name: "x", access: "Full" }],
    ["access", { name: "x", access: null }],
    ["access", { name: "x", access: ["full"] }],
    ["scope", { name: "x", scope: "https://mail.google.com/" }],
    ["scopes", { name: "x", scopes: [] }],
    ["Access", { name: "x", Access: "full" }],
    ["__proto__", JSON.parse('{"name":"x","__proto__":{"access":"full"}}')],
    ["constructor", { name: "x", constructor: {} }],
    ["body", []],
    ["body", null],
    ["body", "x"],
  ])("names what is wrong: %s of %j", async ([parameter, body], { open }) => {
    const { browser } = await signedIn(open);
    const { metadata } = await expectError(await askForToken(browser, body), 400, "INVALID_ARGUMENT");
    expect(metadata["parameter"]).toBe(parameter);
    expect(await listTokens(browser)).toEqual([]);
  });

  test.for([
    ["acess", "access"],
    ["ACCESS", "access"],
    ["expires_in_days", "expiresInDays"],
    ["expiresInDay", "expiresInDays"],
    ["nme", "name"],
  ] as const)("says for %s that %s was probably meant", async ([member, meant], { open }) => {
    const { browser } = await signedIn(open);
    const response = await askForToken(browser, { name: "x", [member]: "read" });
    const { error } = apiErrorSchema.parse(await response.clone().json());
    expect(error.message).toBe(`You sent an unknown member. Did you mean ${meant}?`);
    expect((await expectError(response, 400, "INVALID_ARGUMENT")).metadata["parameter"]).toBe(member);
  });

  test.for<[string, string, string]>([
    ["body", "application/json", "{"],
    ["body", "application/json", ""],
    ["Content-Type", "application/x-www-form-urlencoded", '{"name":"x"}'],
    ["Content-Type", "multipart/form-data; boundary=b", '{"name":"x"}'],
    ["Content-Type", "text/plain", '{"name":"x"}'],
    ["Content-Type", "application/jsonx", '{"name":"x"}'],
  ])("refuses, by the name of %s: %s %j", async ([parameter, type, body], { open }) => {
    const { browser } = await signedIn(open);
    const response = await browser.fetch("/api/tokens", { method: "POST", body, headers: { "content-type": type } });
    expect((await expectError(response, 400, "INVALID_ARGUMENT")).metadata["parameter"]).toBe(parameter);
    expect(await listTokens(browser)).toEqual([]);
  });

  test("takes a body of 4 KiB at most", async ({ open }) => {
    const { browser } = await signedIn(open);
    expect(JSON.stringify(padded(4096))).toHaveLength(4096);
    expect((await askForToken(browser, padded(4096))).status).toBe(201);
    await expectError(await askForToken(browser, padded(4097)), 413, "INVALID_ARGUMENT");
  });

  test("gives twenty to a user, and another one when one of them is revoked", async ({ open }) => {
    const { browser } = await signedIn(open);
    const made = [];
    for (let n = 1; n <= 20; n += 1) made.push(await makeToken(browser, { name: `token ${n}` }));
    await expectError(await askForToken(browser), 400, "FAILED_PRECONDITION");
    expect(await listTokens(browser)).toHaveLength(20);
    expect((await revokeToken(browser, made[0]?.id ?? "")).status).toBe(204);
    await makeToken(browser);
  });
});

describe("GET /api/tokens", () => {
  test("lists the user's own tokens without their secrets", { tags: ["process"] }, async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const made = await makeToken(browser, { name: "first" });
    const neighbour = stage.browser();
    await neighbour.signIn({ user: (await google.addUser()).email });
    await makeToken(neighbour, { name: "not mine" });
    const response = await call(browser, "/api/tokens");
    expect(await response.clone().text()).not.toContain("gmedge_");
    const [listed, ...others] = await listTokens(browser);
    expect(others).toEqual([]);
    expect(listed).toMatchObject({ id: made.id, name: "first", expiresAt: made.expiresAt, lastUsedAt: null });
  });

  test("tells the minute of a token's last use, and no more", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    const beforeMs = stage.now();
    await withToken(stage, token, ME);
    await expect.poll(async () => (await listTokens(browser))[0]?.lastUsedAt).toMatch(/:00\.000Z$/);
    const usedAtMs = Date.parse((await listTokens(browser))[0]?.lastUsedAt ?? "");
    expect(usedAtMs).toBeGreaterThan(beforeMs - 60_000);
    expect(usedAtMs).toBeLessThanOrEqual(stage.now());
  });
});

describe("DELETE /api/tokens/{id}", () => {
  test("answers 204, and the token is refused at once", { tags: ["process"] }, async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const [ended, other] = [await makeToken(browser), await makeToken(browser)];
    expect((await withToken(stage, ended.token, ME)).status).toBe(200);
    const response = await revokeToken(browser, ended.id);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    await google.forgetCalls();
    // This isolate has seen it: it calls Gmail beside the question whether the token is in force, and keeps the answer.
    for (const path of ["/gmail/v1/users/me/profile", "/api/messages", "/api/me"]) {
      expectInvalidToken(await withToken(stage, ended.token, { path }));
    }
    expect(await google.count()).toBeLessThanOrEqual(1);
    expect((await withToken(stage, other.token, ME)).status).toBe(200);
    expect((await listTokens(browser)).map(({ id }) => id)).toEqual([other.id]);
  });

  test("of another user's token, of none and of one that is gone is 404", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const neighbour = stage.browser();
    await neighbour.signIn({ user: (await google.addUser()).email });
    const theirs = await makeToken(neighbour);
    const mine = await makeToken(browser);
    await revokeToken(browser, mine.id);
    for (const id of [theirs.id, mine.id, "a".repeat(43), "x", "..", theirs.token, `credential:${mine.id}`]) {
      const response = await revokeToken(browser, encodeURIComponent(id));
      expect(response.status, id).toBeGreaterThanOrEqual(404);
      expect(response.status, id).toBeLessThanOrEqual(405);
    }
    await expectError(await revokeToken(browser, theirs.id), 404, "NOT_FOUND");
    expect((await withToken(stage, theirs.token, ME)).status).toBe(200);
  });
});

describeInside("a token that is revoked", () => {
  test("is refused within 60 s at a place that had seen it", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const elsewhere = inside(stage).redeploy({});
    const { id, token } = await makeToken(browser);
    expect((await withToken(elsewhere, token, ME)).status).toBe(200);
    await revokeToken(browser, id);
    await inside(stage).advance(60_000);
    expectInvalidToken(await withToken(elsewhere, token, ME));
  });

  test("is refused where an old copy of its record is still read, until it would have expired", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const within = inside(stage);
    const { id, token } = await makeToken(browser, { name: "x", expiresInDays: 2 });
    const record = (await within.kv.get(`api-token:${id}`)) ?? "";
    await revokeToken(browser, id);
    await within.kv.put(`api-token:${id}`, record);
    expectInvalidToken(await withToken(within.redeploy({}), token, ME));
    await within.advance(DAY_MS);
    expectInvalidToken(await withToken(within.redeploy({}), token, ME));
  });
});

describe("an API token", () => {
  test.for<[string, string]>([
    ["POST", "/api/tokens"],
    ["GET", "/api/tokens"],
    ["DELETE", "/api/tokens/{id}"],
    ["POST", "/auth/disconnect"],
    ["POST", "/auth/logout?everywhere=true"],
  ])("may not %s %s: 403, also where a session comes with it", async ([method, path], { open }) => {
    const { browser, google, stage } = await signedIn(open);
    const { id, token } = await makeToken(browser);
    const body = path === "/api/tokens" && method === "POST" ? { body: '{"name":"x"}' } : {};
    for (const cookie of [{}, { cookie: browser.jar.header() ?? "" }]) {
      const headers = { "content-type": "application/json", ...cookie };
      const request = { method, path: path.replace("{id}", id), headers, ...body };
      await expectError(await withToken(stage, token, request), 403, "PERMISSION_DENIED");
    }
    expect(await google.count("revoke")).toBe(0);
    expect((await listTokens(browser)).map((listed) => listed.id)).toEqual([id]);
    expect((await withToken(stage, token, ME)).status).toBe(200);
  });

  test("ends no session where it is sent to sign out", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const { token } = await makeToken(browser);
    await withToken(stage, token, {
      method: "POST",
      path: "/auth/logout",
      headers: { cookie: browser.jar.header() ?? "" },
    });
    expect((await call(browser)).status).toBe(200);
    expect((await withToken(stage, token, ME)).status).toBe(200);
  });
});

describe("a page of another site", () => {
  const foreign: [string, Record<string, string>][] = [
    ["another origin", { origin: "https://evil.test", "sec-fetch-site": "cross-site" }],
    ["an opaque origin", { origin: "null" }],
    ["a same-site neighbour", { origin: "http://other.mail.localhost", "sec-fetch-site": "same-site" }],
    ["Sec-Fetch-Site alone", { "sec-fetch-site": "cross-site" }],
  ];
  test.for(foreign)("makes and revokes no token with the cookie: %s", async ([, headers], { open }) => {
    const { browser } = await signedIn(open);
    const { id } = await makeToken(browser);
    const type = { "content-type": "application/json" };
    const create = { method: "POST", body: '{"name":"x"}', headers: { ...type, ...headers } };
    await expectError(await browser.fetch("/api/tokens", create), 403, "PERMISSION_DENIED");
    const remove = await browser.fetch(`/api/tokens/${id}`, { method: "DELETE", headers });
    await expectError(remove, 403, "PERMISSION_DENIED");
    expect((await listTokens(browser)).map((listed) => listed.id)).toEqual([id]);
  });
});

test("nobody makes, lists or revokes tokens without a session: 401", async ({ open }) => {
  const { stage, browser } = await newcomer(open);
  await expectError(await askForToken(browser), 401, "SIGN_IN_REQUIRED");
  await expectError(await call(browser, "/api/tokens"), 401, "SIGN_IN_REQUIRED");
  await expectError(await revokeToken(browser, "a".repeat(43)), 401, "SIGN_IN_REQUIRED");
  expect(await stage.google.count()).toBe(0);
});
