/**
 * The double on a loopback port, for a Worker that runs in its own process. Node only.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createGoogleDouble } from "./double.ts";
import { BREAK_HEADER } from "./protocol.ts";

export interface RunningDouble {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  close(): Promise<void>;
}

/** Starts one double on a free loopback port. */
export async function startGoogleDouble(name = "loopback"): Promise<RunningDouble> {
  const double = createGoogleDouble(name);
  const server = createServer((incoming, outgoing) => {
    toRequest(incoming)
      .then((request) => double.fetch(request))
      .then((response) => send(response, outgoing))
      .catch((error: unknown) => {
        outgoing.writeHead(599).end(String(error));
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
  const method = incoming.method ?? "GET";
  const body = method === "GET" || method === "HEAD" ? null : Buffer.concat(chunks);
  return new Request(`http://${incoming.headers.host}${incoming.url}`, { method, headers, body });
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  const how = response.headers.get(BREAK_HEADER);
  if (how === "disconnect") {
    outgoing.destroy();
    return;
  }
  const body = Buffer.from(await response.arrayBuffer());
  const headers: Record<string, string> = Object.fromEntries(response.headers);
  delete headers[BREAK_HEADER];
  outgoing.writeHead(response.status, { ...headers, "content-length": String(body.byteLength) });
  if (how === "truncated") {
    // The length promises more than comes, and the connection ends.
    outgoing.write(body.subarray(0, Math.floor(body.byteLength / 2)), () => outgoing.destroy());
    return;
  }
  outgoing.end(body);
}
