/**
 * The fake Google, one process: signs people in, lists and reads messages, each call with a seeded latency, refuses
 * what is above a user's hidden limit, and meters. HTTP/1.1 with connections kept open. The first line that it prints
 * is its port; it ends when its standard input does.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { authorize, holderOf, jwks, KEYS_MAX_AGE_SECONDS, pemKeys, profile, revokeGrantOf, token } from "./accounts.ts";
import { readBatch, writeBatch } from "./batch.ts";
import {
  type Behaviour,
  CONTROL,
  HEALTHY,
  type Kind,
  KINDS,
  MAX_PAGE_SIZE,
  type Meters,
  QUOTA_UNITS,
} from "./behaviour.ts";
import { type Answer, json, NOT_FOUND, UNAUTHENTICATED } from "./errors.ts";
import { Gate } from "./gate.ts";
import { listen } from "../lib/listen.ts";
import { latencyMs } from "./latency.ts";
import { listPage } from "./mailbox.ts";

/** Everything since the last reset. */
class Epoch {
  readonly behaviour: Behaviour;
  readonly gate: Gate;
  readonly calls = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  quotaUnits = 0;
  concurrentCalls = 0;
  maxConcurrentCalls = 0;

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
    this.gate = new Gate(behaviour);
  }

  get meters(): Meters {
    const { reads, refused, failed } = this.gate;
    const { calls, quotaUnits, maxConcurrentCalls } = this;
    return { calls, reads, refused, failed, quotaUnits, maxConcurrentCalls };
  }
}

let epoch = new Epoch(HEALTHY);

const GMAIL = "/gmail/v1/users/me/";
const KIND_BY_PATH: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["/token", "token"],
  ["/revoke", "revoke"],
  ["/v1/userinfo", "userinfo"],
  ["/oauth2/v2/userinfo", "userinfo"],
  ["/oauth2/v3/certs", "jwks"],
  ["/oauth2/v1/certs", "jwks"],
  [`${GMAIL}messages`, "list"],
  [`${GMAIL}history`, "history"],
  [`${GMAIL}profile`, "profile"],
  ["/batch/gmail/v1", "batch"],
]);
const READ = /^\/gmail\/v1\/users\/me\/messages\/([0-9a-f]+)$/;

interface Call {
  readonly kind: Kind;
  readonly url: URL;
  readonly body: string;
  readonly authorization: string | undefined;
}

/** Answers a call of Google's APIs after its latency, and meters it. */
async function serve(current: Epoch, call: Call): Promise<Answer> {
  const { kind } = call;
  const number = current.calls[kind];
  current.calls[kind] += 1;
  current.quotaUnits += QUOTA_UNITS[kind] ?? 0;
  current.concurrentCalls += 1;
  current.maxConcurrentCalls = Math.max(current.maxConcurrentCalls, current.concurrentCalls);
  const { answer, parts, leave } = await answerTo(current, call);
  const ms = latencyMs(current.behaviour, { kind, number, parts });
  if (ms > 0) await wait(ms);
  leave();
  current.concurrentCalls -= 1;
  return answer;
}

interface Work {
  readonly answer: Answer;
  /** Of a batch. */
  readonly parts: number;
  /** Gives back what the work holds until its answer is out. */
  readonly leave: () => void;
}

/** Work that holds nothing. */
function alone(answer: Answer): Work {
  return { answer, parts: 0, leave: () => undefined };
}

async function answerTo(current: Epoch, call: Call): Promise<Work> {
  const { kind, url, body } = call;
  if (kind === "token") return alone(await token(new URLSearchParams(body), current.behaviour.accessTokenSeconds));
  if (kind === "jwks") return alone(url.pathname.includes("v1") ? await pemKeys() : await jwks());
  if (kind === "revoke") return alone(json({}));
  const sub = holderOf(call.authorization);
  if (sub === null) return alone(UNAUTHENTICATED);
  if (kind === "userinfo") return alone(json(profile(sub)));
  if (kind === "profile") return alone(json({ emailAddress: `${sub}@example.com`, historyId: "1" }));
  if (kind === "history") return alone(json({ historyId: "1" }));
  if (kind === "list") {
    const size = Math.min(Number(url.searchParams.get("maxResults") ?? 100), MAX_PAGE_SIZE);
    const from = Number(url.searchParams.get("pageToken") ?? 0);
    return alone(json(listPage({ from, size, mailboxSize: current.behaviour.mailboxSize })));
  }
  if (kind === "get") {
    const { answers, leave } = current.gate.enter(sub, [READ.exec(url.pathname)?.[1] ?? ""]);
    return { answer: answers[0] ?? NOT_FOUND, parts: 0, leave };
  }
  const parts = readBatch(body);
  const { answers, leave } = current.gate.enter(
    sub,
    parts.map(({ messageId }) => messageId),
  );
  current.quotaUnits += parts.length * (QUOTA_UNITS.get ?? 0);
  return { answer: writeBatch(parts, answers), parts: parts.length, leave };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = request.method === "GET" ? "" : await readBody(request);
  const url = new URL(request.url ?? "/", "http://fake");
  if (url.pathname === "/o/oauth2/v2/auth") {
    response.writeHead(302, { Location: authorize(url.searchParams) }).end();
    return;
  }
  const answer = await control(url.pathname, body);
  if (answer !== null) return send(response, answer);
  const kind = KIND_BY_PATH.get(url.pathname) ?? (READ.test(url.pathname) ? "get" : null);
  if (kind === null) return send(response, NOT_FOUND);
  const { authorization } = request.headers;
  return send(response, await serve(epoch, { kind, url, body, authorization }), kind);
}

/** What the benchmark tells the fake and asks of it; null for anything else. */
async function control(pathname: string, body: string): Promise<Answer | null> {
  if (pathname === CONTROL.meters) return json(epoch.meters);
  if (pathname === CONTROL.reset) epoch = new Epoch(JSON.parse(body) as Behaviour);
  else if (pathname === CONTROL.revoke) revokeGrantOf(body);
  else return null;
  return json({});
}

function send(response: ServerResponse, { status, contentType, body }: Answer, kind?: Kind): void {
  const length = String(Buffer.byteLength(body));
  const headers: Record<string, string> = { "Content-Type": contentType, "Content-Length": length };
  if (kind === "jwks") headers["Cache-Control"] = `public, max-age=${KEYS_MAX_AGE_SECONDS}, must-revalidate`;
  response.writeHead(status, headers).end(body);
}

listen(respond);
