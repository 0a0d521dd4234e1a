/**
 * What tests of API tokens begin with: a token that a signed-in person has made, and requests that carry it.
 */
import { expect } from "vitest";
import * as z from "zod";
import type { Browser, Outgoing } from "./browser.ts";
import type { Stage } from "./stage.ts";

const madeTokenSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{16}$/),
  token: z.string().regex(/^gmedge_[A-Za-z0-9_-]{92}$/),
  name: z.string(),
  access: z.enum(["list", "read", "full"]),
  expiresAt: z.iso.datetime(),
});
export type MadeToken = z.infer<typeof madeTokenSchema>;

const tokenListSchema = z.strictObject({
  tokens: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      access: z.enum(["list", "read", "full"]),
      createdAt: z.iso.datetime(),
      expiresAt: z.iso.datetime(),
      lastUsedAt: z.iso.datetime().nullable(),
    }),
  ),
});

/** Asks for a token, as a program with the session's cookie. */
export function askForToken(browser: Browser, body: unknown = { name: "script" }): Promise<Response> {
  return browser.fetch("/api/tokens", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { accept: "application/json", "content-type": "application/json" },
  });
}

/** Makes a token and expects that to work. */
export async function makeToken(browser: Browser, body?: unknown): Promise<MadeToken> {
  const response = await askForToken(browser, body);
  const text = await response.text();
  expect(response.status, text).toBe(201);
  return madeTokenSchema.parse(JSON.parse(text));
}

/** The tokens that a person is shown. */
export async function listTokens(browser: Browser): Promise<z.infer<typeof tokenListSchema>["tokens"]> {
  const response = await browser.fetch("/api/tokens", { headers: { accept: "application/json" } });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return tokenListSchema.parse(JSON.parse(text)).tokens;
}

/** Revokes a token, as a program with the session's cookie. */
export function revokeToken(browser: Browser, id: string): Promise<Response> {
  return browser.fetch(`/api/tokens/${id}`, { method: "DELETE", headers: { accept: "application/json" } });
}

/** A request with an API token: no cookie, no Origin, nothing of a browser's. */
export function withToken(stage: Stage, token: string, request: Outgoing): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, accept: "application/json", ...request.headers };
  return stage.send({ ...request, headers });
}

/** Expects a request with a token to be refused as one whose token is not in force. */
export function expectInvalidToken(response: Response): void {
  expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Bearer error="invalid_token"']);
}
