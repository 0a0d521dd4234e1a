/**
 * Gmail's batch endpoint: each part is a call of its own, with its own faults, its own quota and its own status.
 *
 * https://developers.google.com/workspace/gmail/api/guides/batch
 *
 * Google's words for a batch that it refuses are guessed, but for their beginning.
 */
import { badRequest, refusal } from "../errors.ts";
import { enterRead, throughFaults } from "../faults.ts";
import { composeReply, MultipartError, parseBatch } from "../multipart.ts";
import { bearerSub } from "../oauth/bearer.ts";
import type { Incoming, Instance } from "../state.ts";
import { gmail, gmailRoute } from "./gmail.ts";

const LARGEST_BATCH = 100;
/** Headers that belong to the connection or to the whole, and are no part's. */
const NOT_INHERITED = /^(?:content-.*|accept-encoding|connection|host|keep-alive|transfer-encoding|expect)$/;

interface Part {
  readonly contentId: string | null;
  readonly call: Incoming;
}

export interface BatchAnswer {
  readonly response: Response;
  readonly parts: number;
  /** Gives back what its parts hold until the answer is out. */
  readonly leave: () => void;
}

export async function batch(instance: Instance, call: Incoming): Promise<BatchAnswer | Response> {
  const refuse = (why: string): Response => {
    instance.violations.push(`batch: ${why}`);
    return badRequest(`Failed to parse batch request, error: ${why}.`);
  };
  // Without a token of the whole it is for each part to bring one.
  if (call.headers.has("authorization") && bearerSub(instance, call.headers) === "") return refusal("authError");
  let parts: Part[];
  try {
    parts = readParts(call);
  } catch (error) {
    if (error instanceof MultipartError) return refuse(error.message);
    throw error;
  }
  if (parts.length === 0) return refuse("0 items");
  if (parts.length > LARGEST_BATCH) return refuse(`${parts.length} items, more than the limit of ${LARGEST_BATCH}`);
  const leaving: (() => void)[] = [];
  const answers = parts.map(async ({ contentId, call: part }) => {
    return { contentId, response: await answerPart(instance, part, leaving) };
  });
  const replies = await Promise.all(answers);
  // Google promises no order; a client must match by Content-ID.
  if (instance.config.shuffleBatchParts) replies.reverse();
  const leave = (): void => leaving.forEach((one) => one());
  return { response: await composeReply(replies), parts: parts.length, leave };
}

function answerPart(instance: Instance, call: Incoming, leaving: (() => void)[]): Response | Promise<Response> {
  instance.counts.set("part", (instance.counts.get("part") ?? 0) + 1);
  const entered = enterRead(instance, bearerSub(instance, call.headers), call);
  if (entered instanceof Response) return entered;
  leaving.push(entered);
  return throughFaults(instance, { endpoint: "part", call }, async () => {
    const route = gmailRoute(call);
    // Neither other APIs nor uploads nor another batch can be reached by a part.
    return route === null ? refusal("notFound") : gmail(instance, call, route);
  });
}

/** The parts as calls of their own. @throws MultipartError */
function readParts(call: Incoming): Part[] {
  const inherited = [...call.headers].filter(([name]) => !NOT_INHERITED.test(name));
  return parseBatch(call.headers.get("content-type") ?? "", call.body).map((part) => {
    if (!/^\/(?!\/)/.test(part.target))
      throw new MultipartError(`the URL of a part must be a path, and is ${part.target}`);
    const headers = new Headers(inherited);
    for (const [name, value] of part.headers) headers.set(name, value);
    const url = new URL(part.target, call.url);
    return { contentId: part.contentId, call: { method: part.method, url, headers, body: part.body } };
  });
}
