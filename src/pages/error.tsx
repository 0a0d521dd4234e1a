/**
 * What a person sees when something did not work: what happened, whose doing it is, and the way on.
 */
import { type AppError, type Reason, REASONS } from "../errors.ts";
import { GoogleButton, Layout } from "./layout.tsx";

/** Whose doing it is, and what helps. Complete by its type. */
const ADVICE: Readonly<Record<Reason, string>> = {
  SIGN_IN_REQUIRED: "You are not signed in here, or your session has ended.",
  CONSENT_REQUIRED:
    "You, or Google, ended this app's access: by removing it, by a new password, or because it was long unused. Give it again to go on.",
  SCOPE_REQUIRED: "On Google's page, tick the box for Gmail. Without it there is nothing to show.",
  ACCESS_BLOCKED: "Trying again changes nothing until this is settled. Nothing of yours was lost.",
  ACCOUNT_NOT_ALLOWED: "Whoever runs this site admits other accounts only. Use another one, or ask them.",
  INVALID_STATE: "This happens when a sign-in takes longer than ten minutes, or its page is opened twice.",
  INVALID_ISSUER: "Somebody may be interfering with your sign-in. Nothing was stored.",
  CONSENT_DENIED: "That was your choice, and nothing was stored. You can change your mind at any time.",
  AUTHORIZATION_FAILED: "Google stopped this sign-in. An administrator of your organisation may have to allow the app.",
  CODE_EXCHANGE_FAILED: "This is between Google and this site, not your doing.",
  INVALID_ID_TOKEN: "What Google sent could not be verified. Nothing was stored.",
  NO_USER_ID: "This is Google's doing. Nothing was stored.",
  NO_REFRESH_TOKEN: "This is Google's doing. Removing the app in your Google account and signing in again may help.",
  RATE_LIMITED: "This is a limit of Google's or of this site. Waiting is all that helps.",
  UPSTREAM_UNAVAILABLE: "This is Google's doing, and mostly soon over. Nothing of yours was lost.",
  STORAGE_UNAVAILABLE: "This is our doing, and mostly soon over. Nothing of yours was lost.",
  INTERNAL: "This is our doing. Whoever runs this site finds it in the log by the request ID below.",
  INVALID_ARGUMENT: "Something in the address or the form is not as it should be.",
  FAILED_PRECONDITION: "This is not possible as things are.",
  PERMISSION_DENIED: "You are signed in, but may not do this.",
  NOT_FOUND: "It may have been moved or deleted.",
  METHOD_NOT_ALLOWED: "The address exists, but not for this.",
};

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
  const { title } = REASONS[reason];
  return (
    <Layout title={title} nonce={nonce}>
      <main id="content" class="narrow">
        <h1>{title}</h1>
        <p>{message}</p>
        {link === null && <p>{ADVICE[reason]}</p>}
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
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
