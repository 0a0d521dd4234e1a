/**
 * The authorization endpoint: checks the request as Google does, lets the person choose, and sends the browser back.
 *
 * What Google refuses on its own page (an unregistered redirect URI, say) never comes back to the client here either.
 */
import { type Person, PERSON_HEADER, personSchema, type User } from "./protocol.ts";
import { signInPageError } from "./responses.ts";
import { type Incoming, type Instance, keepSecret, nowMs, randomText } from "./state.ts";

const PROMPTS = new Set(["none", "consent", "select_account"]);
const SHORT_SCOPES: Record<string, string> = {
  email: "https://www.googleapis.com/auth/userinfo.email",
  profile: "https://www.googleapis.com/auth/userinfo.profile",
};

/** The scope as Google reports it: `email` and `profile` come back as their long URLs. */
export function longScope(scope: string): string {
  return SHORT_SCOPES[scope] ?? scope;
}

interface Problem {
  readonly error: string;
  readonly why: string;
}

/** `GET /o/oauth2/v2/auth`: 302 to the redirect URI, or an error page. */
export function authorize(instance: Instance, call: Incoming): Response {
  const query = call.url.searchParams;
  const problem = findProblem(instance, call);
  if (problem !== null) {
    instance.violations.push(`authorization request: ${problem.error}: ${problem.why}`);
    return signInPageError(400, problem.error, problem.why);
  }
  const person = personSchema.parse(JSON.parse(call.headers.get(PERSON_HEADER) ?? "{}"));
  const back = new URL(text(query, "redirect_uri"));
  back.searchParams.set("state", text(query, "state"));
  if (instance.config.callbackIss !== "absent") {
    const right = instance.config.callbackIss === "valid";
    back.searchParams.set("iss", right ? instance.config.issuer : "https://accounts.example.com");
  }
  if (person.error !== undefined) return sendBack(back, person.error);
  const user = chooseUser(instance, person, query);
  if (user === null) return signInPageError(400, "choose_an_account", "No such account, and no one to guess.");
  return answerAs(instance, user, person, query, back);
}

function answerAs(instance: Instance, user: User, person: Person, query: URLSearchParams, back: URL): Response {
  const asked = text(query, "scope").split(" ").map(longScope);
  const consented = instance.consents.get(user.sub) ?? new Set<string>();
  const prompt = (query.get("prompt") ?? "").split(" ");
  const consentShown = prompt.includes("consent") || asked.some((scope) => !consented.has(scope));
  if (consentShown && prompt.includes("none")) return sendBack(back, "interaction_required");
  if (person.deny === true) return sendBack(back, "access_denied");
  const unticked = new Set(consentShown ? (person.untick ?? []).map(longScope) : []);
  const granted = new Set(asked.filter((scope) => !unticked.has(scope)));
  for (const scope of granted) consented.add(scope);
  instance.consents.set(user.sub, consented);
  if (query.get("include_granted_scopes") === "true") {
    for (const scope of consented) if (!unticked.has(scope)) granted.add(scope);
  }
  const code = keepSecret(instance, `4/0A${randomText(60)}/${randomText(8)}`);
  instance.codes.set(code, {
    clientId: text(query, "client_id"),
    redirectUri: text(query, "redirect_uri"),
    sub: user.sub,
    scopes: [...granted],
    nonce: text(query, "nonce"),
    codeChallenge: text(query, "code_challenge"),
    consentShown,
    offline: query.get("access_type") === "offline",
    expiresAtMs: nowMs(instance) + instance.config.codeLifetimeSeconds * 1000,
    used: false,
    tokens: [],
  });
  back.searchParams.set("code", code);
  back.searchParams.set("scope", [...granted].join(" "));
  back.searchParams.set("authuser", "0");
  if (user.hd !== undefined) back.searchParams.set("hd", user.hd);
  back.searchParams.set("prompt", consentShown ? "consent" : "none");
  return new Response(null, { status: 302, headers: { location: back.href } });
}

function sendBack(back: URL, error: string): Response {
  back.searchParams.set("error", error);
  return new Response(null, { status: 302, headers: { location: back.href } });
}

function chooseUser(instance: Instance, person: Person, query: URLSearchParams): User | null {
  const wanted = person.user ?? query.get("login_hint");
  if (wanted === null) {
    const [only, ...others] = instance.users.values();
    return only !== undefined && others.length === 0 ? only : null;
  }
  for (const user of instance.users.values()) {
    if (user.sub === wanted || user.email.toLowerCase() === wanted.toLowerCase()) return user;
  }
  return null;
}

function findProblem(instance: Instance, call: Incoming): Problem | null {
  const query = call.url.searchParams;
  if (call.method !== "GET") return invalid("not a GET");
  const names = [...query.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return invalid(`OAuth 2 parameters can only have a single value: ${twice}`);
  if (!instance.config.clients.some((client) => client.id === query.get("client_id"))) {
    return { error: "invalid_client", why: "The OAuth client was not found." };
  }
  if (!instance.config.redirectUris.includes(text(query, "redirect_uri"))) {
    return { error: "redirect_uri_mismatch", why: `${query.get("redirect_uri")} is not registered` };
  }
  if (query.get("response_type") !== "code") return invalid("response_type is not code");
  if (query.has("approval_prompt")) return invalid("approval_prompt is of another decade");
  if (query.get("access_type") !== "offline") return invalid("access_type is not offline");
  if (!text(query, "scope").split(" ").includes("openid")) return invalid("scope lacks openid");
  const prompt = query.get("prompt");
  if (prompt !== null && !isValidPrompt(prompt)) return invalid(`prompt ${JSON.stringify(prompt)}`);
  return pkceProblem(query) ?? freshnessProblem(instance, query);
}

function invalid(why: string): Problem {
  return { error: "invalid_request", why };
}

function isValidPrompt(prompt: string): boolean {
  const words = prompt.split(" ");
  return words.every((word) => PROMPTS.has(word)) && !(words.includes("none") && words.length > 1);
}

function pkceProblem(query: URLSearchParams): Problem | null {
  if (query.get("code_challenge_method") !== "S256") {
    return invalid("code_challenge_method is not S256");
  }
  // BASE64URL(SHA-256) is 43 characters (RFC 7636, 4.2).
  if (!/^[A-Za-z0-9_-]{43}$/.test(text(query, "code_challenge"))) {
    return invalid("code_challenge is no S256 challenge");
  }
  return null;
}

/** `state`, `nonce` and the challenge are only worth something when they are unguessable and used once. */
function freshnessProblem(instance: Instance, query: URLSearchParams): Problem | null {
  for (const name of ["state", "nonce", "code_challenge"]) {
    const value = text(query, name);
    if (value.length < 16) return invalid(`${name} is missing or short`);
    const key = `${name}=${value}`;
    if (instance.seenOnce.has(key)) instance.violations.push(`authorization request: ${name} was used before`);
    instance.seenOnce.add(key);
  }
  return null;
}

function text(query: URLSearchParams, name: string): string {
  return query.get(name) ?? "";
}
