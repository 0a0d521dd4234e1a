/** What of a query reaches Google, alone and as a part of a batch, and what a browser may do with the answer. */
import { BATCH_TYPE, batchOf } from "../attacks/routes.ts";
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { queryOf } from "../support/google.ts";
import { call, type Scene, signedIn } from "../support/scenes.ts";

const MESSAGES = "/gmail/v1/users/me/messages";

const POLICY = "default-src 'none'; sandbox";

async function withApiToken(open: Parameters<typeof signedIn>[0]) {
  const scene = await signedIn(open);
  const { token } = await makeToken(scene.browser);
  await scene.google.forgetCalls();
  return { ...scene, token };
}

/** A query on each way to Google: with the session, with an API token, and as a part of a batch. */
function ways({ browser, stage, token }: Scene & { token: string }, path: string): Promise<Response>[] {
  const batch = {
    method: "POST",
    path: "/batch/gmail/v1",
    body: batchOf(path),
    headers: { "content-type": BATCH_TYPE },
  };
  return [call(browser, path), withToken(stage, token, { path }), withToken(stage, token, batch)];
}

describe("a parameter that is not Gmail's own is 400 with its name, and Google is not called:", () => {
  test.for<[query: string, parameter: string]>([
    ["callback=alert", "callback"],
    ["alt=media", "alt"],
    ["alt=json&alt=media", "alt"],
    ["%61lt=proto", "alt"],
    ["Alt=json", "Alt"],
    ["$alt=media", "$alt"],
    ["$httpMethod=DELETE", "$httpMethod"],
    ["%24httpMethod=DELETE", "$httpMethod"],
    ["$httpHeaders=X-Evil%3A1", "$httpHeaders"],
    ["access_token=ya29.other", "access_token"],
    ["oauth_token=ya29.other", "oauth_token"],
    ["key=AIzaOther", "key"],
    ["uploadType=media", "uploadType"],
    ["=x", ""],
    ["q;alt=media", "q;alt"],
    ["q=%ff", "q"],
    ["maxResult=5", "maxResult"],
  ])("%s", async ([query, parameter], { open }) => {
    const scene = await withApiToken(open);
    for (const way of ways(scene, `${MESSAGES}?maxResults=1&${query}`)) {
      const { metadata } = await expectError(await way, 400, "INVALID_ARGUMENT");
      expect(metadata["parameter"]).toBe(parameter);
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("also beside a part that is good, and where the method changes something", async ({ open }) => {
    const { browser, google, stage, token } = await withApiToken(open);
    const body = batchOf(MESSAGES).replace("--b--\r\n", "") + batchOf(`${MESSAGES}?callback=f`);
    const batch = { method: "POST", path: "/batch/gmail/v1", body, headers: { "content-type": BATCH_TYPE } };
    await expectError(await withToken(stage, token, batch), 400, "INVALID_ARGUMENT");
    const headers = { origin: stage.origin, accept: "application/json" };
    const changing = await browser.fetch(`${MESSAGES}/1/modify?callback=f`, { method: "POST", headers });
    expect((await expectError(changing, 400, "INVALID_ARGUMENT")).metadata["parameter"]).toBe("callback");
    expect(await google.count()).toBe(0);
  });
});

describe("Gmail's own parameters", () => {
  test("reach Google with their values unchanged, in one spelling", { tags: ["process"] }, async ({ open }) => {
    const scene = await withApiToken(open);
    const query =
      "q=a;alt=media%26b+c%2Bd&labelIds=INBOX&labelIds=UNREAD&%6DaxResults=3&includeSpamTrash=true" +
      "&alt=json&prettyPrint=false&quotaUser=u1&$.xgafv=2&fields=messages(id,threadId)";
    for (const way of ways(scene, `${MESSAGES}?${query}`)) expect((await way).status).toBe(200);
    const sent = await scene.google.calls("list");
    expect(sent).toHaveLength(2);
    for (const list of sent) expect([...queryOf(list)]).toEqual([...new URLSearchParams(query)]);
    const [batch] = await scene.google.calls("batch");
    const [, target = ""] = /\r\nGET (\S+) HTTP\/1\.1\r\n/.exec(batch?.body ?? "") ?? [];
    expect([...new URL(target, "https://google.test").searchParams]).toEqual([...new URLSearchParams(query)]);
    // Neither another separator nor another spelling of a name.
    expect(target).not.toMatch(/[;#()]|%6D/);
  });
});

describe("an answer that is passed on", () => {
  test("of Gmail, good or bad, may do nothing in a browser", { tags: ["process"] }, async ({ open }) => {
    const scene = await withApiToken(open);
    await scene.google.fault("profile", "notFound");
    const profile = "/gmail/v1/users/me/profile";
    for (const path of [profile, profile, MESSAGES]) {
      for (const response of await Promise.all(ways(scene, path))) {
        expect(response.headers.get("content-security-policy")).toBe(POLICY);
        expect(response.headers.get("x-content-type-options")).toBe("nosniff");
        expect(response.headers.get("x-frame-options")).toBe("DENY");
        expect(response.headers.get("referrer-policy")).toBe("no-referrer");
        expect(response.headers.get("content-disposition")).toBeNull();
      }
    }
  });

  test.for<[type: string, isData: boolean]>([
    ["application/json; charset=UTF-8", true],
    ["application/problem+json", true],
    ["application/x-protobuf", true],
    ["application/protobuf", true],
    ["multipart/mixed; boundary=x", true],
    ["text/html", false],
    ["TEXT/HTML; charset=utf-8", false],
    ["text/javascript", false],
    ["application/javascript", false],
    ["image/svg+xml", false],
    ["application/xhtml+xml", false],
    ["application/xml", false],
    ["text/plain", false],
    ["application/octet-stream", false],
    ["application/pdf", false],
    ["multipart/x-mixed-replace; boundary=x", false],
    ["application/jsonx", false],
    ["text/html;application/json", false],
    ["", false],
  ])("of the type %j is data: %j; what is none is an attachment", async ([type, isData], { open }) => {
    const { browser, google } = await signedIn(open);
    await google.fault("profile", { body: "<script>alert(1)</script>", headers: { "content-type": type } });
    const response = await call(browser, "/gmail/v1/users/me/profile");
    expect(await response.text()).toBe("<script>alert(1)</script>");
    expect(response.headers.get("content-disposition")).toBe(isData ? null : "attachment");
    expect(response.headers.get("content-security-policy")).toBe(POLICY);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  test("gives way to our own error with our own policy, where the caller turns out to be signed out", async ({
    open,
  }) => {
    const { browser, google, stage } = await signedIn(open);
    const cookie = browser.jar.header() ?? "";
    await browser.submit("/auth/logout");
    await google.always("profile", { body: "<b>", headers: { "content-type": "text/html" } });
    const headers = { cookie, accept: "application/json" };
    const response = await stage.send({ path: "/gmail/v1/users/me/profile", headers });
    expect(response.headers.get("content-disposition")).toBeNull();
    expect(response.headers.get("content-security-policy")).not.toBe(POLICY);
    await expectError(response, 401, "SIGN_IN_REQUIRED");
  });
});

test("our own errors under /gmail/v1 and /batch have the policy of our pages", async ({ open }) => {
  const scene = await withApiToken(open);
  const [page] = [await call(scene.browser, "/api/me")];
  for (const way of ways(scene, `${MESSAGES}?callback=f`)) {
    expect(policyOf(await way)).toBe(policyOf(page));
  }
});

/** The policy of an answer, but for its nonce. */
function policyOf({ headers }: Response): string | undefined {
  return headers.get("content-security-policy")?.replace(/nonce-[^']*/, "nonce");
}
