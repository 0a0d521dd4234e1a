/**
 * A JSON Schema as the text that a reader knows from TypeScript.
 */
import type { Schema } from "./types.ts";

type Schemas = Readonly<Record<string, Schema>>;

/** @param schemas what `$ref` may name */
export function schemaText(schemas: Schemas, schema: Schema, indent = ""): string {
  const { $ref, anyOf, enum: values, const: constant, default: fallback } = schema;
  if (typeof $ref === "string") {
    const named = schemas[$ref.replace("#/components/schemas/", "")];
    if (named === undefined) throw new Error(`no such schema: ${$ref}`);
    return schemaText(schemas, named, indent);
  }
  const suffix = fallback === undefined ? "" : ` = ${JSON.stringify(fallback)}`;
  if (constant !== undefined) return JSON.stringify(constant) + suffix;
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(" | ") + suffix;
  if (Array.isArray(anyOf)) return anyOf.map((one: Schema) => schemaText(schemas, one, indent)).join(" | ") + suffix;
  return typeText(schemas, schema, indent) + suffix;
}

function typeText(schemas: Schemas, schema: Schema, indent: string): string {
  const { type, properties, items, prefixItems, additionalProperties, format } = schema;
  if (Array.isArray(type)) return type.join(" | ");
  if (type === "array") {
    const [first] = Array.isArray(prefixItems) ? (prefixItems as Schema[]) : [];
    const element = first ?? (typeof items === "object" ? (items as Schema) : {});
    const text = schemaText(schemas, element, indent);
    return first === undefined ? (/[|,]/.test(text) ? `(${text})[]` : `${text}[]`) : `[${text}]`;
  }
  if (typeof properties === "object") return objectText(schemas, schema, properties as Schemas, indent);
  if (typeof additionalProperties === "object") {
    return `{ [name]: ${schemaText(schemas, additionalProperties as Schema, indent)} }`;
  }
  return [typeof type === "string" ? type : "any", limits(schema), format].filter(Boolean).join(", ");
}

function objectText(schemas: Schemas, schema: Schema, properties: Schemas, indent: string): string {
  const required = new Set(Array.isArray(schema["required"]) ? schema["required"] : []);
  const deeper = `${indent}  `;
  const lines = Object.entries(properties).map(([name, property]) => {
    const { description } = property;
    const comment = typeof description === "string" ? `  // ${description}` : "";
    return `${deeper}${name}${required.has(name) ? "" : "?"}: ${schemaText(schemas, property, deeper)}${comment}`;
  });
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function limits(schema: Schema): string {
  const words = [
    ["exclusiveMinimum", "more than"],
    ["minimum", "from"],
    ["maximum", "to"],
  ] as const;
  const numbers = words.flatMap(([name, word]) =>
    schema[name] === undefined ? [] : [`${word} ${numberOf(schema, name)}`],
  );
  return [...numbers, lengthText(schema)].filter(Boolean).join(" ");
}

function lengthText(schema: Schema): string {
  if (schema["maxLength"] !== undefined) return `at most ${numberOf(schema, "maxLength")} characters`;
  return schema["minLength"] === undefined ? "" : "not empty";
}

function numberOf(schema: Schema, name: string): number {
  return Number(schema[name]);
}
