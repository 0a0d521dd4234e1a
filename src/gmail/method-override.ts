/**
 * `X-HTTP-Method-Override: GET` on a POST: how Google's clients send a GET whose URL would be too long, with its query as
 * a form. It is read as the GET that is meant. Any other override is refused: dropped, it would be another call.
 *
 * https://docs.cloud.google.com/apis/docs/system-parameters
 */
import { AppError, invalidArgument } from "../errors.ts";
import { parseQuery } from "../lib/query.ts";

const OVERRIDE = "X-HTTP-Method-Override";
/** What other APIs call it. Google knows neither. */
const OTHER_NAMES = ["X-HTTP-Method", "X-Method-Override"];

/** The longest path and query of a GET that came as a POST. The head of a part of a batch may have as much. */
export const MAX_TARGET_CHARACTERS = 32 * 1024;
/** A longer path and query goes to Google as a form again: servers on the way may refuse the URL. */
const MAX_URL_CHARACTERS = 8_000;

/** The method that a request means. @throws AppError `INVALID_ARGUMENT`, naming the header */
export function meantMethod(method: string, headers: Headers): string {
  const other = OTHER_NAMES.find((name) => headers.has(name) && overrideOf(headers, name) !== method);
  if (other !== undefined) {
    throw invalidArgument(other, `${other} is not honoured. Send the method itself, or ${OVERRIDE}: GET with POST.`);
  }
  const override = overrideOf(headers, OVERRIDE) ?? method;
  if (override === method || (override === "GET" && method === "POST")) return override;
  throw invalidArgument(OVERRIDE, `${OVERRIDE} may only make a GET of a POST. Send the method itself.`);
}

function overrideOf(headers: Headers, name: string): string | null {
  return headers.get(name)?.trim().toUpperCase() ?? null;
}

/**
 * The path and query of a GET whose query, or the rest of it, came as a form.
 *
 * @param target path and query of the POST
 * @throws AppError `INVALID_ARGUMENT`
 */
export function targetWithForm(target: string, { type, text }: { type: string | null; text: string }): string {
  const form = text.trim();
  if (form === "") return target;
  if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type ?? "")) {
    const problem = `With ${OVERRIDE}: GET, the body must be the query: application/x-www-form-urlencoded.`;
    throw invalidArgument("Content-Type", problem);
  }
  const query = new URLSearchParams(parseQuery(form)).toString();
  const whole = `${target}${target.includes("?") ? "&" : "?"}${query}`;
  if (whole.length <= MAX_TARGET_CHARACTERS) return whole;
  throw new AppError(
    "INVALID_ARGUMENT",
    `Path and query must have at most ${MAX_TARGET_CHARACTERS} characters together.`,
    { code: 413, metadata: { parameter: "body" } },
  );
}

/** A GET as it is sent to Google: a long GET is sent as a POST with the override. @param path with the query */
export function asSent<T extends { readonly path: string; readonly headers: Headers }>(
  call: T,
): T | (T & { readonly method: "POST"; readonly body: string }) {
  const { path, headers } = call;
  if (path.length <= MAX_URL_CHARACTERS) return call;
  const queryStart = path.indexOf("?");
  // Without a query there is nothing that a form could hold.
  if (queryStart === -1) return call;
  const sent = new Headers(headers);
  sent.set(OVERRIDE, "GET");
  sent.set("Content-Type", "application/x-www-form-urlencoded");
  return { ...call, path: path.slice(0, queryStart), method: "POST", headers: sent, body: path.slice(queryStart + 1) };
}
