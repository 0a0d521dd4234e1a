/**
 * Google on a loopback port, for a Worker that runs in its own process. Node only, and the only file here that is.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createGoogle, type Google } from "./google.ts";
import { BREAK_HEADER, CONTROL_PATH } from "./protocol.ts";
import { configure, type Instance, pause } from "./state.ts";

/** Longer than any pause between two jobs of the benchmark. */
const KEEP_ALIVE_MS = 120_000;
/** A hung call is let go after this, so that no test run can hang with it. */
const HANG_LIMIT_MS = 120_000;
const LOOPBACK_NAMES = new Set(["127.0.0.1", "localhost", "[::1]"]);

export interface RunningGoogle {
  readonly origin: string;
  readonly instance: Instance;
  close(): Promise<void>;
}

/** Starts one Google. Rejects with `EADDRINUSE` where the port is taken. @param options.port a free one unless said */
export async function startGoogle(
  options: { readonly name?: string; readonly port?: number } = {},
): Promise<RunningGoogle> {
  const google = createGoogle(options.name ?? "loopback");
  const server = createServer((incoming, outgoing) => {
    answer(google, incoming, outgoing).catch((error: unknown) => {
      // A mistake of ours, not to be taken for Google's.
      console.error("local Google:", error);
      if (!outgoing.headersSent) outgoing.writeHead(599);
      outgoing.end(String(error));
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    instance: google.instance,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The issuer that a Google at this origin names itself. */
export function issueAs({ instance, origin }: RunningGoogle): void {
  configure(instance, { issuer: origin, issuerSlash: true });
}

async function answer(google: Google, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  if (incoming.url?.startsWith(CONTROL_PATH) === true && !isFromHere(incoming)) {
    outgoing.writeHead(403).end("Loopback only.");
    return;
  }
  await send(await google.fetch(await toRequest(incoming)), outgoing);
}

/** No web page reaches the controls, by DNS rebinding or by a form of its own. */
function isFromHere({ headers }: IncomingMessage): boolean {
  const { hostname } = new URL(`http://${headers.host ?? "none"}`);
  return LOOPBACK_NAMES.has(hostname) && ["none", "same-origin"].includes(headers["sec-fetch-site"] ?? "none");
}

async function toRequest(incoming: IncomingMessage): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { method = "GET" } = incoming;
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
  const body = method === "GET" || method === "HEAD" ? null : Buffer.concat(chunks);
  return new Request(`http://${incoming.headers.host}${incoming.url}`, { method, headers, body });
}

async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  const how = response.headers.get(BREAK_HEADER);
  if (how === "hang") await pause(HANG_LIMIT_MS);
  if (how === "disconnect" || how === "hang") {
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
