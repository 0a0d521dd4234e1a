/** The local Google and the proxy before it, from outside: how it behaves, and what it metered. */
import type { FaultEndpoint, Fault } from "../../test/google/protocol.ts";
import { Google as Client } from "../../test/support/google.ts";
import { type Behaviour, HEALTHY, paceOf } from "./behaviour.ts";
import { startServer } from "./child.ts";

/** Gmail's price list in quota units: https://developers.google.com/workspace/gmail/api/reference/quota */
const QUOTA_UNITS: Readonly<Record<string, number>> = { list: 5, get: 20, part: 20, history: 2, profile: 1 };

/** What was metered since the reset. */
export interface Meters {
  /** By endpoint, without the parts of batches. */
  readonly calls: Readonly<Record<string, number>>;
  /** Messages asked for, alone or as a part of a batch. */
  readonly reads: number;
  /** Of them, those above the hidden limit. */
  readonly refused: number;
  /** Of them, those that failed by chance. */
  readonly failed: number;
  /** Calls and parts that were refused because the user's minute was spent. */
  readonly overQuota: number;
  /** Of all that was asked for, whatever became of it. */
  readonly quotaUnits: number;
  /** Of what was let through, by each method's own price. */
  readonly chargedUnits: number;
}

/** An OAuth client, as it is registered at Google. */
export interface OAuthClient {
  readonly id: string;
  readonly secret: string;
}

/** Connections of a request that may wait for headers at once, on Workers. */
export const WORKERS_CAP = 6;

export class Google {
  /** Where subjects find it: the proxy. */
  readonly origin: string;
  readonly #client: Client;
  readonly #registered: OAuthClient;

  private constructor(origin: string, client: Client, registered: OAuthClient) {
    this.origin = origin;
    this.#client = client;
    this.#registered = registered;
  }

  /** @param client of Google's, whom all subjects sign people in as */
  static async start(stack: AsyncDisposableStack, client: OAuthClient): Promise<Google> {
    const googleOrigin = await startServer(stack, "google.ts");
    const origin = await startServer(stack, "proxy/server.ts", { FAKE_ORIGIN: googleOrigin });
    const google = new Client(googleOrigin);
    // What subjects ask for is theirs to decide, and nobody looks at what they sent.
    await google.configure({ clients: [client], demandsCare: false, recordsCalls: false });
    return new Google(origin, google, client);
  }

  /** From now on it behaves like this, and its meters start anew. */
  async reset(changes: Partial<Behaviour> = {}): Promise<void> {
    const behaviour = { ...HEALTHY, ...changes };
    const { accessTokenSeconds: accessTokenLifetimeSeconds, quotaUnitsPerMinute } = behaviour;
    await this.#client.configure({
      ...paceOf(behaviour),
      accessTokenLifetimeSeconds,
      quotaUnitsPerMinute,
      shuffleBatchParts: false,
    });
    await this.#client.clearFaults();
    for (const [endpoint, fault] of faultsOf(behaviour)) await this.#client.always(endpoint, fault);
    await this.#client.act({ action: "resizeMailboxes", messages: behaviour.mailboxSize });
    await this.forgetCalls();
  }

  /** Meters start anew, and the nth call of an endpoint takes again what it took. */
  async forgetCalls(): Promise<void> {
    await this.#client.forgetCalls();
  }

  /** A message comes for somebody, whose mailbox was healthy. The next reset takes it away. @returns how many there are now */
  async receiveMail(sub: string): Promise<number> {
    await this.#client.act({ action: "receiveMail", email: emailOf(sub) });
    return HEALTHY.mailboxSize + 1;
  }

  /** Somebody takes their consent back. */
  async revokeGrantOf(sub: string): Promise<void> {
    await this.#client.act({ action: "revokeGrant", email: emailOf(sub) });
  }

  async meters(): Promise<Meters> {
    const { meters, quotaUnits: chargedUnits } = await this.#client.snapshot();
    const { part = 0, ...calls } = meters.calls;
    const quotaUnits = Object.entries(meters.calls).reduce(
      (sum, [name, count]) => sum + count * (QUOTA_UNITS[name] ?? 0),
      0,
    );
    const { refused, failed, overQuota } = meters;
    return { calls, reads: part + (calls["get"] ?? 0), refused, failed, overQuota, quotaUnits, chargedUnits };
  }

  /** Connections of a flow that may wait for headers; null for no limit. */
  async setCap(cap: number | null): Promise<void> {
    const response = await fetch(`${this.origin}/control/cap`, {
      method: "PUT",
      body: cap === null ? "" : String(cap),
    });
    if (response.status !== 204) throw new Error("The proxy cannot be told its cap.");
  }

  /**
   * List calls from here by the proxy, with no subject between: what the benchmark itself can ask for.
   *
   * @returns calls a second
   */
  async ownCallsPerSecond(callers: number, requests: number): Promise<number> {
    const headers = { Authorization: `Bearer ${await this.#accessToken()}` };
    const startMs = performance.now();
    const ask = async (): Promise<void> => {
      for (let n = 0; n < requests; n += 1) {
        const response = await fetch(`${this.origin}/gmail/v1/users/me/messages?maxResults=100`, { headers });
        if (response.status !== 200) throw new Error(`Google answered ${response.status}.`);
        await response.json();
      }
    };
    await Promise.all(Array.from({ length: callers }, ask));
    return (callers * requests) / ((performance.now() - startMs) / 1000);
  }

  /** An access token of somebody who consents without any subject. */
  async #accessToken(): Promise<string> {
    const redirectUri = "http://127.0.0.1/callback";
    await introduce(this.#client, "1", redirectUri);
    const client = this.#registered;
    const query = new URLSearchParams({
      client_id: client.id,
      redirect_uri: redirectUri,
      response_type: "code",
      scope: SCOPE,
    });
    const back = new URL(
      await this.#client.consent(`${this.#client.origin}/o/oauth2/v2/auth?${query.toString()}`, { user: "1" }),
    );
    const body = new URLSearchParams({
      grant_type: "authorization_code",
      client_id: client.id,
      client_secret: client.secret,
      code: back.searchParams.get("code") ?? "",
      redirect_uri: redirectUri,
    });
    const response = await fetch(`${this.#client.origin}/token`, { method: "POST", body });
    const { access_token: accessToken } = await response.json<{ access_token: string }>();
    return accessToken;
  }
}

const SCOPE = "openid https://www.googleapis.com/auth/gmail.readonly";

/** The address of somebody at Google. */
export function emailOf(sub: string): string {
  return `${sub}@example.com`;
}

/** Google knows somebody from now on, and where they may be sent back to. */
export async function introduce(google: Client, sub: string, redirectUri: string): Promise<void> {
  await google.act({ action: "register", redirectUri });
  await google.addUser({ email: emailOf(sub), sub, name: "Ada Example", mailbox: { messages: HEALTHY.mailboxSize } });
}

function faultsOf({ hiddenLimit, refuse429, fail503 }: Behaviour): (readonly [FaultEndpoint, Fault])[] {
  const shares: Fault[] = [
    ...(refuse429 > 0 ? [{ named: "tooManyRequests", share: refuse429 } as const] : []),
    ...(fail503 > 0 ? [{ named: "unavailable", share: fail503 } as const] : []),
  ];
  const reads = ["part", "get"] as const;
  return [
    ["part", { maxConcurrent: hiddenLimit }],
    ...reads.flatMap((read) => shares.map((fault) => [read, fault] as const)),
  ];
}

/** All calls of some meters. */
export function callsOf({ calls }: Meters): number {
  return Object.values(calls).reduce((total, count) => total + count, 0);
}
