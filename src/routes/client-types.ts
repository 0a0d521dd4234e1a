/**
 * Types for programs that call the API with Hono's typed client. Types only: nothing of this is in any bundle. What is
 * answered comes from the routes, what may be asked from the schemas that check it.
 * https://hono.dev/docs/guides/rpc
 */
import type { Hono } from "hono";
import type { ClientErrorStatusCode, ServerErrorStatusCode } from "hono/utils/http-status";
import type { ExtractSchema } from "hono/types";
import type * as z from "zod/mini";
import type { ErrorStatus } from "../errors.ts";
import type { ListOptionsSchema } from "../mailbox/options.ts";
import type { MessagesAnswer } from "../mailbox/list.ts";
import type { createApp } from "../routes.ts";
import type { NewTokenSchema } from "../auth/api-tokens.ts";
import type { AppEnv } from "../http/types.ts";

type Routes = ExtractSchema<ReturnType<typeof createApp>>;

type ListOptions = z.output<typeof ListOptionsSchema>;
/** Options as a query has them: as text, those with few values by name, those with several repeated. */
type Query = {
  [Name in keyof ListOptions]?: ListOptions[Name] extends string
    ? ListOptions[Name]
    : ListOptions[Name] extends string[]
      ? string | string[]
      : string;
};

/** A route that answers with one status, or with an error. */
type Route<Input, Output, Status extends number> =
  | { input: Input; output: Output; outputFormat: "json"; status: Status }
  | {
      input: Input;
      output: { error: ErrorStatus };
      outputFormat: "json";
      status: ClientErrorStatusCode | ServerErrorStatusCode;
    };

/** The part of the API that answers JSON of ours. */
type Api = {
  "/api/me": { $get: Route<{}, Routes["/api/me"]["$get"]["output"], 200> };
  "/api/messages": { $get: Route<{ query?: Query }, MessagesAnswer, 200> };
  "/api/messages/:id": { $get: Route<{ param: { id: string } }, Routes["/api/messages/:id"]["$get"]["output"], 200> };
  "/api/labels": { $get: Route<{}, Routes["/api/labels"]["$get"]["output"], 200> };
  "/api/tokens": {
    $get: Route<{}, Routes["/api/tokens"]["$get"]["output"], 200>;
    $post: Route<{ json: z.input<typeof NewTokenSchema> }, Routes["/api/tokens"]["$post"]["output"], 201>;
  };
};

/** For `hc<AppType>(origin)`. */
export type AppType = Hono<AppEnv, Omit<Routes, keyof Api> & Api>;
