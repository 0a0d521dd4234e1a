/**
 * The Google that development, demo and some tests run against: `emulate` on a port of its own, and
 * in front of it a thin layer that is as strict as Google where `emulate` is not.
 *
 * Everything lives in memory, on loopback, and is gone at close. Each part of the layer is a file with
 * routes of its own; `emulate` gets what none of them takes.
 */

import { createAdaptorServer } from "@hono/node-server";
import { createEmulator, type Emulator } from "emulate";
import { Hono } from "hono";
import type { Server } from "node:http";
import { AUTHORIZATION_PATH, authorizationRoutes } from "./authorization.ts";
import { batchRoutes } from "./batch.ts";
import { bearerGate } from "./bearer.ts";
import { controlRoutes, picturePath } from "./control.ts";
import { faultGate } from "./fault-routes.ts";
import { FaultPlan } from "./faults.ts";
import { gmailRoutes } from "./gmail.ts";
import { Ledger } from "./ledger.ts";
import type { SeedMessage } from "./mailbox/mail.ts";
import { buildSeed, type GoogleSeed } from "./mailbox/seed.ts";
import { createTransmitter, RISC_CONFIGURATION_PATH, riscRoutes } from "./risc.ts";
import type { SecurityEventContext } from "./security-events.ts";
import { endGrantsOf, tokenRoutes, type TokenContext } from "./tokens.ts";
import { createUpstream, upstreamTokens } from "./upstream.ts";
import { findPort, listen, LOOPBACK } from "../lib/ports.ts";

const CLIENT_NAME = "gmail-edge (development)";
const MAX_START_ATTEMPTS = 3;

/** How to start the emulator. */
export interface GoogleEmulatorOptions {
  /** The public port; a free one when left out. */
  readonly port?: number;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly redirectUris: readonly string[];
  /** Where the Worker takes security events, as it would be registered at Google. */
  readonly securityEventReceiver?: string;
  /** Lifetime of access tokens in seconds, an hour when left out, as at Google. */
  readonly expiresInSeconds?: number;
  /** When the mail ends, in epoch milliseconds: for pictures that show the same at any time. Now, when left out. */
  readonly mailUntilMs?: number;
  /** The clock of token lifetimes and waits, in epoch milliseconds. */
  readonly now?: () => number;
  /** The chance of faults, from 0 up to 1. */
  readonly random?: () => number;
}

/** The Worker's variables that point it at the emulator. */
type WorkerVars = Readonly<Record<string, string>>;

/** A running emulator. */
export interface GoogleEmulator {
  /** Its origin, which is also the issuer. */
  readonly url: string;
  readonly vars: WorkerVars;
  /** What is to go wrong, also at `/__emulator/faults`. */
  readonly faults: Pick<FaultPlan, "add" | "clear" | "list">;
  /** Ends all grants of this person, as removing the app from the Google account does. */
  invalidateGrant(email: string): Promise<void>;
  /** Ends the access tokens of this person, as an hour does. */
  expireAccessTokens(email: string): void;
  /** How many live grants this person has. */
  grantsOf(email: string): number;
  /** What this person's mailbox was seeded with, newest first. */
  mailOf(email: string): readonly SeedMessage[];
  close(): Promise<void>;
}

/** Starts the emulator and resolves when it answers. Throws when the port is taken. */
export async function startGoogleEmulator(options: GoogleEmulatorOptions): Promise<GoogleEmulator> {
  const now = options.now ?? Date.now;
  let app = new Hono();
  // The layer listens first: `emulate` must be told its public origin, port and all, at the start.
  const server = createAdaptorServer({ fetch: (request) => app.fetch(request) }) as Server;
  const url = `http://${LOOPBACK}:${await listen(server, options.port ?? 0)}`;
  let emulator: Emulator | undefined;
  const close = async (): Promise<void> => {
    await Promise.all([emulator?.close(), closeServer(server)]);
  };
  try {
    const seed = buildSeed({
      ...options,
      clientName: CLIENT_NAME,
      // Without one `emulate` says `picture: null`, where Google says nothing or gives a URL.
      pictureOf: (user) => `${url}${picturePath(user)}`,
      nowMs: options.mailUntilMs ?? now(),
    });
    const started = await startEmulate(url, seed);
    emulator = started.emulator;
    const ledger = new Ledger(now);
    const context: TokenContext = {
      ledger,
      upstream: createUpstream(`http://${LOOPBACK}:${started.port}`, ledger),
      clientName: CLIENT_NAME,
      redirectUris: options.redirectUris,
      issuer: url,
      expiresInSeconds: options.expiresInSeconds ?? 3600,
    };
    const faults = new FaultPlan({ now, random: options.random ?? Math.random });
    const transmitter = createTransmitter({ origin: url, clientId: options.clientId, now });
    app = buildLayer({ ...context, faults, transmitter, receiver: options.securityEventReceiver });
    return {
      url,
      vars: workerVars(url, options),
      faults,
      close,
      ...accountControls(context, seed.messages),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** `emulate` does not tell which port it got for 0, so it is given one, which another may have taken by then. */
async function startEmulate(baseUrl: string, seed: GoogleSeed): Promise<{ emulator: Emulator; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await findPort();
    try {
      const emulator = await createEmulator({
        service: "google",
        port,
        baseUrl,
        seed: { tokens: upstreamTokens(), google: seed },
      });
      return { emulator, port };
    } catch (error) {
      if (attempt === MAX_START_ATTEMPTS) throw error;
    }
  }
}

/** Everything that routes of the layer need. */
interface LayerContext extends TokenContext, SecurityEventContext {
  readonly faults: FaultPlan;
}

/** The controls, and a Google that faults may hit. */
function buildLayer(context: LayerContext): Hono {
  const google = buildGoogle(context);
  const app = newApp();
  app.route("/", controlRoutes(context));
  app.use(faultGate(context.faults));
  app.route("/", google);
  return app;
}

/** Our routes first; what they do not take goes to `emulate` as it is. */
function buildGoogle(context: LayerContext): Hono {
  const { faults, ledger, upstream } = context;
  const app = newApp();
  app.route("/", authorizationRoutes(context));
  app.route("/", tokenRoutes(context));
  app.route("/", riscRoutes(context.transmitter));
  app.use("/oauth2/v2/userinfo", bearerGate(ledger, { gmail: false }));
  app.use("/gmail/*", bearerGate(ledger, { gmail: true }));
  app.use("/upload/gmail/*", bearerGate(ledger, { gmail: true }));
  app.route("/", batchRoutes({ ledger, faults, dispatch: (request) => app.fetch(request) }));
  app.route("/", gmailRoutes(context));
  app.all("*", (c) => upstream.forward(c));
  return app;
}

/** An app that tells of its own mistakes, so that they are not taken for Google's. */
function newApp(): Hono {
  const app = new Hono();
  app.onError((error, c) => {
    console.error("emulated Google:", error);
    return c.json({ error: { code: 500, message: "Internal error", status: "INTERNAL" } }, 500);
  });
  return app;
}

type AccountControls = Pick<GoogleEmulator, "invalidateGrant" | "expireAccessTokens" | "grantsOf" | "mailOf">;

function accountControls(context: TokenContext, mail: readonly SeedMessage[]): AccountControls {
  const { ledger } = context;
  return {
    invalidateGrant: (email) => endGrantsOf(context, email),
    expireAccessTokens: (email) => {
      for (const grant of ledger.grantsOf(email)) ledger.expireAccessTokens(grant);
    },
    grantsOf: (email) => ledger.grantsOf(email).length,
    mailOf: (email) =>
      mail
        .filter((message) => message.user_email === email)
        .sort((a, b) => Number(b.internal_date) - Number(a.internal_date)),
  };
}

function workerVars(url: string, options: GoogleEmulatorOptions): WorkerVars {
  return {
    GOOGLE_CLIENT_ID: options.clientId,
    GOOGLE_CLIENT_SECRET: options.clientSecret,
    GOOGLE_ISSUER: url,
    GOOGLE_AUTHORIZATION_ENDPOINT: `${url}${AUTHORIZATION_PATH}`,
    GOOGLE_TOKEN_ENDPOINT: `${url}/oauth2/token`,
    GOOGLE_USERINFO_ENDPOINT: `${url}/oauth2/v2/userinfo`,
    GOOGLE_REVOCATION_ENDPOINT: `${url}/oauth2/revoke`,
    GOOGLE_JWKS_URI: `${url}/oauth2/v3/certs`,
    GOOGLE_RISC_CONFIGURATION: `${url}${RISC_CONFIGURATION_PATH}`,
    GMAIL_API_URL: url,
  };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
