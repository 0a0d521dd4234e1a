/**
 * The frame of every page: head, style and the content. Plain HTML that works without JavaScript.
 */
import { html } from "hono/html";
import type { PropsWithChildren } from "hono/jsx";

export function Layout({ title, children }: PropsWithChildren<{ title: string }>) {
  return html`<!doctype html>${(
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>{title}</title>
          <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
          <link rel="stylesheet" href="/style.css" />
        </head>
        <body>
          <main>{children}</main>
        </body>
      </html>
    )}`;
}
