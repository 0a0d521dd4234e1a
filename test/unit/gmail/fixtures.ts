/** What the tests of Gmail share: a client over an injected network, and a small mailbox that pages. */
import { expect } from "vitest";
import { Gmail, type MessageRef, type UserAccess } from "../../../src/gmail.ts";
import type { UpstreamOptions } from "../../../src/lib/upstream.ts";
import { type Call, createWorld, type Network, type World } from "../fixtures.ts";

export const API_URL = "https://gmail.localhost";

export const FILTER = { q: "", labelIds: [], includeSpamTrash: false } as const;

export interface GmailWorld {
  readonly gmail: Gmail;
  readonly access: UserAccess;
  readonly world: World;
}

/** A client whose access is never refused. */
export function createGmail(network: Network, changes: Partial<UpstreamOptions> = {}): GmailWorld {
  const world = createWorld(network, changes);
  const { upstream, trace, now } = world;
  const access: UserAccess = {
    fetch: (input, init, options) => upstream.fetch(input, init, options),
    renewal: () => () => expect.fail("Nobody has answered 401."),
  };
  return { gmail: new Gmail({ apiUrl: API_URL, access, upstream, trace, now }), access, world };
}

/** `count` messages, the newest first. */
export function messages(count: number): MessageRef[] {
  return Array.from({ length: count }, (_, index) => ({ id: `m${index}`, threadId: `t${index}` }));
}

export interface MailboxOptions {
  readonly refs: readonly MessageRef[];
  /** Where pages begin that hold nothing and go on. */
  readonly emptyAt?: readonly number[];
  /** How many messages of each page the next one repeats. */
  readonly overlap?: number;
}

/** A `messages.list` over `refs`; its page tokens are offsets. */
export function mailbox({ refs, emptyAt = [], overlap = 0 }: MailboxOptions): Network {
  const passed = new Set<number>();
  return ({ url }: Call) => {
    const offset = Number(url.searchParams.get("pageToken") ?? 0);
    if (emptyAt.includes(offset) && !passed.has(offset)) {
      passed.add(offset);
      return Response.json({ nextPageToken: `0${offset}`, resultSizeEstimate: refs.length });
    }
    const end = offset + Number(url.searchParams.get("maxResults"));
    const page = refs.slice(Math.max(0, offset - overlap), end);
    const more = end < refs.length ? { nextPageToken: String(end) } : {};
    return Response.json({ messages: page, ...more, resultSizeEstimate: refs.length });
  };
}
