/**
 * Stands between the subjects and the fake Google and lets no more connections of a flow wait for headers than the
 * platform does: 6 of a Worker's request. https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections
 *
 * A flow is an access token: in the benchmark each caller is a user of their own, with one request at a time. Calls
 * without one (to the token endpoint, for keys) come one at a time, and are not held. The first line that it prints is
 * its port; `PUT /control/cap` sets the cap, and an empty body takes it away. It ends when its standard input does.
 */
import { Agent, type IncomingMessage, request as send, type ServerResponse } from "node:http";
import { listen } from "../lib/listen.ts";

const CONTROL_PATH = "/control/cap";

const { FAKE_ORIGIN = "" } = process.env;
const agent = new Agent({ keepAlive: true });
const { hostname, port } = new URL(FAKE_ORIGIN);

let cap = Number.POSITIVE_INFINITY;

/** Connections of one flow that wait for headers, and who waits to be one of them. */
interface Flow {
  waiting: number;
  readonly queue: (() => void)[];
}

const flows = new Map<string, Flow>();

function enter(key: string, start: () => void): void {
  const flow = flows.get(key) ?? { waiting: 0, queue: [] };
  flows.set(key, flow);
  if (flow.waiting >= cap) {
    flow.queue.push(start);
    return;
  }
  flow.waiting += 1;
  start();
}

/** The next one of the queue takes the place over. */
function leave(key: string): void {
  const flow = flows.get(key);
  if (flow === undefined) return;
  const next = flow.queue.shift();
  if (next !== undefined) return next();
  flow.waiting -= 1;
  if (flow.waiting === 0) flows.delete(key);
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, onHeaders: () => void): void {
  const { method, url: path, headers } = incoming;
  const call = send({ agent, hostname, port, method, path, headers: { ...headers, host: `${hostname}:${port}` } });
  // Once, whichever comes first: what waits behind it must not wait for ever.
  let isOver = false;
  const done = (): void => {
    if (!isOver) onHeaders();
    isOver = true;
  };
  call.on("response", (response) => {
    done();
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(outgoing);
  });
  call.on("error", () => {
    done();
    outgoing.destroy();
  });
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) call.destroy();
  });
  incoming.pipe(call);
}

async function setCap(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  let text = "";
  for await (const chunk of incoming) text += String(chunk);
  cap = text === "" ? Number.POSITIVE_INFINITY : Number(text);
  outgoing.writeHead(204).end();
}

async function respond(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  if (incoming.url === CONTROL_PATH) return setCap(incoming, outgoing);
  const key = incoming.headers.authorization;
  if (key === undefined) forward(incoming, outgoing, () => undefined);
  else {
    enter(key, () => {
      // Who has gone while it waited for its turn has closed the connection, and asks Google nothing.
      if (outgoing.destroyed) leave(key);
      else forward(incoming, outgoing, () => leave(key));
    });
  }
}

listen(respond);
