/**
 * `/message/{id}`: reading one message, and `/message/{id}/body`: its HTML, for a frame that nothing can get out of.
 */
import { Hono } from "hono/tiny";
import { requireSession } from "../http/authentication.ts";
import { scriptNonce } from "../http/content-policy.ts";
import { streamPage } from "../http/stream.ts";
import { AppError } from "../errors.ts";
import { AnswerTooLargeError } from "../lib/upstream.ts";
import {
  aroundFrame,
  type FetchPart,
  fetchTexts,
  htmlsOf,
  type ReadableMessage,
  toReadableMessage,
} from "../mail/body.ts";
import { toFrameDocument } from "../mail/html.ts";
import { mentionsRemotePictures } from "../mail/html-content.ts";
import { hostsOf } from "../mail/links.ts";
import { fetchPictures, pickPictures } from "../mail/pictures.ts";
import type { Preference } from "../mail/tree.ts";
import { getForFrame, getForPage } from "../mailbox/message.ts";
import { gmailUrl } from "../pages/mailbox.tsx";
import { MessageFrame, messagePieces } from "../pages/message.tsx";
import { page, requireFrame } from "../http/isolation.ts";
import { readerOf } from "../http/navigation.ts";
import type { AppContext, AppEnv, SessionCaller } from "../http/types.ts";

const UNREADABLE = "<p>A part of this message is too long to be shown here, or could not be read. Gmail shows it.</p>";

export const messageRoutes = new Hono<AppEnv>()
  .get("/:id", page, async (c) => {
    const caller = await requireSession(c);
    const isPlain = c.req.query("as") === "text";
    const { message, fetchPart } = await readMessage(c, caller, getForPage, isPlain ? "text" : "html");
    const { framed } = aroundFrame(message.blocks);
    // Those of the frame are fetched for the frame.
    const isHere = message.blocks.filter((block) => !framed.includes(block));
    const texts = await fetchTexts(isHere, fetchPart);
    const blocks = message.blocks.map((block) => texts[isHere.indexOf(block)] ?? block);
    const view = {
      identity: caller.identity,
      message: { ...message, blocks },
      reader: readerOf(c),
      ownHosts: hostsOf(ownUrls(c)),
      isPlain,
      hasRemotePictures: framed.some(
        ({ kind, text }) => kind === "html" && (text === null || mentionsRemotePictures(text)),
      ),
    };
    const frame = <MessageFrame identity={caller.identity} subject={message.subject} nonce={scriptNonce(c)} />;
    return streamPage(c, frame, messagePieces(view));
  })
  .get("/:id/body", async (c) => {
    const caller = await requireSession(c);
    requireFrame(c);
    const { message, fetchPart } = await readMessage(c, caller, getForFrame, "html");
    const { framed } = aroundFrame(message.blocks);
    if (framed.length === 0) throw new AppError("NOT_FOUND", "This message has no HTML.");
    const blocks = await fetchTexts(framed, fetchPart);
    const pictures = await fetchPictures(pickPictures(message.listed, htmlsOf(blocks)), fetchPart);
    const showsRemotePictures = c.req.query("pictures") === "show";
    c.set("contentPolicy", showsRemotePictures ? "mail-with-pictures" : "mail");
    const parts = blocks.map(({ kind, text }) =>
      text === null
        ? ({ kind: "html", text: UNREADABLE } as const)
        : { kind: kind === "html" ? kind : ("text" as const), text },
    );
    return c.html(toFrameDocument(parts, { ownUrls: ownUrls(c), pictures, showsRemotePictures }));
  });

/** What no link of a message may lead to. */
function ownUrls(c: AppContext): string[] {
  return [c.var.scope.origin, c.req.url];
}

/** A message, and the way to those of its parts that did not come with it. */
async function readMessage(
  c: AppContext,
  { identity, grant }: SessionCaller,
  get: typeof getForPage,
  preference: Preference,
): Promise<{ message: ReadableMessage; fetchPart: FetchPart }> {
  const id = c.req.param("id") ?? "";
  try {
    const { message, fetchPart } = await get(c.var.scope, grant, id);
    return { message: toReadableMessage(message, preference), fetchPart };
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    throw new AppError("UPSTREAM_UNAVAILABLE", "This message is too large to be shown here. Gmail shows it.", {
      link: { href: gmailUrl(id, identity.email), text: "Open the message in Gmail" },
      cause: error,
    });
  }
}
