/** Somebody with a browser: keeps cookies, signs in as a person would, and asks for messages, whose answer is checked. */
import { get } from "node:http";
import { numberedMessage } from "../../test/google/mail/numbered.ts";
import { Google } from "../../test/support/google.ts";
import { HEALTHY } from "./behaviour.ts";
import { emailOf, introduce } from "./google.ts";

interface Row {
  readonly id: string;
  readonly threadId: string;
  readonly error?: unknown;
}

export interface MetadataRow extends Row {
  readonly labelIds: readonly string[];
  readonly snippet: string;
  readonly date: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly subject: string | null;
  readonly unread: boolean;
}

/** Of the mailbox page. */
const PAGE_ROWS = 25;

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
    const google = new Google(consent.origin);
    await introduce(google, this.#sub, consent.searchParams.get("redirect_uri") ?? "");
    const back = await google.consent(consent.href, { user: this.#sub });
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
  async list(view: "id" | "metadata", limit: number | "all", mailboxSize = HEALTHY.mailboxSize): Promise<number> {
    const startMs = performance.now();
    const response = await this.request(view, limit);
    const body = await response.text();
    const ms = performance.now() - startMs;
    if (response.status !== 200) throw new StatusError(response.status, body);
    const { messages } = JSON.parse(body) as { messages: readonly Row[] };
    const expected = limit === "all" ? mailboxSize : limit;
    if (messages.length !== expected) throw new Error(`${messages.length} messages instead of ${expected}`);
    for (const [position, message] of messages.entries()) this.checkRow(message, { position, view, mailboxSize });
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

  /** Opens the mailbox page and checks each of its rows. @returns how long it took until the whole page was there */
  async openPage(): Promise<number> {
    const startMs = performance.now();
    const response = await this.#fetch(`${this.#origin}/`, "text/html");
    const html = await response.text();
    const ms = performance.now() - startMs;
    if (response.status !== 200) throw new StatusError(response.status, html);
    const [, ...rows] = html.split('<li class="row');
    if (rows.length !== PAGE_ROWS) throw new Error(`${rows.length} rows on the page instead of ${PAGE_ROWS}`);
    for (const [position, row] of rows.entries()) {
      const n = HEALTHY.mailboxSize - position;
      const { id, labelIds } = numberedMessage(n, emailOf(this.#sub));
      const isRight =
        row.includes(`href="/message/${id}"`) &&
        row.includes(`#${n}</bdi>`) &&
        row.startsWith(" unread") === labelIds.includes("UNREAD");
      if (!isRight) throw new Error(`Row ${position} is not what Gmail has: ${row.slice(0, 500)}`);
    }
    return ms;
  }

  /** Makes an API token of this Worker's. */
  async makeToken(): Promise<string> {
    const response = await fetch(`${this.#origin}/api/tokens`, {
      method: "POST",
      headers: { Cookie: this.#cookieHeader(), Origin: this.#origin, "Content-Type": "application/json" },
      body: JSON.stringify({ name: "bench" }),
    });
    if (response.status !== 201) throw new StatusError(response.status, await response.text());
    return (await response.json<{ token: string }>()).token;
  }

  /** The same session elsewhere: another device that goes on with the cookies of now. */
  copy(): Visitor {
    const copy = new Visitor(this.#origin, this.#sub);
    for (const [name, value] of this.#cookies) copy.#cookies.set(name, value);
    return copy;
  }

  /** Checks one message of a list: that it is the one of this place, and says what the view has. */
  checkRow(
    row: Row,
    {
      position,
      view,
      mailboxSize = HEALTHY.mailboxSize,
    }: { position: number; view: "id" | "metadata"; mailboxSize?: number },
  ): void {
    const where = `Message ${position}`;
    const n = mailboxSize - position;
    const right = numberedMessage(n, emailOf(this.#sub));
    if (row.id !== right.id || row.threadId !== right.threadId)
      throw new Error(`${where} is ${row.id} of ${row.threadId}`);
    if (row.error !== undefined) throw new Error(`${where}: ${JSON.stringify(row.error)}`);
    if (view === "metadata") checkMetadata(row as MetadataRow, { n, right, to: emailOf(this.#sub), where });
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

/** Names may be decoded or not: not every subject does that. */
function checkMetadata(
  row: MetadataRow,
  { n, right, to, where }: { n: number; right: ReturnType<typeof numberedMessage>; to: string; where: string },
): void {
  const address =
    /[\w.]+@[\w.]+/.exec(right.content().headers.find(([name]) => name === "From")?.[1] ?? "")?.[0] ?? "?";
  const isRight =
    row.subject?.endsWith(` #${n}`) === true &&
    row.to === to &&
    (row.from ?? "").includes(address) &&
    row.snippet.includes(`Message ${n} `) &&
    right.labelIds.every((label) => row.labelIds.includes(label)) &&
    row.unread === right.labelIds.includes("UNREAD") &&
    Date.parse(row.date) === right.internalDateMs;
  if (!isRight) throw new Error(`${where} is not what Gmail has: ${JSON.stringify(row)}`);
}
