/**
 * A program that uses the Worker's API with a person's session, and believes nothing that does not have
 * the shape the API promises.
 */

import * as z from "zod/mini";
import { ScriptError } from "../lib/script-error.ts";
import type { Browser } from "../browser/without-script.ts";

const me = z.object({
  sub: z.string(),
  email: z.string(),
  name: z.string(),
  picture: z.nullable(z.string()),
  scopes: z.array(z.string()),
});

const idRow = z.strictObject({ id: z.string(), threadId: z.string() });

const metadataRow = z.strictObject({
  id: z.string(),
  threadId: z.string(),
  labelIds: z.array(z.string()),
  snippet: z.string(),
  date: z.iso.datetime({ offset: true }),
  from: z.nullable(z.string()),
  to: z.nullable(z.string()),
  subject: z.nullable(z.string()),
  unread: z.boolean(),
});

function listing<Row extends z.core.$ZodType>(row: Row) {
  return z.strictObject({
    messages: z.array(row),
    nextPageToken: z.optional(z.string()),
    resultSizeEstimate: z.number(),
  });
}

const errorBody = z.object({
  error: z.object({
    code: z.number(),
    status: z.string(),
    message: z.string(),
    details: z.array(z.object({ reason: z.string(), metadata: z.record(z.string(), z.string()) })),
  }),
});

/** A message as `view=metadata` shows it. */
export type MetadataRow = z.infer<typeof metadataRow>;

/** The API on behalf of whoever is signed in in the browser. */
export class Api {
  readonly #origin: string;
  readonly #browser: Browser;

  constructor(origin: string, browser: Browser) {
    this.#origin = origin;
    this.#browser = browser;
  }

  me(): Promise<z.infer<typeof me>> {
    return this.#get("/api/me", me);
  }

  /** One request for IDs, with the quota units that it cost. */
  async listIds(query: Record<string, string>) {
    const parameters = new URLSearchParams({ ...query, view: "id" });
    const response = await this.fetch(`/api/messages?${parameters.toString()}`);
    const page = await read(response, listing(idRow));
    return { ...page, quotaUnits: Number(response.headers.get("X-Gmail-Quota-Units")) };
  }

  /** One request for messages with their subjects. */
  listMetadata(query: Record<string, string>) {
    const parameters = new URLSearchParams({ ...query, view: "metadata" });
    return this.#get(`/api/messages?${parameters.toString()}`, listing(metadataRow));
  }

  /** A request that is expected to fail. */
  async failure(path: string) {
    const response = await this.fetch(path);
    return {
      status: response.status,
      challenge: response.headers.get("WWW-Authenticate"),
      ...z.parse(errorBody, await response.json()),
    };
  }

  /** Any request, with the browser's cookies, as a program: what it gets is JSON, not a redirect. */
  async fetch(path: string): Promise<Response> {
    return this.#browser.fetch(new URL(path, this.#origin).href);
  }

  async #get<T extends z.core.$ZodType>(path: string, schema: T): Promise<z.core.output<T>> {
    return read(await this.fetch(path), schema);
  }
}

async function read<T extends z.core.$ZodType>(response: Response, schema: T): Promise<z.core.output<T>> {
  const { pathname, search } = new URL(response.url);
  const body = await response.text();
  if (response.status !== 200) {
    throw new ScriptError(
      `GET ${pathname}${search}\n  expected: HTTP 200\n  got:      HTTP ${response.status} ${body}`,
    );
  }
  const parsed = z.safeParse(schema, JSON.parse(body));
  if (parsed.success) return parsed.data;
  throw new ScriptError(
    `GET ${pathname}${search}\n  expected: the promised shape\n  got:      ${z.prettifyError(parsed.error)}`,
  );
}
