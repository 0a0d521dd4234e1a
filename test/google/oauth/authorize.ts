/**
 * The authorization endpoint: checks the request as Google does, lets the person choose and consent, on pages or by a test's
 * header, and sends the browser back. It stands for a browser in which all accounts are signed in to Google.
 *
 * What Google refuses on its own page (an unregistered redirect URI, say) never comes back to the client here either.
 * https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
 */
import { type Person, PERSON_HEADER, personSchema, type User } from "../protocol.ts";
import { findUser, type Incoming, type Instance, keepSecret, nowMs, randomText } from "../state.ts";
import { blockedPage, chooserPage, consentPage } from "./pages.ts";
import { isIdentityScope, longScope, parseScopes } from "./scopes.ts";

const AUTHORIZATION_PATH = "/o/oauth2/v2/auth";
/** Where the consent page's form goes. */
export const DECISION_PATH = "/signin/oauth/consent";
const PROMPTS = new Set(["none", "consent", "select_account"]);
/** What Google shows on its own page, however the person answers. */
const BLOCKING = new Set(["admin_policy_enforced", "org_internal", "deleted_client", "disallowed_useragent"]);

interface Problem {
  readonly error: string;
  readonly why: string;
}

const NOT_THIS_METHOD: Problem = { error: "invalid_request", why: "the method is another one" };

/** `GET /o/oauth2/v2/auth`: a page, or 302 to the redirect URI. */
export function authorize(instance: Instance, call: Incoming): Response {
  const query = call.url.searchParams;
  const problem = call.method === "GET" ? findProblem(instance, query) : NOT_THIS_METHOD;
  if (problem !== null) return block(instance, problem);
  const played = call.headers.get(PERSON_HEADER);
  if (played !== null) return answerAs(instance, query, personSchema.parse(JSON.parse(played)));
  const prompts = promptsOf(query);
  const user = findUser(instance, query.get("login_hint") ?? "");
  const silent = user !== null && !prompts.includes("consent") && hasConsented(instance, query, user);
  if (prompts.includes("none")) {
    return silent ? sendCode(instance, query, { user }) : sendError(instance, query, "interaction_required");
  }
  if (user === null || prompts.includes("select_account")) {
    return chooserPage(instance.users.values(), (chosen) => linkAs(query, chosen));
  }
  if (silent) return sendCode(instance, query, { user });
  return consentPage({
    user,
    scopes: parseScopes(text(query, "scope")),
    action: DECISION_PATH,
    hidden: withChanges(query, { login_hint: null, email: user.email }),
    otherAccount: linkAs(query, null),
  });
}

/** What the consent page's form sends. */
export function decide(instance: Instance, call: Incoming): Response {
  const form = new URLSearchParams(call.body);
  const query = withChanges(form, { email: null, granted: null, decision: null });
  const user = findUser(instance, text(form, "email"));
  const problem = call.method === "POST" ? findProblem(instance, query) : NOT_THIS_METHOD;
  if (problem !== null) return block(instance, problem);
  if (user === null) return blockedPage("invalid_request", "No such account.");
  if (form.get("decision") !== "allow") return sendError(instance, query, "access_denied");
  const granted = form.getAll("granted");
  const unticked = parseScopes(text(query, "scope")).filter(
    (name) => !isIdentityScope(name) && !granted.includes(name),
  );
  return sendCode(instance, query, { user, unticked });
}

/** The same as by the pages, in one step, as a test's person wants it. */
function answerAs(instance: Instance, query: URLSearchParams, person: Person): Response {
  if (person.error !== undefined) {
    return BLOCKING.has(person.error) ? blockedPage(person.error, "") : sendError(instance, query, person.error);
  }
  const user = chooseUser(instance, person, query);
  if (user === null) return blockedPage("choose_an_account", "No such account, and no one to guess.");
  const prompts = promptsOf(query);
  const consentShown = prompts.includes("consent") || !hasConsented(instance, query, user);
  if (consentShown && prompts.includes("none")) return sendError(instance, query, "interaction_required");
  if (person.deny === true) return sendError(instance, query, "access_denied");
  const unticked = (person.untick ?? []).map(longScope);
  return sendCode(instance, query, consentShown ? { user, unticked } : { user });
}

function chooseUser(instance: Instance, person: Person, query: URLSearchParams): User | null {
  const wanted = person.user ?? query.get("login_hint");
  if (wanted !== null) return findUser(instance, wanted);
  const [only, ...others] = instance.users.values();
  return only !== undefined && others.length === 0 ? only : null;
}

function hasConsented(instance: Instance, query: URLSearchParams, user: User): boolean {
  const consented = instance.consents.get(user.sub);
  return parseScopes(text(query, "scope")).every((scope) => consented?.has(scope) ?? false);
}

/** @param answer.unticked what was refused on the consent page; without it, none was shown */
function sendCode(
  instance: Instance,
  query: URLSearchParams,
  { user, unticked }: { readonly user: User; readonly unticked?: readonly string[] },
): Response {
  noteUse(instance, query);
  const refused = new Set(unticked);
  const granted = new Set(parseScopes(text(query, "scope")).filter((scope) => !refused.has(scope)));
  const consented = instance.consents.get(user.sub) ?? new Set<string>();
  for (const scope of refused) consented.delete(scope);
  for (const scope of granted) consented.add(scope);
  instance.consents.set(user.sub, consented);
  if (query.get("include_granted_scopes") === "true") for (const scope of consented) granted.add(scope);
  const consentShown = unticked !== undefined;
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
  return sendBack(instance, query, {
    code,
    scope: [...granted].join(" "),
    authuser: "0",
    ...(user.hd === undefined ? {} : { hd: user.hd }),
    prompt: consentShown ? "consent" : "none",
  });
}

function sendError(instance: Instance, query: URLSearchParams, error: string): Response {
  noteUse(instance, query);
  return sendBack(instance, query, { error });
}

function sendBack(instance: Instance, query: URLSearchParams, answer: Readonly<Record<string, string>>): Response {
  const back = new URL(text(query, "redirect_uri"));
  if (query.has("state")) back.searchParams.set("state", text(query, "state"));
  const { callbackIss, issuer } = instance.config;
  if (callbackIss !== "absent") {
    back.searchParams.set("iss", callbackIss === "valid" ? issuer : "https://accounts.example.com");
  }
  for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value);
  return new Response(null, { status: 302, headers: { location: back.href } });
}

/** The same authorization request with this account chosen, or with the chooser. */
function linkAs(query: URLSearchParams, user: User | null): string {
  const others = promptsOf(query).filter((prompt) => prompt !== "select_account");
  const prompt = (user === null ? [...others, "select_account"] : others).join(" ");
  const changes = { login_hint: user?.email ?? null, prompt: prompt === "" ? null : prompt };
  return `${AUTHORIZATION_PATH}?${withChanges(query, changes).toString()}`;
}

/** A copy of the parameters with some of them set, or taken out where the value is null. */
function withChanges(query: URLSearchParams, changes: Readonly<Record<string, string | null>>): URLSearchParams {
  const copy = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) copy.delete(name);
    else copy.set(name, value);
  }
  return copy;
}

function promptsOf(query: URLSearchParams): string[] {
  return text(query, "prompt")
    .split(" ")
    .filter((prompt) => prompt !== "");
}

function block(instance: Instance, { error, why }: Problem): Response {
  instance.violations.push(`authorization request: ${error}: ${why}`);
  return blockedPage(error, why);
}

function findProblem({ config }: Instance, query: URLSearchParams): Problem | null {
  const names = [...query.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  const prompts = promptsOf(query);
  const method = query.get("code_challenge_method");
  const checks: readonly (readonly [isWrong: boolean, why: string, error?: string])[] = [
    [twice !== undefined, `OAuth 2 parameters can only have a single value: ${twice}`],
    [
      config.clients.every(({ id }) => id !== query.get("client_id")),
      "The OAuth client was not found.",
      "invalid_client",
    ],
    [
      !config.redirectUris.includes(text(query, "redirect_uri")),
      `${query.get("redirect_uri")} is not registered`,
      "redirect_uri_mismatch",
    ],
    [query.get("response_type") !== "code", "response_type is not code"],
    [parseScopes(text(query, "scope")).length === 0, "Missing required parameter: scope"],
    [query.has("approval_prompt"), "approval_prompt is of another decade"],
    [
      query.has("prompt") && (prompts.length === 0 || prompts.some((prompt) => !PROMPTS.has(prompt))),
      "Invalid parameter value for prompt",
    ],
    [prompts.includes("none") && prompts.length > 1, "prompt=none stands alone"],
    [method !== "S256" && (config.demandsCare || method !== null), "code_challenge_method is not S256"],
    // BASE64URL(SHA-256) is 43 characters (RFC 7636, 4.2).
    [method === "S256" && !/^[\w-]{43}$/.test(text(query, "code_challenge")), "code_challenge is no S256 challenge"],
    [config.demandsCare && query.get("access_type") !== "offline", "access_type is not offline"],
    [config.demandsCare && !text(query, "scope").split(" ").includes("openid"), "scope lacks openid"],
    [config.demandsCare && FRESH.some((name) => text(query, name).length < 16), `one of ${FRESH.join(", ")} is short`],
  ];
  const [, why, error = "invalid_request"] = checks.find(([isWrong]) => isWrong) ?? [];
  return why === undefined ? null : { error, why };
}

/** What is only worth something when it is unguessable, and new each time. */
const FRESH = ["state", "nonce", "code_challenge"];

/** An authorization request that has been answered: what must be fresh in it may not come again. */
function noteUse(instance: Instance, query: URLSearchParams): void {
  if (!instance.config.demandsCare) return;
  for (const name of FRESH) {
    const key = `${name}=${text(query, name)}`;
    if (instance.seenOnce.has(key)) instance.violations.push(`authorization request: ${name} was used before`);
    instance.seenOnce.add(key);
  }
}

function text(query: URLSearchParams, name: string): string {
  return query.get(name) ?? "";
}
