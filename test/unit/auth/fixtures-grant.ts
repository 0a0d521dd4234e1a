/** What the tests of a grant share: a Gmail that takes some access tokens, and an object that gives new ones. */
import { env } from "cloudflare:workers";
import { LruCache } from "../../../src/isolate/lru-cache.ts";
import { Grant, type GrantHolder, type GrantServices } from "../../../src/object/access.ts";
import { REAL_WORLD } from "../../../src/context.ts";
import type { Credential } from "../../../src/kv-store.ts";
import type { AccessToken } from "../../../src/identity.ts";
import { Mailbox } from "../../../src/object/client.ts";
import { answer, type MailboxQuestions, type MailboxRpc, type Renewed } from "../../../src/object/rpc.ts";
import { type Call, CLIENT_ID, createWorld, START_MS, type World } from "../fixtures.ts";

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

/** Google's answer with an access token. */
export const tokens = (value: string): Response =>
  Response.json({ access_token: value, expires_in: 3600, token_type: "Bearer" });
/** Google's answer that refuses. */
export const refusal =
  (error: string, status = 400): (() => Response) =>
  () =>
    Response.json({ error }, { status });

/** What an object answers who asks for an access token. */
export type Give = (refused: string | null, count: number) => Renewed | Promise<Renewed>;

/** By default fresh-1, fresh-2 …, each just come from Google. */
export const giveFresh: Give = (_, count) => ({
  accessToken: { ...HELD, value: `fresh-${count}` },
  isFresh: true,
  isDelegated: false,
});

/** An object that can be asked for access tokens only. */
export function createMailbox(world: World, give: Give = giveFresh) {
  /** The access tokens that were called refused. */
  const asked: (string | null)[] = [];
  const questions: Pick<MailboxQuestions, "accessToken"> = {
    accessToken: async (_sub, _actor, refused) => give(refused, asked.push(refused)),
  };
  // A grant asks nothing else.
  const object: MailboxRpc = { ask: (...question) => answer(questions as MailboxQuestions, ...question) };
  return { mailbox: new Mailbox(() => object, { startTimer: REAL_WORLD.startTimer, trace: world.trace }), asked };
}

/** A Gmail that takes the access tokens of a list. @param before what passes before the call of that index is answered */
export function createGmail(accepts: readonly string[], before: (index: number) => unknown = () => {}): World {
  return createWorld(async (call: Call, index) => {
    await before(index);
    const token = call.headers.get("Authorization")?.replace("Bearer ", "") ?? "";
    return accepts.includes(token) ? Response.json({ token }) : new Response("{}", { status: 401 });
  });
}

export function createGrant(world: World, changes: Partial<GrantServices & GrantHolder> = {}): Grant {
  const services: GrantServices = {
    refusedTokens: new LruCache(10),
    upstream: world.upstream,
    trace: world.trace,
    world,
  };
  const holder: GrantHolder = {
    user: { sub: "1", email: "ann@example.test" },
    actor: { kind: "session", id: "s" },
    mailbox: createMailbox(world).mailbox,
    accessToken: HELD,
    isRevoked: Promise.resolve(false),
  };
  return new Grant({ ...services, ...changes }, { ...holder, ...changes });
}

/** For a Proxy of KV that is down. */
export function failRead(): () => Promise<never> {
  return () => Promise.reject(new Error("KV is down"));
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
