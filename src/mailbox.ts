/**
 * The signed-in user's mailbox for the handlers: Gmail through the user's grant, and page tokens to go on with.
 */
import { Gmail, type MessageFilter } from "./gmail.ts";
import type { ListPage } from "./listing.ts";
import { sealPageToken } from "./page-token.ts";
import type { AppContext, Caller } from "./scope.ts";

/** Gmail on behalf of a caller. @param signal ends its calls, for a client that went away */
export function gmailOf(c: AppContext, { grant }: Caller, signal?: AbortSignal): Gmail {
  const { config, trace, upstream, world } = c.var.scope;
  return new Gmail({
    apiUrl: config.gmailApiUrl,
    authorizedFetch: (input, init, options) => grant.fetch(input, init, options),
    upstream,
    trace,
    now: world.now,
    signal,
  });
}

/** The page token that goes on after `page`; null where nothing follows. */
export async function sealNextPageToken(
  c: AppContext,
  caller: Caller,
  filter: MessageFilter,
  page: ListPage | null,
): Promise<string | null> {
  if (page === null || page.nextPageToken === null) return null;
  return sealPageToken(c.var.scope.keyRing, { sub: caller.session.identity.sub, filter }, page.nextPageToken);
}
