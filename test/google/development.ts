/**
 * The Google of `npm run dev`, the demo, pictures and measurements: three accounts with mail, and what can be made to happen to
 * them. Everything lives in memory, on loopback, and is gone at close.
 */
import { type Account, BUSY_USER, USERS } from "./accounts.ts";
import { queueFault } from "./faults.ts";
import { faultFormSchema, faultOfForm } from "./forms.ts";
import { endGrant } from "./oauth/token.ts";
import { listFaults, pictureUrl } from "./people-control.ts";
import { endpointVars, userSchema } from "./protocol.ts";
import { issueAs, startGoogle } from "./server.ts";
import {
  configure,
  findUser,
  type Instance,
  liveRefreshTokens,
  mailboxOf,
  nowMs,
  register,
  revokeTokens,
} from "./state.ts";

const CLIENT_NAME = "gmail-edge (development)";

/** How to start it. */
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
export interface SeededMail {
  readonly id: string;
  readonly threadId: string;
  readonly labelIds: readonly string[];
  readonly from: string;
  readonly subject: string;
  readonly internalDateMs: number;
}

/** A fault in the words of the form, but for numbers. */
export type TextOrNumber = Readonly<Record<string, string | number>>;

/** The running Google. */
export interface DevelopmentGoogle {
  /** Its origin, which is also the issuer. */
  readonly url: string;
  /** The Worker's variables that point it there. */
  readonly vars: Readonly<Record<string, string>>;
  /** What is to go wrong, also at `/__emulator/faults`. */
  readonly faults: {
    /** As the form says it. @throws Error where it makes no sense */
    add(fault: TextOrNumber): void;
    clear(): void;
    list(): readonly { readonly hits: number }[];
  };
  /** Where people may be sent back to, from now on. */
  register(redirectUri: string): void;
  /** Ends all grants of this person, as removing the app from the Google account does. */
  invalidateGrant(email: string): void;
  /** Ends the access tokens of this person, as an hour does. */
  expireAccessTokens(email: string): void;
  /** How many live grants this person has. */
  grantsOf(email: string): number;
  /** What is in this person's mailbox, newest first. */
  mailOf(email: string): SeededMail[];
  close(): Promise<void>;
}

/** Starts it, and resolves when it answers. Throws when the port is taken. */
export async function startDevelopmentGoogle(options: DevelopmentOptions): Promise<DevelopmentGoogle> {
  const running = await startGoogle({
    name: "development",
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  const { instance, origin } = running;
  issueAs(running);
  configure(instance, {
    clientName: CLIENT_NAME,
    clients: [{ id: options.clientId, secret: options.clientSecret }],
    redirectUris: [...options.redirectUris],
    accessTokenLifetimeSeconds: 3600,
    quotaUnitsPerMinute: null,
    recordsCalls: false,
    securityEventReceiver: options.securityEventReceiver ?? null,
    push: { endpoint: options.pushEndpoint ?? null },
  });
  for (const account of USERS) addAccount(instance, origin, account, options.mailUntilMs);
  const timer = setInterval(
    () => mailboxFor(instance, BUSY_USER.email)?.receive(nowMs(instance)),
    options.newMailEveryMs ?? 2 ** 31 - 1,
  );
  timer.unref();
  const subOf = (email: string): string => findUser(instance, email)?.sub ?? "";
  return {
    url: origin,
    vars: {
      GOOGLE_CLIENT_ID: options.clientId,
      GOOGLE_CLIENT_SECRET: options.clientSecret,
      GOOGLE_ISSUER: origin,
      ...endpointVars(origin),
    },
    faults: {
      add: (fault) => {
        const form = Object.fromEntries(Object.entries(fault).map(([name, value]) => [name, String(value)]));
        const told = faultOfForm(faultFormSchema.parse(form));
        queueFault(instance, told.endpoint, told.fault);
      },
      clear: () => {
        instance.faults = [];
      },
      list: () => listFaults(instance),
    },
    register: (redirectUri) => register(instance, redirectUri),
    invalidateGrant: (email) => endGrant(instance, subOf(email)),
    expireAccessTokens: (email) => revokeTokens(instance, subOf(email), ({ kind }) => kind === "access"),
    grantsOf: (email) => (liveRefreshTokens(instance, subOf(email)).length > 0 ? 1 : 0),
    mailOf: (email) => mailOf(instance, email),
    close: () => {
      clearInterval(timer);
      return running.close();
    },
  };
}

function addAccount(instance: Instance, origin: string, account: Account, untilMs: number | undefined): void {
  const ends = untilMs !== undefined && "kind" in account.mailbox ? { untilMs } : {};
  const mailbox = { ...account.mailbox, ...ends };
  const user = userSchema.parse({ ...account, mailbox, picture: pictureUrl(origin, account.email) });
  instance.users.set(user.email, user);
  // Opened at once: mail that ends now ends at the start, and not when somebody looks.
  mailboxOf(instance, user);
}

function mailboxFor(instance: Instance, email: string): ReturnType<typeof mailboxOf> {
  const user = findUser(instance, email);
  return user === null ? null : mailboxOf(instance, user);
}

function mailOf(instance: Instance, email: string): SeededMail[] {
  return Array.from(mailboxFor(instance, email)?.messages() ?? [], (message) => {
    const headers = new Map(message.content().headers);
    const { id, threadId, labelIds, internalDateMs } = message;
    return {
      id,
      threadId,
      labelIds,
      internalDateMs,
      from: headers.get("From") ?? "",
      subject: headers.get("Subject") ?? "",
    };
  });
}
