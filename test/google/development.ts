/**
 * The Google of `npm run dev`, the demo, pictures and measurements: three accounts with mail, and what can be made to happen to
 * them. Everything lives in memory, on loopback, and is gone at close.
 */
import { BUSY_USER, USERS } from "./accounts.ts";
import { type Controls, controlsOf } from "./control.ts";
import type { Message } from "./mail/mailbox.ts";
import { endpointVars } from "./protocol.ts";
import { issueAs, startGoogle } from "./server.ts";
import { mailboxOf, getUser } from "./state.ts";

export interface DevelopmentOptions {
  /** A free one when left out. */
  readonly port?: number;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
  /** Where the Worker takes security events, as it would be registered at Google. */
  readonly securityEventReceiver?: string;
  /** Where the Worker takes pushes of Pub/Sub. */
  readonly pushEndpoint?: string;
  /** When the mail ends, in epoch milliseconds: for pictures that show the same at any time. Now, when left out. */
  readonly mailUntilMs?: number;
  /** Milliseconds between two messages that arrive for the busy user; none arrive when left out. */
  readonly newMailEveryMs?: number;
}

/** A message as a test compares it. */
export interface SeededMail extends Pick<Message, "id" | "threadId" | "labelIds" | "internalDateMs"> {
  readonly from: string;
  readonly subject: string;
}

export interface DevelopmentGoogle {
  /** Its origin, which is also the issuer. */
  readonly url: string;
  /** The Worker's variables that point it there. */
  readonly vars: Readonly<Record<string, string>>;
  readonly controls: Controls;
  /** What is in this person's mailbox, newest first. */
  mailOf(email: string): SeededMail[];
  close(): Promise<void>;
}

/** Starts it, and resolves when it answers. Throws when the port is taken. */
export async function startDevelopmentGoogle(options: DevelopmentOptions): Promise<DevelopmentGoogle> {
  const { clientId, clientSecret, mailUntilMs, newMailEveryMs } = options;
  const running = await startGoogle({ name: "development", port: options.port ?? 0 });
  const { instance, origin } = running;
  const controls = controlsOf(instance);
  issueAs(running);
  controls.configure({
    patch: {
      clients: [{ id: clientId, secret: clientSecret }],
      redirectUris: [...options.redirectUris],
      accessTokenLifetimeSeconds: 3600,
      quotaUnitsPerMinute: null,
      recordsCalls: false,
      securityEventReceiver: options.securityEventReceiver ?? null,
      push: { endpoint: options.pushEndpoint ?? null },
    },
  });
  for (const account of USERS) {
    const { mailbox, email } = account;
    const ends = mailUntilMs !== undefined && mailbox !== null && "kind" in mailbox ? { untilMs: mailUntilMs } : {};
    const picture = `${origin}/pictures/${encodeURIComponent(email)}`;
    controls.addUser({ user: { ...account, mailbox: mailbox === null ? null : { ...mailbox, ...ends }, picture } });
    // Opened at once: mail that ends now ends at the start, and not when somebody looks.
    mailboxOf(instance, getUser(instance, account.sub));
  }
  const timer =
    newMailEveryMs === undefined
      ? undefined
      : setInterval(() => controls.receiveMail({ email: BUSY_USER.email }), newMailEveryMs).unref();
  return {
    url: origin,
    vars: {
      GOOGLE_CLIENT_ID: clientId,
      GOOGLE_CLIENT_SECRET: clientSecret,
      GOOGLE_ISSUER: origin,
      ...endpointVars(origin),
    },
    controls,
    mailOf: (email) =>
      Array.from(mailboxOf(instance, getUser(instance, email))?.messages() ?? [], (message) => {
        const headers = new Map(message.content().headers);
        const { id, threadId, labelIds, internalDateMs } = message;
        const [from = "", subject = ""] = [headers.get("From"), headers.get("Subject")];
        return { id, threadId, labelIds, internalDateMs, from, subject };
      }),
    close: () => {
      clearInterval(timer);
      return running.close();
    },
  };
}
