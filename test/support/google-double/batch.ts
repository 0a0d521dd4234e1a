/**
 * Gmail's batch endpoint: each part is a call of its own, with its own faults, its own quota and its own status.
 */
import { gmail, gmailRoute, badRequest } from "./gmail.ts";
import { applyFault, takeFault } from "./faults.ts";
import { authError } from "./responses.ts";
import type { Incoming, Instance } from "./state.ts";

const LARGEST_BATCH = 100;

interface Part {
  readonly contentId: string | null;
  readonly call: Incoming;
}

/** `POST /batch/gmail/v1`. */
export async function batch(instance: Instance, call: Incoming): Promise<Response> {
  const authorization = call.headers.get("authorization");
  if (authorization === null) return authError();
  const boundary = /^multipart\/mixed;\s*boundary="?([^";]+)"?/i.exec(call.headers.get("content-type") ?? "")?.[1];
  if (boundary === undefined) return refuse(instance, "no multipart/mixed boundary");
  const parts = parseParts(call, boundary, authorization);
  if (parts.length === 0) return refuse(instance, "no parts");
  if (parts.length > LARGEST_BATCH) return refuse(instance, `${parts.length} parts`);
  const absolute = parts.find((part) => part.call.url.host !== call.url.host);
  if (absolute !== undefined) return refuse(instance, `a part with the host ${absolute.call.url.host}`);
  const replies = await Promise.all(parts.map((part) => reply(instance, part)));
  // Google promises no order; a client must match by Content-ID.
  if (instance.config.shuffleBatchParts) replies.reverse();
  const mark = `batch_${crypto.randomUUID()}`;
  return new Response(`${replies.map((text) => `--${mark}\r\n${text}\r\n`).join("")}--${mark}--`, {
    headers: { "content-type": `multipart/mixed; boundary=${mark}` },
  });
}

function refuse(instance: Instance, why: string): Response {
  instance.violations.push(`batch: ${why}`);
  return badRequest(`Failed to parse batch request: ${why}`);
}

async function reply(instance: Instance, part: Part): Promise<string> {
  const answer = async (): Promise<Response> => {
    const route = gmailRoute(part.call.method, part.call.url.pathname);
    if (route === null) return badRequest("Invalid path in a batch part");
    return gmail(instance, part.call, route);
  };
  const fault = takeFault(instance, "part", part.call);
  const response = fault === null ? await answer() : await applyFault(instance, fault, answer);
  const contentId = part.contentId === null ? "" : `Content-ID: ${responseId(part.contentId)}\r\n`;
  const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const body = await response.text();
  return `Content-Type: application/http\r\n${contentId}\r\nHTTP/1.1 ${response.status} ${reason(response)}\r\n${headers}\r\n${body}`;
}

function reason(response: Response): string {
  return response.statusText === "" ? (response.ok ? "OK" : "Error") : response.statusText;
}

/** `<a>` comes back as `<response-a>`. */
function responseId(contentId: string): string {
  return contentId.startsWith("<") ? `<response-${contentId.slice(1)}` : `response-${contentId}`;
}

function parseParts(call: Incoming, boundary: string, authorization: string): Part[] {
  const parts: Part[] = [];
  for (const piece of `\r\n${call.body}`.split(`\r\n--${boundary}`).slice(1)) {
    if (piece.startsWith("--")) break;
    const [outer = "", inner = "", ...rest] = piece.trimStart().split(/\r?\n\r?\n/);
    const [requestLine = "", ...headerLines] = inner.trim().split(/\r?\n/);
    const [method = "", target = ""] = requestLine.split(" ");
    const headers = new Headers({ authorization });
    for (const line of headerLines) {
      const colon = line.indexOf(":");
      if (colon > 0) headers.set(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    parts.push({
      contentId: /^content-id:\s*(.+)$/im.exec(outer)?.[1]?.trim() ?? null,
      call: { method, url: new URL(target, call.url), headers, body: rest.join("\r\n\r\n") },
    });
  }
  return parts;
}
