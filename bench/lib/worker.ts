/** The Worker under test: its variables, its sessions, and requests to it whose answers are checked. */
import { KeyRing } from "../../src/keys.ts";
import { createSession, sealSession } from "../../src/session.ts";
import { messageId } from "../fake-gmail/mailbox.ts";
import { defaultVars, type WorkerSpec } from "./workerd.ts";

/** Made for the benchmark and good for nothing else. */
const TOKEN_KEY = { kty: "oct", kid: "bench", k: "YmVuY2gtb25seS1rZXktYmVuY2gtb25seS1rZXktMTI" } as const;
const KEY_RING = new KeyRing([TOKEN_KEY]);

const HOUR_MS = 60 * 60 * 1000;

/** The Worker as a deployment has it, with Google's endpoints at the fake. */
export function workerSpec(options: {
  name: string;
  bundle: string;
  fakeOrigin: string;
  vars?: Readonly<Record<string, string>>;
}): WorkerSpec {
  const { name, bundle, fakeOrigin, vars = {} } = options;
  return {
    name,
    modules: [{ name: "worker", code: bundle }],
    vars: {
      ...defaultVars(),
      GOOGLE_CLIENT_ID: "bench",
      GOOGLE_CLIENT_SECRET: "bench",
      TOKEN_KEYS: JSON.stringify({ keys: [TOKEN_KEY] }),
      GMAIL_API_URL: fakeOrigin,
      GOOGLE_TOKEN_ENDPOINT: `${fakeOrigin}/token`,
      ...vars,
    },
    kv: "CREDENTIALS",
  };
}

/** The Cookie header of someone signed in, as the Worker itself would have sealed it. */
async function sessionCookie(origin: string, sub: string): Promise<string> {
  const nowMs = Date.now();
  const session = createSession(
    {
      identity: { sub, email: `${sub}@example.com`, name: "Bench", picture: null },
      scopes: ["openid", "email", "profile", "https://www.googleapis.com/auth/gmail.readonly"],
      accessToken: { value: `access-token-of-${sub}`, expiresAtMs: nowMs + HOUR_MS },
    },
    nowMs,
  );
  return `gmail_edge_session=${await sealSession(KEY_RING, origin, session)}`;
}

/** Someone who is signed in at the Worker. */
export class WorkerClient {
  readonly #origin: string;
  readonly #cookie: string;

  private constructor(origin: string, cookie: string) {
    this.#origin = origin;
    this.#cookie = cookie;
  }

  /** @param sub the user, by whom the isolate remembers what it found of Gmail's limit */
  static async signIn(origin: string, sub: string): Promise<WorkerClient> {
    return new WorkerClient(origin, await sessionCookie(origin, sub));
  }

  async fetch(query: string, accept = "application/json"): Promise<Response> {
    const headers = { Cookie: this.#cookie, Accept: accept };
    return fetch(`${this.#origin}/api/messages?${query}`, { headers });
  }

  /** Lists the first `limit` messages, checks them, and says how long it took, in milliseconds. */
  async list(view: "id" | "metadata", limit: number): Promise<number> {
    const startMs = performance.now();
    const response = await this.fetch(`view=${view}&limit=${limit}`);
    const body = await response.text();
    const ms = performance.now() - startMs;
    checkRows(response.status, body, limit);
    return ms;
  }
}

/** Checks that an answer holds the first `limit` messages: each one once, in order, none an error. */
export function checkRows(status: number, body: string, limit: number): void {
  if (status !== 200) throw new Error(`An answer with status ${status}: ${body.slice(0, 500)}`);
  const { messages } = JSON.parse(body) as { messages: readonly { id: string; error?: unknown }[] };
  if (messages.length !== limit) throw new Error(`${messages.length} messages instead of ${limit}`);
  for (const [position, message] of messages.entries()) checkRow(message, position);
}

/** Checks one message of a list. */
export function checkRow(message: { id: string; error?: unknown }, position: number): void {
  if (message.id !== messageId(position)) throw new Error(`Message ${position} is ${message.id}`);
  if (message.error !== undefined) throw new Error(`Message ${position}: ${JSON.stringify(message.error)}`);
}
