/**
 * The page at `/` for somebody who is not signed in.
 */
import { GoogleButton, Layout } from "./layout.tsx";

/** @param props.signIn our sign-in, which returns to the requested page */
export function WelcomePage(props: { notice: string | null; signIn: string; nonce: string }) {
  const { notice, signIn, nonce } = props;
  return (
    <Layout title="Sign in" nonce={nonce}>
      <main id="content" class="narrow">
        <h1>Your mail, at the edge</h1>
        <Notice text={notice} />
        <p>Sign in with Google to list and search your Gmail messages here.</p>
        <p>
          <GoogleButton href={signIn} />
        </p>
        <ul class="muted">
          <li>You see Google's consent page once; after that, signing in is one click.</li>
          <li>We keep your access encrypted. We do not keep your messages.</li>
          <li>You can end the access here or in your Google account at any time.</li>
        </ul>
      </main>
    </Layout>
  );
}

/** Something that is said once. */
export function Notice({ text }: { text: string | null }) {
  return text === null ? null : (
    <p class="notice" role="status">
      {text}
    </p>
  );
}
