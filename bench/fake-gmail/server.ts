/**
 * The fake Gmail, a process of its own: lists and reads messages at the speed of {@link Behaviour}, refuses what is
 * above the hidden limit, and measures who asks for how much at once. HTTP/1.1 with connections kept open. The first
 * line that it prints is its port; it ends when its standard input does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import {
  type Behaviour,
  CALL_MS,
  CONTROL,
  HEALTHY,
  MAX_PAGE_SIZE,
  MAX_SPANS,
  type Meters,
  PART_MS,
  sharedClockMs,
  type Span,
} from "./behaviour.ts";
import { listPage } from "./mailbox.ts";
import { Gate, readBatch, writeBatch } from "./reading.ts";

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const JSON_TYPE = "application/json; charset=UTF-8";
const BATCH_BOUNDARY = "batch_fake_answer";
const READ = /^\/gmail\/v1\/users\/me\/messages\/([0-9a-f]+)$/;

/** Everything since the last reset. */
class Epoch {
  readonly behaviour: Behaviour;
  readonly gate: Gate;
  readonly spans: Span[] = [];
  calls = 0;
  parts = 0;
  concurrentCalls = 0;
  maxConcurrentCalls = 0;

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.gate = new Gate(behaviour);
  }

  get meters(): Meters {
    const { refused, failed, maxInFlight } = this.gate;
    const { calls, parts, maxConcurrentCalls, spans } = this;
    return { calls, parts, refused, failed, maxConcurrentCalls, maxInFlight, spans };
  }
}

let epoch = new Epoch(HEALTHY);

/** Answers a call of Gmail's or of the token endpoint, and notes it down. */
async function serve(current: Epoch, request: IncomingMessage, body: string): Promise<Answer> {
  const startMs = sharedClockMs();
  current.calls += 1;
  current.concurrentCalls += 1;
  current.maxConcurrentCalls = Math.max(current.maxConcurrentCalls, current.concurrentCalls);
  const url = new URL(request.url ?? "/", "http://fake");
  const { answer, ...work } = answerTo(current, url, body);
  current.parts += work.parts;
  const inFlight = current.gate.inFlight;
  await wait(CALL_MS + (work.kind === "batch" ? PART_MS * work.parts : 0));
  current.gate.leave(work.places);
  current.concurrentCalls -= 1;
  const { kind, parts, refused } = work;
  if (current.spans.length < MAX_SPANS) {
    current.spans.push({ kind, startMs, endMs: sharedClockMs(), parts, refused, inFlight });
  }
  return answer;
}

interface Work {
  readonly kind: Span["kind"];
  readonly parts: number;
  readonly refused: number;
  /** Places below the hidden limit that are taken until the answer is out. */
  readonly places: number;
  readonly answer: Answer;
}

function answerTo({ behaviour, gate }: Epoch, url: URL, body: string): Work {
  const [, messageId] = READ.exec(url.pathname) ?? [];
  const nothing = { parts: 0, refused: 0, places: 0 };
  if (url.pathname === "/gmail/v1/users/me/messages") {
    const size = Math.min(Number(url.searchParams.get("maxResults") ?? 100), MAX_PAGE_SIZE);
    const from = Number(url.searchParams.get("pageToken") ?? 0);
    return { ...nothing, kind: "list", answer: json(listPage({ from, size, mailboxSize: behaviour.mailboxSize })) };
  }
  if (messageId !== undefined) {
    const { answers, places, refused } = gate.enter([{ contentId: "", messageId }]);
    const { status, body: message } = answers[0] ?? { status: 503, body: "{}" };
    return { kind: "get", parts: 1, refused, places, answer: json(message, status) };
  }
  if (url.pathname === "/batch/gmail/v1") {
    const parts = readBatch(body);
    const { answers, places, refused } = gate.enter(parts);
    const contentType = `multipart/mixed; boundary=${BATCH_BOUNDARY}`;
    const answer = { status: 200, contentType, body: writeBatch(parts, answers, BATCH_BOUNDARY) };
    return { kind: "batch", parts: parts.length, refused, places, answer };
  }
  if (url.pathname === "/token") {
    const token = { access_token: "refreshed", expires_in: 3599, scope: "openid", token_type: "Bearer" };
    return { ...nothing, kind: "token", answer: json(JSON.stringify(token)) };
  }
  return {
    ...nothing,
    kind: "other",
    answer: json(JSON.stringify({ error: { code: 404, message: "Not here." } }), 404),
  };
}

function json(body: string, status = 200): Answer {
  return { status, contentType: JSON_TYPE, body };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (request.url === CONTROL.reset) {
    epoch = new Epoch(JSON.parse(body) as Behaviour);
    response.writeHead(204).end();
    return;
  }
  const isControl = request.url === CONTROL.meters;
  const answer = isControl ? json(JSON.stringify(epoch.meters)) : await serve(epoch, request, body);
  const length = String(Buffer.byteLength(answer.body));
  response.writeHead(answer.status, { "Content-Type": answer.contentType, "Content-Length": length });
  response.end(answer.body);
}

const server = createServer((request, response) => {
  respond(request, response).catch((error: unknown) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : "");
});
process.stdin.resume().on("end", () => process.exit(0));
