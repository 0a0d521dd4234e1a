/**
 * Requests of someone who is signed in, with a session or an API token, and of Google itself.
 */
import * as z from "zod";
import { inside } from "../support/contract.ts";
import { GMAIL_READONLY, type Scene, type SceneOptions } from "../support/scenes.ts";
import { verification } from "../support/security-events.ts";
import { API, FIRST_MESSAGE, type Flow, listingOf, PAGE, PASSED, profileSchema, refSchema, rowSchema } from "./flow.ts";
import { readOutcome } from "./outcome.ts";

const GMAIL_MODIFY = "https://www.googleapis.com/auth/gmail.modify";

const meSchema = z.strictObject({
  sub: z.string(),
  email: z.string(),
  name: z.string(),
  picture: z.string(),
  scopes: z.array(z.string()).min(1),
});

/** What has become of the access token since sign-in. */
type State = "warm" | "expired" | "dead";

interface Request extends Pick<Flow, "name" | "run" | "groups"> {
  readonly options?: SceneOptions;
  /** What was asked for before. */
  readonly before?: Flow["run"];
  /** All of them, unless said: where another flow shows the rest, one is enough. */
  readonly states?: readonly State[];
}

function get(path: string, success: z.ZodType): Flow["run"] {
  const headers = { accept: "application/json" };
  return async ({ browser, stage }) => readOutcome(await browser.fetch(path, { headers }), stage, success);
}

/** Read as it comes. */
function stream(path: string, success: z.ZodType, headers: Readonly<Record<string, string>>): Flow["run"] {
  return async ({ browser, stage }) =>
    readOutcome(await browser.fetch(path, { headers, stream: true }), stage, success);
}

const NDJSON = { accept: "application/x-ndjson" };
const NAVIGATION = {
  accept: "text/html,application/xhtml+xml",
  "sec-fetch-mode": "navigate",
  "sec-fetch-dest": "document",
  "sec-fetch-site": "none",
};
const BATCH = [
  "--b",
  "Content-Type: application/http",
  "Content-ID: <one>",
  "",
  "GET /gmail/v1/users/me/profile HTTP/1.1",
  "",
  "",
  "--b--",
  "",
].join("\r\n");

/** A request with an API token that nobody has used before, made and revoked by the session. */
function byApiToken(name: string, path: string, success: z.ZodType, groups: Request["groups"]): Request {
  return {
    name,
    groups,
    states: ["warm"],
    run: async ({ browser, stage }) => {
      const headers = { "content-type": "application/json", accept: "application/json" };
      const body = JSON.stringify({ name: "fault run", expiresInDays: 1 });
      const made = await browser.fetch("/api/tokens", { method: "POST", body, headers });
      const { id, token } = z.object({ id: z.string(), token: z.string() }).parse(await made.json());
      const bearer = { accept: "application/json", authorization: `Bearer ${token}` };
      const outcome = await readOutcome(await stage.send({ path, headers: bearer }), stage, success);
      if (outcome.text.includes(token)) throw new Error("the answer tells the API token");
      const revoked = await browser.fetch(`/api/tokens/${id}`, { method: "DELETE" });
      if (revoked.status !== 204) throw new Error(`revoking the API token: ${revoked.status}`);
      return outcome;
    },
  };
}

const ROWS = get("/api/messages?limit=6&view=metadata", listingOf(rowSchema));
const MAILBOX = stream("/", z.string().regex(/<li class="row|No messages here\.|role="alert"/), NAVIGATION);
/** Rows that are read each time. */
const UNKEPT = { vars: { MESSAGE_CACHE: "off" } };
/** Known rows do without history: then they are read. */
const KNOWN = { ...API, history: "extra" } as const;

const REQUESTS: readonly Request[] = [
  { name: "GET /api/me", run: get("/api/me", meSchema), groups: API, states: ["warm"] },
  { name: "GET /api/messages", run: get("/api/messages?limit=5", listingOf(refSchema)), groups: API },
  {
    name: "GET /api/messages as NDJSON",
    run: stream("/api/messages?limit=5", refSchema, NDJSON),
    groups: API,
    states: ["warm", "dead"],
  },
  {
    name: "GET /api/messages over several pages",
    options: { google: { listing: { shortBy: 497 } } },
    run: get("/api/messages?limit=8", listingOf(refSchema)),
    groups: API,
    states: ["warm"],
  },
  {
    name: "GET /api/messages as NDJSON over several pages",
    options: { google: { listing: { shortBy: 497 } } },
    run: stream("/api/messages?limit=8", refSchema, NDJSON),
    groups: API,
    states: ["warm"],
  },
  { name: "GET /api/messages?view=metadata", options: UNKEPT, run: ROWS, groups: API },
  {
    name: "GET /api/messages?view=metadata as NDJSON",
    options: UNKEPT,
    run: stream("/api/messages?limit=6&view=metadata", rowSchema, NDJSON),
    groups: API,
    states: ["warm"],
  },
  { name: "GET /api/messages?view=metadata of known rows", before: ROWS, run: ROWS, groups: KNOWN },
  { name: "GET /gmail/v1/…/profile", run: get("/gmail/v1/users/me/profile", profileSchema), groups: PASSED },
  {
    name: "POST /gmail/v1/…/modify",
    options: { vars: { GOOGLE_SCOPES: `openid email profile ${GMAIL_READONLY} ${GMAIL_MODIFY}` } },
    run: async ({ browser, stage }) => {
      const headers = { accept: "application/json", "content-type": "application/json", origin: stage.origin };
      const path = `/gmail/v1/users/me/messages/${FIRST_MESSAGE}/modify`;
      const response = await browser.fetch(path, { method: "POST", body: '{"addLabelIds":["STARRED"]}', headers });
      return readOutcome(response, stage, z.looseObject({ id: z.string() }));
    },
    groups: PASSED,
  },
  {
    name: "POST /batch/gmail/v1",
    run: async ({ browser, stage }) => {
      const headers = { "content-type": "multipart/mixed; boundary=b", origin: stage.origin };
      const response = await browser.fetch("/batch/gmail/v1", { method: "POST", body: BATCH, headers });
      return readOutcome(response, stage, z.string().startsWith("--batch_"));
    },
    groups: PASSED,
  },
  byApiToken("GET /api/messages by API token", "/api/messages?limit=5", listingOf(refSchema), API),
  byApiToken("GET /gmail/v1/…/profile by API token", "/gmail/v1/users/me/profile", profileSchema, PASSED),
  {
    name: "POST /auth/security-events",
    run: async ({ google, stage }) => {
      const body = await google.securityEvent({ events: verification("a stream is tried") });
      const headers = { "content-type": "application/secevent+jwt" };
      return readOutcome(
        await stage.send({ path: "/auth/security-events", method: "POST", body, headers }),
        stage,
        z.literal(""),
      );
    },
    groups: API,
    states: ["warm"],
  },
  {
    name: "the page /",
    options: { ...UNKEPT, user: { mailbox: { messages: 6 } } },
    run: MAILBOX,
    groups: PAGE,
  },
  {
    name: "the page / of known rows",
    options: { user: { mailbox: { messages: 6 } } },
    before: MAILBOX,
    run: MAILBOX,
    groups: { ...PAGE, ...KNOWN },
    states: ["warm"],
  },
  {
    name: "GET /message/{id}",
    run: async ({ browser, stage }) =>
      readOutcome(
        await browser.step(`/message/${FIRST_MESSAGE}`),
        stage,
        z.string().regex(/<main id="content" class="message">/),
      ),
    groups: API,
  },
  {
    name: "GET /account",
    run: async ({ browser, stage }) =>
      readOutcome(await browser.step("/account"), stage, z.string().includes("<h1>Account</h1>")),
    groups: API,
    states: ["warm"],
  },
  {
    name: "POST /account/tokens",
    run: async ({ browser, stage }) => {
      const headers = { ...NAVIGATION, "content-type": "application/x-www-form-urlencoded", origin: stage.origin };
      const body = "name=fault+run&expiresInDays=7";
      const response = await browser.fetch("/account/tokens", { method: "POST", body, headers });
      return readOutcome(response, stage, z.string().regex(/id="new-token">gmedge_/));
    },
    groups: API,
    states: ["warm"],
  },
];

const PREPARATIONS: Readonly<Record<State, Pick<Flow, "prepare">>> = {
  warm: {},
  expired: { prepare: ({ stage }) => inside(stage).advance(2 * 60 * 60 * 1000) },
  dead: { prepare: ({ google, user }) => google.act({ action: "killAccessTokens", email: user.email }) },
};

/** A request with each thing that may have become of the access token. */
function inEveryState(request: Request): Flow[] {
  const { states = ["warm", "expired", "dead"] } = request;
  return states.map((state) => {
    const name = state === "warm" ? request.name : `${request.name}, access token ${state}`;
    const prepare = async (scene: Scene): Promise<void> => {
      await request.before?.(scene);
      await PREPARATIONS[state].prepare?.(scene);
    };
    return Object.assign({}, request, { prepare, name, isSignedIn: true, isOnce: false });
  });
}

export const REQUEST_FLOWS: readonly Flow[] = REQUESTS.flatMap(inEveryState);
