/**
 * Google's own client libraries in front of a real Worker: an API token is their access token, and the Worker's origin
 * their root URL. Whatever else they do, they do as if they talked to Gmail.
 */
import { auth, gmail, type gmail_v1 } from "@googleapis/gmail";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseBatch } from "../../src/gmail/batch.ts";
import pythonBatch from "../fixtures/python-client-batch.txt?raw";
import { type RunningGoogle, startGoogle } from "../google/server.ts";
import { Browser } from "../support/browser.ts";
import { Google, type User } from "../support/google.ts";
import { sendOverHttp } from "../support/http-client.ts";
import { googleFor, makeTokenKeys, workerVars } from "../support/stage.ts";
import { type RunningWrangler, startWrangler } from "../support/wrangler-process.ts";

const SCOPES = "openid email profile https://www.googleapis.com/auth/gmail.modify https://mail.google.com/";

let server: RunningGoogle;
let worker: RunningWrangler;
let google: Google;
let user: User;
let browser: Browser;
let token: { id: string; token: string };

beforeAll(async () => {
  server = await startGoogle({ name: "official-client" });
  google = new Google(server.origin);
  worker = await startWrangler({ ...workerVars(google, makeTokenKeys("first")), GOOGLE_SCOPES: SCOPES });
  await google.configure(googleFor(worker.origin));
  user = await google.addUser({ mailbox: { messages: 40 } });
  browser = new Browser({ origin: worker.origin, google, now: () => Date.now(), send: sendOverHttp(worker.origin) });
  expect((await browser.signIn({ user: user.email })).response.status).toBe(200);
  token = await makeToken();
}, 60_000);

afterAll(async () => {
  await worker?.close();
  await server?.close();
});

async function makeToken(): Promise<{ id: string; token: string }> {
  const response = await browser.fetch("/api/tokens", {
    method: "POST",
    body: '{"name":"official client","access":"full"}',
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(201);
  return response.json();
}

/** Google's client, as its documentation says, but for the root URL. */
function clientWith(accessToken: string): gmail_v1.Gmail {
  const credentials = new auth.OAuth2();
  credentials.setCredentials({ access_token: accessToken });
  return gmail({ version: "v1", auth: credentials, rootUrl: `${worker.origin}/`, retry: false });
}

/** What the client makes of an error answer. */
async function clientError(work: Promise<unknown>): Promise<unknown> {
  const error = await work.then(
    () => expect.fail("it worked"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  return error;
}

describe("Google's client for Python, with an API token", () => {
  test("sends a batch and finds the answer to each part by its Content-ID", async () => {
    // Captured from google-api-python-client 1.7.12 (Debian's python3-googleapi): only the IDs are put in.
    const { data: page } = await clientWith(token.token).users.messages.list({ userId: "me", maxResults: 3 });
    const ids = (page.messages ?? []).map(({ id }) => id ?? "");
    const body = pythonBatch.replaceAll(/MESSAGE-(\d)/g, (_all, n: string) => ids[Number(n) - 1] ?? "");
    const [, boundary = ""] = /^--(.*)$/m.exec(body) ?? [];
    const response = await fetch(`${worker.origin}/batch/gmail/v1`, {
      method: "POST",
      body,
      headers: {
        authorization: `Bearer ${token.token}`,
        "content-type": `multipart/mixed; boundary="${boundary}"`,
        "user-agent": "Python-httplib2/0.20.4 (gzip)",
        "accept-encoding": "gzip, deflate",
      },
    });
    const replies = parseBatch(response.headers.get("content-type"), await response.text());
    const found = [1, 2, 3].map((n) => replies?.get(`7b841d0c-dc9a-44d8-8078-471346bea451 + ${n}`));
    expect(found.map((reply) => reply?.status)).toEqual([200, 200, 204]);
    expect(JSON.parse(found[0]?.body ?? "")).toMatchObject({ id: ids[0], payload: { headers: { length: 2 } } });
    expect(JSON.parse(found[1]?.body ?? "")).toMatchObject({ id: ids[1] });
  });
});

describe("Google's client for Node, with an API token", () => {
  test("lists messages page by page, as Gmail does", async () => {
    const { users } = clientWith(token.token);
    const ids: string[] = [];
    let pageToken: string | undefined;
    let pages = 0;
    do {
      const { data } = await users.messages.list({
        userId: "me",
        maxResults: 15,
        ...(pageToken === undefined ? {} : { pageToken }),
      });
      ids.push(...(data.messages ?? []).map(({ id }) => id ?? ""));
      pageToken = data.nextPageToken ?? undefined;
      pages += 1;
    } while (pageToken !== undefined);
    // The batch above has deleted one of the 40.
    expect([ids.length, new Set(ids).size, pages]).toEqual([39, 39, 3]);
  });

  test("reads a message with the parameters that it is given", async () => {
    const { users } = clientWith(token.token);
    const { data: page } = await users.messages.list({ userId: user.email, maxResults: 1, labelIds: ["INBOX"] });
    const id = page.messages?.[0]?.id ?? "";
    const metadataHeaders = ["Subject", "From"];
    const { data } = await users.messages.get({ userId: user.email, id, format: "metadata", metadataHeaders });
    expect(data.id).toBe(id);
    expect(new Set(data.payload?.headers?.map(({ name }) => name))).toEqual(new Set(metadataHeaders));
  });

  test("reads profile and labels", async () => {
    const { users } = clientWith(token.token);
    expect((await users.getProfile({ userId: "me" })).data.emailAddress).toBe(user.email);
    expect((await users.labels.list({ userId: "me" })).data.labels).toContainEqual(
      expect.objectContaining({ id: "INBOX" }),
    );
  });

  test("changes labels", async () => {
    const { users } = clientWith(token.token);
    const { data: page } = await users.messages.list({ userId: "me", maxResults: 1 });
    const id = page.messages?.[0]?.id ?? "";
    await google.forgetCalls();
    const changed = await users.messages.modify({ userId: "me", id, requestBody: { addLabelIds: ["STARRED"] } });
    expect([changed.status, changed.data.id]).toEqual([200, id]);
    const [sent] = await google.calls("modify");
    expect(JSON.parse(sent?.body ?? "")).toEqual({ addLabelIds: ["STARRED"] });
  });

  test("reads Gmail's errors as its own: 404", async () => {
    const error = await clientError(clientWith(token.token).users.messages.get({ userId: "me", id: "0" }));
    expect(error).toMatchObject({ status: 404, message: "Requested entity was not found." });
    expect(Object(error).constructor.name).toBe("GaxiosError");
  });

  test("reads our errors as its own: the mailbox of another user is 403, a revoked or unknown token 401", async () => {
    const { users } = clientWith(token.token);
    const denied = await clientError(users.getProfile({ userId: "other@example.com" }));
    expect(denied).toMatchObject({ status: 403, message: expect.stringContaining("userId must be me") });
    const revoked = await makeToken();
    await clientWith(revoked.token).users.getProfile({ userId: "me" });
    expect((await browser.fetch(`/api/tokens/${revoked.id}`, { method: "DELETE" })).status).toBe(204);
    for (const value of [revoked.token, `gmedge_${"A".repeat(92)}`, "ya29.not-ours"]) {
      const error = await clientError(clientWith(value).users.getProfile({ userId: "me" }));
      expect(error).toMatchObject({
        status: 401,
        message: expect.stringContaining("Your API token is unknown, expired or revoked"),
      });
      expect(Object(error).constructor.name).toBe("GaxiosError");
    }
  });

  test("does nothing that Google would object to", async () => {
    expect((await google.snapshot()).violations).toEqual([]);
  });
});
