/**
 * The reading view: a message's headers and text. HTML is shown in a frame of its own, without scripts and without
 * anything that is fetched from elsewhere.
 */
import type { ReadableMessage } from "../mail/body.ts";
import type { Identity } from "../identity.ts";
import { Layout } from "./layout.tsx";
import { gmailUrl } from "./mailbox.tsx";
import { longDate, type Reader } from "./dates.ts";

export function MessagePage(props: { identity: Identity; message: ReadableMessage; reader: Reader; nonce: string }) {
  const { identity, message, reader, nonce } = props;
  const subject = message.subject || "(no subject)";
  return (
    <Layout title={subject} identity={identity} nonce={nonce}>
      <main id="content" class="message">
        <p>
          <a href="/" data-back>
            ← Back to the mailbox
          </a>
        </p>
        <h1>
          <bdi>{subject}</bdi>
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
        <p>
          <a href={gmailUrl(message.threadId, identity.email)} rel="noreferrer" target="_blank">
            Open in Gmail ↗
          </a>
        </p>
        <Body message={message} />
        {message.attachments.length > 0 && <Attachments message={message} />}
      </main>
    </Layout>
  );
}

function Header({ name, value }: { name: string; value: string | null }) {
  return value === null ? null : (
    <div>
      <dt>{name}</dt>
      <dd>
        <bdi>{value}</bdi>
      </dd>
    </div>
  );
}

function Body({ message }: { message: ReadableMessage }) {
  const { id, text, html } = message;
  if (text === null && html === null) return <p class="muted">This message has no text.</p>;
  return (
    <>
      {text !== null && (
        <pre class="text" dir="auto">
          {text}
        </pre>
      )}
      {html !== null && (
        <details class="html" open={text === null}>
          <summary>Show as the sender formatted it (pictures from elsewhere stay out)</summary>
          <iframe
            src={`/message/${id}/body`}
            sandbox="allow-popups allow-popups-to-escape-sandbox"
            title="The message as formatted by its sender"
            loading="lazy"
            referrerpolicy="no-referrer"
          />
        </details>
      )}
    </>
  );
}

function Attachments({ message }: { message: ReadableMessage }) {
  return (
    <section aria-labelledby="attachments">
      <h2 id="attachments">Attachments</h2>
      <ul>
        {message.attachments.map(({ name, bytes }) => (
          <li>
            <bdi>{name}</bdi> <span class="muted">({Math.ceil(bytes / 1024)} KiB)</span>
          </li>
        ))}
      </ul>
      <p class="muted">They can be opened in Gmail.</p>
    </section>
  );
}
