/**
 * Two servers on loopback for what a mail's HTML does in a browser: one shows documents in frames, many to a page, and the
 * other one is the sender's, which counts who connects.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";

/** A sandboxed frame is a process of its own. */
const FRAMES_PER_PAGE = 15;
/** For what a browser does after a page has loaded. */
const SETTLE_MS = 400;

/** A server of the sender's. */
export interface Sender {
  readonly origin: string;
  /** TCP connections to it. */
  connections: number;
  /** What was asked of it: `Sec-Fetch-Mode` and path. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Starts a server that counts. */
export async function startSender(): Promise<Sender> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.headers["sec-fetch-mode"] ?? "?"} ${request.url}`);
    response.writeHead(200, { "content-type": "text/html", "access-control-allow-origin": "*" }).end("the sender's");
  });
  const origin = await listen(server, "127.0.0.1");
  const sender = { origin, connections: 0, requests, close: () => close(server) };
  server.on("connection", () => (sender.connections += 1));
  return sender;
}

export interface FrameOptions {
  /** Headers of each document. */
  readonly headers: Readonly<Record<string, string>>;
  /** Attribute of the frame; null: it has none. */
  readonly sandbox: string | null;
}

/** What documents have done. */
export interface Outcome {
  /** Texts of dialogs. */
  readonly dialogs: string[];
  /** Addresses of windows that opened. */
  readonly popups: string[];
  /** Where the outer page or a frame was led. */
  readonly elsewhere: string[];
  /** Elements and attributes of all documents; empty where they are of an origin of their own. */
  readonly elements: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
}

/** Shows documents in frames. @param page of a context that lets everything through */
export async function showInFrames(page: Page, documents: readonly string[], options: FrameOptions): Promise<Outcome> {
  const server = createServer((request, response) => {
    const [, kind = "", number = ""] = (request.url ?? "").split("/");
    const html =
      kind === "page" ? framesPage(Number(number), documents.length, options.sandbox) : documents[Number(number)];
    const isMail = kind === "mail" && html !== undefined;
    if (html === undefined || !(isMail || kind === "page")) return response.writeHead(404).end();
    return response
      .writeHead(200, { ...(isMail ? options.headers : {}), "content-type": "text/html; charset=utf-8" })
      .end(html);
  });
  const origin = await listen(server, "localhost");
  const [elements, attributes] = [new Set<string>(), new Set<string>()];
  const outcome = { dialogs: [] as string[], popups: [] as string[], elsewhere: [] as string[], elements, attributes };
  page.on("dialog", (dialog) => {
    outcome.dialogs.push(dialog.message());
    // The page may be gone by then.
    void dialog.dismiss().catch(() => {});
  });
  page.context().on("page", (popup) => outcome.popups.push(popup.url()));
  page.on("framenavigated", (frame) => {
    if (!/^about:blank$|\/(?:mail|page)\/\d+$/.test(frame.url())) outcome.elsewhere.push(frame.url());
  });
  try {
    for (let first = 0; first < documents.length; first += FRAMES_PER_PAGE) {
      await page.goto(`${origin}/page/${first}`);
      await page.waitForTimeout(SETTLE_MS);
      const found = await page.evaluate(namesInFrames);
      for (const name of found.elements) elements.add(name);
      for (const name of found.attributes) attributes.add(name);
    }
    await page.goto("about:blank");
  } finally {
    await close(server);
  }
  return outcome;
}

function framesPage(first: number, end: number, sandbox: string | null): string {
  const count = Math.min(FRAMES_PER_PAGE, end - first);
  const attribute = sandbox === null ? "" : ` sandbox="${sandbox}"`;
  const frames = Array.from(
    { length: count },
    (_, index) => `<iframe src="/mail/${first + index}"${attribute}></iframe>`,
  );
  return `<!doctype html><title>frames</title>${frames.join("")}`;
}

/** Runs in the page. */
function namesInFrames(): { elements: string[]; attributes: string[] } {
  const all = [...document.querySelectorAll("iframe")].flatMap((frame) =>
    Array.from(frame.contentDocument?.querySelectorAll("body, body *") ?? []),
  );
  return {
    elements: [
      ...new Set(
        all.map((element) => `${element.namespaceURI?.endsWith("xhtml") ? "" : "foreign:"}${element.localName}`),
      ),
    ],
    attributes: [...new Set(all.flatMap((element) => element.getAttributeNames()))],
  };
}

async function listen(server: Server, host: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, host, resolve);
  await promise;
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
