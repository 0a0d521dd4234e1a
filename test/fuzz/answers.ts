/**
 * What must hold of an answer, whatever was asked.
 */
import { expect } from "vitest";
import type { Outgoing } from "../support/browser.ts";
import { apiErrorSchema } from "../support/errors.ts";
import type { Stage } from "../support/stage.ts";

/** Milliseconds: nothing is slow here, but the machine may be. */
const TIME_LIMIT_MS = 60_000;

/** Sends an input and checks its answer. @returns its status */
export async function expectSoundAnswer(stage: Stage, input: Outgoing): Promise<number> {
  const startMs = Date.now();
  const response = await withinTime(stage.send(input));
  // Not text(): the runtime warns of that for lines of JSON.
  const text = new TextDecoder().decode(await response.arrayBuffer());
  const shown = `${response.status} in ${Date.now() - startMs} ms: ${text.slice(0, 300)}`;
  expect(response.status, shown).toBeLessThan(500);
  expect(response.status, shown).toBeGreaterThanOrEqual(200);
  for (const name of ["x-request-id", "server-timing", "x-gmail-quota-units"]) {
    expect(response.headers.has(name), `${name} of ${shown}`).toBe(true);
  }
  expect(response.headers.get("cache-control"), shown).toBe("no-store");
  expect(response.headers.get("x-content-type-options"), shown).toBe("nosniff");
  expect(response.headers.get("access-control-allow-origin"), shown).toBeNull();
  checkLocation(response.headers.get("location"), stage);
  checkCookies(response.headers.getSetCookie());
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("text/html")) checkPage(text);
  if (response.status >= 400 && text !== "") checkError(response, text, type, input);
  // Tokens of Google's begin so, and none of them is ever ours to tell.
  expect(text).not.toMatch(/ya29\.|1\/\/0/);
  return response.status;
}

async function withinTime(answer: Promise<Response>): Promise<Response> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("no answer in time")), TIME_LIMIT_MS);
  try {
    return await Promise.race([answer, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A redirect stays here or goes to Google's authorization endpoint, and nothing else of the sender's choice. */
function checkLocation(location: string | null, stage: Stage): void {
  if (location === null) return;
  const url = new URL(location, stage.origin);
  expect(location).toMatch(/^[\x21-\x7e]+$/);
  if (url.origin === stage.google.origin) expect(url.pathname).toBe("/o/oauth2/v2/auth");
  else expect(url.origin).toBe(stage.origin);
  const returnTo = url.origin === stage.origin ? url.searchParams.get("return_to") : null;
  if (returnTo !== null) expect(returnTo).toMatch(/^\/(?!\/|\\|auth(?:\/|$))/);
}

function checkCookies(lines: readonly string[]): void {
  for (const line of lines) {
    expect(line.length).toBeLessThanOrEqual(4096);
    expect(line).toMatch(/^gmail_edge_\w[\w-]*=[\w.-]*; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/);
  }
}

/** No markup of the sender's, no script, no link that leaves. See `MARKUP` in values.ts. */
function checkPage(html: string): void {
  expect(html).not.toMatch(/<fz|["']>\s*<fz|["']'?>&lt;fz onfz=fz\(\)>/);
  expect(html.replace(/<script src="\/app.js" nonce="[\w+/]{22}==" defer=""><\/script>/, "")).not.toMatch(/<script/i);
  for (const [, target = ""] of html.matchAll(/(?:href|action|src)="([^"]*)"/g)) {
    expect(target).toMatch(/^(?:$|#|\/(?!\/)|http:\/\/mail\.localhost\/|https:\/\/(?:mail|support)\.google\.com\/)/);
  }
}

function checkError(response: Response, text: string, type: string, input: Outgoing): void {
  if (type.startsWith("text/html")) {
    const isFormShownAgain = response.status === 400 && input.path.startsWith("/account/tokens");
    const problem = '<p class="notice" role="alert">';
    if (isFormShownAgain && text.includes(problem)) return;
    expect(text).toMatch(new RegExp(`[A-Z_]{6,} · ${response.status} · request`));
    return;
  }
  // What Gmail itself refused is passed on in Gmail's own words.
  if (input.path.startsWith("/gmail/") && !text.includes('"gmail-edge"')) return;
  expect(type).toMatch(/^application\/json/);
  const { error } = apiErrorSchema.parse(JSON.parse(text));
  expect(error.code).toBe(response.status);
  expect(error.details[0].metadata["requestId"]).toBe(response.headers.get("x-request-id"));
}
