/**
 * The fake Workers KV: records in memory, behind the protocol that workerd's `kvNamespace` binding speaks, with a
 * latency for reads and for writes. It does not lag as the
 * real one may. With `SLOW_READS` set, reads have the tail of a store whose keys lie far away. The first line that it prints is its port; it ends when its standard input does.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { createRandom } from "../../test/google/random.ts";
import { listen } from "../lib/listen.ts";

/** A read of a record that is in use, from the location's cache, in milliseconds. */
const READ_MS = 5;
/** A write, which goes to the central store, in milliseconds. */
const WRITE_MS = 40;

/** Log-normal: 50 ms at the 95th percentile, 250 ms at the 99th. */
const SLOW_READS = { logMedian: 0.0274, sigma: 2.3615, mostMs: 1_000 };
const random = createRandom(1);

function readMs(): number {
  if (process.env["SLOW_READS"] === undefined) return READ_MS;
  const { logMedian, sigma, mostMs } = SLOW_READS;
  return Math.min(mostMs, Math.max(READ_MS, Math.exp(logMedian + sigma * random.normal())));
}

interface StoredRecord {
  readonly value: Buffer;
  readonly metadata: string | null;
  /** Epoch milliseconds; null for one that stays. */
  readonly expiresAtMs: number | null;
}

const records = new Map<string, StoredRecord>();

function find(key: string): StoredRecord | null {
  const record = records.get(key);
  if (record === undefined) return null;
  return record.expiresAtMs !== null && record.expiresAtMs <= Date.now() ? null : record;
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://kv");
  const body = await readBody(request);
  const key = decodeURIComponent(url.pathname.slice(1));
  const isWrite = request.method === "PUT" || request.method === "DELETE";
  await wait(isWrite ? WRITE_MS : readMs());
  if (request.method === "PUT") {
    records.set(key, { value: body, metadata: metadataOf(request), expiresAtMs: expiryOf(url) });
    response.writeHead(200).end();
  } else if (request.method === "DELETE") {
    records.delete(key);
    response.writeHead(200).end();
  } else if (url.pathname === "/bulk/get") {
    const { keys, withMetadata = false } = JSON.parse(body.toString()) as { keys: string[]; withMetadata?: boolean };
    const found = Object.fromEntries(keys.map((one) => [one, bulkEntry(find(one), withMetadata)]));
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(found));
  } else {
    const record = find(key);
    if (record === null) response.writeHead(404).end("Not Found");
    else response.writeHead(200, headersOf(record)).end(record.value);
  }
}

function bulkEntry(record: StoredRecord | null, withMetadata: boolean): unknown {
  if (record === null) return null;
  const value = record.value.toString();
  return withMetadata ? { value, metadata: record.metadata === null ? null : JSON.parse(record.metadata) } : value;
}

function headersOf({ metadata }: StoredRecord): Record<string, string> {
  return metadata === null ? {} : { "CF-KV-Metadata": metadata };
}

function metadataOf(request: IncomingMessage): string | null {
  const header = request.headers["cf-kv-metadata"];
  return typeof header === "string" ? header : null;
}

function expiryOf({ searchParams }: URL): number | null {
  const ttl = searchParams.get("expiration_ttl");
  const at = searchParams.get("expiration");
  if (ttl !== null) return Date.now() + Number(ttl) * 1000;
  return at === null ? null : Number(at) * 1000;
}

listen(respond);
