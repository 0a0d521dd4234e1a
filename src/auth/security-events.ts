/**
 * What follows from Google's security events: sessions end, stored tokens go, an account is refused until Google
 * enables it again. The table is in docs/setup-google.md.
 */
import { openedOrNull } from "../lib/key-ring.ts";
import { logSecurityEvent } from "../lib/log.ts";
import type { RequestScope } from "../context.ts";
import type { CredentialStore } from "../kv-store.ts";
import type { EventTimes, SecurityConsequence } from "../object/rpc.ts";
import {
  EVENT_LEEWAY_MS,
  EVENT_TYPES,
  type EventSubject,
  type SecurityEvent,
  type SecurityEventToken,
  verifySecurityEventToken,
} from "../oauth/security-event-token.ts";

/** What follows from an event is carried out with these. */
type Consequences = Pick<RequestScope, "mailboxes" | "securityEvents" | "store">;

/** What takes a delivery. */
type Reception = Consequences &
  Pick<RequestScope, "config" | "googleKeys" | "riscConfigurations" | "trace" | "upstream" | "world">;

/**
 * Processes a delivery of security events: verifies it, and applies its events once.
 *
 * @param jwt the body
 * @throws AppError as {@link verifySecurityEventToken}, `STORAGE_UNAVAILABLE`: Google delivers again then; `INTERNAL`
 *   where a key is missing that the address of a user was sealed under
 */
export async function receiveSecurityEvents(scope: Reception, jwt: string): Promise<void> {
  const { config, googleKeys, riscConfigurations, upstream, world } = scope;
  const token: SecurityEventToken = await verifySecurityEventToken(
    {
      upstream,
      configurations: riscConfigurations,
      keys: googleKeys,
      configurationUrl: config.google.riscConfiguration,
      clientId: config.google.clientId,
      nowMs: world.now(),
    },
    jwt,
  );
  if (await scope.securityEvents.isSeen(token.jti)) return;
  // A late delivery is about what there was when it was issued.
  const untilMs = Math.min(token.issuedAtMs + EVENT_LEEWAY_MS, world.now());
  for (const event of token.events) {
    const sub = await subjectOf(scope.store, event.subject);
    await logSecurityEvent(scope.trace, { ...event, sub });
    await act(scope, event, { sub, issuedAtMs: token.issuedAtMs, untilMs });
  }
  // Last: what failed half-way is delivered again, and doing it twice does no harm.
  await scope.securityEvents.markSeen(token.jti);
}

async function act(
  scope: Consequences,
  event: SecurityEvent,
  { sub, issuedAtMs, untilMs }: { sub: string | null } & EventTimes,
): Promise<void> {
  const { mailboxes, store } = scope;
  const { subject } = event;
  const secure = async (consequence: SecurityConsequence): Promise<void> => {
    if (sub !== null) await mailboxes.of(sub).ask("secure", sub, consequence, { issuedAtMs, untilMs });
  };
  switch (event.type) {
    case EVENT_TYPES.tokenRevoked:
      if (subject?.kind === "refresh-token") await store.markIdentifierDead(subject.algorithm, subject.identifier);
      break;
    case EVENT_TYPES.tokensRevoked:
      await secure("forget");
      break;
    case EVENT_TYPES.sessionsRevoked:
      await secure("end-sessions");
      break;
    case EVENT_TYPES.accountDisabled:
      if (event.reason === "hijacking") await secure("end-sessions");
      if (event.reason === null) await secure("disable");
      break;
    case EVENT_TYPES.accountEnabled:
      await secure("enable");
      break;
    // The rest is noted in the log: verification, a credential change that is required, and what Google may add.
  }
}

/** Which of our users an event is about; null for nobody's that we know. */
async function subjectOf(store: CredentialStore, subject: EventSubject | null): Promise<string | null> {
  if (subject === null || subject.kind === "refresh-token") return null;
  if (subject.kind === "user") return subject.sub;
  // The operator can add a key that is missing; the event must not be lost until then.
  return openedOrNull(store.readAddress(subject.email), "An address");
}
