/** Gmail's own REST API, passed through with body and status untouched. */
import { describe, describeInside, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { queryOf } from "../support/google.ts";
import { call, GMAIL_READONLY, type Scene, signedIn } from "../support/scenes.ts";

const GMAIL_MODIFY = "https://www.googleapis.com/auth/gmail.modify";

async function firstId({ browser, google }: Scene): Promise<string> {
  const listing: { messages: { id: string }[] } = await (await call(browser)).json();
  await google.forgetCalls();
  return listing.messages[0]?.id ?? "";
}

describe("GET /gmail/v1/users/{userId}/…", () => {
  test("gives Gmail's answer, byte by byte", { tags: ["process"] }, async ({ open }) => {
    const { browser, google } = await signedIn(open, { user: { mailbox: { messages: 40 } } });
    const body = '{\n  "messages": [],\t"odd": "\u00e9 \\u00e9 שלום" }\n';
    await google.fault("list", { body, headers: { "content-type": "application/json; charset=UTF-8" } });
    const response = await call(browser, "/gmail/v1/users/me/messages?maxResults=7&q=a%20b");
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(body);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("cache-control")).toContain("no-store");
  });

  test("passes the query on, repeated parameters too", async ({ open }) => {
    const scene = await signedIn(open);
    const id = await firstId(scene);
    const query =
      "format=metadata&metadataHeaders=Subject&metadataHeaders=From&fields=id,payload(headers)&prettyPrint=false";
    const response = await call(scene.browser, `/gmail/v1/users/me/messages/${id}?${query}`);
    expect(response.status).toBe(200);
    const [get] = await scene.google.calls("get");
    expect([...queryOf(get)]).toEqual([...new URLSearchParams(query)]);
    expect(get?.path).toBe(`/gmail/v1/users/me/messages/${id}`);
  });

  test(
    "shows Google neither our cookies nor anything else of the browser's",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, google } = await signedIn(open);
      await browser.fetch("/gmail/v1/users/me/profile", {
        headers: {
          referer: "http://mail.localhost/private?x=1",
          "x-forwarded-for": "203.0.113.9",
          "cf-connecting-ip": "203.0.113.9",
        },
      });
      const [profile] = await google.calls("profile");
      expect(profile?.headers["authorization"]).toMatch(/^Bearer ya29\./);
      for (const name of ["cookie", "referer", "x-forwarded-for"]) expect(profile?.headers).not.toHaveProperty(name);
    },
  );

  test(
    "gives no cookie of Google's to the browser, and no CORS permission",
    { tags: ["process"] },
    async ({ open }) => {
      const { browser, google } = await signedIn(open);
      await google.fault("profile", {
        headers: { "set-cookie": "NID=of-googles; Path=/", "access-control-allow-origin": "*" },
      });
      const response = await call(browser, "/gmail/v1/users/me/profile");
      expect(response.headers.getSetCookie().filter((line) => line.startsWith("NID"))).toEqual([]);
      expect(response.headers.get("access-control-allow-origin")).toBeNull();
    },
  );

  test.for([
    [404, "notFound"],
    [400, "failedPrecondition"],
    [403, "domainPolicy"],
    [403, "rateLimitExceeded"],
    [429, "tooManyRequests"],
    [500, "backendError"],
    [503, "unavailable"],
  ] as const)("Gmail's %d %s stays what it is", async ([status, named], { open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("profile", named);
    const response = await call(browser, "/gmail/v1/users/me/profile");
    expect(response.status).toBe(status);
    const text = await response.text();
    // No details of ours: the body is Google's.
    expect(text).not.toContain("gmail-edge");
    expect(JSON.parse(text)).toHaveProperty("error.code", status);
  });

  test("a 401 leads to one refresh and one replay", { tags: ["process"] }, async ({ open }) => {
    const { browser, google, user } = await signedIn(open);
    await google.act({ action: "killAccessTokens", email: user.email });
    expect((await call(browser, "/gmail/v1/users/me/profile")).status).toBe(200);
    expect((await google.calls()).map(({ endpoint }) => endpoint)).toEqual(["profile", "token:refresh", "profile"]);
  });

  test("a 401 again after that is 401 CONSENT_REQUIRED", async ({ open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("profile", "authError");
    const response = await call(browser, "/gmail/v1/users/me/profile");
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
    await expectError(response, 401, "CONSENT_REQUIRED");
    expect(await google.count("profile")).toBe(2);
  });

  test("counts what it spent", async ({ open }) => {
    const scene = await signedIn(open);
    const id = await firstId(scene);
    const response = await call(scene.browser, `/gmail/v1/users/me/messages/${id}?format=minimal`);
    expect(response.headers.get("x-gmail-quota-units")).toBe("20");
  });
});

describeInside("Gmail unreachable", () => {
  test.for([{ disconnect: true }, { hang: true }])("%j: 502 or 504 UPSTREAM_UNAVAILABLE", async (fault, { open }) => {
    const { browser, google } = await signedIn(open);
    await google.always("profile", fault);
    await expectError(await call(browser, "/gmail/v1/users/me/profile"), [502, 504], "UPSTREAM_UNAVAILABLE");
  });
});

describe("other methods than GET", () => {
  test("pass with a same-origin Origin, body and all, where the scopes allow them", async ({ open }) => {
    const scene = await signedIn(open, {
      vars: { GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY} ${GMAIL_MODIFY}` },
    });
    const id = await firstId(scene);
    const response = await modify(scene.browser, id, { origin: scene.stage.origin });
    expect(response.status).toBe(200);
    const [sent] = await scene.google.calls("modify");
    expect(sent?.body).toBe('{"addLabelIds":["STARRED"]}');
    expect(sent?.headers["content-type"]).toBe("application/json");
  });

  test("are refused where they do not, and Gmail is not asked", async ({ open }) => {
    const scene = await signedIn(open);
    const response = await modify(scene.browser, await firstId(scene), { origin: scene.stage.origin });
    await expectError(response, 403, "SCOPE_REQUIRED");
    expect(await scene.google.count()).toBe(0);
  });

  test.for<[string, Record<string, string>]>([
    ["another Origin", { origin: "https://evil.test" }],
    ["an opaque Origin", { origin: "null" }],
    ["a same-site neighbour", { origin: "http://other.mail.localhost", "sec-fetch-site": "same-site" }],
  ])("with a cookie and %s get 403, and Gmail is not called", async ([, headers], { open }) => {
    const { browser, google } = await signedIn(open);
    await expectError(await modify(browser, "0", headers), 403, "PERMISSION_DENIED");
    expect(await google.count()).toBe(0);
  });

  test("with a cookie and no Origin get 403, and Gmail is not called", async ({ open }) => {
    const { browser, google, stage } = await signedIn(open);
    const cookie = browser.jar.header() ?? "";
    for (const site of [{}, { "sec-fetch-site": "same-origin" }]) {
      const request = { method: "POST", path: "/gmail/v1/users/me/messages/0/modify", headers: { cookie, ...site } };
      await expectError(await stage.send(request), 403, "PERMISSION_DENIED");
    }
    expect(await google.count()).toBe(0);
  });
});

function modify(browser: Scene["browser"], id: string, headers: Record<string, string>): Promise<Response> {
  return browser.fetch(`/gmail/v1/users/me/messages/${id}/modify`, {
    method: "POST",
    body: '{"addLabelIds":["STARRED"]}',
    headers: { accept: "application/json", "content-type": "application/json", ...headers },
  });
}
