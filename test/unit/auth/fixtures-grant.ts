/** What the tests of a grant share: a Google that takes some access tokens and refreshes, and a user whose grant is stored. */
import { env } from "cloudflare:workers";
import { onTestFinished } from "vitest";
import { Grant, type GrantHolder, type GrantServices } from "../../../src/auth/grant.ts";
import { GrantMemory } from "../../../src/isolate/grant-memory.ts";
import type { Credential } from "../../../src/kv-store.ts";
import type { AccessToken } from "../../../src/identity.ts";
import { type Call, CLIENT_ID, configuration, createStore, createWorld, START_MS, type World } from "../fixtures.ts";

export const GMAIL_URL = "https://gmail.googleapis.com/gmail/v1/users/me/messages";
export const GMAIL = { endpoint: "Gmail" };

export const CREDENTIAL: Credential = {
  version: 1,
  sub: "1",
  email: "ann@example.test",
  emailVerified: true,
  hostedDomain: null,
  refreshToken: "the-refresh-token",
  scopes: ["openid"],
  clientId: CLIENT_ID,
  createdAtMs: START_MS,
  updatedAtMs: START_MS,
};

export const HELD: AccessToken = { value: "held", expiresAtMs: START_MS + 3_600_000 };

export interface Google {
  /** Access tokens that Gmail takes. */
  accepts: string[];
  /** What the token endpoint answers; by default fresh-1, fresh-2 … */
  refresh: (count: number) => Response | Promise<Response>;
  refreshes: number;
  /** What Gmail answers to any other access token. */
  refuse: () => Response;
  /** What passes before the call of that index is answered. */
  before: (index: number) => Promise<unknown>;
}

export const tokens = (value: string): Response =>
  Response.json({ access_token: value, expires_in: 3600, token_type: "Bearer" });
export const refusal =
  (error: string, status = 400): (() => Response) =>
  () =>
    Response.json({ error }, { status });

export function createGoogle(changes: Partial<Google> = {}): { google: Google; world: World } {
  const google: Google = {
    accepts: [],
    refresh: (count) => tokens(`fresh-${count}`),
    refreshes: 0,
    refuse: () => new Response("{}", { status: 401 }),
    before: async () => {},
    ...changes,
  };
  const world = createWorld(async (call: Call, index) => {
    await google.before(index);
    if (call.url.pathname === "/token") {
      google.refreshes += 1;
      return google.refresh(google.refreshes);
    }
    const token = call.headers.get("Authorization")?.replace("Bearer ", "") ?? "";
    return google.accepts.includes(token) ? Response.json({ token }) : google.refuse();
  });
  return { google, world };
}

export function createGrant(world: World, changes: Partial<GrantServices & GrantHolder> = {}): Grant {
  const options: GrantServices & GrantHolder = {
    config: configuration(),
    store: createStore(world),
    grantMemory: new GrantMemory(),
    upstream: world.upstream,
    trace: world.trace,
    world,
    // What goes on beside the answer must not go on in the next test, whose storage is another.
    defer: (work) => onTestFinished(async () => void (await Promise.allSettled([work]))),
    user: { sub: "1", email: "ann@example.test" },
    accessToken: HELD,
    readStoredAccessToken: null,
    ...changes,
  };
  return new Grant(options, options);
}

export async function stored(): Promise<Credential | null> {
  return createStore(createGoogle().world).readCredential("1");
}

export async function isDead(): Promise<boolean> {
  return createStore(createGoogle().world).isDead(CREDENTIAL.refreshToken);
}

/** For a Proxy of KV that is down. */
export function failRead(): () => Promise<never> {
  return () => Promise.reject(new Error("KV is down"));
}

/** For a Proxy of KV that takes no writes. */
export function failWrite(target: KVNamespace, name: string | symbol): unknown {
  if (name === "put") return failRead();
  const value: unknown = Reflect.get(target, name);
  return typeof value === "function" ? value.bind(target) : value;
}

/** KV in which one operation fails for keys that begin so. */
export function failAt(operation: string, prefix: string): KVNamespace {
  return new Proxy(env.CREDENTIALS, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...input: unknown[]): Promise<unknown> => {
        const isHit = name === operation && [input[0]].flat().some((key) => String(key).startsWith(prefix));
        if (isHit) throw new Error("KV is down");
        return Reflect.apply(value, target, input);
      };
    },
  });
}
