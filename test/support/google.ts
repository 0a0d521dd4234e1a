/**
 * The test's side of the local Google: tells it what to be, plays the person, reads what was called.
 *
 * Runs in workerd and in Node. Knows nothing of the Worker.
 */
import type { Action, Controls } from "../google/control.ts";
import type { ErrorName as NamedFault } from "../google/errors.ts";
import type { SecurityEvent as SecurityEventInput } from "../google/oauth/security-events.ts";
import {
  type ConfigPatch,
  CONTROL_PATH,
  type Endpoint,
  endpointVars,
  type Fault,
  type FaultEndpoint,
  PAGE_ERROR_HEADER,
  type Person,
  PERSON_HEADER,
  type User,
  type UserInput,
  userSchema,
} from "../google/protocol.ts";
import type { Call, PushDelivery } from "../google/state.ts";

export type Snapshot = ReturnType<Controls["snapshot"]>;
export type { Call, ConfigPatch, Endpoint, Fault, NamedFault, Person, SecurityEventInput, User, UserInput };

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
  /** Where it answers. */
  readonly origin: string;
  readonly #fetch: typeof fetch;

  /** @param transport how it is reached, where it is not by the network */
  constructor(origin: string, transport: typeof fetch = (input, init) => fetch(input, init)) {
    this.origin = origin;
    this.#fetch = transport;
  }

  /** The Worker's variables that point it at it. */
  get vars(): Record<string, string> {
    return endpointVars(this.origin);
  }

  /** Calls a method of Google's controls; a mistake in the action throws. */
  async act<A extends Action>(action: A): Promise<Awaited<ReturnType<Controls[A["action"]]>>> {
    const response = await this.#fetch(this.origin + CONTROL_PATH, { method: "POST", body: JSON.stringify(action) });
    if (!response.ok) throw new Error(`Google refused ${action.action}: ${await response.text()}`);
    // Both ends are of one table.
    return (await response.json()) as Awaited<ReturnType<Controls[A["action"]]>>;
  }

  /**
   * Lets Google sign a Security Event Token. `events` come from security-events.ts beside this file.
   *
   * @returns the compact JWT, which the test sends to the Worker as Google would
   */
  securityEvent(event: SecurityEventInput): Promise<string> {
    return this.act({ action: "securityEvent", event });
  }

  /** The refresh token that an account got last and that lives. */
  async refreshToken(user: User): Promise<string> {
    const { grants } = await this.snapshot();
    const token = grants.find(({ sub }) => sub === user.sub)?.refreshTokens.at(-1);
    if (token === undefined) throw new Error(`${user.email} has no live refresh token`);
    return token;
  }

  takePushes(): Promise<PushDelivery[]> {
    return this.act({ action: "takePushes" });
  }

  push(user: User, spoiled: Omit<Parameters<Controls["push"]>[0], "email"> = {}): Promise<PushDelivery> {
    return this.act({ action: "push", email: user.email, ...spoiled });
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
  fault(endpoint: FaultEndpoint, fault: Fault | NamedFault): Promise<void> {
    const detailed = typeof fault === "string" ? { named: fault } : fault;
    return this.act({ action: "fault", endpoint, ...detailed });
  }

  /** The same fault for all calls from now on, until `clearFaults`. */
  always(endpoint: FaultEndpoint, fault: Fault | NamedFault): Promise<void> {
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

  snapshot(): Promise<Snapshot> {
    return this.act({ action: "snapshot" });
  }

  /** The calls of an endpoint, oldest first; `token` means every kind. */
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
      throw new SignInPageError(response.headers.get(PAGE_ERROR_HEADER) ?? String(response.status), page);
    return location;
  }
}

/** Parameters of a recorded call's query, by name. */
export function queryOf(call: Call | undefined): URLSearchParams {
  return new URLSearchParams(call?.query.map(([name, value]) => [name, value]) ?? []);
}

function randomDigits(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => String(byte % 10)).join("");
}
