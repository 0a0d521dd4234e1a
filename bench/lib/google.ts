/** The fake Google and the proxy before it, from outside: how they behave, what they metered, and the floor. */
import { type Behaviour, CONTROL, HEALTHY, type Kind, type Meters } from "../fake-google/behaviour.ts";
import { latencyMs } from "../fake-google/latency.ts";
import { startServer } from "./child.ts";

/** Connections of a request that may wait for headers at once, on Workers. */
export const WORKERS_CAP = 6;

export class Google {
  /** Where subjects find it: the proxy. */
  readonly origin: string;
  readonly #fakeOrigin: string;

  private constructor(origin: string, fakeOrigin: string) {
    this.origin = origin;
    this.#fakeOrigin = fakeOrigin;
  }

  static async start(stack: AsyncDisposableStack): Promise<Google> {
    const fakeOrigin = await startServer(stack, "fake-google/server.ts");
    const origin = await startServer(stack, "proxy/server.ts", { FAKE_ORIGIN: fakeOrigin });
    return new Google(origin, fakeOrigin);
  }

  /** From now on it behaves like this, and its meters start anew. */
  async reset(behaviour: Partial<Behaviour> = {}): Promise<void> {
    await this.#tell(CONTROL.reset, JSON.stringify({ ...HEALTHY, ...behaviour }));
  }

  /** Somebody takes their consent back. */
  async revokeGrantOf(sub: string): Promise<void> {
    await this.#tell(CONTROL.revoke, sub);
  }

  async meters(): Promise<Meters> {
    const response = await fetch(this.#fakeOrigin + CONTROL.meters);
    return (await response.json()) as Meters;
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
        if (response.status !== 200) throw new Error(`The fake answered ${response.status}.`);
        await response.json();
      }
    };
    await Promise.all(Array.from({ length: callers }, ask));
    return (callers * requests) / ((performance.now() - startMs) / 1000);
  }

  /** An access token of somebody who consents without any subject. */
  async #accessToken(): Promise<string> {
    const redirectUri = "http://127.0.0.1/callback";
    const query = new URLSearchParams({ redirect_uri: redirectUri, as: "1" });
    const consented = await fetch(`${this.#fakeOrigin}/o/oauth2/v2/auth?${query.toString()}`, { redirect: "manual" });
    const code = new URL(consented.headers.get("Location") ?? "").searchParams.get("code") ?? "";
    const body = new URLSearchParams({ grant_type: "authorization_code", code, redirect_uri: redirectUri });
    const response = await fetch(`${this.#fakeOrigin}/token`, { method: "POST", body });
    const { access_token: accessToken } = await response.json<{ access_token: string }>();
    return accessToken;
  }

  async #tell(path: string, body: string): Promise<void> {
    const response = await fetch(this.#fakeOrigin + path, { method: "POST", body });
    if (response.status !== 200) throw new Error("The fake cannot be told how to behave.");
  }
}

/** All calls of some meters. */
export function callsOf({ calls }: Meters): number {
  return Object.values(calls).reduce((total, count) => total + count, 0);
}

/** Of calls that wait for each other, the fake's own time in milliseconds. */
export function ownTimeMs(
  behaviour: Pick<Behaviour, "seed" | "medianMs">,
  calls: readonly { readonly kind: Kind; readonly number: number; readonly parts?: number }[],
): number {
  return calls.reduce((total, call) => total + latencyMs(behaviour, call), 0);
}
