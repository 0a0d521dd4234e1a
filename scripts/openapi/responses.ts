/**
 * Answers and parameters that several operations have.
 */
import { COMMON_HEADERS, redirect } from "./errors.ts";
import { refTo, type SchemaName } from "./schemas.ts";
import type { Parameter, ResponseObject, Schema, SecurityRequirement } from "./types.ts";

/** The ways to call. */
export const SESSION: SecurityRequirement = { session: [] };
export const API_TOKEN: SecurityRequirement = { apiToken: [] };

/** An answer of JSON. */
export function json(description: string, name: SchemaName): ResponseObject {
  return { description, headers: COMMON_HEADERS, content: { "application/json": { schema: refTo(name) } } };
}

/** An answer without a body. */
export function empty(description: string): ResponseObject {
  return { description, headers: COMMON_HEADERS };
}

/** A page. */
export function page(description: string): ResponseObject {
  return { description, headers: COMMON_HEADERS, content: { "text/html": {} } };
}

/** What a navigation gets in place of a 401. */
export const TO_SIGN_IN = { 302: redirect("For a browser's navigation in place of a 401: to `/auth/login`.") };

/** A parameter of the query. */
export function query(name: string, description: string, schema: Schema = { type: "string" }): Parameter {
  return { name, in: "query", description, schema };
}

/** A part of the path. */
export function inPath(name: string, description: string): Parameter {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}
