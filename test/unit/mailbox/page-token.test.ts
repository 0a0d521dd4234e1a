import * as fc from "fast-check";
import { base64url, jwtDecrypt } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import type { MessageFilter } from "../../../src/gmail.ts";
import { KeyRing } from "../../../src/lib/key-ring.ts";
import type { Cursor } from "../../../src/mailbox/pagination.ts";
import { openPageToken, sealPageToken } from "../../../src/mailbox/page-token.ts";
import { appErrorOf, KEY_A, KEY_B, START_MS } from "../fixtures.ts";

const ring = new KeyRing([KEY_A]);
const SUB = "108204268033311374519";
const FILTER: MessageFilter = { q: "from:ann", labelIds: ["INBOX", "UNREAD"], includeSpamTrash: false };
const GMAIL_TOKEN = "09876543210987654321";
const CURSOR: Cursor = { pageToken: GMAIL_TOKEN, skip: 7, afterId: "18c0ffee" };

interface Changes {
  readonly sub?: string;
  readonly filter?: Partial<MessageFilter>;
  readonly keys?: KeyRing;
}

async function open(value: string, { sub = SUB, filter = {}, keys = ring }: Changes = {}): Promise<Cursor> {
  return openPageToken(keys, { sub, filter: { ...FILTER, ...filter } }, { value, nowMs: START_MS });
}

async function expectRefused(value: string, changes: Changes = {}): Promise<void> {
  const error = await appErrorOf(open(value, changes));
  expect(error).toMatchObject({ reason: "INVALID_ARGUMENT", code: 400, metadata: { parameter: "pageToken" } });
  expect(error.message).toMatch(/^This page link has expired or belongs to another search\./);
  expect(error.programMessage).toMatch(/^pageToken is not valid .* includeSpamTrash as before\.$/);
  expect(error.message + error.programMessage).not.toContain(GMAIL_TOKEN);
}

/** What a filter asks of Gmail, in one way of writing it. */
function question({ q, labelIds, includeSpamTrash }: MessageFilter): string {
  return JSON.stringify([q, [...new Set(labelIds)].toSorted(), includeSpamTrash]);
}

let sealed: string;

beforeEach(async () => {
  sealed = await sealPageToken(ring, { sub: SUB, filter: FILTER }, CURSOR);
});

describe("a page token", () => {
  test("opens for the user and the filter that it was made for", async () => {
    expect(await open(sealed)).toEqual(CURSOR);
  });

  test("opens whatever the order of labels, and however often they are named", async () => {
    expect(await open(sealed, { filter: { labelIds: ["UNREAD", "INBOX", "UNREAD"] } })).toEqual(CURSOR);
  });

  test("opens after rotation", async () => {
    expect(await open(sealed, { keys: new KeyRing([KEY_B, KEY_A]) })).toEqual(CURSOR);
  });

  test("goes through a URL as it is, and shows nothing", () => {
    expect(sealed).toMatch(/^[A-Za-z0-9._-]+$/);
    expect(encodeURIComponent(sealed)).toBe(sealed);
    for (const secret of [GMAIL_TOKEN, "18c0ffee", "from:ann", SUB]) {
      expect(sealed).not.toContain(secret);
      expect(sealed).not.toContain(new TextEncoder().encode(secret).toBase64({ alphabet: "base64url" }).slice(0, 8));
    }
  });

  test("carries every row boundary, whatever Gmail gives (property)", async () => {
    const text = fc.string({ unit: "grapheme" });
    const cursor = fc.record({ pageToken: fc.option(text), skip: fc.nat(500), afterId: fc.option(text) });
    await fc.assert(
      fc.asyncProperty(cursor, async (boundary) => {
        expect(await open(await sealPageToken(ring, { sub: SUB, filter: FILTER }, boundary))).toEqual(boundary);
      }),
    );
  });
});

describe("400 INVALID_ARGUMENT, naming pageToken, for a token", () => {
  test.each<[string, Changes]>([
    ["of another user", { sub: "2" }],
    ["for another q", { filter: { q: "from:bob" } }],
    ["for the same q in other letters", { filter: { q: "from:Ann" } }],
    ["for q with a space more", { filter: { q: "from:ann " } }],
    ["for no q", { filter: { q: "" } }],
    ["for fewer labels", { filter: { labelIds: ["INBOX"] } }],
    ["for more labels", { filter: { labelIds: ["INBOX", "UNREAD", "STARRED"] } }],
    ["for one label that looks like both", { filter: { labelIds: ["INBOX,UNREAD"] } }],
    ["for other labels", { filter: { labelIds: ["inbox", "UNREAD"] } }],
    ["with spam and trash", { filter: { includeSpamTrash: true } }],
    ["under a key that is gone", { keys: new KeyRing([KEY_B]) }],
  ])("%s", async (_, changes) => {
    await expectRefused(sealed, changes);
  });

  test.each(["", "x", "09876543210987654321", "a.b.c.d.e", "null", "💌", "%00"])("that is none: %j", async (value) => {
    await expectRefused(value);
  });

  test("that was cut off, or has something more at its end", async () => {
    for (const value of [sealed.slice(0, -2), `${sealed}.x`]) await expectRefused(value);
  });

  test.each([{ pageToken: GMAIL_TOKEN }, { ...CURSOR, skip: -1 }, GMAIL_TOKEN, null])(
    "that another version of this code sealed in another form: %j",
    async (form) => {
      const { payload } = await jwtDecrypt(sealed, base64url.decode(KEY_A.k));
      expect(payload).toMatchObject({ aud: "page-token", data: CURSOR });
      await expectRefused(await ring.seal({ purpose: "page-token", owner: String(payload.sub) }, form));
    },
  );

  test("of which any bit was flipped (property)", async () => {
    const [header = "", ...parts] = sealed.split(".");
    const bytes = [new TextEncoder().encode(header), ...parts.map((part) => base64url.decode(part))];
    const part = fc.constantFrom(0, 2, 3, 4);
    await fc.assert(
      fc.asyncProperty(part, fc.nat(), fc.nat(7), async (which, at, bit) => {
        const flipped = Uint8Array.from(bytes[which] ?? []);
        const index = at % flipped.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << bit);
        const changed = bytes.map((one, place) => (place === which ? flipped : one));
        const [start, ...rest] = changed;
        // The header is signed as it is written; all else by its bytes.
        await expectRefused([new TextDecoder().decode(start), ...rest.map((one) => base64url.encode(one))].join("."));
      }),
      { numRuns: 400 },
    );
  });

  test("that was sealed for something else", async () => {
    await expectRefused(await ring.seal({ purpose: "session", owner: SUB }, { gmailPageToken: GMAIL_TOKEN }));
  });
});

test("two filters share a token only where they ask Gmail the same (property)", async () => {
  const filter = fc.record({
    q: fc.constantFrom("", "a", "b", 'a"', "a,b"),
    labelIds: fc.array(fc.constantFrom("A", "B", "A,B", '"'), { maxLength: 3 }),
    includeSpamTrash: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(filter, filter, async (made, used) => {
      const value = await sealPageToken(ring, { sub: SUB, filter: made }, CURSOR);
      if (question(made) === question(used)) expect(await open(value, { filter: used })).toEqual(CURSOR);
      else await expectRefused(value, { filter: used });
    }),
  );
});
