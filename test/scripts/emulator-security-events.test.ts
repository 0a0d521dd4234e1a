/** Cross-Account Protection of the emulated Google, seen by a receiver that verifies what it gets. */

import { createRemoteJWKSet, jwtVerify } from "jose";
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { startGoogleEmulator, type GoogleEmulator } from "../../scripts/emulator/start.ts";
import { listen, LOOPBACK } from "../../scripts/lib/ports.ts";
import { SMALL_USER } from "../../scripts/emulator/users.ts";
import { CLIENT, get, signIn } from "./emulated-sign-in.ts";

const EMAIL = SMALL_USER.email;
const NOW_MS = 1_800_000_000_000;

interface Delivery {
  readonly contentType: string | undefined;
  readonly body: string;
}

let google: GoogleEmulator;
let worker: Server;
let receiver: string;
let deliveries: Delivery[];
let answerStatus: number;

/** Stands for the Worker: takes what it is sent, and answers what the test wants. */
beforeEach(async () => {
  deliveries = [];
  answerStatus = 202;
  worker = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (text: string) => (body += text));
    request.on("end", () => {
      deliveries.push({ contentType: request.headers["content-type"], body });
      response.writeHead(answerStatus).end("the answer");
    });
  });
  receiver = `http://${LOOPBACK}:${await listen(worker, 0)}/auth/security-events`;
  google = await startGoogleEmulator({ ...CLIENT, securityEventReceiver: receiver, now: () => NOW_MS });
});
afterEach(async () => {
  worker.close();
  await google.close();
});

async function post(fields: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${google.url}/__emulator/security-events`, {
    method: "POST",
    body: new URLSearchParams(fields),
  });
  return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) };
}

const configurationSchema = z.object({ issuer: z.string(), jwks_uri: z.url() });
const eventsSchema = z.record(z.string(), z.looseObject({ subject: z.record(z.string(), z.string()).optional() }));

/** The delivery that came last, verified by nothing but the address of the configuration. */
async function received(): Promise<{ claims: Record<string, unknown>; events: z.infer<typeof eventsSchema> }> {
  const configuration = await (await fetch(google.vars["GOOGLE_RISC_CONFIGURATION"] ?? "")).json();
  const { issuer, jwks_uri: jwksUri } = configurationSchema.parse(configuration);
  const { payload } = await jwtVerify(deliveries.at(-1)?.body ?? "", createRemoteJWKSet(new URL(jwksUri)), {
    algorithms: ["RS256"],
    issuer,
    audience: CLIENT.clientId,
    typ: "secevent+jwt",
  });
  const { events, ...claims } = payload;
  return { claims, events: eventsSchema.parse(events) };
}

async function subOf(accessToken: string): Promise<string> {
  const response = await get(google, "/oauth2/v2/userinfo", accessToken);
  return z.object({ sub: z.string() }).parse(await response.json()).sub;
}

describe("a security event", () => {
  it("reaches the Worker signed, and its answer comes back", async () => {
    const { access_token } = await signIn(google, EMAIL);
    const sent = await post({ type: "account-disabled", email: EMAIL, reason: "hijacking" });
    expect(sent).toMatchObject({ status: 200, body: { receiver, status: 202, answer: "the answer" } });
    expect(deliveries.map(({ contentType }) => contentType)).toEqual(["application/secevent+jwt"]);
    const { claims, events } = await received();
    const iss = `${google.url}/`;
    expect(claims).toEqual({ iss, aud: CLIENT.clientId, iat: NOW_MS / 1000, jti: expect.any(String) });
    expect(events).toEqual({
      "https://schemas.openid.net/secevent/risc/event-type/account-disabled": {
        subject: { subject_type: "iss-sub", iss, sub: await subOf(access_token) },
        reason: "hijacking",
      },
    });
    expect(sent.body["events"]).toEqual(events);
  });

  it("that the Worker refuses is told as refused", async () => {
    answerStatus = 400;
    expect(await post({ type: "verification" })).toMatchObject({ status: 200, body: { status: 400 } });
  });

  it("has an id of its own, or that of an earlier one", async () => {
    const ids = [];
    for (const fields of [{}, {}, { jti: "again" }]) {
      const { body } = await post({ type: "verification", state: "s", ...fields });
      const { claims } = await received();
      expect(body["jti"]).toBe(claims["jti"]);
      ids.push(claims["jti"]);
    }
    expect(new Set(ids).size).toBe(3);
    expect(ids[2]).toBe("again");
  });

  it("of a verification carries the state and is about nobody", async () => {
    await post({ type: "verification", state: "tell me" });
    const uri = "https://schemas.openid.net/secevent/risc/event-type/verification";
    expect((await received()).events).toEqual({ [uri]: { state: "tell me" } });
  });

  it("names an account by claims of its ID token", async () => {
    await signIn(google, EMAIL);
    await post({ type: "tokens-revoked", email: EMAIL, subject: "id_token_claims" });
    const uri = "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked";
    expect((await received()).events[uri]?.subject).toMatchObject({ subject_type: "id_token_claims", email: EMAIL });
  });

  it("names the refresh token that was issued last, by its beginning or its double hash", async () => {
    await signIn(google, EMAIL);
    const { refresh_token: refreshToken = "" } = await signIn(google, EMAIL);
    const uri = "https://schemas.openid.net/secevent/oauth/event-type/token-revoked";
    const common = { subject_type: "oauth_token", token_type: "refresh_token" };
    await post({ type: "token-revoked", email: EMAIL });
    expect((await received()).events[uri]?.subject).toEqual({
      ...common,
      token_identifier_alg: "prefix",
      token: refreshToken.slice(0, 16),
    });
    await post({ type: "token-revoked", email: EMAIL, subject: "hash" });
    const first = createHash("sha512").update(refreshToken).digest();
    expect((await received()).events[uri]?.subject).toEqual({
      ...common,
      token_identifier_alg: "hash_base64_sha512_sha512",
      token: createHash("sha512").update(first).digest("base64"),
    });
  });
});

describe("a security event is not sent", () => {
  it.each([
    ["of an unknown type", { type: "account-purged", email: EMAIL }, 400, "type"],
    ["with an unknown field", { type: "verification", user: EMAIL }, 400, "user"],
    ["about nobody", { type: "sessions-revoked" }, 409, "email"],
    ["about an account whose sub nobody knows yet", { type: "sessions-revoked", email: EMAIL }, 409, "signed in"],
    ["about a token that was never issued", { type: "token-revoked", email: EMAIL }, 409, "refresh token"],
  ])("%s", async (_what, fields, status, word) => {
    const refused = await post(fields);
    expect([refused.status, refused.body["error"]]).toEqual([status, expect.stringContaining(word)]);
    expect(deliveries).toEqual([]);
  });

  it("to a Worker that is away, and the answer says so", async () => {
    await new Promise((resolve) => worker.close(resolve));
    const refused = await post({ type: "verification" });
    expect(refused).toEqual({ status: 502, body: { error: `No answer from ${receiver}.` } });
  });

  it("where no receiver was given", async () => {
    const alone = await startGoogleEmulator(CLIENT);
    const response = await fetch(`${alone.url}/__emulator/security-events`, {
      method: "POST",
      body: "type=verification",
    });
    await alone.close();
    expect([response.status, deliveries]).toEqual([409, []]);
  });
});
