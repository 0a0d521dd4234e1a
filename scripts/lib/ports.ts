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

/** What browsers and `fetch` refuse to ask: https://fetch.spec.whatwg.org/#port-blocking */
export const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
]);

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
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new ScriptError(`${option} must be a port number.`);
  if (BLOCKED_PORTS.has(port)) throw new ScriptError(`${option} ${port}: browsers refuse this port. Choose another.`);
  return port;
}

/** Whether nobody listens on this port of either loopback address. */
export async function isFree(port: number): Promise<boolean> {
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

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
