/**
 * What a person sees when something did not work: what happened, who caused it, and the way on.
 */
import { type AppError, REASONS } from "../errors.ts";
import { GoogleButton, Layout } from "./layout.tsx";

export interface ErrorPageProps {
  /** Of it, the page shows what is in our own words: its message, and not what programs read. */
  readonly error: Pick<AppError, "reason" | "code" | "message" | "retryAfterSeconds" | "link">;
  readonly requestId: string;
  /** Our sign-in; null where signing in again does not help. */
  readonly authorizationUrl: string | null;
  readonly nonce: string;
}

export function ErrorPage({ error, requestId, authorizationUrl, nonce }: ErrorPageProps) {
  const { reason, code, message, retryAfterSeconds, link } = error;
  const { title, advice } = REASONS[reason];
  return (
    <Layout title={title} nonce={nonce}>
      <main id="content" class="narrow">
        <h1>{title}</h1>
        <p>{message}</p>
        {link === null && <p>{advice}</p>}
        {retryAfterSeconds !== null && <p>Try again in {describeWait(retryAfterSeconds)}.</p>}
        <p class="actions">
          {authorizationUrl !== null && <GoogleButton href={authorizationUrl} />}
          {link !== null && (
            <a href={link.href} rel="noreferrer">
              {link.text}
            </a>
          )}
          <a href="/">Back to the start</a>
        </p>
        <p class="muted">
          {reason} · {code} · request {requestId}
        </p>
      </main>
    </Layout>
  );
}

function describeWait(seconds: number): string {
  if (seconds === 1) return "1 second";
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
