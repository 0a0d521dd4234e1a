/**
 * Work for users who are offline, by service binding: what the entrypoint does, in the world of a stage.
 */
import type * as z from "zod";
import { reportError } from "../../src/lib/log.ts";
import * as offline from "../../src/mailbox/offline.ts";
import type { RequestScope } from "../../src/context.ts";
import { inside } from "../support/contract.ts";
import { apiErrorSchema } from "../support/errors.ts";
import { API, FIRST_MESSAGE, type Flow, listingOf, profileSchema, refSchema } from "./flow.ts";

type Method = Pick<Flow, "name" | "run" | "groups">;

function service(work: (scope: RequestScope, user: string) => Promise<unknown>, success: z.ZodType): Flow["run"] {
  return async ({ stage, user }) => {
    const scope = inside(stage).openScope();
    try {
      const result = await work(scope, user.email);
      const beganAtMs = stage.now();
      const text = result instanceof ReadableStream ? await new Response(result).text() : JSON.stringify(result);
      if (result instanceof ReadableStream) return { label: `200${await lastLine(text)}`, text, beganAtMs };
      return { label: success.safeParse(result).success ? "200" : "200 of another form", text, beganAtMs };
    } catch (error) {
      const { code, reason, message } = reportError(scope.trace, error);
      return { label: `${code} ${reason}`, text: message, beganAtMs: stage.now() };
    }
  };
}

async function lastLine(text: string): Promise<string> {
  const last: unknown = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "");
  const error = apiErrorSchema.safeParse(last);
  return error.success ? `, then ${error.data.error.details[0].reason}` : "";
}

const METHODS: readonly Method[] = [
  {
    name: "listMessages by service binding",
    run: service((scope, user) => offline.listMessages(scope, user, { limit: 5 }), listingOf(refSchema)),
    groups: API,
  },
  {
    name: "streamMessages by service binding",
    run: service((scope, user) => offline.openMessageStream(scope, user, { limit: 5 }), refSchema),
    groups: API,
  },
  {
    name: "getMessage by service binding",
    run: service((scope, user) => offline.getMessage(scope, user, FIRST_MESSAGE), refSchema.loose()),
    groups: API,
  },
  {
    name: "profile by service binding",
    run: service((scope, user) => offline.getProfile(scope, user), profileSchema),
    groups: API,
  },
];

/** Work without a session: with no access token at hand, and with one that has died. */
function offlineStates(request: Method): Flow[] {
  const flow = { ...request, isSignedIn: true, isOnce: false };
  return [
    { ...flow, name: `${request.name}, cold` },
    {
      ...flow,
      name: `${request.name}, access token dead`,
      prepare: async (scene) => {
        await request.run(scene);
        await scene.google.act({ action: "killAccessTokens", email: scene.user.email });
      },
    },
  ];
}

export const SERVICE_FLOWS: readonly Flow[] = METHODS.flatMap(offlineStates);
