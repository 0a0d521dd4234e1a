/**
 * Loopback ports: which are free, and listening on one.
 */

import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";
import { ScriptError } from "./script-error.ts";

/**
 * Where a port is looked for that is given to another process: below the ports that Linux, macOS and Windows give to
 * outgoing connections, which are often enough in flight here by thousands to take one before it is listened on.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;
const ATTEMPTS = 100;

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

/**
 * The port that an option gives.
 *
 * @throws {ScriptError} that names the option
 */
export function parsePort(option: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new ScriptError(`${option} must be a port number.`);
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

/**
 * The wanted port when it is free, otherwise another free one. For what must know its port before it listens; whatever
 * need not know it listens on 0.
 */
export async function findPort(wanted = 0): Promise<number> {
  if (wanted !== 0 && (await isFree(wanted))) return wanted;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`None of ${ATTEMPTS} ports from ${FIRST_PORT} to ${LAST_PORT} is free.`);
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
