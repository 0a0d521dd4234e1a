/**
 * Keeps the document small: an answer that several operations have stands once, among the components.
 */
import { METHODS, type Operation, type PathItem, type Paths, type Reference, type ResponseObject } from "./types.ts";

/** The paths with references to what they share, and the answers that are referred to. */
export function shareResponses(paths: Paths): { paths: Paths; responses: Record<string, ResponseObject> } {
  const counts = new Map<string, number>();
  for (const [code, response] of allResponses(paths)) {
    const key = keyOf(code, response);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const responses: Record<string, ResponseObject> = {};
  const share = (code: string, response: ResponseObject | Reference): ResponseObject | Reference => {
    if ("$ref" in response || (counts.get(keyOf(code, response)) ?? 0) < 2) return response;
    const name = nameOf(code, response);
    if (responses[name] !== undefined && keyOf(code, responses[name]) !== keyOf(code, response)) {
      throw new Error(`two different answers would be called ${name}`);
    }
    responses[name] = response;
    return { $ref: `#/components/responses/${name}` };
  };
  const shared = mapValues(paths, (item): PathItem =>
    mapValues(item, (operation: Operation) => ({
      ...operation,
      responses: mapValues(operation.responses, (response, code) => share(code, response)),
    })),
  );
  return { paths: shared, responses };
}

function allResponses(paths: Paths): [string, ResponseObject | Reference][] {
  return Object.values(paths).flatMap((item) =>
    METHODS.flatMap((method) => Object.entries(item[method]?.responses ?? {})),
  );
}

function keyOf(code: string, response: ResponseObject | Reference): string {
  return `${code} ${JSON.stringify(response)}`;
}

/** Such as `401-SIGN_IN_REQUIRED`, or `Gmail-401-SIGN_IN_REQUIRED` where the answer may be Gmail's own. */
function nameOf(code: string, { content = {} }: ResponseObject): string {
  const reasons = Object.keys(content["application/json"]?.examples ?? {});
  return [...("*/*" in content ? ["Gmail"] : []), code, ...reasons].join("-");
}

function mapValues<T, U>(
  object: { readonly [key: string]: T | undefined },
  map: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) => (value === undefined ? [] : [[key, map(value, key)]])),
  );
}
