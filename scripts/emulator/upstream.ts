/**
 * The way from our layer to `emulate`, the only place that knows where it listens and how it is
 * spoken to.
 */

import type { Context } from "hono";
import { proxy } from "hono/proxy";
import { bearerToken } from "./bearer.ts";
import type { Ledger } from "./ledger.ts";
import { USERS } from "./users.ts";

/** One token serves 5,000 calls an hour in `emulate`, batch parts included: this many are used in turn. */
const TOKENS_PER_USER = 200;
/** What `emulate` adds and Google does not. */
const FOREIGN_HEADERS = [
  "Access-Control-Allow-Origin",
  ...["Limit", "Remaining", "Reset", "Resource"].map((name) => `X-RateLimit-${name}`),
];

/** The emulator behind the layer. */
export interface Upstream {
  /** Sends a request of our own. Redirects are answers, not followed. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Passes the caller's request on as it is, but for the token of a known account. */
  forward(c: Context): Promise<Response>;
  /** Posts a form, as a browser or an OAuth client does. */
  postForm(path: string, fields: URLSearchParams): Promise<Response>;
}

/** The tokens that `emulate` is seeded with, by which the layer speaks for a person. */
export function upstreamTokens(): Record<string, { readonly login: string }> {
  const entries = USERS.flatMap(({ email }) =>
    Array.from({ length: TOKENS_PER_USER }, (_, index) => [tokenOf(email, index), { login: email }] as const),
  );
  return Object.fromEntries(entries);
}

function tokenOf(email: string, index: number): string {
  return `layer:${email}:${index}`;
}

/** An upstream at this origin. */
export function createUpstream(origin: string, ledger: Ledger): Upstream {
  let calls = 0;
  const send = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, origin), { redirect: "manual", ...init });
  return {
    fetch: send,
    forward: async (c) => {
      const { pathname, search } = new URL(c.req.url);
      const access = ledger.openAccessToken(bearerToken(c.req.header("Authorization")) ?? "");
      const response = await proxy(new URL(`${pathname}${search}`, origin), {
        raw: c.req.raw,
        redirect: "manual",
        customFetch: (request) => {
          calls += 1;
          const token = access === null ? null : tokenOf(access.grant.email, calls % TOKENS_PER_USER);
          if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
          return fetch(request);
        },
      });
      for (const name of FOREIGN_HEADERS) response.headers.delete(name);
      return response;
    },
    postForm: (path, fields) => send(path, { method: "POST", body: fields }),
  };
}
