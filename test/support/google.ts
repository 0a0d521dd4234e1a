/**
 * The test's side of the double of Google: tells it what to be, plays the person, reads what was called.
 *
 * Runs in workerd and in Node. Knows nothing of the Worker.
 */
import {
  type Action,
  actionAnswerSchema,
  type Call,
  type ConfigPatch,
  CONTROL_PATH,
  type Endpoint,
  type Fault,
  type NamedFault,
  type Person,
  PERSON_HEADER,
  type SecurityEventInput,
  type Snapshot,
  snapshotSchema,
  type User,
  type UserInput,
  userSchema,
} from "./google-double/protocol.ts";

export type { Call, ConfigPatch, Endpoint, Fault, NamedFault, Person, SecurityEventInput, Snapshot, User, UserInput };

/** What Google shows on its own page, and never sends back to the client. */
export class SignInPageError extends Error {
  override readonly name = "SignInPageError";
  readonly error: string;

  constructor(error: string, page: string) {
    super(`Google's page says ${error}: ${page}`);
    this.error = error;
  }
}

export class Google {
  /** Where this double answers. */
  readonly origin: string;
  readonly #fetch: typeof fetch;

  /** @param transport how it is reached, where it is not by the network */
  constructor(origin: string, transport: typeof fetch = (input, init) => fetch(input, init)) {
    this.origin = origin;
    this.#fetch = transport;
  }

  /** The Worker's variables that point it at this double. */
  get vars(): Record<string, string> {
    return {
      GOOGLE_AUTHORIZATION_ENDPOINT: `${this.origin}/o/oauth2/v2/auth`,
      GOOGLE_TOKEN_ENDPOINT: `${this.origin}/token`,
      GOOGLE_USERINFO_ENDPOINT: `${this.origin}/userinfo`,
      GOOGLE_REVOCATION_ENDPOINT: `${this.origin}/revoke`,
      GOOGLE_JWKS_URI: `${this.origin}/certs`,
      GOOGLE_RISC_CONFIGURATION: `${this.origin}/.well-known/risc-configuration`,
      GMAIL_API_URL: this.origin,
    };
  }

  /**
   * Makes the double do one thing; a mistake in the action throws.
   *
   * @returns the value of those actions that have one
   */
  private async ask(action: Action): Promise<string | null> {
    const response = await this.#fetch(this.origin + CONTROL_PATH, { method: "POST", body: JSON.stringify(action) });
    const text = await response.text();
    if (!response.ok) throw new Error(`the double refused ${action.action}: ${text}`);
    return actionAnswerSchema.parse(JSON.parse(text)).value;
  }

  /** An action that is done for what happens. */
  async act(action: Action): Promise<void> {
    await this.ask(action);
  }

  /**
   * Lets Google sign a Security Event Token. `events` come from security-events.ts beside this file.
   *
   * @returns the compact JWT, which the test sends to the Worker as Google would
   */
  async securityEvent(event: SecurityEventInput): Promise<string> {
    const token = await this.ask({ action: "securityEvent", event });
    if (token === null) throw new Error("the double signed nothing");
    return token;
  }

  /** The refresh token that an account got last and that lives. */
  async refreshToken(user: User): Promise<string> {
    const { grants } = await this.snapshot();
    const token = grants.find(({ sub }) => sub === user.sub)?.refreshTokens.at(-1);
    if (token === undefined) throw new Error(`${user.email} has no live refresh token`);
    return token;
  }

  configure(patch: ConfigPatch): Promise<void> {
    return this.act({ action: "configure", patch });
  }

  /** An account that no other test has, so that storage shared by tests cannot mix them up. */
  async addUser(input: Partial<UserInput> = {}): Promise<User> {
    const mark = randomDigits(12);
    const user = userSchema.parse({ email: `ada.${mark}@gmail.com`, sub: `10${randomDigits(19)}`, ...input });
    await this.act({ action: "addUser", user });
    return user;
  }

  /** Queues a fault, by its name or in detail. */
  fault(endpoint: Endpoint, fault: Fault | NamedFault): Promise<void> {
    return this.act({ action: "fault", endpoint, fault: typeof fault === "string" ? { named: fault } : fault });
  }

  /** The same fault for all calls from now on, until `clearFaults`. */
  always(endpoint: Endpoint, fault: Fault | NamedFault): Promise<void> {
    const detailed = typeof fault === "string" ? { named: fault } : fault;
    return this.fault(endpoint, { ...detailed, times: "always" });
  }

  clearFaults(): Promise<void> {
    return this.act({ action: "clearFaults" });
  }

  forgetCalls(): Promise<void> {
    return this.act({ action: "forgetCalls" });
  }

  advanceClock(ms: number): Promise<void> {
    return this.act({ action: "advanceClock", ms });
  }

  async snapshot(): Promise<Snapshot> {
    const response = await this.#fetch(this.origin + CONTROL_PATH);
    return snapshotSchema.parse(await response.json());
  }

  /** The calls of an endpoint, oldest first; `token` means both kinds. */
  async calls(endpoint?: Endpoint): Promise<Call[]> {
    const { calls } = await this.snapshot();
    if (endpoint === undefined) return calls;
    return calls.filter(
      (call) => call.endpoint === endpoint || (endpoint === "token" && call.endpoint.startsWith("token:")),
    );
  }

  async count(endpoint?: Endpoint): Promise<number> {
    return (await this.calls(endpoint)).length;
  }

  /**
   * Plays the person at the consent screen.
   *
   * @returns the callback URL to which Google sends the browser
   * @throws SignInPageError where Google would show an error instead
   */
  async consent(authorizationUrl: string, person: Person = {}): Promise<string> {
    const response = await this.#fetch(authorizationUrl, {
      redirect: "manual",
      headers: { [PERSON_HEADER]: JSON.stringify(person) },
    });
    const page = await response.text();
    const location = response.headers.get("location");
    if (location === null)
      throw new SignInPageError(response.headers.get("x-double-page-error") ?? String(response.status), page);
    return location;
  }
}

/** Parameters of a recorded call's query, by name. */
export function queryOf(call: Call | undefined): URLSearchParams {
  return new URLSearchParams(call?.query ?? []);
}

function randomDigits(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => String(byte % 10)).join("");
}
