/** Gmail as it changes: history, watches, what scopes and quota allow, batches. */
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { Google, type User } from "../support/google.ts";
import { CLIENT, listSchema, messageSchema, REDIRECT, Session } from "./client.ts";
import { messageId } from "./mail/numbered.ts";
import { composeBatch, type OutgoingPart, parseReplies } from "./multipart.ts";
import { type RunningGoogle, startGoogle } from "./server.ts";

const GMAIL = "https://www.googleapis.com/auth/gmail.";
const MODIFY = `${GMAIL}modify`;
const FULL = "https://mail.google.com/";

let running: RunningGoogle;
let google: Google;
let ada: User;
let numbered: Session;

beforeAll(async () => {
  running = await startGoogle();
  google = new Google(running.origin);
  await google.configure({ clients: [CLIENT], redirectUris: [REDIRECT], quotaUnitsPerMinute: null });
  ada = await google.addUser({ mailbox: { messages: 1234 } });
  numbered = await Session.open(google, ada, `${MODIFY} ${FULL}`);
});
afterAll(() => running.close());

const historySchema = z.object({
  history: z.array(z.looseObject({ id: z.string() })).default([]),
  nextPageToken: z.string().optional(),
  historyId: z.string(),
});
type History = z.infer<typeof historySchema>;
const since = (historyId: string, more = ""): Promise<History> =>
  numbered.get(`history?startHistoryId=${historyId}${more}`, historySchema);

async function currentHistoryId(): Promise<string> {
  return (await numbered.get("profile", z.object({ historyId: z.string() }))).historyId;
}

describe("history", () => {
  test("tells each change once, in order, and nothing after the last", async () => {
    const start = await currentHistoryId();
    const id = messageId(30);
    await numbered.post(`messages/${id}/modify`, { addLabelIds: ["IMPORTANT"], removeLabelIds: ["INBOX"] });
    await numbered.post(`messages/${id}/modify`, { addLabelIds: ["IMPORTANT"] });
    await numbered.post(`messages/${messageId(31)}/trash`, {});
    await google.act({ action: "receiveMail", email: ada.email, messages: 2 });
    const raw = Buffer.from("To: a@example.com\r\nSubject: Hi\r\n\r\nHello").toString("base64url");
    const { id: sent } = z
      .object({ id: z.string() })
      .parse(await (await numbered.post("messages/send", { raw })).json());
    expect((await numbered.send(`messages/${sent}`, { method: "DELETE" })).status).toBe(204);
    const { history, historyId } = await since(start);
    expect(
      history.map((record) =>
        Object.keys(record)
          .filter((key) => key !== "id" && key !== "messages")
          .join(),
      ),
    ).toEqual([
      "labelsAdded",
      "labelsRemoved",
      "labelsAdded",
      "labelsRemoved",
      "messagesAdded",
      "messagesAdded",
      "messagesAdded",
      "messagesDeleted",
    ]);
    const ids = history.map((record) => Number(record.id));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(Number(historyId)).toBe(ids.at(-1));
    expect(history[0]).toMatchObject({ labelsAdded: [{ message: { id }, labelIds: ["IMPORTANT"] }] });
    expect(await since(historyId)).toEqual({ history: [], historyId });
    expect((await numbered.get(`messages/${id}`, messageSchema)).historyId).toBe(history[1]?.id);
    expect((await numbered.send(`messages/${sent}`)).status).toBe(404);
  });

  test("comes in pages whose tokens fit its question only, by kinds and by label", async () => {
    const start = await currentHistoryId();
    for (let n = 1; n <= 5; n += 1)
      await numbered.post(`messages/${messageId(n)}/modify`, { addLabelIds: ["IMPORTANT"] });
    await numbered.post(`messages/${messageId(1)}/modify`, { removeLabelIds: ["IMPORTANT"] });
    const first = await since(start, "&maxResults=4");
    const token = encodeURIComponent(first.nextPageToken ?? "");
    expect([first.history.length, (await since(start, `&maxResults=4&pageToken=${token}`)).history.length]).toEqual([
      4, 2,
    ]);
    expect((await numbered.send(`history?startHistoryId=${Number(start) + 1}&pageToken=${token}`)).status).toBe(400);
    expect((await since(start, "&historyTypes=labelRemoved")).history.length).toBe(1);
    expect((await since(start, "&labelId=SENT")).history.length).toBe(0);
  });

  test("that is forgotten, or of another mailbox, is 404; no number is 400", async () => {
    const start = await currentHistoryId();
    await google.act({ action: "forgetHistory", email: ada.email });
    expect((await numbered.send(`history?startHistoryId=${start}`)).status).toBe(404);
    expect((await numbered.send("history?startHistoryId=999999999")).status).toBe(404);
    expect((await numbered.send("history?startHistoryId=now")).status).toBe(400);
    expect((await since(await currentHistoryId())).history).toEqual([]);
  });
});

describe("a watch", () => {
  test("brings signed notifications, at most one a second, until it is stopped", async () => {
    await google.configure({ push: { audience: "https://mail.test/push/gmail", serviceAccount: "push@project.test" } });
    const started = z.object({ historyId: z.string(), expiration: z.string() });
    const answer = started.parse(await (await numbered.post("watch", { topicName: "projects/p/topics/t" })).json());
    expect(Number(answer.expiration)).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    await google.act({ action: "receiveMail", email: ada.email, messages: 1 });
    await google.advanceClock(1_500);
    await google.act({ action: "receiveMail", email: ada.email, messages: 2 });
    await expect.poll(async () => running.instance.pushes.length).toBe(2);
    const [, last] = await google.takePushes();
    const keys = createRemoteJWKSet(new URL(google.vars["GOOGLE_JWKS_URI"] ?? ""));
    const { payload } = await jwtVerify(last?.authorization.replace("Bearer ", "") ?? "", keys, {
      audience: "https://mail.test/push/gmail",
      issuer: "https://accounts.google.com",
      currentDate: new Date(Date.now() + 2_000),
    });
    expect(payload).toMatchObject({ email: "push@project.test", email_verified: true });
    const { message } = z.object({ message: z.object({ data: z.base64() }) }).parse(JSON.parse(last?.body ?? ""));
    expect(JSON.parse(Buffer.from(message.data, "base64").toString())).toMatchObject({ emailAddress: ada.email });
    await numbered.post("stop", {});
    await google.advanceClock(1_500);
    await google.act({ action: "receiveMail", email: ada.email, messages: 1 });
    expect(await google.takePushes()).toEqual([]);
    expect((await numbered.post("watch", { topicName: "t" })).status).toBe(400);
  });

  test("of which a test spoils a notification, is forged or says what it must not", async () => {
    const keys = createRemoteJWKSet(new URL(google.vars["GOOGLE_JWKS_URI"] ?? ""));
    const forged = await google.push(ada, { isForged: true });
    await expect(jwtVerify(forged.authorization.slice(7), keys)).rejects.toThrow("signature");
    const other = await google.push(ada, { claims: { email: "other@project.test" }, historyId: "5" });
    const currentDate = new Date(Date.now() + 4_000);
    const { payload } = await jwtVerify(other.authorization.slice(7), keys, { currentDate });
    expect(payload["email"]).toBe("other@project.test");
  });
});

describe("what one may do", () => {
  test("is in one's own mailbox only", async () => {
    const { headers } = numbered;
    const ask = (who: string): Promise<Response> =>
      fetch(`${google.origin}/gmail/v1/users/${who}/profile`, { headers });
    expect([(await ask(ada.email)).status, (await ask("other@gmail.com")).status]).toEqual([200, 403]);
  });

  test("follows from the scopes: gmail.metadata neither searches nor reads on, gmail.readonly changes nothing", async () => {
    const user = await google.addUser({ mailbox: { messages: 5 } });
    const metadata = await Session.open(google, user, `${GMAIL}metadata`);
    const statuses = [];
    for (const path of [
      "messages",
      "messages?q=a",
      `messages/${messageId(1)}?format=metadata`,
      `messages/${messageId(1)}`,
    ]) {
      statuses.push((await metadata.send(path)).status);
    }
    expect(statuses).toEqual([200, 403, 200, 403]);
    const reader = await Session.open(google, await google.addUser({ mailbox: { messages: 5 } }), `${GMAIL}readonly`);
    const refused = await reader.post(`messages/${messageId(1)}/trash`, {});
    expect([refused.status, await refused.json()]).toEqual([
      403,
      expect.objectContaining({
        error: expect.objectContaining({
          details: [expect.objectContaining({ reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT" })],
        }),
      }),
    ]);
  });

  test("costs units as of May 2026, and ends with the minute's", async () => {
    const user = await google.addUser({ mailbox: { messages: 5 } });
    const session = await Session.open(google, user, MODIFY);
    await google.configure({ quotaUnitsPerMinute: 6_000 });
    await google.forgetCalls();
    const calls = [
      "messages",
      `messages/${messageId(1)}`,
      "profile",
      "labels",
      "labels/INBOX",
      "history?startHistoryId=1005",
      "threads",
    ];
    for (const path of calls) expect((await session.send(path)).status, path).toBe(200);
    expect((await google.snapshot()).quotaUnits).toBe(5 + 20 + 1 + 1 + 1 + 2 + 10);
    await google.configure({ quotaUnitsPerMinute: 50 });
    expect((await session.send(`messages/${messageId(1)}`)).status).toBe(403);
    expect((await session.send("messages")).status).toBe(200);
    await google.advanceClock(61_000);
    expect((await session.send(`messages/${messageId(1)}`)).status).toBe(200);
    await google.configure({ quotaUnitsPerMinute: null });
  });
});

function read(id: string, path: string, ...headers: string[]): OutgoingPart {
  return { contentId: `<${id}>`, head: [`GET /gmail/v1/users/me/${path}`, ...headers] };
}

test("a batch answers each part for itself: with its own token, status and body, and reaches nothing but Gmail", async () => {
  const other = await google.addUser({ mailbox: { messages: 3 } });
  const theirs = await Session.open(google, other, MODIFY);
  const body = composeBatch(
    [
      read("found", `messages/${messageId(40)}?format=minimal`),
      read("missing", "messages/ffffffffffffffff"),
      read("bad-token", "profile", "Authorization: Bearer made-up"),
      read("theirs", "profile", `Authorization: ${theirs.headers.authorization}`),
      {
        contentId: "<write>",
        head: [`POST /gmail/v1/users/me/messages/${messageId(40)}/modify`, "Content-Type: application/json"],
        body: '{"addLabelIds":["Label_404"]}',
      },
      { contentId: "<other-api>", head: ["GET /v1/userinfo"] },
      { contentId: "<nested>", head: ["POST /batch/gmail/v1"] },
    ],
    "b",
  );
  const headers = { ...numbered.headers, "content-type": "multipart/mixed; boundary=b" };
  const response = await fetch(`${google.origin}/batch/gmail/v1`, { method: "POST", headers, body });
  const replies = parseReplies(response.headers.get("content-type") ?? "", await response.text());
  expect(Object.fromEntries(replies.map(({ contentId, status }) => [contentId, status]))).toEqual({
    "<response-found>": 200,
    "<response-missing>": 404,
    "<response-bad-token>": 401,
    "<response-theirs>": 200,
    "<response-write>": 400,
    "<response-other-api>": 404,
    "<response-nested>": 404,
  });
  expect(replies.find(({ contentId }) => contentId === "<response-theirs>")?.body).toContain(other.email);
  const absolute = body.replace("GET /gmail", "GET https://elsewhere.test/gmail");
  expect((await fetch(`${google.origin}/batch/gmail/v1`, { method: "POST", headers, body: absolute })).status).toBe(
    400,
  );
});

test("a message that is inserted is taken apart: what is said, and files with their bytes", async () => {
  const raw = [
    "From: a@example.com",
    "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "Gr=C3=BC=C3=9Fe =",
    "aus Basel",
    "--b",
    'Content-Type: text/plain; name="note.txt"',
    'Content-Disposition: attachment; filename="note.txt"',
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from("What is attached.\n").toString("base64"),
    "--b--",
    "",
  ].join("\r\n");
  const sent = await numbered.post("messages", { raw: Buffer.from(raw).toString("base64url"), labelIds: ["INBOX"] });
  const { id } = z.object({ id: z.string() }).parse(await sent.json());
  const body = z.object({ data: z.string().optional(), attachmentId: z.string().optional() });
  const parts = z.array(z.object({ filename: z.string(), body }));
  const message = await numbered.get(
    `messages/${id}`,
    z.object({ snippet: z.string(), labelIds: z.array(z.string()), payload: z.object({ parts }) }),
  );
  expect([message.snippet, message.labelIds]).toEqual(["Grüße aus Basel", ["INBOX"]]);
  const [, file] = message.payload.parts;
  const data = z.object({ data: z.string() });
  const attachment = await numbered.get(`messages/${id}/attachments/${file?.body.attachmentId}`, data);
  expect([file?.filename, Buffer.from(attachment.data, "base64url").toString()]).toEqual([
    "note.txt",
    "What is attached.\n",
  ]);
  const found = await numbered.get("messages?q=subject:grüße%20has:attachment", listSchema);
  expect(found.messages.map((one) => one.id)).toEqual([id]);
});
