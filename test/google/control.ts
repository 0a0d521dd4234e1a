/**
 * The control API: those who drive this Google configure it, play what happens there, and read what was called. Programs do so
 * in JSON, people by forms (people-control.ts).
 */
import type * as z from "zod";
import { type ActionAnswer, actionSchema, type Snapshot } from "./actions.ts";
import { queueFault } from "./faults.ts";
import type { Mailbox } from "./mail/mailbox.ts";
import { signSecurityEvent } from "./oauth/security-events.ts";
import { endGrant } from "./oauth/token.ts";
import { peopleControl } from "./people-control.ts";
import { CONTROL_PATH, type User } from "./protocol.ts";
import { signPush } from "./push.ts";
import {
  configure,
  type Incoming,
  type Instance,
  liveRefreshTokens,
  mailboxOf,
  nowMs,
  register,
  resetInstance,
  revokeTokens,
} from "./state.ts";

type AnyAction = z.output<typeof actionSchema>;
type Telling = Extract<AnyAction, { action: "securityEvent" | "takePushes" | "push" }>;

/** GET answers the snapshot, POST does one action. A mistake in the request answers 400 and says which. */
export async function control(instance: Instance, call: Incoming): Promise<Response> {
  if (call.url.pathname !== CONTROL_PATH) return peopleControl(instance, call);
  if (call.method === "GET") return Response.json(snapshot(instance));
  const parsed = actionSchema.safeParse(JSON.parse(call.body));
  if (!parsed.success) return new Response(parsed.error.message, { status: 400 });
  try {
    return Response.json(await answer(instance, parsed.data));
  } catch (error) {
    return new Response(String(error), { status: 400 });
  }
}

/** Does what was asked for, with the value of those actions that have one. */
async function answer(instance: Instance, action: AnyAction): Promise<ActionAnswer> {
  if (action.action === "securityEvent") return { value: await signSecurityEvent(instance, action.event) };
  if (action.action === "takePushes") return { value: JSON.stringify(instance.pushes.splice(0)) };
  if (action.action === "push") {
    return { value: JSON.stringify(await signPush(instance, userOf(instance, action.email), action)) };
  }
  act(instance, action);
  return { value: null };
}

function act(instance: Instance, action: Exclude<AnyAction, Telling>): void {
  switch (action.action) {
    case "reset":
      return resetInstance(instance);
    case "configure":
      return configure(instance, action.patch);
    case "addUser":
      instance.users.set(action.user.email, action.user);
      return;
    case "register":
      return register(instance, action.redirectUri);
    case "fault":
      return queueFault(instance, action.endpoint, action.fault);
    case "clearFaults":
      instance.faults = [];
      return;
    case "forgetCalls":
      return forgetCalls(instance);
    case "advanceClock":
      instance.clockOffsetMs += action.ms;
      return;
    case "rotateKeys":
      instance.keyGenerations[action.of] += 1;
      return;
    case "revokeGrant":
      return endGrant(instance, userOf(instance, action.email).sub);
    case "changePassword":
      return revokeTokens(instance, userOf(instance, action.email).sub);
    case "killAccessTokens":
      return revokeTokens(instance, userOf(instance, action.email).sub, (token) => token.kind === "access");
    case "resizeMailboxes":
      return resizeMailboxes(instance, action.messages);
    case "receiveMail":
    case "changeLabels":
    case "deleteMail":
    case "forgetHistory":
      return changeMail(instance, action);
  }
}

type MailAction = Extract<AnyAction, { action: "receiveMail" | "changeLabels" | "deleteMail" | "forgetHistory" }>;

function changeMail(instance: Instance, action: MailAction): void {
  const mailbox = mailboxOf(instance, userOf(instance, action.email));
  if (mailbox === null) return;
  if (action.action === "receiveMail") {
    for (let n = 0; n < action.messages; n += 1) mailbox.receive(nowMs(instance));
  } else if (action.action === "forgetHistory") {
    mailbox.forgetHistory();
  } else {
    const message = messageOf(mailbox, action.id);
    if (action.action === "deleteMail") mailbox.remove(message);
    else mailbox.changeLabels(message, action);
  }
}

function messageOf(mailbox: Mailbox, id: string): NonNullable<ReturnType<Mailbox["find"]>> {
  const message = mailbox.find(id);
  if (message === null) throw new Error(`no message ${id}`);
  return message;
}

function forgetCalls(instance: Instance): void {
  instance.calls = [];
  instance.counts.clear();
  instance.maxConcurrent = 0;
  instance.quotaUnits = 0;
  instance.refused = 0;
}

function resizeMailboxes(instance: Instance, messages: number): void {
  for (const user of instance.users.values()) {
    if (user.mailbox === null || !("messages" in user.mailbox)) continue;
    user.mailbox = { ...user.mailbox, messages };
    instance.mailboxes.delete(user.sub);
  }
}

function userOf(instance: Instance, email: string): User {
  const found = instance.users.get(email);
  if (found === undefined) throw new Error(`no account ${email}`);
  return found;
}

function snapshot(instance: Instance): Snapshot {
  return {
    calls: instance.calls,
    violations: instance.violations,
    maxConcurrent: instance.maxConcurrent,
    quotaUnits: instance.quotaUnits,
    secrets: [...instance.secrets],
    grants: [...instance.users.values()].map(({ sub, email }) => {
      const refreshTokens = liveRefreshTokens(instance, sub);
      const scopes = [...(instance.consents.get(sub) ?? [])];
      return { sub, email, scopes, liveRefreshTokens: refreshTokens.length, refreshTokens };
    }),
    pendingFaults: instance.faults.filter(({ left }) => left > 0).length,
    meters: {
      calls: Object.fromEntries(instance.counts),
      refused: instance.refused,
      failed: instance.faults.reduce((sum, { fault, hits }) => sum + (fault.share === undefined ? 0 : hits), 0),
    },
  };
}
