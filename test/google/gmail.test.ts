/** Gmail as it is read: searches, parts and attachments, masks, threads, labels. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { Google, type User } from "../support/google.ts";
import { CLIENT, listSchema, messageSchema, REDIRECT, Session } from "./client.ts";
import { messageId } from "./mail/numbered.ts";
import { type RunningGoogle, startGoogle } from "./server.ts";

const READ = "https://www.googleapis.com/auth/gmail.readonly";

let running: RunningGoogle;
let robin: User;
let busy: Session;
let numbered: Session;

beforeAll(async () => {
  running = await startGoogle();
  const google = new Google(running.origin);
  await google.configure({ clients: [CLIENT], redirectUris: [REDIRECT], quotaUnitsPerMinute: null });
  robin = await google.addUser({ name: "Robin Keller", mailbox: { kind: "busy" } });
  busy = await Session.open(google, robin, READ);
  const options = { messages: 1234, spamEvery: 50, trashEvery: 70 };
  numbered = await Session.open(google, await google.addUser({ mailbox: options }), READ);
});
afterAll(() => running.close());

async function search(q: string, session = busy): Promise<string[]> {
  const query = new URLSearchParams({ q, maxResults: "500" }).toString();
  return (await session.get(`messages?${query}`, listSchema)).messages.map(({ id }) => id);
}

interface Part {
  readonly mimeType: string;
  readonly filename: string;
  readonly partId: string;
  readonly body: {
    readonly size: number;
    readonly data?: string | undefined;
    readonly attachmentId?: string | undefined;
  };
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
async function rowOf(id: string): Promise<{ labels: string[]; dateMs: number; header: (name: string) => string }> {
  const { labelIds, internalDate, payload } = await busy.get(`messages/${id}?format=metadata`, messageSchema);
  const header = (name: string): string => payload.headers.find((one) => one.name === name)?.value ?? "";
  return { labels: labelIds, dateMs: Number(internalDate), header };
}

function flatten(part: Part): Part[] {
  return [part, ...(part.parts ?? []).flatMap(flatten)];
}

const fullSchema = z.object({ payload: partSchema });

async function partsOf(id: string): Promise<Part[]> {
  return flatten((await busy.get(`messages/${id}`, fullSchema)).payload);
}

describe("a search", () => {
  test.each<[string, (row: Awaited<ReturnType<typeof rowOf>>) => boolean]>([
    ["from:ana", (row) => /\bAna\b/i.test(row.header("From"))],
    ["to:me", (row) => row.header("To").includes(robin.email)],
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
    [
      "{from:ana from:maya} is:unread",
      (row) => /\b(?:Ana|Maya)\b/i.test(row.header("From")) && row.labels.includes("UNREAD"),
    ],
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
    const [with_, without, all] = [
      await search("newsletter in:anywhere"),
      await search("-newsletter"),
      await search(""),
    ];
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
    const { data, size } = await busy.get(`messages/${id}/attachments/${file?.body.attachmentId}`, attachment);
    expect([size, Buffer.from(data, "base64url").toString().slice(0, 5)]).toEqual([file?.body.size, "%PDF-"]);
    const [other = ""] = await search("from:maya");
    expect((await busy.send(`messages/${other}/attachments/${file?.body.attachmentId}`)).status).toBe(400);
  });

  test("comes as it was sent with format=raw: lines of ASCII, encoded words", async () => {
    const [id = ""] = await search("subject:größere");
    const { raw } = await busy.get(`messages/${id}?format=raw`, z.object({ raw: z.string() }));
    const source = Buffer.from(raw, "base64url").toString();
    expect(source).toContain("Subject: =?UTF-8?Q?Gr=C3=B6=C3=9Fere");
    expect(source.split("\r\n").every((line: string) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line))).toBe(true);
  });

  test("is cut down by fields, whose names are checked", async () => {
    const path = `messages/${messageId(7)}?fields=id,payload(headers/name,parts(filename,body/size))`;
    const cut = await numbered.get(path, z.strictObject({ id: z.string(), payload: z.looseObject({}) }));
    expect(cut.payload).toEqual({
      headers: ["Date", "From", "To", "Subject", "Message-ID", "Content-Type"].map((name) => ({ name })),
      parts: [
        { filename: "", body: { size: 24 } },
        { filename: "figures-7.csv", body: { size: 11 } },
      ],
    });
    for (const wrong of ["id,", "idd", "payload(headers", "a b"]) {
      const query = new URLSearchParams({ fields: wrong }).toString();
      expect((await numbered.send(`messages/${messageId(7)}?${query}`)).status, wrong).toBe(400);
    }
  });

  test("of a conversation stands in its thread, oldest first", async () => {
    const { messages } = await busy.get("messages?maxResults=60", listSchema);
    const answer = messages.find(({ id, threadId }) => id !== threadId);
    const thread = await busy.get(`threads/${answer?.threadId}`, z.object({ messages: z.array(messageSchema) }));
    const dates = thread.messages.map(({ internalDate }) => Number(internalDate));
    expect(dates.length).toBeGreaterThan(1);
    expect(dates).toEqual(dates.toSorted((a, b) => a - b));
    const { threads } = await busy.get(
      "threads?maxResults=500",
      z.object({ threads: z.array(z.object({ id: z.string() })) }),
    );
    expect(new Set(threads.map(({ id }) => id)).size).toBe(500);
  });
});

const labelSchema = z.looseObject({ id: z.string(), name: z.string(), type: z.string() });

test("labels have visibility and colours, and counts one by one", async () => {
  const { labels } = await busy.get("labels", z.object({ labels: z.array(labelSchema) }));
  expect(labels.find(({ name }) => name === "Work")).toMatchObject({
    type: "user",
    color: { backgroundColor: "#4986e7" },
  });
  expect(labels.find(({ id }) => id === "Label_odd")).toMatchObject({ labelListVisibility: "labelHide" });
  const inbox = await busy.get("labels/INBOX", z.object({ messagesUnread: z.number(), messagesTotal: z.number() }));
  expect(inbox.messagesUnread).toBe((await search("in:inbox is:unread")).length);
  expect((await busy.send("labels/Label_404")).status).toBe(404);
});
