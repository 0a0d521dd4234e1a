/**
 * Pub/Sub's pushes of what `watch` brings: signed, at most one a second and user, delivered again while the receiver answers
 * anything but 2xx. Without an endpoint they wait until a test takes them.
 *
 * https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
 */
import { SignJWT } from "jose";
import type { PushDelivery } from "./actions.ts";
import { toBase64 } from "./base64.ts";
import type { HistoryRecord } from "./mail/mailbox.ts";
import { kid, signingKey } from "./oauth/keys.ts";
import type { User } from "./protocol.ts";
import { type Instance, mailboxOf, nowMs, pause } from "./state.ts";

/** Above that Gmail drops notifications. */
const LEAST_INTERVAL_MS = 1_000;
const MOST_TRIES = 8;
const FIRST_RETRY_MS = 1_000;

/** Tells of a change where it is watched. @param record null for the first notification of a watch */
export async function notify(instance: Instance, user: User, record: HistoryRecord | null): Promise<void> {
  const watch = instance.watches.get(user.sub);
  const atMs = nowMs(instance);
  if (watch === undefined || watch.expiresAtMs <= atMs || atMs - watch.lastPushMs < LEAST_INTERVAL_MS) return;
  if (record !== null && watch.labelIds.length > 0) {
    const isConcerned = [...record.message.labelIds, ...record.labelIds].some((label) =>
      watch.labelIds.includes(label),
    );
    if (isConcerned !== watch.isInclude) return;
  }
  watch.lastPushMs = atMs;
  const delivery = await signPush(instance, user, {});
  const { endpoint } = instance.config.push;
  if (endpoint === null) instance.pushes.push(delivery);
  else await deliver(endpoint, delivery);
}

/** A notification that says which history is the newest. @param spoiled claims that are not as they should be */
export async function signPush(
  instance: Instance,
  user: User,
  { historyId, claims = {}, isForged = false }: PushOptions,
): Promise<PushDelivery> {
  const { audience, endpoint, serviceAccount } = instance.config.push;
  const generation = instance.keyGenerations["id-token"];
  const { privateKey } = await signingKey(isForged ? "forger" : "id-token", generation);
  const issuedAt = Math.floor(nowMs(instance) / 1000);
  const right = {
    iss: instance.config.issuer,
    aud: audience ?? endpoint ?? "",
    sub: "117000000000000000001",
    azp: "117000000000000000001",
    email: serviceAccount,
    email_verified: true,
    iat: issuedAt,
    exp: issuedAt + 3600,
  };
  const header = { alg: "RS256", typ: "JWT", kid: kid(instance, "id-token", generation) };
  const token = await new SignJWT({ ...right, ...claims }).setProtectedHeader(header).sign(privateKey);
  const newest = historyId ?? String(mailboxOf(instance, user)?.historyId ?? 0);
  const data = JSON.stringify({ emailAddress: user.email, historyId: Number(newest) });
  const id = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  const message = {
    data: toBase64(new TextEncoder().encode(data)),
    messageId: id,
    message_id: id,
    publishTime: new Date(nowMs(instance)).toISOString(),
  };
  const body = JSON.stringify({ message, subscription: "projects/gmail-edge/subscriptions/mail" });
  return { authorization: `Bearer ${token}`, body };
}

/** How a notification differs from the right one. */
export interface PushOptions {
  readonly historyId?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly isForged?: boolean;
}

async function deliver(endpoint: string, { authorization, body }: PushDelivery): Promise<void> {
  const headers = { authorization, "content-type": "application/json" };
  for (let attempt = 0; attempt < MOST_TRIES; attempt += 1) {
    try {
      const { ok } = await fetch(endpoint, { method: "POST", headers, body, redirect: "manual" });
      if (ok) return;
    } catch {
      // Nobody is there: Pub/Sub tries again.
    }
    await pause(FIRST_RETRY_MS * 2 ** attempt);
  }
}
