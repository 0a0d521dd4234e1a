/** What the tests of middleware and cookies share: one request to an app with a real scope, keys and clock included. */
import { Hono } from "hono";
import type { TokenKey } from "../../../src/lib/key-ring.ts";
import { createRequestScope, createServices, REAL_WORLD, type RequestScope } from "../../../src/context.ts";
import type { AppContext, AppEnv } from "../../../src/http/types.ts";
import { configuration, KEY_A, START_MS, STAYING } from "../fixtures.ts";

/** A request at the time when every test begins. */
export function scopeAt(url: string, keys: readonly TokenKey[] = [KEY_A]): RequestScope {
  const config = configuration({ TOKEN_KEYS: JSON.stringify({ keys }) });
  return createRequestScope(createServices(config, { ...REAL_WORLD, now: () => START_MS }), {
    url,
    waitUntil: () => {},
    clientSignal: STAYING,
  });
}

/** A request to an app. */
export interface Sent {
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly scope?: RequestScope;
}

/** What is left of a request to an app. */
export interface Answer {
  readonly response: Response;
  /** What was thrown, if anything was. */
  readonly error: unknown;
}

/** Sends a request to an app that does one thing. */
export async function answerOf(
  act: (c: AppContext) => unknown,
  { url = "http://mail.localhost/", headers = {}, scope = scopeAt(url) }: Sent = {},
): Promise<Answer> {
  const app = new Hono<AppEnv>();
  let error: unknown = null;
  app.onError((thrown, c) => {
    error = thrown;
    return c.text("", 500);
  });
  app.get("/", async (c) => {
    c.set("scope", scope);
    await act(c);
    return c.text("done");
  });
  const response = await app.request(url, { headers });
  return { response, error };
}
