/**
 * The messages of the fake's mailbox. They are made from their position, so that a hundred thousand cost no memory
 * and the benchmark knows every ID without asking.
 */

const FIRST_ID = 0x19a_0000_0000_0000n;

/** The ID of the nth message of the list, newest first. */
export function messageId(position: number): string {
  return (FIRST_ID - BigInt(position)).toString(16);
}

/** Which place in the list a message has. */
export function positionOf(id: string): number {
  return Number(FIRST_ID - BigInt(`0x${id}`));
}

/** A page as `messages.list` answers it with the field mask that all subjects use. */
export function listPage(page: { from: number; size: number; mailboxSize: number }): string {
  const end = Math.min(page.from + page.size, page.mailboxSize);
  const messages = [];
  for (let position = page.from; position < end; position += 1) {
    messages.push({ id: messageId(position), threadId: messageId(position) });
  }
  return JSON.stringify({
    messages,
    ...(end < page.mailboxSize ? { nextPageToken: String(end) } : {}),
  });
}

/** A message as `messages.get` answers it with `format=metadata` and three headers. */
export function messageMetadata(id: string): string {
  const position = positionOf(id);
  return JSON.stringify({
    id,
    threadId: id,
    labelIds: ["INBOX", "CATEGORY_UPDATES", ...(position % 3 === 0 ? ["UNREAD"] : [])],
    snippet: `Hello, this is message ${position} and these are the first words of what it has to say to whoever reads it.`,
    internalDate: String(1_790_000_000_000 - position * 60_000),
    payload: {
      headers: [
        { name: "From", value: `=?UTF-8?B?QcOvZGE=?= <sender${position % 50}@example.com>` },
        { name: "To", value: "reader@example.com" },
        { name: "Subject", value: `Message number ${position}` },
      ],
    },
  });
}
