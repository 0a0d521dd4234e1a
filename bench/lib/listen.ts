/** The life of a server that the benchmark starts: its port is its first line, and it ends with its standard input. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** Longer than any pause between two jobs. */
const KEEP_ALIVE_MS = 120_000;

/** Serves on a free port of this machine. What `respond` throws is printed, and answered 500. */
export function listen(respond: (request: IncomingMessage, response: ServerResponse) => Promise<void>): void {
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      console.error(error);
      response.writeHead(500).end();
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    console.log(typeof address === "object" ? address?.port : "");
  });
  process.stdin.resume().on("end", () => process.exit(0));
}
