/**
 * The control API: tests configure the double, play what happens at Google, and read what was called.
 */
import { queueFault } from "./faults.ts";
import { type ActionAnswer, actionSchema, type Snapshot, type User } from "./protocol.ts";
import { signSecurityEvent } from "./security-events.ts";
import { configure, type Incoming, type Instance, resetInstance, revokeTokens } from "./state.ts";
import { endGrant, isDead } from "./token.ts";
import type * as z from "zod";

type PlainAction = Exclude<z.output<typeof actionSchema>, { action: "securityEvent" }>;

/** GET answers the snapshot, POST does one action. A mistake in the request answers 400 and says which. */
export async function control(instance: Instance, call: Incoming): Promise<Response> {
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
async function answer(instance: Instance, action: z.output<typeof actionSchema>): Promise<ActionAnswer> {
  if (action.action === "securityEvent") return { value: await signSecurityEvent(instance, action.event) };
  act(instance, action);
  return { value: null };
}

function act(instance: Instance, action: PlainAction): void {
  switch (action.action) {
    case "reset":
      return resetInstance(instance);
    case "configure":
      return configure(instance, action.patch);
    case "addUser":
      instance.users.set(action.user.email, action.user);
      return;
    case "fault":
      return queueFault(instance, action.endpoint, action.fault);
    case "clearFaults":
      instance.faults = [];
      return;
    case "forgetCalls":
      instance.calls = [];
      instance.maxConcurrent = 0;
      instance.quotaUnits = 0;
      return;
    case "advanceClock":
      instance.clockOffsetMs += action.ms;
      return;
    case "rotateKeys":
      instance.keyGenerations[action.of] += 1;
      return;
    case "revokeGrant":
      return endGrant(instance, user(instance, action.email).sub);
    case "changePassword":
      return revokeTokens(instance, user(instance, action.email).sub);
    case "killAccessTokens":
      return revokeTokens(instance, user(instance, action.email).sub, (token) => token.kind === "access");
    case "receiveMail": {
      const { mailbox } = user(instance, action.email);
      if (mailbox !== null) mailbox.messages += action.messages;
      return;
    }
  }
}

function user(instance: Instance, email: string): User {
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
    pendingFaults: instance.faults.length,
  };
}

function liveRefreshTokens(instance: Instance, sub: string): string[] {
  return [...instance.tokens]
    .filter(([, token]) => token.sub === sub && token.kind === "refresh" && !isDead(instance, token))
    .map(([value]) => value);
}
