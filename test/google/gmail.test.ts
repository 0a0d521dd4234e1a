/** Gmail as it is read and changed: searches, parts and attachments, labels, history, watches, quota, one's own mailbox only. */
import { jwtVerify, createRemoteJWKSet } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { Google, type User } from "../support/google.ts";
import { CLIENT, REDIRECT, signIn } from "./client.ts";
import { messageId } from "./mail/numbered.ts";
import { composeBatch, parseReplies } from "./multipart.ts";
import { type RunningGoogle, startGoogle } from "./server.ts";

const MODIFY = "https://www.googleapis.com/auth/gmail.modify";
const FULL = "https://mail.google.com/";
const NOW_MS = Date.UTC(2026, 10, 22, 12);

let running: RunningGoogle;
let google: Google;
let busy: User;
let numbered: User;
let tokens: Map<string, string>;

beforeAll(async () => {
  running = await startGoogle();
  google = new Google(running.origin);
  await google.configure({ clients: [CLIENT], redirectUris: [REDIRECT], quotaUnitsPerMinute: null });
  busy = await google.addUser({ name: "Robin Keller", mailbox: { kind: "busy", untilMs: Date.now() } });
  numbered = await google.addUser({ mailbox: { messages: 1234, spamEvery: 50, trashEvery: 70 } });
  tokens = new Map();
  for (const user of [busy, numbered]) tokens.set(user.sub, await signIn(google, user, `${MODIFY} ${FULL}`));
});
afterAll(() => running.close());

async function send(path: string, init: RequestInit & { user?: User; token?: string } = {}): Promise<Response> {
  const { user = numbered, token = tokens.get(user.sub) ?? "", ...rest } = init;
  return fetch(`${google.origin}/gmail/v1/users/me/${path}`, { ...rest, headers: { authorization: `Bearer ${token}` } });
}

async function get<T>(path: string, schema: z.ZodType<T>, user = numbered): Promise<T> {
  const response = await send(path, { user });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return schema.parse(JSON.parse(text));
}

function post(path: string, body: object, user = numbered): Promise<Response> {
  return send(path, { user, method: "POST", body: JSON.stringify(body) });
}

const listSchema = z.object({
  messages: z.array(z.object({ id: z.string(), threadId: z.string() })).default([]),
  nextPageToken: z.string().optional(),
});

async function search(q: string, user = busy): Promise<string[]> {
  const query = new URLSearchParams({ q, maxResults: "500" }).toString();
  return (await get(`messages?${query}`, listSchema, user)).messages.map(({ id }) => id);
}

interface Part {
  readonly mimeType: string;
  readonly filename: string;
  readonly partId: string;
  readonly body: { readonly size: number; readonly data?: string | undefined; readonly attachmentId?: string | undefined };
  readonly parts?: readonly Part[] | undefined;
}
const partSchema: z.ZodType<Part> = z.lazy(() =>
  z.object({
    mimeType: z.string(),
    filename: z.string(),
    partId: z.string(),
    body: z.object({ size: z.number(), data: z.string().optional(), attachmentId: z.string().optional() }),
    parts: z.array(partSchema).optional(),
  }),
);
const headerSchema = z.object({ name: z.string(), value: z.string() });
const messageSchema = z.object({
  id: z.string(),
  threadId: z.string(),
  labelIds: z.array(z.string()),
  internalDate: z.string(),
  historyId: z.string(),
  payload: z.object({ headers: z.array(headerSchema) }),
});

async function rowOf(id: string, user = busy): Promise<{ labels: string[]; dateMs: number; header: (name: string) => string }> {
  const { labelIds, internalDate, payload } = await get(`messages/${id}?format=metadata`, messageSchema, user);
  const header = (name: string): string => payload.headers.find((one) => one.name === name)?.value ?? "";
  return { labels: labelIds, dateMs: Number(internalDate), header };
}

function flatten(part: Part): Part[] {
  return [part, ...(part.parts ?? []).flatMap(flatten)];
}

const fullSchema = z.object({ payload: partSchema });

async function partsOf(id: string): Promise<Part[]> {
  return flatten((await get(`messages/${id}`, fullSchema, busy)).payload);
}

describe("a search", () => {
  test.each<[string, (row: Awaited<ReturnType<typeof rowOf>>) => boolean]>([
    ["from:ana", (row) => /\bAna\b/i.test(row.header("From"))],
    ["to:me", (row) => row.header("To").includes(busy.email)],
    ["subject:invoice", (row) => /invoice/i.test(row.header("Subject"))],
    ["is:unread", (row) => row.labels.includes("UNREAD")],
    ["is:starred", (row) => row.labels.includes("STARRED")],
    ["newer_than:7d", (row) => row.dateMs > Date.now() - 7 * 86_400_000 - 60_000],
    ["older_than:1y", (row) => row.dateMs < Date.now() - 365 * 86_400_000 + 60_000],
    ["before:2026/01/01", (row) => row.dateMs < Date.UTC(2026, 0, 1, 8)],
    ["after:2026/01/01", (row) => row.dateMs >= Date.UTC(2026, 0, 1, 8)],
    ["label:work", (row) => row.labels.includes("Label_work")],
    ["label:work/ci", (row) => row.labels.includes("Label_ci")],
    ["in:spam", (row) => row.labels.includes("SPAM")],
    ["in:trash", (row) => row.labels.includes("TRASH")],
    ["-is:read -in:inbox", (row) => row.labels.includes("UNREAD") && !row.labels.includes("INBOX")],
    ["from:ana OR from:maya", (row) => /\b(?:Ana|Maya)\b/i.test(row.header("From"))],
    ["{from:ana from:maya} is:unread", (row) => /\b(?:Ana|Maya)\b/i.test(row.header("From")) && row.labels.includes("UNREAD")],
    ["from:(maya whitfield)", (row) => /Maya Whitfield/.test(row.header("From"))],
    ["subject:نوروزت", (row) => row.header("Subject").includes("نوروزت")],
    ["subject:お花見 OR subject:来週の", (row) => /お花見|来週の/.test(row.header("Subject"))],
    ["from:lefevre", (row) => row.header("From").includes("Lefèvre")],
  ])("%s finds what it says, and something", async (q, fits) => {
    const found = await search(q);
    expect(found.length).toBeGreaterThan(0);
    for (const id of found.slice(0, 25)) expect(fits(await rowOf(id)), id).toBe(true);
  });

  test("has:attachment finds what has files, and finds all of it", async () => {
    const found = new Set(await search("has:attachment"));
    expect(found.size).toBeGreaterThan(50);
    const newest = (await search("")).slice(0, 60);
    for (const id of newest) {
      const files = (await partsOf(id)).filter(({ filename }) => filename !== "");
      expect(found.has(id), id).toBe(files.length > 0);
    }
  });

  test('of "exact words" finds them in this order, and a - leaves out what has the word', async () => {
    const [exact, words] = [await search('"exact words"'), await search("exact words")];
    expect(exact.length).toBeGreaterThan(0);
    expect(words).toEqual(expect.arrayContaining(exact));
    expect(await search('"words exact"')).toEqual([]);
    const [with_, without, all] = [await search("newsletter in:anywhere"), await search("-newsletter"), await search("")];
    expect(with_.length).toBeGreaterThan(0);
    expect(without.some((id) => with_.includes(id))).toBe(false);
    expect(all.length).toBe(500);
  });

  test("compares whole words, and in:anywhere brings spam and trash", async () => {
    expect(await search("from:may")).toEqual([]);
    const query = async (q: string): Promise<number> => (await search(q, numbered)).length;
    expect(await query("subject:invoice in:anywhere")).toBeGreaterThan(await query("subject:invoice"));
  });
});

describe("a message", () => {
  test("has nested parts, and files that are fetched apart by an ID of theirs", async () => {
    const [id = ""] = await search("has:attachment from:receipts");
    const parts = await partsOf(id);
    expect(parts.map(({ partId, mimeType }) => [partId, mimeType])).toEqual([
      ["", "multipart/mixed"],
      ["0", "multipart/alternative"],
      ["0.0", "text/plain"],
      ["0.1", "text/html"],
      ["1", "application/pdf"],
    ]);
    const file = parts.at(-1);
    expect(file?.body.data).toBeUndefined();
    const attachment = z.object({ size: z.number(), data: z.string() });
    const { data, size } = await get(`messages/${id}/attachments/${file?.body.attachmentId}`, attachment, busy);
    expect([size, Buffer.from(data, "base64url").toString().slice(0, 5)]).toEqual([file?.body.size, "%PDF-"]);
    const [other = ""] = await search("from:maya");
    expect((await send(`messages/${other}/attachments/${file?.body.attachmentId}`, { user: busy })).status).toBe(400);
  });

  test("comes as it was sent with format=raw: lines of ASCII, encoded words", async () => {
    const [id = ""] = await search("subject:größere");
    const { raw } = await get(`messages/${id}?format=raw`, z.object({ raw: z.string() }), busy);
    const source = Buffer.from(raw, "base64url").toString();
    expect(source).toContain("Subject: =?UTF-8?Q?Gr=C3=B6=C3=9Fere");
    expect(source.split("\r\n").every((line) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line))).toBe(true);
  });

  test("is cut down by fields, whose names are checked", async () => {
    const path = `messages/${messageId(7)}?fields=id,payload(headers/name,parts(filename,body/size))`;
    const cut = await get(path, z.strictObject({ id: z.string(), payload: z.looseObject({}) }));
    expect(cut.payload).toEqual({
      headers: ["Date", "From", "To", "Subject", "Message-ID", "Content-Type"].map((name) => ({ name })),
      parts: [
        { filename: "", body: { size: 5 } },
        { filename: "figures-7.csv", body: { size: 11 } },
      ],
    });
    for (const wrong of ["id,", "idd", "payload(headers", "a b"]) {
      const query = new URLSearchParams({ fields: wrong }).toString();
      expect((await send(`messages/${messageId(7)}?${query}`)).status, wrong).toBe(400);
    }
  });

  test("of a conversation stands in its thread, oldest first", async () => {
    const { messages } = await get("messages?maxResults=60", listSchema, busy);
    const answer = messages.find(({ id, threadId }) => id !== threadId);
    const thread = await get(`threads/${answer?.threadId}`, z.object({ messages: z.array(messageSchema) }), busy);
    const dates = thread.messages.map(({ internalDate }) => Number(internalDate));
    expect(dates.length).toBeGreaterThan(1);
    expect(dates).toEqual(dates.toSorted((a, b) => a - b));
    const { threads } = await get("threads?maxResults=500", z.object({ threads: z.array(z.object({ id: z.string() })) }), busy);
    expect(new Set(threads.map(({ id }) => id)).size).toBe(500);
  });
});

const labelSchema = z.looseObject({ id: z.string(), name: z.string(), type: z.string() });

test("labels have visibility and colours, and counts one by one", async () => {
  const { labels } = await get("labels", z.object({ labels: z.array(labelSchema) }), busy);
  expect(labels.find(({ name }) => name === "Work")).toMatchObject({ type: "user", color: { backgroundColor: "#4986e7" } });
  expect(labels.find(({ id }) => id === "Label_odd")).toMatchObject({ labelListVisibility: "labelHide" });
  const inbox = await get("labels/INBOX", z.object({ messagesUnread: z.number(), messagesTotal: z.number() }), busy);
  expect(inbox.messagesUnread).toBe((await search("in:inbox is:unread")).length);
  expect((await send("labels/Label_404", { user: busy })).status).toBe(404);
});

const historySchema = z.object({
  history: z.array(z.looseObject({ id: z.string() })).default([]),
  nextPageToken: z.string().optional(),
  historyId: z.string(),
});
type History = z.infer<typeof historySchema>;
const since = (historyId: string, more = ""): Promise<History> => get(`history?startHistoryId=${historyId}${more}`, historySchema);

async function currentHistoryId(): Promise<string> {
  return (await get("profile", z.object({ historyId: z.string() }))).historyId;
}

describe("history", () => {
  test("tells each change once, in order, and nothing after the last", async () => {
    const start = await currentHistoryId();
    const id = messageId(30);
    await post(`messages/${id}/modify`, { addLabelIds: ["IMPORTANT"], removeLabelIds: ["INBOX"] });
    await post(`messages/${id}/modify`, { addLabelIds: ["IMPORTANT"] });
    await post(`messages/${messageId(31)}/trash`, {});
    await google.act({ action: "receiveMail", email: numbered.email, messages: 2 });
    const raw = Buffer.from("To: a@example.com\r\nSubject: Hi\r\n\r\nHello").toString("base64url");
    const { id: sent } = z.object({ id: z.string() }).parse(await (await post("messages/send", { raw })).json());
    expect((await send(`messages/${sent}`, { method: "DELETE" })).status).toBe(204);
    const { history, historyId } = await since(start);
    expect(history.map((record) => Object.keys(record).filter((key) => key !== "id" && key !== "messages").join())).toEqual([
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
    expect((await get(`messages/${id}`, messageSchema)).historyId).toBe(history[1]?.id);
    expect((await send(`messages/${sent}`)).status).toBe(404);
  });

  test("comes in pages whose tokens fit its question only, by kinds and by label", async () => {
    const start = await currentHistoryId();
    for (let n = 1; n <= 5; n += 1) await post(`messages/${messageId(n)}/modify`, { addLabelIds: ["IMPORTANT"] });
    await post(`messages/${messageId(1)}/modify`, { removeLabelIds: ["IMPORTANT"] });
    const first = await since(start, "&maxResults=4");
    const token = encodeURIComponent(first.nextPageToken ?? "");
    expect([first.history.length, (await since(start, `&maxResults=4&pageToken=${token}`)).history.length]).toEqual([4, 2]);
    expect((await send(`history?startHistoryId=${Number(start) + 1}&pageToken=${token}`)).status).toBe(400);
    expect((await since(start, "&historyTypes=labelRemoved")).history.length).toBe(1);
    expect((await since(start, "&labelId=SENT")).history.length).toBe(0);
  });

  test("that is forgotten, or of another mailbox, is 404; no number is 400", async () => {
    const start = await currentHistoryId();
    await google.act({ action: "forgetHistory", email: numbered.email });
    expect((await send(`history?startHistoryId=${start}`)).status).toBe(404);
    expect((await send("history?startHistoryId=999999999")).status).toBe(404);
    expect((await send("history?startHistoryId=now")).status).toBe(400);
    expect((await since(await currentHistoryId())).history).toEqual([]);
  });
});

describe("a watch", () => {
  test("brings signed notifications, at most one a second, until it is stopped", async () => {
    await google.configure({ push: { audience: "https://mail.test/push/gmail", serviceAccount: "push@project.test" } });
    const started = z.object({ historyId: z.string(), expiration: z.string() });
    const answer = started.parse(await (await post("watch", { topicName: "projects/p/topics/t" })).json());
    expect(Number(answer.expiration)).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    await google.act({ action: "receiveMail", email: numbered.email, messages: 1 });
    await google.advanceClock(1_500);
    await google.act({ action: "receiveMail", email: numbered.email, messages: 2 });
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
    expect(JSON.parse(Buffer.from(message.data, "base64").toString())).toMatchObject({ emailAddress: numbered.email });
    await post("stop", {});
    await google.advanceClock(1_500);
    await google.act({ action: "receiveMail", email: numbered.email, messages: 1 });
    expect(await google.takePushes()).toEqual([]);
    expect((await post("watch", { topicName: "t" })).status).toBe(400);
  });

  test("of which a test spoils a notification, is forged or says what it must not", async () => {
    const keys = createRemoteJWKSet(new URL(google.vars["GOOGLE_JWKS_URI"] ?? ""));
    const forged = await google.push(numbered, { isForged: true });
    await expect(jwtVerify(forged.authorization.slice(7), keys)).rejects.toThrow("signature");
    const other = await google.push(numbered, { claims: { email: "other@project.test" }, historyId: "5" });
    const { payload } = await jwtVerify(other.authorization.slice(7), keys, { currentDate: new Date(NOW_MS * 2) }).catch(
      () => jwtVerify(other.authorization.slice(7), keys, { currentDate: new Date(Date.now() + 4_000) }),
    );
    expect(payload["email"]).toBe("other@project.test");
  });
});

describe("what one may do", () => {
  test("is in one's own mailbox only", async () => {
    const headers = { authorization: `Bearer ${tokens.get(numbered.sub)}` };
    const ask = (who: string): Promise<Response> => fetch(`${google.origin}/gmail/v1/users/${who}/profile`, { headers });
    expect([(await ask(numbered.email)).status, (await ask(busy.email)).status]).toEqual([200, 403]);
  });

  test("follows from the scopes: gmail.metadata neither searches nor reads on, gmail.readonly changes nothing", async () => {
    const scope = (name: string): string => `https://www.googleapis.com/auth/gmail.${name}`;
    const user = await google.addUser({ mailbox: { messages: 5 } });
    const metadata = await signIn(google, user, scope("metadata"));
    const statuses = [];
    for (const path of ["messages", "messages?q=a", `messages/${messageId(1)}?format=metadata`, `messages/${messageId(1)}`]) {
      statuses.push((await send(path, { token: metadata })).status);
    }
    expect(statuses).toEqual([200, 403, 200, 403]);
    const reader = await signIn(google, await google.addUser({ mailbox: { messages: 5 } }), scope("readonly"));
    const refused = await send(`messages/${messageId(1)}/trash`, { token: reader, method: "POST" });
    expect([refused.status, await refused.json()]).toEqual([
      403,
      expect.objectContaining({ error: expect.objectContaining({ details: [expect.objectContaining({ reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT" })] }) }),
    ]);
  });

  test("costs units as of May 2026, and ends with the minute's", async () => {
    const user = await google.addUser({ mailbox: { messages: 5 } });
    const token = await signIn(google, user, MODIFY);
    await google.configure({ quotaUnitsPerMinute: 6_000 });
    await google.forgetCalls();
    const calls = ["messages", `messages/${messageId(1)}`, "profile", "labels", "labels/INBOX", "history?startHistoryId=1005", "threads"];
    for (const path of calls) expect((await send(path, { token })).status, path).toBe(200);
    expect((await google.snapshot()).quotaUnits).toBe(5 + 20 + 1 + 1 + 1 + 2 + 10);
    await google.configure({ quotaUnitsPerMinute: 50 });
    expect((await send(`messages/${messageId(1)}`, { token })).status).toBe(403);
    expect((await send("messages", { token })).status).toBe(200);
    await google.advanceClock(61_000);
    expect((await send(`messages/${messageId(1)}`, { token })).status).toBe(200);
    await google.configure({ quotaUnitsPerMinute: null });
  });
});

test("a batch answers each part for itself: with its own token, status and body, and reaches nothing but Gmail", async () => {
  const other = await google.addUser({ mailbox: { messages: 3 } });
  const theirs = await signIn(google, other, MODIFY);
  const read = (id: string, path: string, ...headers: string[]) => ({
    contentId: `<${id}>`,
    head: [`GET /gmail/v1/users/me/${path}`, ...headers],
  });
  const body = composeBatch(
    [
      read("found", `messages/${messageId(40)}?format=minimal`),
      read("missing", "messages/ffffffffffffffff"),
      read("bad-token", "profile", "Authorization: Bearer made-up"),
      read("theirs", "profile", `Authorization: Bearer ${theirs}`),
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
  const headers = { authorization: `Bearer ${tokens.get(numbered.sub)}`, "content-type": "multipart/mixed; boundary=b" };
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
  expect((await fetch(`${google.origin}/batch/gmail/v1`, { method: "POST", headers, body: absolute })).status).toBe(400);
});
