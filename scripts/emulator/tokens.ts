/**
 * The token and revocation endpoints. `emulate` judges client, code and PKCE; the layer adds what it
 * does not know: which answers carry a refresh token, when tokens expire, and that revoking one ends
 * the grant.
 */

import { Hono } from "hono";
import { decodeJwt } from "jose";
import * as z from "zod/mini";
import type { OAuthContext } from "./authorization.ts";
import type { CodeRecord, Grant } from "./ledger.ts";
import { parseScopes } from "./scopes.ts";

const TOKEN_PATH = "/oauth2/token";
const REVOCATION_PATH = "/oauth2/revoke";

const tokenReply = z.object({
  access_token: z.string(),
  token_type: z.string(),
  scope: z.string(),
  id_token: z.optional(z.string()),
  refresh_token: z.optional(z.string()),
});

/** What the token routes need. */
export interface TokenContext extends OAuthContext {
  readonly expiresInSeconds: number;
}

/** The routes of the token and the revocation endpoint. */
export function tokenRoutes(context: TokenContext): Hono {
  const { ledger, upstream } = context;
  const app = new Hono();

  app.post(TOKEN_PATH, async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const isRefresh = form.get("grant_type") === "refresh_token";
    const code = form.get("code") ?? "";
    const record = isRefresh ? null : ledger.findCode(code);
    // `emulate` compares neither of the two.
    if (record !== null && record.redirectUri !== form.get("redirect_uri")) {
      return c.json({ error: "redirect_uri_mismatch", error_description: "Bad Request" }, 400);
    }
    if (record !== null && record.clientId !== form.get("client_id")) {
      return c.json({ error: "invalid_grant", error_description: "Bad Request" }, 400);
    }

    // `emulate` does not read it in a refresh.
    const asked = isRefresh ? form.get("scope") : null;
    if (isRefresh) form.delete("scope");
    const reply = await upstream.postForm(TOKEN_PATH, form);
    if (!reply.ok) return reply;
    const owner = record ?? ledger.findRefreshToken(form.get("refresh_token") ?? "");
    if (owner === null) return c.json({ error: "invalid_grant" }, 400);
    ledger.forgetCode(code);

    const { refresh_token: made, ...whole } = tokenReply.parse(await reply.json());
    const scope = asked === null ? whole.scope : narrowed(owner, asked);
    if (scope === null) return c.json({ error: "invalid_scope", error_description: "Bad Request" }, 400);
    const answer = { ...whole, scope };
    const refreshToken = record?.yieldsRefreshToken === true ? (made ?? null) : null;
    remember({ context, owner, answer, refreshToken });
    return c.json({
      ...answer,
      expires_in: context.expiresInSeconds,
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
    });
  });

  app.post(REVOCATION_PATH, async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const grant = ledger.findGrantOfToken(form.get("token") ?? c.req.query("token") ?? "");
    if (grant === null) {
      return c.json({ error: "invalid_token", error_description: "Token expired or revoked" }, 400);
    }
    await endGrant(context, grant);
    return c.json({});
  });

  return app;
}

/** What a refresh asks for, if the grant has it all; else null: RFC 6749 §6. */
function narrowed(owner: CodeRecord | Grant, asked: string): string | null {
  const granted = "scopes" in owner ? owner.scopes : new Set<string>();
  const scopes = parseScopes(asked);
  return scopes.every((scope) => granted.has(scope)) ? scopes.join(" ") : null;
}

function remember(issued: {
  readonly context: TokenContext;
  readonly owner: CodeRecord | Grant;
  readonly answer: Omit<z.infer<typeof tokenReply>, "refresh_token">;
  readonly refreshToken: string | null;
}): void {
  const { context, owner, answer, refreshToken } = issued;
  context.ledger.recordTokens({
    clientId: owner.clientId,
    email: owner.email,
    scopes: parseScopes(answer.scope),
    accessToken: answer.access_token,
    refreshToken,
    expiresInSeconds: context.expiresInSeconds,
  });
  const sub = answer.id_token === undefined ? undefined : decodeJwt(answer.id_token).sub;
  if (sub !== undefined) context.ledger.rememberSub(sub, owner.email);
}

/** What ending grants and tokens needs. */
type GrantContext = Pick<OAuthContext, "ledger" | "upstream">;

/** Ends all grants of this person, as removing the app from the Google account does. */
export async function endGrantsOf(context: GrantContext, email: string): Promise<void> {
  const grants = context.ledger.grantsOf(email);
  await Promise.all(grants.map((grant) => endGrant(context, grant)));
}

/** Kills all tokens of this person and leaves the consents, as a password change does. */
export async function killTokensOf(context: GrantContext, email: string): Promise<void> {
  const grants = context.ledger.grantsOf(email);
  await forget(
    context,
    grants.flatMap((grant) => context.ledger.killTokens(grant)),
  );
}

function endGrant(context: GrantContext, grant: Grant): Promise<void> {
  return forget(context, context.ledger.endGrant(grant));
}

/** `emulate` forgets them too, so that it is `emulate` who answers `invalid_grant` from now on. */
async function forget(context: GrantContext, refreshTokens: readonly string[]): Promise<void> {
  await Promise.all(
    refreshTokens.map((token) => context.upstream.postForm(REVOCATION_PATH, new URLSearchParams({ token }))),
  );
}
