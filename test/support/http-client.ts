/**
 * HTTP requests that are sent exactly as they are written: `fetch` of Node would normalize paths and add headers. Node only.
 */
import { type IncomingMessage, request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import type { Outgoing, Send } from "./browser.ts";

const STATUS_WITHOUT_BODY = new Set([204, 205, 304]);

/** A `Send` to a server on loopback. */
export function sendOverHttp(origin: string): Send {
  const { hostname, port } = new URL(origin);
  return async (outgoing) => {
    const incoming = await exchange({ hostname, port }, outgoing);
    const headers = toHeaders(incoming);
    const status = incoming.statusCode ?? 0;
    if (STATUS_WITHOUT_BODY.has(status)) {
      incoming.resume();
      return new Response(null, { status, headers });
    }
    if (outgoing.stream === true) {
      return new Response(Readable.toWeb(incoming), { status, headers });
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    return new Response(Buffer.concat(chunks), { status, headers });
  };
}

function exchange(server: { hostname: string; port: string }, outgoing: Outgoing): Promise<IncomingMessage> {
  const { path, method = "GET", headers = {}, body, signal } = outgoing;
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { ...server, path, method, headers: { ...headers, ...length }, ...(signal === undefined ? {} : { signal }) },
      resolve,
    );
    request.on("error", reject);
    request.end(body);
  });
}

function toHeaders(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    for (const item of Array.isArray(value) ? value : [value ?? ""]) headers.append(name, item);
  }
  return headers;
}
