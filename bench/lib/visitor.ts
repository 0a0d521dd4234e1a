/** Somebody with a browser: keeps cookies, signs in as a person would, and asks for messages, whose answer is checked. */
import { get } from "node:http";
import { messageId } from "../fake-google/mailbox.ts";

interface Row {
  readonly id: string;
  readonly threadId: string;
  readonly error?: unknown;
}

interface MetadataRow extends Row {
  readonly labelIds: readonly string[];
  readonly snippet: string;
  readonly date: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly subject: string | null;
  readonly unread: boolean;
}

/** An answer with another status than 200. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: number;

  constructor(status: number, body: string) {
    super(`An answer with status ${status}: ${body.slice(0, 300)}`);
    this.status = status;
  }
}

export class Visitor {
  readonly #origin: string;
  readonly #sub: string;
  readonly #cookies = new Map<string, string>();

  /** @param sub who they are at Google */
  constructor(origin: string, sub: string) {
    this.#origin = origin;
    this.#sub = sub;
  }

  get sub(): string {
    return this.#sub;
  }

  /**
   * Goes to Google and comes back. @returns how long the callback took in milliseconds
   * @param aroundCallback is called right before and right after the callback
   */
  async signIn(aroundCallback: () => void | Promise<void> = () => undefined): Promise<number> {
    const login = await this.#fetch(`${this.#origin}/auth/login`);
    await login.arrayBuffer();
    const consent = new URL(locationOf(login));
    consent.searchParams.set("as", this.#sub);
    const consented = await fetch(consent, { redirect: "manual" });
    const back = locationOf(consented);
    await aroundCallback();
    const startMs = performance.now();
    const callback = await this.#fetch(back);
    await callback.arrayBuffer();
    const ms = performance.now() - startMs;
    await aroundCallback();
    if (callback.status !== 302 || /error/.test(locationOf(callback))) {
      throw new Error(`The callback answered ${callback.status}, ${callback.headers.get("Location")}`);
    }
    return ms;
  }

  /**
   * Lists messages and checks each of them.
   *
   * @returns how long it took until the whole answer was there, in milliseconds
   * @throws StatusError for another status than 200
   */
  async list(view: "id" | "metadata", limit: number | "all", mailboxSize = Number.POSITIVE_INFINITY): Promise<number> {
    const startMs = performance.now();
    const response = await this.request(view, limit);
    const body = await response.text();
    const ms = performance.now() - startMs;
    if (response.status !== 200) throw new StatusError(response.status, body);
    const { messages } = JSON.parse(body) as { messages: readonly Row[] };
    const expected = limit === "all" ? mailboxSize : limit;
    if (messages.length !== expected) throw new Error(`${messages.length} messages instead of ${expected}`);
    for (const [position, message] of messages.entries()) checkRow(message, position, view);
    return ms;
  }

  /** The bare request for messages. */
  async request(view: "id" | "metadata", limit: number | "all", accept = "application/json"): Promise<Response> {
    return this.#fetch(this.#listUrl(view, limit), accept);
  }

  /**
   * Asks for messages and goes away without the answer, by a reset of the connection: workerd takes no notice of one that is
   * only closed before it has something to write.
   *
   * @param until resolves when it is time to go
   * @throws Error where the answer came first
   */
  async leave(view: "id" | "metadata", limit: number, until: () => Promise<void>): Promise<void> {
    const call = get(this.#listUrl(view, limit), { agent: false, headers: { Cookie: this.#cookieHeader() } });
    let isAnswered = false;
    call.on("response", () => {
      isAnswered = true;
    });
    call.on("error", () => undefined);
    const closed = new Promise((resolve) => {
      call.on("close", resolve);
    });
    await until();
    call.socket?.resetAndDestroy();
    await closed;
    if (isAnswered) throw new Error("The answer came before it was time to go.");
  }

  /** The same session elsewhere: another device that goes on with the cookies of now. */
  copy(): Visitor {
    const copy = new Visitor(this.#origin, this.#sub);
    for (const [name, value] of this.#cookies) copy.#cookies.set(name, value);
    return copy;
  }

  async #fetch(url: string, accept = "application/json"): Promise<Response> {
    const headers = { Cookie: this.#cookieHeader(), Accept: accept };
    const response = await fetch(url, { redirect: "manual", headers });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  #listUrl(view: "id" | "metadata", limit: number | "all"): string {
    return `${this.#origin}/api/messages?view=${view}&limit=${limit}`;
  }

  #cookieHeader(): string {
    return Array.from(this.#cookies, ([name, value]) => `${name}=${value}`).join("; ");
  }

  /** All of a subject's pages are one site, so names are enough. */
  #keep(setCookie: string): void {
    const [pair = "", ...attributes] = setCookie.split(";");
    const [name = "", ...value] = pair.split("=");
    const isGone = attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute));
    if (isGone) this.#cookies.delete(name.trim());
    else this.#cookies.set(name.trim(), value.join("="));
  }
}

function locationOf(response: Response): string {
  const location = response.headers.get("Location");
  if (response.status !== 302 || location === null) throw new Error(`${response.url} answered ${response.status}`);
  return location;
}

/** Checks one message of a list: that it is the one of this place, and says what the view has. */
export function checkRow(row: Row, position: number, view: "id" | "metadata"): void {
  const where = `Message ${position}`;
  if (row.id !== messageId(position)) throw new Error(`${where} is ${row.id}`);
  if (row.error !== undefined) throw new Error(`${where}: ${JSON.stringify(row.error)}`);
  if (typeof row.threadId !== "string") throw new Error(`${where} has no thread`);
  if (view === "metadata") checkMetadata(row as MetadataRow, position, where);
}

function checkMetadata(row: MetadataRow, position: number, where: string): void {
  const isRight =
    row.subject === `Message number ${position}` &&
    row.to === "reader@example.com" &&
    (row.from ?? "").includes(`<sender${position % 50}@example.com>`) &&
    row.snippet.includes(`message ${position} `) &&
    row.labelIds.includes("INBOX") &&
    row.unread === (position % 3 === 0) &&
    Date.parse(row.date) === 1_790_000_000_000 - position * 60_000;
  if (!isRight) throw new Error(`${where} is not what Gmail has: ${JSON.stringify(row)}`);
}
