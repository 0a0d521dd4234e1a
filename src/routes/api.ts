/**
 * `/api/*`: the JSON API of the signed-in user.
 */
import { Hono } from "hono";
import * as z from "zod/mini";
import { requireCaller } from "../authentication.ts";
import { invalidArgument } from "../errors.ts";
import type { MessageFilter } from "../gmail.ts";
import { type ListPage, listPages, type ListRequest } from "../listing.ts";
import { gmailOf, sealNextPageToken } from "../mailbox.ts";
import { openPageToken } from "../page-token.ts";
import { wantsNdjson } from "../request.ts";
import { errorBody, toAppError } from "../responses.tsx";
import type { AppContext, AppEnv, Caller } from "../scope.ts";

const DEFAULT_LIMIT = 100;

/** Query of `GET /api/messages`; the names and messages are what a bad request is answered with. */
const MessagesQuerySchema = z.object({
  q: z._default(z.string(), ""),
  labelIds: z.array(z.string().check(z.minLength(1, "must not be empty"))),
  includeSpamTrash: z._default(z.enum(["true", "false"], "must be true or false"), "false"),
  limit: z.optional(z.string().check(z.regex(/^(all|0*[1-9]\d{0,8})$/, "must be a whole number of 1 or more, or all"))),
  pageToken: z.optional(z.string().check(z.minLength(1, "must not be empty"))),
  view: z._default(z.enum(["id", "metadata"], "must be id or metadata"), "id"),
});

export const apiRoutes = new Hono<AppEnv>()
  .get("/me", async (c) => {
    const { session } = await requireCaller(c);
    return c.json({ ...session.identity, scopes: session.scopes });
  })
  .get("/messages", async (c) => {
    const caller = await requireCaller(c);
    const query = parseQuery(c);
    const filter = { q: query.q, labelIds: query.labelIds, includeSpamTrash: query.includeSpamTrash === "true" };
    const isStream = wantsNdjson(c);
    const request: ListRequest = {
      filter,
      limit: query.limit === "all" ? Infinity : Number(query.limit ?? DEFAULT_LIMIT),
      view: query.view,
      pageToken: query.pageToken === undefined ? null : await openToken(c, caller, filter, query.pageToken),
      distinct: isStream ? "page" : "all",
    };
    return isStream ? streamMessages(c, caller, request) : c.json(await collectMessages(c, caller, request));
  });

function parseQuery(c: AppContext): z.infer<typeof MessagesQuerySchema> {
  const values: Record<string, unknown> = { labelIds: c.req.queries("labelIds") ?? [] };
  for (const name of ["q", "includeSpamTrash", "limit", "pageToken", "view"]) {
    const [value, ...more] = c.req.queries(name) ?? [];
    if (more.length > 0) throw invalidArgument(name, `${name} must be given once at most.`);
    values[name] = value;
  }
  const parsed = MessagesQuerySchema.safeParse(values);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  throw invalidArgument(name, `${name} ${issue?.message}.`);
}

async function openToken(c: AppContext, caller: Caller, filter: MessageFilter, value: string): Promise<string> {
  const { keyRing, world } = c.var.scope;
  return openPageToken(keyRing, { sub: caller.session.identity.sub, filter }, { value, nowMs: world.now() });
}

async function collectMessages(c: AppContext, caller: Caller, request: ListRequest) {
  const pages: ListPage[] = [];
  for await (const page of pagesOf(c, caller, request)) pages.push(page);
  const nextPageToken = await sealNextPageToken(c, caller, request.filter, pages.at(-1) ?? null);
  return {
    messages: pages.flatMap((page) => page.rows),
    ...(nextPageToken === null ? {} : { nextPageToken }),
    resultSizeEstimate: pages[0]?.resultSizeEstimate ?? 0,
  };
}

/** The first page is awaited, so that what fails before the first line is an ordinary error. */
async function streamMessages(c: AppContext, caller: Caller, request: ListRequest): Promise<Response> {
  const gone = new AbortController();
  const pages = pagesOf(c, caller, request, gone.signal);
  const lines = ndjsonLines(c, { caller, request, pages, firstPage: await nextPage(pages) });
  const encoder = new TextEncoder();
  // Pulled by the client: a page is fetched when the one before has been taken, so memory stays flat.
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await lines.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel() {
      gone.abort();
    },
  });
  return c.body(body, 200, { "Content-Type": "application/x-ndjson; charset=utf-8" });
}

interface LineSource {
  readonly caller: Caller;
  readonly request: ListRequest;
  readonly pages: AsyncGenerator<ListPage, void>;
  readonly firstPage: ListPage | null;
}

/** A line per message, page by page, and a last line that counts them or says what went wrong. */
async function* ndjsonLines(c: AppContext, source: LineSource): AsyncGenerator<string, void> {
  const { upstream, trace } = c.var.scope;
  let last: ListPage | null = null;
  let count = 0;
  try {
    for (let page = source.firstPage; page !== null; page = await nextPage(source.pages)) {
      if (page.rows.length > 0) yield page.rows.map(toLine).join("");
      last = page;
      count += page.rows.length;
      // The answer has begun: what follows has its own time.
      upstream.restartDeadline();
    }
    const nextPageToken = await sealNextPageToken(c, source.caller, source.request.filter, last);
    yield toLine({ ...(nextPageToken === null ? {} : { nextPageToken }), count, quotaUnits: trace.quotaUnits });
  } catch (error) {
    yield toLine(errorBody(c, toAppError(c, error)));
  }
}

function toLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

async function nextPage(pages: AsyncGenerator<ListPage, void>): Promise<ListPage | null> {
  const { value } = await pages.next();
  return value ?? null;
}

function pagesOf(c: AppContext, caller: Caller, request: ListRequest, signal?: AbortSignal) {
  const { config, upstream, trace } = c.var.scope;
  const gmail = gmailOf(c, caller, signal);
  return listPages({ gmail, upstream, trace, quotaBudget: config.quotaBudget }, request);
}
