/**
 * Loopback ports: which are free, and listening on one.
 */

import { createServer, type Server } from "node:net";

/** Loopback by number: another host than the Worker's `localhost`, as Google is another site. */
export const LOOPBACK = "127.0.0.1";

/**
 * Starts listening on loopback and resolves to the port (a free one for 0). Rejects with the error of
 * the system, `EADDRINUSE` for one, when it cannot.
 */
export function listen(server: Server, port: number, host: string = LOOPBACK): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/** Whether nobody listens on this port of either loopback address. */
async function isFree(port: number): Promise<boolean> {
  for (const host of [LOOPBACK, "::1"]) {
    const server = createServer();
    try {
      await listen(server, port, host);
    } catch (error) {
      // A machine without IPv6 has no ::1 that could be taken.
      if (!isErrno(error, "EADDRNOTAVAIL") && !isErrno(error, "EAFNOSUPPORT")) return false;
    } finally {
      server.close();
    }
  }
  return true;
}

/** The wanted port when it is free, otherwise another free one. */
export async function findPort(wanted = 0): Promise<number> {
  if (wanted !== 0 && (await isFree(wanted))) return wanted;
  const server = createServer();
  const port = await listen(server, 0);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
