/**
 * What a flow is, and the forms and groups that flows share.
 */
import * as z from "zod";
import { apiErrorSchema } from "../support/errors.ts";
import type { Endpoint } from "../support/google.ts";
import { messageId } from "../google/mail/numbered.ts";
import type { Scene, SceneOptions } from "../support/scenes.ts";
import type { Group } from "./faults.ts";
import type { Outcome } from "./outcome.ts";

export interface Flow {
  readonly name: string;
  readonly options?: SceneOptions;
  /** Someone has signed in before: all but the first sign-in. */
  readonly isSignedIn: boolean;
  /** It ends the session or begins one: every case has an account of its own. */
  readonly isOnce: boolean;
  /** Brings about what the flow begins with. */
  readonly prepare?: (scene: Scene) => Promise<void>;
  readonly run: (scene: Scene) => Promise<Outcome>;
  readonly groups: Partial<Record<Endpoint, Group>>;
}

/** The oldest message of every mailbox. */
export const FIRST_MESSAGE = messageId(1);
const OAUTH = {
  "token:code": "code",
  "token:refresh": "refresh",
  userinfo: "userinfo",
  certs: "certs",
  revoke: "revoke",
  risc: "risc",
  "risc:certs": "risc",
} as const;
/** What each endpoint is to our own API. */
export const API = { ...OAUTH, list: "api", get: "api", profile: "api", batch: "batch", part: "part" } as const;
/** The same to the page, which does without the names of labels. */
export const PAGE = { ...API, labels: "extra" } as const;
/** The same where Gmail is passed through. */
export const PASSED = {
  ...OAUTH,
  list: "passed",
  get: "passed",
  profile: "passed",
  modify: "passed",
  batch: "passed",
} as const;

export const refSchema = z.strictObject({ id: z.string(), threadId: z.string() });
export const rowSchema = z.union([
  z.object({ ...refSchema.shape, snippet: z.string(), date: z.iso.datetime(), unread: z.boolean() }),
  z.strictObject({ ...refSchema.shape, error: apiErrorSchema.shape.error }),
]);
export const listingOf = <T extends z.ZodType>(row: T) =>
  z.strictObject({
    messages: z.array(row),
    nextPageToken: z.string().min(1).exactOptional(),
    resultSizeEstimate: z.number().int(),
  });

export const profileSchema = z.object({ emailAddress: z.string(), messagesTotal: z.number() });
