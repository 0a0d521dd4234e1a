/** The emulated mailboxes: full enough and awkward enough to develop against. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGoogleEmulator, type GoogleEmulator } from "../../scripts/emulator/start.ts";
import { BUSY_USER, EMPTY_USER, SMALL_USER } from "../../scripts/emulator/users.ts";
import { CLIENT, get, signIn } from "./emulated-sign-in.ts";

const DAY_MS = 86_400_000;
const SYSTEM_LABELS = [
  ..."INBOX SENT DRAFT SPAM TRASH UNREAD STARRED IMPORTANT".split(" "),
  ..."PERSONAL SOCIAL PROMOTIONS UPDATES FORUMS".split(" ").map((name) => `CATEGORY_${name}`),
];

interface List {
  readonly messages?: readonly { readonly id: string; readonly threadId: string }[];
  readonly nextPageToken?: string;
}

interface Message {
  readonly internalDate: string;
  readonly raw?: string;
  readonly payload: { readonly headers: readonly { readonly name: string; readonly value: string }[] };
}

let google: GoogleEmulator;
let tokens: Record<string, string>;

beforeAll(async () => {
  google = await startGoogleEmulator(CLIENT);
  const users = [BUSY_USER, SMALL_USER, EMPTY_USER];
  const entries = users.map(async ({ email }) => [email, (await signIn(google, email)).access_token] as const);
  tokens = Object.fromEntries(await Promise.all(entries));
});
afterAll(() => google.close());

async function api<T>(path: string, email = BUSY_USER.email): Promise<T> {
  const response = await get(google, `/gmail/v1/users/me/${path}`, tokens[email]);
  expect(response.status).toBe(200);
  return response.json<T>();
}

function texts(emulator: GoogleEmulator): (number | undefined)[] {
  return emulator.mailOf(BUSY_USER.email).map(({ body_html }) => body_html?.length);
}

async function listAll(query: string): Promise<string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const page = await api<List>(`messages?maxResults=500&${query}${pageToken}`);
    ids.push(...(page.messages ?? []).map(({ id }) => id));
    pageToken = page.nextPageToken === undefined ? "" : `&pageToken=${page.nextPageToken}`;
  } while (pageToken !== "");
  return ids;
}

describe("the busy mailbox", () => {
  it("lists at least 1,200 messages over several pages, newest first, none twice", async () => {
    const ids = await listAll("");
    expect(ids.length).toBeGreaterThanOrEqual(1_200);
    expect(new Set(ids).size).toBe(ids.length);
    const visible = google
      .mailOf(BUSY_USER.email)
      .filter(({ label_ids }) => !label_ids.includes("SPAM") && !label_ids.includes("TRASH"));
    expect(ids).toEqual(visible.map(({ id }) => id));
  });

  it("spreads over about two years and ends shortly before now", () => {
    const ages = google.mailOf(BUSY_USER.email).map((mail) => (Date.now() - Number(mail.internal_date)) / DAY_MS);
    expect(Math.min(...ages)).toBeGreaterThan(0);
    expect(Math.min(...ages)).toBeLessThan(1);
    expect(Math.max(...ages)).toBeGreaterThan(600);
  });

  it.each(SYSTEM_LABELS)("has messages with the label %s", async (label) => {
    expect((await listAll(`includeSpamTrash=true&labelIds=${label}`)).length).toBeGreaterThan(4);
  });

  it.each(["Arabic", "Hebrew", "Han", "Hangul", "Hiragana", "Devanagari", "Thai", "Greek", "Cyrillic"])(
    "has subjects in the script %s",
    (script) => {
      const subjects = google.mailOf(BUSY_USER.email).map(({ subject }) => subject);
      expect(subjects.some((subject) => new RegExp(`\\p{Script=${script}}`, "u").test(subject))).toBe(true);
    },
  );

  it("is the same at every start, but for the dates", async () => {
    const other = await startGoogleEmulator(CLIENT);
    expect(texts(other)).toEqual(texts(google));
    await other.close();
  });

  it("has threads that the API knows as such", async () => {
    const reply = google.mailOf(BUSY_USER.email).find(({ in_reply_to }) => in_reply_to !== null);
    const thread = await api<{ messages: unknown[] }>(`threads/${reply?.thread_id}`);
    expect(thread.messages.length).toBeGreaterThan(1);
  });

  it("answers RFC 2047 headers decoded, and as they were sent in format=raw", async () => {
    const mail = google.mailOf(BUSY_USER.email).find(({ subject }) => subject.startsWith("Größere"));
    const metadata = await api<Message>(`messages/${mail?.id}?format=metadata&metadataHeaders=Subject`);
    expect(metadata.payload.headers).toEqual([{ name: "Subject", value: mail?.subject }]);
    const { raw = "" } = await api<Message>(`messages/${mail?.id}?format=raw`);
    const source = Buffer.from(raw, "base64url").toString();
    expect(source).toContain("Subject: =?UTF-8?Q?Gr=C3=B6=C3=9Fere");
    expect(source.split("\r\n").every((line: string) => line.length <= 78 && /^[\x20-\x7e]*$/.test(line))).toBe(true);
  });
});

describe("the other mailboxes", () => {
  it("hold twelve messages, and none; then `messages` is absent, as at Google", async () => {
    expect((await api<List>("messages", SMALL_USER.email)).messages).toHaveLength(12);
    expect(await api<List>("messages", EMPTY_USER.email)).toEqual({ resultSizeEstimate: 0 });
  });

  it("have a profile", async () => {
    const profile = await api<object>("profile", SMALL_USER.email);
    expect(profile).toMatchObject({ emailAddress: SMALL_USER.email, messagesTotal: 12, threadsTotal: 12 });
  });
});
