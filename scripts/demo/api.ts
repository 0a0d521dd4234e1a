/**
 * A program that uses the Worker's API with a person's session, and believes nothing that does not have the shape the
 * API promises.
 */

import * as z from "zod/mini";
import type { Browser } from "../browser/without-script.ts";
import { ScriptError } from "../lib/script-error.ts";

const me = z.object({
  sub: z.string(),
  email: z.string(),
  name: z.string(),
  picture: z.nullable(z.string()),
  scopes: z.array(z.string()),
});
const idRow = z.strictObject({ id: z.string(), threadId: z.string() });
const metadataRow = z.extend(idRow, {
  labelIds: z.array(z.string()),
  snippet: z.string(),
  date: z.iso.datetime({ offset: true }),
  from: z.nullable(z.string()),
  to: z.nullable(z.string()),
  subject: z.nullable(z.string()),
  unread: z.boolean(),
});
const page = { nextPageToken: z.optional(z.string()), resultSizeEstimate: z.number() };
const idPage = z.strictObject({ messages: z.array(idRow), ...page });
const metadataPage = z.strictObject({ messages: z.array(metadataRow), ...page });
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

/** The API on behalf of whoever is signed in in the browser. What it answers is JSON, not a redirect. */
export class Api {
  readonly #fetch: (path: string) => Promise<Response>;

  constructor(origin: string, browser: Browser) {
    this.#fetch = (path) => browser.fetch(new URL(path, origin).href);
  }

  async me() {
    return read(await this.#fetch("/api/me"), me);
  }

  /** One request for IDs, with the quota units that it cost. */
  async listIds(query: Record<string, string>) {
    const response = await this.#fetch(`/api/messages?${new URLSearchParams({ ...query, view: "id" }).toString()}`);
    return { ...(await read(response, idPage)), quotaUnits: Number(response.headers.get("X-Gmail-Quota-Units")) };
  }

  /** One request for messages with their subjects. */
  async listMetadata(query: Record<string, string>) {
    const parameters = new URLSearchParams({ ...query, view: "metadata" });
    return read(await this.#fetch(`/api/messages?${parameters.toString()}`), metadataPage);
  }

  /** A request that is expected to fail. */
  async failure(path: string) {
    const response = await this.#fetch(path);
    const { error } = z.parse(errorBody, await response.json());
    return { status: response.status, challenge: response.headers.get("WWW-Authenticate"), error };
  }
}

async function read<T extends z.core.$ZodType>(response: Response, schema: T): Promise<z.core.output<T>> {
  const { pathname, search } = new URL(response.url);
  const body = await response.text();
  const parsed = response.status === 200 ? z.safeParse(schema, JSON.parse(body)) : null;
  if (parsed?.success === true) return parsed.data;
  const got = parsed === null ? `HTTP ${response.status} ${body}` : z.prettifyError(parsed.error);
  throw new ScriptError(`GET ${pathname}${search}\n  expected: HTTP 200 in the promised shape\n  got:      ${got}`);
}
