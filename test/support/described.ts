/**
 * Every answer that a contract test gets is held against the OpenAPI document: its path, method and status must be
 * described there, and its body and headers must be as described.
 */
import { type Schema, Validator } from "@cfworker/json-schema";
import * as z from "zod";
import { makeDocument } from "../../scripts/openapi/document.ts";
import type { Outgoing, Send } from "./browser.ts";

const schemaSchema = z.record(z.string(), z.unknown());
const headerSchema = z.looseObject({ required: z.boolean().optional(), schema: schemaSchema });
const referenceSchema = z.looseObject({ $ref: z.string().optional() });
const mediaTypeSchema = z.looseObject({ schema: schemaSchema.optional() });
const responseSchema = z.looseObject({
  headers: z.record(z.string(), referenceSchema).default({}),
  content: z.record(z.string(), mediaTypeSchema).default({}),
});
type ResponseObject = z.infer<typeof responseSchema>;
const operationSchema = z.looseObject({
  parameters: z.array(z.looseObject({ name: z.string(), "x-multi-segment": z.literal(true).optional() })).default([]),
  responses: z.record(z.string(), referenceSchema),
});
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), schemaSchema) }),
});

/** As it is served. */
const description: unknown = JSON.parse(JSON.stringify(makeDocument()));
const { paths, components } = documentSchema.parse(description);

const patterns = Object.keys(paths).map((template) => ({ template, pattern: toPattern(template) }));

/** What any address may answer, one that does not exist included, before the Worker looks at what was asked. */
const ANYWHERE: Readonly<Record<number, string>> = {
  400: "BadRequest",
  404: "NotFound",
  414: "TooLong",
  431: "HeadersTooLarge",
  500: "Internal",
};

/** The operator's way in, and limits by network. */
const GUARD_STATUSES: ReadonlySet<number> = new Set([403, 429]);

/** A `Send` whose answers are checked. @throws Error for an answer that is not as described */
export function described(send: Send): Send {
  return async (request) => {
    const response = await send(request);
    const body = request.stream === true || response.body === null ? null : await response.clone().arrayBuffer();
    const problems = problemsOf(request, response, body);
    if (problems.length === 0) return response;
    const { method = "GET", path } = request;
    throw new Error(`${method} ${path} → ${response.status} is not as /openapi.json says: ${problems.join("; ")}`);
  };
}

/** What is wrong with an answer; nothing for one that is as described. */
export function problemsOf(request: Outgoing, response: Response, body: ArrayBuffer | null): string[] {
  const found = findResponse(request, response);
  if (typeof found === "string") return [found];
  return [...headerProblems(found, response), ...bodyProblems(found, response, body)];
}

function findResponse({ path, method = "GET" }: Outgoing, response: Response): ResponseObject | string {
  const { status } = response;
  // A URL has no line breaks: https://url.spec.whatwg.org/#concept-basic-url-parser
  const pathname = path.replaceAll(/[\t\n\r]/g, "").replace(/[?#].*$/, "");
  // Where the path is written out it counts as that one, and not as one with a parameter.
  const matching = patterns.filter(({ pattern }) => pattern.test(pathname)).map(({ template }) => template);
  const template = matching.find((candidate) => candidate === pathname) ?? matching[0];
  if (template === undefined) return anywhere(status) ?? "the path is not described";
  // https://www.rfc-editor.org/rfc/rfc9110#name-head
  const operation = paths[template]?.[method === "HEAD" ? "get" : method.toLowerCase()];
  if (operation === undefined) {
    if (method === "OPTIONS" && status === 204) return { headers: {}, content: {} };
    if (status === 405) return resolveResponse("MethodNotAllowed");
    // What guards a whole path comes before the method is looked at.
    const guards = Object.values(paths[template] ?? {}).map(({ responses }) => responses[String(status)]);
    const guard = GUARD_STATUSES.has(status) ? guards.find((candidate) => candidate !== undefined) : undefined;
    if (guard !== undefined) return toResponse(guard);
    return anywhere(status) ?? "the method is not described";
  }
  const { responses } = operation;
  const named = responses[String(status)] ?? responses[`${Math.floor(status / 100)}XX`] ?? responses["default"];
  return named === undefined ? "the status is not described" : toResponse(named);
}

function anywhere(status: number): ResponseObject | null {
  const name = ANYWHERE[status];
  return name === undefined ? null : resolveResponse(name);
}

function resolveResponse(name: string): ResponseObject {
  return toResponse(remembered(names, name, () => ({ $ref: `#/components/responses/${name}` })));
}

type Reference = z.infer<typeof referenceSchema>;

// One object each, since a compiled schema is found by the object that it was made from: made again for every answer,
// they filled the heap of the runtime.
const names = new Map<string, Reference>();
const responses = new Map<Reference, ResponseObject>();
const headers = new Map<Reference, z.infer<typeof headerSchema>>();

const toResponse = (reference: Reference): ResponseObject =>
  remembered(responses, reference, () => responseSchema.parse(resolve(reference)));

function remembered<Key, Value>(values: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = values.get(key);
  if (known !== undefined) return known;
  const made = make();
  values.set(key, made);
  return made;
}

function resolve(object: Reference): unknown {
  if (object.$ref === undefined) return object;
  return object.$ref
    .slice(2)
    .split("/")
    .reduce<unknown>((value, key) => z.record(z.string(), z.unknown()).parse(value)[key], description);
}

function toPattern(template: string): RegExp {
  const parameters = Object.values(paths[template] ?? {}).flatMap((operation) => operation.parameters);
  const pattern = template.replaceAll(/\{(\w+)\}/g, (_, name) =>
    parameters.some((parameter) => parameter.name === name && parameter["x-multi-segment"]) ? ".+" : "[^/]+",
  );
  return new RegExp(`^${pattern}$`);
}

function headerProblems(expected: ResponseObject, response: Response): string[] {
  return Object.entries(expected.headers).flatMap(([name, reference]) => {
    const { required, schema } = remembered(headers, reference, () => headerSchema.parse(resolve(reference)));
    const text = response.headers.get(name);
    if (text === null) return required ? [`header ${name} is missing`] : [];
    const isNumber = schema["type"] === "integer" && /^\d+$/.test(text);
    return schemaProblems(schema, isNumber ? Number(text) : text).map((problem) => `header ${name}: ${problem}`);
  });
}

function bodyProblems(expected: ResponseObject, response: Response, body: ArrayBuffer | null): string[] {
  const type = (response.headers.get("Content-Type") ?? "").replace(/;.*$/, "").trim().toLowerCase();
  if (body === null || body.byteLength === 0) return [];
  const media = expected.content[type] ?? expected.content["*/*"];
  if (media === undefined) return [`content of type ${type || "none"} is not described`];
  if (media.schema === undefined) return [];
  const { schema } = media;
  const text = new TextDecoder().decode(body);
  const documents = type === "application/x-ndjson" ? text.split("\n").filter((line) => line !== "") : [text];
  return documents.flatMap((document) => schemaProblems(schema, parseJson(document)));
}

/** What Gmail calls JSON and is none counts as text: the pass-through leaves it alone. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const validators = new Map<object, Validator>();

function schemaProblems(schema: z.infer<typeof schemaSchema>, value: unknown): string[] {
  const validator = remembered(validators, schema, () => {
    const whole: Schema = { components: { schemas: CLOSED }, allOf: [schema] };
    return new Validator(whole, "2020-12", false);
  });
  const { valid, errors } = validator.validate(value);
  return valid ? [] : errors.map(({ instanceLocation, error }) => `${instanceLocation} ${error}`);
}

/** The named schemas with no other properties than those that they name: what is not described must not be answered. */
const CLOSED: unknown = JSON.parse(
  JSON.stringify(components.schemas, (_, value: unknown) => {
    const isOpen = typeof value === "object" && value !== null && "properties" in value && "type" in value;
    return isOpen && !("additionalProperties" in value) ? { ...value, additionalProperties: false } : value;
  }),
);
