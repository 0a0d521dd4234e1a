/**
 * The way from our layer to `emulate`, the only place that knows where it listens.
 */

import type { Context } from "hono";
import { proxy } from "hono/proxy";

/** The emulator behind the layer. */
export interface Upstream {
  /** Sends a request of our own. Redirects are answers, not followed. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Passes the caller's request on as it is. */
  forward(c: Context): Promise<Response>;
  /** Posts a form, as a browser or an OAuth client does. */
  postForm(path: string, fields: URLSearchParams): Promise<Response>;
}

/** An upstream at this origin. */
export function createUpstream(origin: string): Upstream {
  const send = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, origin), { redirect: "manual", ...init });
  return {
    fetch: send,
    forward: (c) => {
      const { pathname, search } = new URL(c.req.url);
      return proxy(new URL(`${pathname}${search}`, origin), { raw: c.req.raw, redirect: "manual" });
    },
    postForm: (path, fields) => send(path, { method: "POST", body: fields }),
  };
}
