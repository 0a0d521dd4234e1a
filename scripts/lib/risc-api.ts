/**
 * Google's RISC API: where a project says to whom its security events go.
 * https://developers.google.com/identity/protocols/risc#register_receiver
 *
 * Errors are Google's own words and what to do about them. Nothing here prints.
 */

import { SignJWT } from "jose";
import * as z from "zod/mini";
import { ScriptError } from "./script-error.ts";
import type { ServiceAccount } from "./service-account.ts";

export const RISC_API_ORIGIN = "https://risc.googleapis.com";
/** What the bearer token is for, wherever it is sent. */
const AUDIENCE = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService";
/** Google: "Token must expire in exactly one hour." */
const TOKEN_LIFETIME_SECONDS = 3600;
const PUSH_DELIVERY = "https://schemas.openid.net/secevent/risc/delivery-method/push";
const TIMEOUT_MS = 30_000;

const streamReply = z.object({
  delivery: z.optional(z.object({ url: z.optional(z.string()) })),
  events_requested: z.optional(z.array(z.string())),
});
const statusReply = z.object({ status: z.optional(z.string()) });
const errorReply = z.object({ error: z.object({ message: z.string() }) });

/** What to do, by what Google says. The first that fits. */
const ADVICE: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [
    /has not been used|is disabled|SERVICE_DISABLED/i,
    "Enable the RISC API for the project, and try again in a minute.",
  ],
  [/needs permission|permission.*denied/i, 'Give the service account the role "RISC Configuration Admin".'],
  [/project's domains/i, "Add the Worker's domain to the authorized domains of the OAuth consent screen."],
  [/delivery method/i, "Firebase manages this project's stream: turn off its sign-in with Google, and wait an hour."],
  [/OAuth client/i, "Use a service account of the project that has the OAuth client."],
];
const ADVICE_BY_STATUS: Readonly<Record<number, string>> = {
  401: "Is the service account's key still there, and is this machine's clock right?",
  404: "There is no stream yet: register one.",
};

/** A stream as Google has it. */
export interface Stream {
  /** Where events go; null when Google does not say. */
  readonly url: string | null;
  /** The event types that were asked for; null when Google does not say. */
  readonly events: readonly string[] | null;
}

/** The calls of the API that we need. Each throws a {@link ScriptError}. */
export interface RiscApi {
  readStream(): Promise<Stream>;
  /** Makes the project's one stream, or changes it. */
  updateStream(stream: { readonly url: string; readonly events: readonly string[] }): Promise<void>;
  /** `enabled` or `disabled`; null when Google does not say. */
  readStatus(): Promise<string | null>;
  updateStatus(status: "enabled" | "disabled"): Promise<void>;
  /** Has a verification event sent, which carries `state`. */
  verifyStream(state: string): Promise<void>;
}

/** The API, called as this service account. */
export function createRiscApi(options: {
  readonly account: ServiceAccount;
  readonly origin: string;
  readonly nowMs: number;
}): RiscApi {
  const call = async (path: string, body?: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const token = await signBearerToken(options.account, options.nowMs);
    return request(new URL(`/v1beta/${path}`, options.origin), token, body);
  };
  return {
    readStream: async () => {
      const stream = understand(streamReply, await call("stream"));
      return { url: stream.delivery?.url ?? null, events: stream.events_requested ?? null };
    },
    updateStream: async ({ url, events }) => {
      await call("stream:update", {
        delivery: { delivery_method: PUSH_DELIVERY, url },
        events_requested: events,
      });
    },
    readStatus: async () => understand(statusReply, await call("stream/status")).status ?? null,
    updateStatus: async (status) => {
      await call("stream/status:update", { status });
    },
    verifyStream: async (state) => {
      await call("stream:verify", { state });
    },
  };
}

/** A JWT that the service account signs itself: this API takes it as it is, without a token endpoint. */
function signBearerToken(account: ServiceAccount, nowMs: number): Promise<string> {
  const issuedAt = Math.floor(nowMs / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: "RS256", kid: account.keyId, typ: "JWT" })
    .setIssuer(account.email)
    .setSubject(account.email)
    .setAudience(AUDIENCE)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + TOKEN_LIFETIME_SECONDS)
    .sign(account.privateKey);
}

/** GET without a body, POST with one. */
async function request(url: URL, token: string, body?: Readonly<Record<string, unknown>>): Promise<unknown> {
  const { status, text } = await exchange(url, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = readJson(text);
  if (status === 200 && answer !== undefined) return answer;
  const said = errorReply.safeParse(answer);
  const message = said.success ? said.data.error.message : "no reason given";
  const advice = ADVICE.find(([pattern]) => pattern.test(message))?.[1] ?? ADVICE_BY_STATUS[status];
  throw new ScriptError(`Google answers ${status}: ${message}${advice === undefined ? "" : `\n${advice}`}`);
}

async function exchange(url: URL, init: RequestInit): Promise<{ status: number; text: string }> {
  try {
    const response = await fetch(url, init);
    return { status: response.status, text: await response.text() };
  } catch {
    throw new ScriptError(`${url.host} does not answer.`);
  }
}

/** `undefined` for what is not JSON; an empty answer is one that says nothing. */
function readJson(text: string): unknown {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function understand<T extends z.ZodMiniType>(schema: T, value: unknown): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ScriptError("Google's answer is not understood.");
  return parsed.data;
}
