/**
 * A small strict RISC API: lets in only who signs as Google wants it, keeps one stream, and refuses as Google does.
 */

import { exportPKCS8, exportSPKI, generateKeyPair, importSPKI, jwtVerify } from "jose";
import { createServer, type IncomingMessage, type Server } from "node:http";
import * as z from "zod";
import { listen, LOOPBACK } from "../../scripts/lib/ports.ts";

const AUDIENCE = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService";
const EMAIL = "risc@some-project.iam.gserviceaccount.com";
const KEY_ID = "0123456789abcdef0123456789abcdef01234567";

const streamSchema = z.strictObject({
  delivery: z.strictObject({
    delivery_method: z.literal("https://schemas.openid.net/secevent/risc/delivery-method/push"),
    url: z.url({ protocol: /^https$/ }),
  }),
  events_requested: z.array(z.url()).min(1),
});
const statusSchema = z.strictObject({ status: z.enum(["enabled", "disabled"]) });
const verifySchema = z.strictObject({ state: z.string().min(16) });

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What the test wants to know, and what it may set. */
export interface FakeRiscApi {
  readonly origin: string;
  /** A key file's content, of the service account that is let in. */
  readonly keyFile: Readonly<Record<string, string>>;
  stream: z.infer<typeof streamSchema> | null;
  status: "enabled" | "disabled";
  /** States of the verifications that were asked for. */
  readonly verifications: string[];
  /** Bearer tokens that were seen, good or bad. */
  readonly tokens: string[];
  /** What it answers instead, whatever is asked. */
  refusal: Answer | null;
  close(): void;
}

/** Starts one on a free loopback port. */
export async function startFakeRiscApi(): Promise<FakeRiscApi> {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const spki = await exportSPKI(publicKey);
  const server: Server = createServer((incoming, outgoing) => {
    void handle(api, incoming, spki).then(({ status, body }) =>
      outgoing
        .writeHead(status, { "content-type": "application/json" })
        .end(typeof body === "string" ? body : JSON.stringify(body)),
    );
  });
  const api: FakeRiscApi = {
    origin: `http://${LOOPBACK}:${await listen(server, 0)}`,
    keyFile: {
      type: "service_account",
      project_id: "some-project",
      private_key_id: KEY_ID,
      private_key: await exportPKCS8(privateKey),
      client_email: EMAIL,
      client_id: "117000000000000000002",
    },
    stream: null,
    status: "enabled",
    verifications: [],
    tokens: [],
    refusal: null,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return api;
}

/** An error in Google's form. */
export function googleError(code: number, message: string, status: string): Answer {
  return { status: code, body: { error: { code, message, status } } };
}

async function handle(api: FakeRiscApi, incoming: IncomingMessage, spki: string): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(z.instanceof(Buffer).parse(chunk));
  const token = /^Bearer (\S+)$/.exec(incoming.headers.authorization ?? "")?.[1] ?? "";
  api.tokens.push(token);
  if (api.refusal !== null) return api.refusal;
  if (!(await isAllowed(token, spki))) return googleError(401, "Unauthorized.", "UNAUTHENTICATED");
  return route(api, `${incoming.method} ${incoming.url}`, Buffer.concat(chunks).toString());
}

/** As the documentation says: issuer and subject are the account, and the hour is exact. */
async function isAllowed(token: string, spki: string): Promise<boolean> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, await importSPKI(spki, "RS256"), {
      algorithms: ["RS256"],
      issuer: EMAIL,
      subject: EMAIL,
      audience: AUDIENCE,
      requiredClaims: ["iat", "exp"],
      maxTokenAge: 30,
    });
    return protectedHeader.kid === KEY_ID && (payload.exp ?? 0) - (payload.iat ?? 0) === 3600;
  } catch {
    return false;
  }
}

function route(api: FakeRiscApi, call: string, body: string): Answer {
  const noStream = googleError(404, "Project has no RISC configuration.", "NOT_FOUND");
  const json: unknown = body === "" ? undefined : JSON.parse(body);
  switch (call) {
    case "POST /v1beta/stream:update":
      return accept(streamSchema, json, (stream) => {
        api.stream = stream;
        return stream;
      });
    case "GET /v1beta/stream":
      return api.stream === null ? noStream : { status: 200, body: api.stream };
    case "GET /v1beta/stream/status":
      return api.stream === null ? noStream : { status: 200, body: { status: api.status } };
    case "POST /v1beta/stream/status:update":
      if (api.stream === null) return noStream;
      return accept(statusSchema, json, ({ status }) => {
        api.status = status;
        return {};
      });
    case "POST /v1beta/stream:verify":
      if (api.stream === null) return noStream;
      return accept(verifySchema, json, ({ state }) => {
        api.verifications.push(state);
        return {};
      });
    default:
      return googleError(404, `no such method: ${call}`, "NOT_FOUND");
  }
}

function accept<T>(schema: z.ZodType<T>, json: unknown, then: (value: T) => unknown): Answer {
  const parsed = schema.safeParse(json);
  if (!parsed.success) return googleError(400, z.prettifyError(parsed.error), "INVALID_ARGUMENT");
  return { status: 200, body: then(parsed.data) };
}
