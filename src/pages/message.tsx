/**
 * The reading view: a message's headers, what of it is shown, and what is listed. HTML is shown in a frame of its own, without
 * scripts, and without anything that is fetched from elsewhere until somebody asks for the pictures.
 */
import { raw } from "hono/html";
import type { Attachment } from "../mail/attachments.ts";
import { aroundFrame, type ReadableMessage, unshown } from "../mail/body.ts";
import { linkBudget, type LinkBudget, linkify, LINK_TARGET } from "../mail/links.ts";
import type { Block } from "../mail/tree.ts";
import { isVisible } from "../mime/visible.ts";
import type { Identity } from "../identity.ts";
import { Layout } from "./layout.tsx";
import { gmailUrl } from "./mailbox.tsx";
import { longDate, type Reader } from "./dates.ts";
import { DeliveryReport, Invitations } from "./message-parts.tsx";
import { type Html, slot } from "./slot.ts";

/** The frame of the page; its pieces follow in its slot. */
export function MessageFrame(props: { identity: Identity; subject: string | null; nonce: string }) {
  const { identity, nonce } = props;
  return (
    <Layout title={subjectWords(props.subject)} identity={identity} nonce={nonce}>
      <main id="content" class="message">
        {slot}
      </main>
    </Layout>
  );
}

function subjectWords(subject: string | null): string {
  return isVisible(subject) ? subject : "(no subject)";
}

export interface MessageView {
  readonly identity: Identity;
  readonly message: ReadableMessage;
  readonly reader: Reader;
  /** URLs of ours, to which no link of the message may lead. */
  readonly ownHosts: ReadonlySet<string>;
  /** The text was asked for in place of the HTML. */
  readonly isPlain: boolean;
  /** There may be pictures from elsewhere. */
  readonly hasRemotePictures: boolean;
}

/** The pieces of the page, in order: a long text is several. */
export async function* messagePieces(view: MessageView): AsyncGenerator<Html, void> {
  const { message } = view;
  const { before, framed, after } = aroundFrame(message.blocks);
  const files = [...message.attachments, ...unshown([...before, ...after], message)];
  const isEmpty = message.blocks.length === 0 && !message.isEncrypted;
  const budget = linkBudget();
  yield <Head {...view} />;
  for (const block of before) yield* blockPieces(block, view, budget);
  if (framed.length > 0) yield <Frame {...view} />;
  for (const block of after) yield* blockPieces(block, view, budget);
  if (isEmpty) yield <p class="muted">This message has no text.</p>;
  if (message.isEncrypted) {
    yield (
      <p class="notice">This message, or a part of it, is encrypted. A mail program that has the key can open it.</p>
    );
  }
  if (files.length > 0) yield <Attachments files={files} />;
  if (message.isCut) {
    yield <p class="muted">This message has more parts than we show here. Open it in Gmail to see them all.</p>;
  }
}

function Head({ identity, message, reader, isPlain }: MessageView) {
  const hasHtml = message.blocks.some(({ kind }) => kind === "html");
  return (
    <>
      <p>
        <a href="/" data-back>
          ← Back to the mailbox
        </a>
      </p>
      <h1>
        <bdi>{subjectWords(message.subject)}</bdi>
      </h1>
      <dl class="headers">
        <Header name="From" value={message.from} />
        <Header name="To" value={message.to} />
        <Header name="Cc" value={message.cc} />
        {message.dateMs !== null && (
          <div>
            <dt>Date</dt>
            <dd>
              <time datetime={new Date(message.dateMs).toISOString()} data-format="long">
                {longDate(message.dateMs, reader)}
              </time>
            </dd>
          </div>
        )}
      </dl>
      <p class="ways-to-read">
        <a href={gmailUrl(message.threadId, identity.email)} rel="noreferrer" target="_blank">
          Open in Gmail ↗
        </a>
        {hasHtml && <a href={`/message/${message.id}?as=text`}>Show as plain text</a>}
        {isPlain && <a href={`/message/${message.id}`}>Show as the sender formatted it</a>}
      </p>
    </>
  );
}

function Header({ name, value }: { name: string; value: string | null }) {
  return isVisible(value) ? (
    <div>
      <dt>{name}</dt>
      <dd>
        <bdi>{value}</bdi>
      </dd>
    </div>
  ) : null;
}

function* blockPieces(
  { kind, text }: Block,
  { ownHosts, reader }: MessageView,
  budget: LinkBudget,
): Generator<Html, void> {
  if (text === null) {
    yield (
      <p class="notice">
        We could not show a part of this message: it is too long or cannot be read. You find it under Attachments.
      </p>
    );
  } else if (kind === "calendar") yield <Invitations text={text} reader={reader} />;
  else if (kind === "status") yield <DeliveryReport text={text} />;
  else {
    // The first line end is none: https://html.spec.whatwg.org/multipage/grouping-content.html#the-pre-element
    yield raw('<pre class="text" dir="auto">\n');
    for (const chunk of chunksOf(text)) yield <PlainText text={chunk} ownHosts={ownHosts} budget={budget} />;
    yield raw("</pre>");
  }
}

/** Characters of a text that are made into markup at once. */
const CHUNK_CHARACTERS = 64 * 1024;

/** Pieces of a text that end with a line, so that no link is in two of them. */
function* chunksOf(text: string): Generator<string, void> {
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf("\n", at + CHUNK_CHARACTERS);
    const end = lineEnd === -1 ? text.length : lineEnd + 1;
    yield text.slice(at, end);
    at = end;
  }
}

function PlainText(props: { text: string; ownHosts: ReadonlySet<string>; budget: LinkBudget }) {
  return (
    <>
      {linkify(props.text, props.ownHosts, props.budget).map((piece) =>
        piece.href === null ? (
          piece.text
        ) : (
          <>
            <a href={piece.href} {...LINK_TARGET}>
              {piece.text}
            </a>
            {piece.host !== null && <span class="muted"> [{piece.host}]</span>}
          </>
        ),
      )}
    </>
  );
}

function Frame({ message: { id }, hasRemotePictures }: MessageView) {
  return (
    <section class="html" aria-label="The message as its sender formatted it">
      {hasRemotePictures && (
        <p class="muted">
          We did not load pictures from other sites.{" "}
          <a class="show-pictures" href={`/message/${id}/body?pictures=show`} target="mail">
            Show pictures
          </a>
          : the sender then learns that you opened this message, when, from which network address and with which
          browser.
        </p>
      )}
      <iframe
        name="mail"
        src={`/message/${id}/body`}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        title="The message as formatted by its sender"
        loading="lazy"
        referrerpolicy="no-referrer"
      />
    </section>
  );
}

function Attachments({ files }: { files: readonly Attachment[] }) {
  return (
    <section aria-labelledby="attachments">
      <h2 id="attachments">Attachments</h2>
      <ul>
        {files.map(({ name, size }) => (
          <li>
            <bdi>{name}</bdi> <span class="muted">({sizeWords(size)})</span>
          </li>
        ))}
      </ul>
      <p class="muted">To open them, choose “Open in Gmail” above.</p>
    </section>
  );
}

function sizeWords(bytes: number): string {
  const kib = bytes / 1024;
  return kib < 1024 ? `${Math.ceil(kib)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
