/** Who may call the API, and what everyone else is told. */
import { describe, describeInside, describeOutside, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { call, newcomer, signedIn } from "../support/scenes.ts";
import type { Stage } from "../support/stage.ts";

const ROUTES = [
  "/api/me",
  "/api/messages?q=a%20b&limit=5",
  "/gmail/v1/users/me/profile",
  "/gmail/v1/users/me/messages?maxResults=2",
];

describe.for(ROUTES)("not signed in at %s", (path) => {
  test.for<[string, Record<string, string>]>([
    ["Sec-Fetch-Mode: navigate", { "sec-fetch-mode": "navigate", accept: "*/*" }],
    ["no Sec-Fetch-Mode, Accept prefers text/html", { accept: "text/html,application/json;q=0.9,*/*;q=0.8" }],
  ])("a browser's GET navigation (%s) goes to /auth/login?return_to=<this URL>", async ([, headers], { open }) => {
    const stage = await open();
    const response = await stage.send({ path, headers });
    expect(response.status).toBe(302);
    const target = new URL(response.headers.get("location") ?? "", stage.origin);
    expect(target.origin + target.pathname).toBe(`${stage.origin}/auth/login`);
    expect(target.searchParams.get("return_to")).toBe(path);
    expect(target.searchParams.has("prompt")).toBe(false);
    expect(response.headers.get("cache-control")).toContain("no-store");
  });

  test.for<[string, Record<string, string>, string?]>([
    ["no headers at all", {}],
    ["Accept: */*", { accept: "*/*" }],
    ["Accept: application/json", { accept: "application/json" }],
    ["Accept prefers JSON", { accept: "application/json, text/html;q=0.5" }],
    ["a fetch of a page", { "sec-fetch-mode": "cors", accept: "text/html" }],
    ["an Authorization header that nobody issued", { authorization: "Bearer ya29.nobody" }],
    ["a Basic Authorization header", { authorization: "Basic YTpi" }],
    ["an empty Authorization header", { authorization: "" }],
  ])("everything else (%s) gets 401 SIGN_IN_REQUIRED and WWW-Authenticate", async ([, headers], { open }) => {
    const stage = await open();
    const response = await stage.send({ path, headers });
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    const { metadata } = await expectError(response, 401, "SIGN_IN_REQUIRED");
    expect(metadata["authorizationUrl"]).toContain(`${stage.origin}/auth/login`);
    expect(await stage.google.count()).toBe(0);
  });
});

test(
  "a form that is sent while signed out is no navigation to repeat: 401",
  { tags: ["process"] },
  async ({ open }) => {
    const stage = await open();
    const response = await stage.browser().submit("/gmail/v1/users/me/messages/0/modify");
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
  },
);

describe("a session that cannot be opened counts as none: 401 SIGN_IN_REQUIRED", () => {
  const spoil: [string, (value: string) => string][] = [
    ["empty", () => ""],
    ["garbage", () => "garbage"],
    ["cut off", (value) => value.slice(0, -10)],
    [
      "changed in its ciphertext",
      (value) =>
        value.replace(
          /\.(.)([^.]*)\.([^.]*)$/,
          (_all, first: string, rest: string, tag: string) => `.${first === "A" ? "B" : "A"}${rest}.${tag}`,
        ),
    ],
    [
      "an unsealed JWT",
      () => `${btoa('{"alg":"none"}').replaceAll("=", "")}.${btoa('{"sub":"1"}').replaceAll("=", "")}.`,
    ],
    [
      "with a header that names no key",
      (value) => `${btoa('{"alg":"dir","enc":"A256GCM"}').replaceAll("=", "")}.${value.split(".").slice(1).join(".")}`,
    ],
    [
      "with another algorithm",
      (value) =>
        `${btoa('{"alg":"none","enc":"A256GCM","kid":"first"}').replaceAll("=", "")}.${value.split(".").slice(1).join(".")}`,
    ],
    ["very long", () => "a".repeat(7000)],
  ];
  test.for(spoil)("%s", async ([, change], { open }) => {
    const { browser, stage } = await signedIn(open);
    const [cookie] = browser.jar.named("session");
    for (const path of ROUTES) {
      const response = await stage.send({
        path,
        headers: { cookie: `${cookie?.name}=${change(cookie?.value ?? "")}` },
      });
      await expectError(response, 401, "SIGN_IN_REQUIRED");
    }
  });

  test("a sealed transaction in its place", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const [session] = browser.jar.named("session");
    const other = stage.browser();
    await other.begin();
    const [transaction] = [...other.jar.cookies.values()];
    const response = await stage.send({
      path: "/api/me",
      headers: { cookie: `${session?.name}=${transaction?.value}` },
    });
    await expectError(response, 401, "SIGN_IN_REQUIRED");
  });

  test("a good one works", async ({ open }) => {
    const { browser, stage } = await signedIn(open);
    const [cookie] = browser.jar.named("session");
    const answers = await Promise.all(
      ROUTES.map((path) => stage.send({ path, headers: { cookie: `${cookie?.name}=${cookie?.value}` } })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });
});

describeInside("a session sealed with a key that is gone", () => {
  test("counts as none", async ({ open }) => {
    const { browser } = await signedIn(open);
    const other = await open();
    await expectError(
      await other.send({ path: "/api/me", headers: { cookie: browser.jar.header() ?? "" } }),
      401,
      "SIGN_IN_REQUIRED",
    );
  });
});

describe("userId in a path", () => {
  test("is me, the caller's own address or sub", { tags: ["process"] }, async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    for (const userId of ["me", user.email, encodeURIComponent(user.email), user.sub]) {
      const response = await call(browser, `/gmail/v1/users/${userId}/profile`);
      expect(response.status, userId).toBe(200);
      expect(await response.json()).toMatchObject({ emailAddress: user.email });
    }
    // Gmail itself knows no sub.
    expect((await google.calls("profile")).map(({ path }) => path.includes(user.sub))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  test("of another user gets 403, without a call to Google", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    const other = await google.addUser();
    for (const userId of [other.email, other.sub, "nobody@example.com", "ME", "me%00", "me%20", "m%65x"]) {
      const response = await call(browser, `/gmail/v1/users/${userId}/messages`);
      expect([400, 403], userId).toContain(response.status);
      if (userId === other.email || userId === other.sub) await expectError(response, 403, "PERMISSION_DENIED");
    }
    expect(await google.count()).toBe(0);
  });
});

describe("a path with encoded separators or dot segments gets 400, without a call to Google", () => {
  const paths = [
    "/gmail/v1/users/me%2Fmessages",
    "/gmail/v1/users/me/messages%2F1",
    "/gmail/v1/users/me%2fprofile",
    "/gmail/v1/users/me/messages/x%5Cy",
    "/gmail/v1/users/me/messages/x%5cy",
    "/gmail/v1/users/me/messages/..%2F..%2Fother%2Fmessages",
    "/gmail/v1/users/me/messages/%2e%2e%2fprofile",
  ];
  test.for(paths)("%s", async (path, { open }) => {
    const scene = await signedIn(open);
    await expectRefused(scene.browser.jar.header() ?? "", scene.stage, path);
  });

  describeOutside("which no URL parser has touched", () => {
    const raw = [
      "/gmail/v1/users/me/../other/messages",
      "/gmail/v1/users/me/messages/../../x/profile",
      "/gmail/v1/users/me/%2e%2e/x/messages",
      "/gmail/v1/users/me/.%2E/x/messages",
      "/gmail/v1/users/me/messages\\..\\..\\x",
    ];
    test.for(raw)("%s", async (path, { open }) => {
      const { browser, stage } = await signedIn(open);
      const response = await stage.send({
        path,
        headers: { cookie: browser.jar.header() ?? "", accept: "application/json" },
      });
      // The runtime may resolve dot segments before the Worker sees them: then it is another path, and must be refused as such.
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      expect(await stage.google.count()).toBe(0);
    });
  });
});

describe("GET /api/me", () => {
  test("tells who the caller is", { tags: ["process"] }, async ({ open }) => {
    const { browser, user } = await signedIn(open, { user: { name: "Ada שלום" } });
    const response = await call(browser, "/api/me");
    expect(response.headers.get("cache-control")).toContain("no-store");
    const { scopes, ...me } = JSON.parse(await response.text());
    expect(me).toEqual({ sub: user.sub, email: user.email, name: "Ada שלום", picture: user.picture });
    expect(scopes).toContain("https://www.googleapis.com/auth/gmail.readonly");
  });
});

describe("GET /healthz", () => {
  test("answers without Google and without a session", { tags: ["process"] }, async ({ open }) => {
    const { stage, google } = await newcomer(open);
    const response = await stage.send({ path: "/healthz" });
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
    expect(await google.count()).toBe(0);
  });
});

async function expectRefused(cookie: string, stage: Stage, path: string): Promise<void> {
  const response = await stage.send({ path, headers: { cookie, accept: "application/json" } });
  await expectError(response, 400, "INVALID_ARGUMENT");
  expect(await stage.google.count()).toBe(0);
}
