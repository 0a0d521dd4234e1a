/**
 * What a contract test plays on: a Worker, its own Google, and browsers in front of it. One interface for a Worker inside
 * of the test's own runtime and for one in a real `wrangler dev` process.
 */
import type { RequestScope } from "../../src/context.ts";
import type { MailboxNamespace } from "../../src/object/client.ts";
import { Browser, type Outgoing } from "./browser.ts";
import type { ConfigPatch, Google } from "./google.ts";

export interface StageOptions {
  /** Variables and secrets of the Worker, over those of the stage. */
  readonly vars?: Readonly<Record<string, string>>;
  /** External origin, sets `PUBLIC_URL`. A proxy that ends TLS is assumed in front of it. */
  readonly publicUrl?: string;
  readonly google?: ConfigPatch;
  /** Google in the test's own runtime, for runs of thousands of cases; inside of workerd only. */
  readonly near?: boolean;
  /** Tests that name the same thing share a process with no others: for what the Worker caches. */
  readonly apart?: string;
  /** Storage in place of the runtime's own, for a Worker at each of several places; by the clock of the stage. */
  readonly storage?: (now: () => number) => Storage;
  /**
   * Stands in front of each call to Google, of each question to an object and of its answer, and may hold it up or throw;
   * inside of workerd only.
   */
  readonly before?: (step: string) => Promise<void>;
}

/** A KV namespace that is reached from different places. */
export interface Storage {
  at(place: string): KVNamespace;
}

/** What only a Worker inside of the test's runtime can offer. */
export interface Inside {
  /** Moves the Worker's and Google's clocks. */
  advance(ms: number): Promise<void>;
  /** How long the Worker wanted to sleep, in milliseconds; nobody has waited. */
  readonly sleeps: readonly number[];
  /** A Worker with other variables or bindings over the same storage, the same Google and the same clock. */
  readonly redeploy: (vars: Readonly<Record<string, string>>, bindings?: Readonly<Record<string, unknown>>) => Stage;
  /** Another isolate, at another place: its own memory and binding; the same storage, Google and clock. */
  at(place: string): Stage;
  /** A call by service binding: its scope, until all of its work has ended. */
  serve<T>(work: (scope: RequestScope) => Promise<T>): Promise<T>;
  /** The scope of a call by service binding, in this stage's world. */
  readonly openScope: () => RequestScope;
  /** What was logged so far, line by line, by whichever stage. */
  readonly logged: readonly string[];
  readonly kv: KVNamespace;
  /** The objects of this stage, for a binding of another one. */
  readonly mailboxes: MailboxNamespace;
  /** The names of everything that is stored. */
  readonly keys: () => Promise<string[]>;
}

export interface Stage {
  /** Where the Worker answers, seen from outside. */
  readonly origin: string;
  readonly google: Google;
  readonly client: { readonly id: string; readonly secret: string };
  readonly tokenKeys: string;
  now(): number;
  /** One request, without a browser's help. The answer is complete when this returns, unless it is streamed. */
  send(request: Outgoing): Promise<Response>;
  browser(): Browser;
  /** Everything that was logged so far, by whichever stage. */
  logs(): string;
  /** Everything that is stored, as it lies there. */
  stored(): Promise<string>;
  /** Missing where the Worker runs in its own process. */
  readonly inside?: Inside;
}

export interface Harness {
  readonly name: "workerd" | "wrangler-dev";
  openStage(options: StageOptions): Promise<Stage>;
}

/** The OAuth client that every stage uses, unless a test is about another one. */
export const CLIENT = {
  id: "1234567890-testing.apps.googleusercontent.com",
  secret: "GOCSPX-the-clients-secret-for-tests",
} as const;

export const OTHER_CLIENT = {
  id: "1234567890-another.apps.googleusercontent.com",
  secret: "GOCSPX-the-other-clients-secret",
} as const;

/** A `TOKEN_KEYS` value with one fresh key per `kid`, and the keys, which nothing may show. */
export function makeTokenKeys(...kids: string[]): string {
  const keys = kids.map((kid) => {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const k = btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
    return { kty: "oct", kid, k };
  });
  return JSON.stringify({ keys });
}

/** The configuration of Google that fits a Worker at this origin. */
export function googleFor(origin: string, patch: ConfigPatch = {}): ConfigPatch {
  return { clients: [CLIENT, OTHER_CLIENT], redirectUris: [`${origin}/auth/callback`], ...patch };
}

/** The secrets and endpoints of a Worker in front of this Google. */
export function workerVars(google: Google, tokenKeys: string): Record<string, string> {
  return {
    GOOGLE_CLIENT_ID: CLIENT.id,
    GOOGLE_CLIENT_SECRET: CLIENT.secret,
    TOKEN_KEYS: tokenKeys,
    ...google.vars,
  };
}

/** A browser in front of a stage. */
export function browserFor(stage: Pick<Stage, "origin" | "google" | "now" | "send">): Browser {
  return new Browser({ origin: stage.origin, google: stage.google, now: stage.now, send: stage.send });
}
