/**
 * The frame of every page: head, style, script and the content. Plain HTML that works without JavaScript.
 */
import { html } from "hono/html";
import type { PropsWithChildren } from "hono/jsx";
import type { Identity } from "../identity.ts";

export interface LayoutProps {
  readonly title: string;
  /** Null: nobody is signed in. */
  readonly identity?: Identity | null;
  /** Lets the page's own script run: https://www.w3.org/TR/CSP3/#security-nonces */
  readonly nonce: string;
}

export function Layout({ title, identity = null, nonce, children }: PropsWithChildren<LayoutProps>) {
  return html`<!doctype html>${(
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>{title} · gmail-edge</title>
          <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
          <link rel="stylesheet" href="/style.css" />
          <script src="/app.js" nonce={nonce} defer />
        </head>
        <body>
          <a class="skip" href="#content">
            Skip to the content
          </a>
          <header class="top">
            <a class="brand" href="/">
              gmail-edge
            </a>
            {identity !== null && <UserMenu identity={identity} />}
          </header>
          {children}
        </body>
      </html>
    )}`;
}

function UserMenu({ identity }: { identity: Identity }) {
  return (
    <nav class="user" aria-label="Account">
      <a href="/account" dir="auto">
        {identity.email ?? identity.name ?? identity.sub}
      </a>
      <PostButton action="/auth/logout" label="Sign out" />
    </nav>
  );
}

/** A button that changes something. */
export function PostButton({ action, label, kind = "" }: { action: string; label: string; kind?: string }) {
  return (
    <form method="post" action={action}>
      <button type="submit" class={kind}>
        {label}
      </button>
    </form>
  );
}

/** Google's button, by https://developers.google.com/identity/branding-guidelines */
export function GoogleButton({ href }: { href: string }) {
  return (
    <a class="google-button" href={href}>
      <img src="/google-g.svg" alt="" width="18" height="18" />
      <span>Sign in with Google</span>
    </a>
  );
}
