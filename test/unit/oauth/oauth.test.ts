import { describe, expect, test } from "vitest";
import {
  type AuthorizationRequest,
  buildAuthorizationUrl,
  createPkcePair,
  exchangeCode,
  OAuthError,
  processTokenResponse,
  PROMPTS,
  refreshAccessToken,
  revokeToken,
} from "../../../src/oauth.ts";
import { sha256 } from "../../../src/lib/key-ring.ts";
import { appErrorOf, CLIENT_ID, CLIENT_SECRET, configuration, createWorld, failureOf, json } from "../fixtures.ts";

const { google } = configuration();

const TOKENS = { access_token: "at", expires_in: 3599, token_type: "Bearer" };

const OUTAGE = { reason: "UPSTREAM_UNAVAILABLE", code: 502 };

describe("authorization URL (RFC 6749 §4.1.1, RFC 7636 §4.3)", () => {
  const request: AuthorizationRequest = {
    redirectUri: "https://mail.example.test/auth/callback",
    state: "the-state",
    nonce: "the-nonce",
    codeChallenge: "the-challenge",
    loginHint: null,
    prompt: null,
    identityOnly: false,
  };
  const firstTrip = {
    client_id: CLIENT_ID,
    redirect_uri: "https://mail.example.test/auth/callback",
    response_type: "code",
    scope: "openid email profile https://www.googleapis.com/auth/gmail.readonly",
    access_type: "offline",
    state: "the-state",
    nonce: "the-nonce",
    code_challenge: "the-challenge",
    code_challenge_method: "S256",
  };

  function parametersOf(changes: Partial<AuthorizationRequest>): Record<string, string> {
    const url = new URL(buildAuthorizationUrl(google, { ...request, ...changes }));
    expect(url.origin + url.pathname).toBe("https://accounts.google.com/o/oauth2/v2/auth");
    expect(new Set(url.searchParams.keys()).size).toBe([...url.searchParams].length);
    return Object.fromEntries(url.searchParams);
  }

  test("the first trip has these parameters and no other: no prompt, no secret", () => {
    expect(parametersOf({})).toEqual(firstTrip);
  });

  test.each(PROMPTS)("prompt=%s is sent where it is asked for", (prompt) => {
    expect(parametersOf({ prompt })).toEqual({ ...firstTrip, prompt });
  });

  test.each(["ann@example.test", "ann+mail@example.test", "108204268033311374519", "a&prompt=none#x"])(
    "login_hint %j arrives as it is",
    (loginHint) => {
      expect(parametersOf({ loginHint })).toEqual({ ...firstTrip, login_hint: loginHint });
    },
  );

  test("parameters of a configured endpoint stay", () => {
    const emulated = { ...google, authorizationEndpoint: "http://localhost:4000/auth?tenant=1" };
    expect(new URL(buildAuthorizationUrl(emulated, request)).searchParams.get("tenant")).toBe("1");
  });
});

describe("PKCE", () => {
  test("S256 turns the verifier of RFC 7636 Appendix B into its challenge", async () => {
    expect(await sha256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });

  test("a pair is fresh, unreserved characters, and belongs together (RFC 7636 §4.1, §4.2)", async () => {
    const [one, two] = [await createPkcePair(), await createPkcePair()];
    expect(one.codeVerifier).not.toBe(two.codeVerifier);
    expect(one.codeVerifier).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
    expect(one.codeChallenge).toBe(await sha256(one.codeVerifier));
  });
});

describe("token response: success (RFC 6749 §5.1)", () => {
  test("of a code exchange with consent", async () => {
    const body = { ...TOKENS, scope: "openid  https://mail.google.com/", refresh_token: "rt", id_token: "idt" };
    expect(await processTokenResponse(Response.json(body))).toEqual({
      accessToken: "at",
      expiresInSeconds: 3599,
      scopes: ["openid", "https://mail.google.com/"],
      refreshToken: "rt",
      idToken: "idt",
    });
  });

  test("of a refresh: no new refresh token, no ID token, no scope", async () => {
    expect(await processTokenResponse(Response.json(TOKENS))).toEqual({
      accessToken: "at",
      expiresInSeconds: 3599,
      scopes: null,
      refreshToken: null,
      idToken: null,
    });
  });

  test("token_type is compared without case", async () => {
    const response = await processTokenResponse(Response.json({ ...TOKENS, token_type: "bearer" }));
    expect(response.accessToken).toBe("at");
  });

  test("members that nobody knows are ignored (RFC 6749 §5.1)", async () => {
    const body = { ...TOKENS, refresh_token_expires_in: 604_799, something: { new: true } };
    expect((await processTokenResponse(Response.json(body))).accessToken).toBe("at");
  });

  test.each([
    [{ access_token: "at", token_type: "Bearer" }, 3600],
    [{ ...TOKENS, expires_in: "3599" }, 3599],
  ])("expires_in may be missing (RFC 6749 §5.1), or a number as text: %j", async (body, expected) => {
    expect((await processTokenResponse(Response.json(body))).expiresInSeconds).toBe(expected);
  });

  test("a refresh token that is empty is none", async () => {
    expect((await processTokenResponse(Response.json({ ...TOKENS, refresh_token: "" }))).refreshToken).toBeNull();
  });

  test("a scope that is empty means that nothing was granted, and not that nothing was said", async () => {
    expect((await processTokenResponse(Response.json({ ...TOKENS, scope: "" }))).scopes).toEqual([]);
  });
});

describe("token response: nonsense is an outage, and nobody's grant ends by it", () => {
  test.each<[string, object]>([
    ["wrong token_type", { ...TOKENS, token_type: "mac" }],
    ["a token_type that begins alike", { ...TOKENS, token_type: "bearers" }],
    ["a token_type that ends alike", { ...TOKENS, token_type: "forbearer" }],
    ["no token_type", { access_token: "at", expires_in: 1 }],
    ["no access_token", { expires_in: 1, token_type: "Bearer" }],
    ["empty access_token", { ...TOKENS, access_token: "" }],
    ["expires_in 0", { ...TOKENS, expires_in: 0 }],
    ["expires_in that is no number", { ...TOKENS, expires_in: "soon" }],
    ["refresh_token that is no text", { ...TOKENS, refresh_token: 1 }],
    ["an error with status 200", { error: "invalid_grant" }],
  ])("%s", async (_, body) => {
    expect(await appErrorOf(processTokenResponse(Response.json(body)))).toMatchObject(OUTAGE);
  });

  test.each(["", "<html>", "null", "[]"])("200 with the body %j", async (body) => {
    expect(await appErrorOf(processTokenResponse(new Response(body)))).toMatchObject(OUTAGE);
  });

  test.each([201, 204, 301, 302, 304])("status %i", async (status) => {
    expect(await appErrorOf(processTokenResponse(new Response(null, { status })))).toMatchObject(OUTAGE);
  });
});

describe("token response: errors (RFC 6749 §5.2)", () => {
  test.each([
    ["invalid_grant", 400],
    ["invalid_request", 400],
    ["unauthorized_client", 401],
    ["unsupported_grant_type", 400],
    ["invalid_scope", 400],
    ["redirect_uri_mismatch", 400],
    ["org_internal", 403],
    ["deleted_client", 401],
  ])("%s is refused with that code", async (code, status) => {
    const body = { error: code, error_description: "Bad Request", error_subtype: "invalid_rapt" };
    const error = await failureOf(processTokenResponse(Response.json(body, { status })));
    expect(error).toBeInstanceOf(OAuthError);
    expect(error).toMatchObject({ code });
    expect(String(error)).toBe(`OAuthError: The token endpoint refused: ${code}`);
  });

  test.each([400, 401])(
    "invalid_client with %i is the operator's fault: 500, named in the log only",
    async (status) => {
      const error = await appErrorOf(processTokenResponse(Response.json({ error: "invalid_client" }, { status })));
      expect(error).toMatchObject({ reason: "INTERNAL", code: 500 });
      expect(error.logDetail).toContain("GOOGLE_CLIENT_SECRET");
      expect(error.message).not.toContain("invalid_client");
    },
  );

  test.each<[string, unknown]>([
    ["no error", {}],
    ["an error that is no text", { error: { code: 400 } }],
    ["an empty error", { error: "" }],
    ["null", null],
  ])("a 400 with %s is an outage", async (_, body) => {
    expect(await appErrorOf(processTokenResponse(Response.json(body, { status: 400 })))).toMatchObject(OUTAGE);
  });

  test("a redirect is an outage, also when it says invalid_grant", async () => {
    const response = Response.json({ error: "invalid_grant" }, { status: 302 });
    expect(await appErrorOf(processTokenResponse(response))).toMatchObject(OUTAGE);
  });

  test("a 404 page is an outage", async () => {
    expect(await appErrorOf(processTokenResponse(new Response("<html>", { status: 404 })))).toMatchObject(OUTAGE);
  });

  test.each([500, 502, 503, 504])("a %i is an outage, also when it says invalid_grant", async (status) => {
    const response = Response.json({ error: "invalid_grant" }, { status });
    expect(await appErrorOf(processTokenResponse(response))).toMatchObject(OUTAGE);
  });

  test("a 429 is an outage, also when it says invalid_grant, and Retry-After is passed on", async () => {
    const headers = { "Retry-After": "17" };
    const response = Response.json({ error: "invalid_grant" }, { status: 429, headers });
    expect(await appErrorOf(processTokenResponse(response))).toMatchObject({ ...OUTAGE, retryAfterSeconds: 17 });
  });
});

describe("token requests", () => {
  test("exchangeCode posts code, verifier, redirect URI and client as a form (RFC 6749 §4.1.3, RFC 7636 §4.5)", async () => {
    const world = createWorld(json(TOKENS));
    const request = { code: "4/c&d", codeVerifier: "v", redirectUri: "https://mail.example.test/auth/callback" };
    await exchangeCode(world.upstream, google, request);
    expect(world.calls).toHaveLength(1);
    const [call] = world.calls;
    expect(call?.url.href).toBe("https://oauth2.googleapis.com/token");
    expect(call?.method).toBe("POST");
    expect(call?.headers.get("Content-Type")).toMatch(/^application\/x-www-form-urlencoded/);
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({
      grant_type: "authorization_code",
      code: "4/c&d",
      code_verifier: "v",
      redirect_uri: "https://mail.example.test/auth/callback",
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    });
  });

  test("refreshAccessToken posts the refresh token, the scopes and the client (RFC 6749 §6)", async () => {
    const asked = { refreshToken: "1//rt+x", scopes: ["openid", "https://mail.google.com/"] };
    const world = createWorld(json(TOKENS));
    expect((await refreshAccessToken(world.upstream, google, asked)).accessToken).toBe("at");
    expect(Object.fromEntries(new URLSearchParams(world.calls[0]?.body))).toEqual({
      grant_type: "refresh_token",
      refresh_token: "1//rt+x",
      scope: "openid https://mail.google.com/",
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
    });
  });

  test("are not repeated by themselves: a code serves once", async () => {
    const world = createWorld(json({}, { status: 503 }));
    await appErrorOf(exchangeCode(world.upstream, google, { code: "c", codeVerifier: "v", redirectUri: "r" }));
    expect(world.calls).toHaveLength(1);
  });
});

describe("revocation (RFC 7009 §2)", () => {
  test.each([
    [200, "by this", true],
    [400, "and was not known", false],
  ])("%i: the token is gone, %s", async (status, _, isEndedByThis) => {
    const world = createWorld(json({ error: "invalid_token" }, { status }));
    expect(await revokeToken(world.upstream, google, "1//rt+x")).toBe(isEndedByThis);
    const [call] = world.calls;
    expect([call?.method, call?.url.href]).toEqual(["POST", "https://oauth2.googleapis.com/revoke"]);
    expect(Object.fromEntries(new URLSearchParams(call?.body))).toEqual({ token: "1//rt+x" });
  });

  test.each([302, 403, 404, 429, 500, 503])("%i: the grant may still be alive, which is told", async (status) => {
    const world = createWorld(() => new Response(null, { status }));
    expect(await appErrorOf(revokeToken(world.upstream, google, "rt"))).toMatchObject(OUTAGE);
  });
});
