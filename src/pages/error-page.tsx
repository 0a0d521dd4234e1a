/**
 * What a person sees when something did not work: what happened, and the way on.
 */
import { type ErrorStatus, REASONS } from "../errors.ts";
import { Layout } from "./layout.tsx";

export function ErrorPage({ error }: { error: ErrorStatus }) {
  const [{ reason, metadata }] = error.details;
  const { title } = REASONS[reason];
  const authorizationUrl = metadata["authorizationUrl"];
  return (
    <Layout title={`${title} · gmail-edge`}>
      <h1>{title}</h1>
      <p dir="auto">{error.message}</p>
      <p class="actions">
        {authorizationUrl !== undefined && (
          <a class="button" href={authorizationUrl}>
            Sign in with Google
          </a>
        )}
        <a href="/">Back to the start</a>
      </p>
      <p class="muted">
        {reason} · {error.code} · request {metadata["requestId"]}
      </p>
    </Layout>
  );
}
