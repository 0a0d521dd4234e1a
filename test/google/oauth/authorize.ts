/**
 * The authorization endpoint: checks the request as Google does, lets the person choose and consent, on pages or by a test's
 * header, and sends the browser back. It stands for a browser in which all accounts are signed in to Google.
 *
 * What Google refuses on its own page (an unregistered redirect URI, say) never comes back to the client here either.
 * https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient
 */
import { PERSON_HEADER, personSchema, type User } from "../protocol.ts";
import { findUser, type Incoming, type Instance, keepSecret, nowMs, randomText } from "../state.ts";
import { blockedPage, chooserPage, consentPage } from "./pages.ts";
import { isIdentityScope, longScope, parseScopes } from "./scopes.ts";

const AUTHORIZATION_PATH = "/o/oauth2/v2/auth";
export const DECISION_PATH = "/signin/oauth/consent";
const PROMPTS = new Set(["none", "consent", "select_account"]);
/** What Google shows on its own page, however the person answers. */
const BLOCKING = new Set(["admin_policy_enforced", "org_internal", "deleted_client", "disallowed_useragent"]);
/** What is only worth something when it is unguessable, and new each time. */
const FRESH = ["state", "nonce", "code_challenge"];

/** `GET /o/oauth2/v2/auth`: a page, or 302 to the redirect URI. */
export function authorize(instance: Instance, call: Incoming): Response {
  const query = call.url.searchParams;
  const refused = refuse(instance, query, call.method === "GET");
  if (refused !== null) return refused;
  const played = call.headers.get(PERSON_HEADER);
  if (played !== null) return answerAs(instance, query, played);
  const prompts = promptsOf(query);
  const user = findUser(instance, text(query, "login_hint"));
  const isSilent = user !== null && !prompts.includes("consent") && hasConsented(instance, query, user);
  if (isSilent && !prompts.includes("select_account")) return sendCode(instance, query, user);
  if (prompts.includes("none")) return sendBack(instance, query, { error: "interaction_required" });
  if (user === null || prompts.includes("select_account")) {
    return chooserPage(instance.users.values(), (chosen) => linkAs(query, chosen));
  }
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
  const refused = refuse(instance, query, call.method === "POST");
  if (refused !== null) return refused;
  if (user === null) return blockedPage("invalid_request", "No such account.");
  if (form.get("decision") !== "allow") return sendBack(instance, query, { error: "access_denied" });
  const granted = form.getAll("granted");
  const scopes = parseScopes(text(query, "scope")).filter((name) => !isIdentityScope(name));
  const unticked = scopes.filter((name) => !granted.includes(name));
  return sendCode(instance, query, user, unticked);
}

/** The same as by the pages, in one step, as the person of a test wants it. */
function answerAs(instance: Instance, query: URLSearchParams, played: string): Response {
  const person = personSchema.parse(JSON.parse(played));
  const { error } = person;
  if (error !== undefined) return BLOCKING.has(error) ? blockedPage(error, "") : sendBack(instance, query, { error });
  const wanted = person.user ?? query.get("login_hint");
  const [only, ...others] = instance.users.values();
  const user = wanted === null ? (others.length === 0 ? only : null) : findUser(instance, wanted);
  if (user === null || user === undefined)
    return blockedPage("choose_an_account", "No such account, and no one to guess.");
  const prompts = promptsOf(query);
  const isAsked = prompts.includes("consent") || !hasConsented(instance, query, user);
  if (isAsked && prompts.includes("none")) return sendBack(instance, query, { error: "interaction_required" });
  if (person.deny === true) return sendBack(instance, query, { error: "access_denied" });
  return sendCode(instance, query, user, isAsked ? (person.untick ?? []).map(longScope) : null);
}

function hasConsented(instance: Instance, query: URLSearchParams, user: User): boolean {
  const consented = instance.consents.get(user.sub);
  return parseScopes(text(query, "scope")).every((scope) => consented?.has(scope) ?? false);
}

/** @param unticked what was refused on the consent page; null: none was shown */
function sendCode(
  instance: Instance,
  query: URLSearchParams,
  { sub, hd }: User,
  unticked: readonly string[] | null = null,
): Response {
  const granted = new Set(parseScopes(text(query, "scope")));
  const consented = instance.consents.get(sub) ?? new Set();
  for (const scope of unticked ?? []) {
    granted.delete(scope);
    consented.delete(scope);
  }
  for (const scope of granted) consented.add(scope);
  instance.consents.set(sub, consented);
  if (query.get("include_granted_scopes") === "true") for (const scope of consented) granted.add(scope);
  const code = keepSecret(instance, `4/0A${randomText(60)}/${randomText(8)}`);
  instance.codes.set(code, {
    clientId: text(query, "client_id"),
    redirectUri: text(query, "redirect_uri"),
    sub,
    scopes: [...granted],
    nonce: text(query, "nonce"),
    codeChallenge: text(query, "code_challenge"),
    consentShown: unticked !== null,
    offline: query.get("access_type") === "offline",
    expiresAtMs: nowMs(instance) + instance.config.codeLifetimeSeconds * 1000,
    used: false,
    tokens: [],
  });
  const answer = { code, scope: [...granted].join(" "), authuser: "0", ...(hd === undefined ? {} : { hd }) };
  return sendBack(instance, query, { ...answer, prompt: unticked === null ? "none" : "consent" });
}

function sendBack(instance: Instance, query: URLSearchParams, answer: Readonly<Record<string, string>>): Response {
  const { callbackIss, demandsCare, issuer } = instance.config;
  // The request has been answered: what must be fresh in it may not come again.
  for (const name of demandsCare ? FRESH : []) {
    const key = `${name}=${text(query, name)}`;
    if (instance.seenOnce.has(key)) instance.violations.push(`authorization request: ${name} was used before`);
    instance.seenOnce.add(key);
  }
  const back = new URL(text(query, "redirect_uri"));
  if (query.has("state")) back.searchParams.set("state", text(query, "state"));
  if (callbackIss !== "absent") {
    back.searchParams.set("iss", callbackIss === "valid" ? issuer : "https://accounts.example.com");
  }
  for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value);
  return new Response(null, { status: 302, headers: { location: back.href } });
}

/** The same authorization request with this account chosen, or with the chooser. */
function linkAs(query: URLSearchParams, user: User | null): string {
  const others = promptsOf(query).filter((prompt) => prompt !== "select_account");
  const prompt = [...others, ...(user === null ? ["select_account"] : [])].join(" ");
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
  return text(query, "prompt").split(" ").filter(Boolean);
}

/** The page for a request that Google does not take, or null. */
function refuse({ config, violations }: Instance, query: URLSearchParams, isRightMethod: boolean): Response | null {
  const names = [...query.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  const prompts = promptsOf(query);
  const [method, uri] = [query.get("code_challenge_method"), text(query, "redirect_uri")];
  const isPromptKnown = !query.has("prompt") || (prompts.length > 0 && prompts.every((prompt) => PROMPTS.has(prompt)));
  const isClientKnown = config.clients.some(({ id }) => id === query.get("client_id"));
  const { demandsCare } = config;
  const checks: readonly (readonly [isWrong: boolean, why: string, error?: string])[] = [
    [!isRightMethod, "the method is another one"],
    [twice !== undefined, `OAuth 2 parameters can only have a single value: ${twice}`],
    [!isClientKnown, "The OAuth client was not found.", "invalid_client"],
    [!config.redirectUris.includes(uri), `${uri} is not registered`, "redirect_uri_mismatch"],
    [query.get("response_type") !== "code", "response_type is not code"],
    [parseScopes(text(query, "scope")).length === 0, "Missing required parameter: scope"],
    [query.has("approval_prompt"), "approval_prompt is of another decade"],
    [!isPromptKnown, "Invalid parameter value for prompt"],
    [prompts.includes("none") && prompts.length > 1, "prompt=none stands alone"],
    [method !== "S256" && (demandsCare || method !== null), "code_challenge_method is not S256"],
    // BASE64URL(SHA-256) is 43 characters (RFC 7636, 4.2).
    [method === "S256" && !/^[\w-]{43}$/.test(text(query, "code_challenge")), "code_challenge is no S256 challenge"],
    [demandsCare && query.get("access_type") !== "offline", "access_type is not offline"],
    [demandsCare && !text(query, "scope").split(" ").includes("openid"), "scope lacks openid"],
    [demandsCare && FRESH.some((name) => text(query, name).length < 16), `one of ${FRESH.join(", ")} is short`],
  ];
  const [, why, error = "invalid_request"] = checks.find(([isWrong]) => isWrong) ?? [];
  if (why === undefined) return null;
  violations.push(`authorization request: ${error}: ${why}`);
  return blockedPage(error, why);
}

function text(query: URLSearchParams, name: string): string {
  return query.get(name) ?? "";
}
