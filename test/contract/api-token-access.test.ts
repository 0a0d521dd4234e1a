/** What an API token may do: its access, which is decided for each call before Google is asked. */
import { BATCH_TYPE, batchOf } from "../attacks/routes.ts";
import { listTokens, makeToken, withToken } from "../support/api-tokens.ts";
import { describe, expect, test } from "../support/contract.ts";
import { expectError } from "../support/errors.ts";
import { GMAIL_READONLY, type Scene, signedIn } from "../support/scenes.ts";
import type { Outgoing } from "../support/browser.ts";

const FULL_SCOPES = `openid email profile ${GMAIL_READONLY} https://mail.google.com/`;
const MAILBOX = "/gmail/v1/users/me";
const LEVELS = ["list", "read", "full"] as const;
type Level = (typeof LEVELS)[number];

function batch(...parts: readonly (readonly [method: string, path: string])[]): Outgoing {
  const body = `${parts.map(([method, path]) => batchOf(path, method).replace("--b--\r\n", "")).join("")}--b--\r\n`;
  return { method: "POST", path: "/batch/gmail/v1", body, headers: { "content-type": BATCH_TYPE } };
}

/** What a program may send, and the least access that it needs. */
const CALLS: readonly (readonly [needed: Level, request: Outgoing])[] = [
  ["list", { path: "/api/me" }],
  ["list", { path: "/api/messages?limit=1" }],
  ["list", { path: "/api/messages?limit=1&view=metadata" }],
  ["list", { path: `${MAILBOX}/messages?maxResults=1` }],
  ["list", { path: `${MAILBOX}/threads` }],
  ["list", { path: `${MAILBOX}/history?startHistoryId=1` }],
  ["list", { method: "HEAD", path: `${MAILBOX}/messages` }],
  ["list", { path: `${MAILBOX}/%6dessages` }],
  ["read", { path: `${MAILBOX}/%6dessages/%31` }],
  ["list", batch(["GET", `${MAILBOX}/messages`], ["GET", `${MAILBOX}/threads`])],
  ["read", { path: `${MAILBOX}/messages/1` }],
  ["read", { path: `${MAILBOX}/profile` }],
  ["read", { path: `${MAILBOX}/labels` }],
  ["read", { path: `${MAILBOX}/settings/forwardingAddresses` }],
  ["read", { method: "HEAD", path: `${MAILBOX}/messages/1` }],
  ["read", batch(["GET", `${MAILBOX}/messages/1`])],
  ["read", batch(["GET", `${MAILBOX}/messages`], ["GET", `${MAILBOX}/messages/1`])],
  ["full", { method: "POST", path: `${MAILBOX}/messages/1/modify` }],
  ["full", { method: "POST", path: `${MAILBOX}/messages` }],
  ["full", { method: "PATCH", path: `${MAILBOX}/labels/1` }],
  ["full", { method: "PUT", path: `${MAILBOX}/labels/1` }],
  ["full", { method: "DELETE", path: `${MAILBOX}/messages/1` }],
  ["full", batch(["DELETE", `${MAILBOX}/messages/1`])],
  ["full", batch(["GET", `${MAILBOX}/messages`], ["POST", `${MAILBOX}/messages/1/trash`])],
];

function titleOf({ method = "GET", path, body }: Outgoing): string {
  const parts = [...String(body ?? "").matchAll(/^(\w+ \/\S+) HTTP/gm)].map(([, line]) => line);
  return [`${method} ${path}`, ...parts].join(", ");
}

async function withAccess(open: Parameters<typeof signedIn>[0], access?: Level): Promise<Scene & { token: string }> {
  const scene = await signedIn(open, { vars: { GOOGLE_SCOPES: FULL_SCOPES } });
  const { token } = await makeToken(scene.browser, { name: "script", ...(access === undefined ? {} : { access }) });
  await scene.google.forgetCalls();
  return { ...scene, token };
}

describe.each(LEVELS)("an API token with the access %s", (access) => {
  test("gets at what it is for, and is refused the rest without a call to Google", async ({ open }) => {
    const { google, stage, token } = await withAccess(open, access);
    for (const [needed, request] of CALLS) {
      const title = titleOf(request);
      await google.forgetCalls();
      const response = await withToken(stage, token, request);
      if (LEVELS.indexOf(access) >= LEVELS.indexOf(needed)) {
        // Whatever Gmail says of it: it was asked, or the answer needs no Gmail.
        expect(response.status === 200 || (await google.count()) > 0, title).toBe(true);
        expect(await response.text(), title).not.toContain("requiredAccess");
        continue;
      }
      expect(response.status, title).toBe(403);
      if (request.method !== "HEAD") {
        const { metadata, message } = await expectError(response, 403, "PERMISSION_DENIED");
        expect(metadata["requiredAccess"], title).toBe(needed);
        expect(message, title).toContain(`needs "${needed}"`);
      }
      expect(await google.count(), title).toBe(0);
    }
  });
});

describe("the access of a token", () => {
  test("is read unless said, and is told where tokens are made and listed", async ({ open }) => {
    const { browser } = await signedIn(open);
    expect((await makeToken(browser)).access).toBe("read");
    for (const access of LEVELS) expect((await makeToken(browser, { name: access, access })).access).toBe(access);
    const listed = (await listTokens(browser)).map(({ name, access }) => [name, access] as const);
    expect(Object.fromEntries(listed)).toEqual({ list: "list", read: "read", full: "full", script: "read" });
  });

  test("is nothing that a session is held to", async ({ open }) => {
    const { browser, google, stage } = await withAccess(open);
    const headers = { origin: stage.origin, accept: "application/json" };
    const response = await browser.fetch(`${MAILBOX}/messages/1/modify`, { method: "POST", headers });
    expect(response.status).not.toBe(403);
    expect(await google.count("modify")).toBe(1);
  });
});

test("a token that was revoked learns that, and not what access it lacks", async ({ open }) => {
  const { browser, stage, token } = await withAccess(open, "list");
  const [{ id } = { id: "" }] = await listTokens(browser);
  expect((await withToken(stage, token, { path: "/api/me" })).status).toBe(200);
  await browser.fetch(`/api/tokens/${id}`, { method: "DELETE" });
  for (const request of [{ path: `${MAILBOX}/profile` }, { method: "POST", path: `${MAILBOX}/stop` }]) {
    await expectError(await withToken(stage, token, request), 401, "SIGN_IN_REQUIRED");
  }
});
