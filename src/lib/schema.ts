/**
 * Checking what a caller sends, by its schema, so that an error names the member that is wrong.
 */
import type * as z from "zod/mini";
import { invalidArgument } from "../errors.ts";
import { unknownName } from "./unknown-name.ts";

/** What is said where a schema has no message of its own. */
const WITHOUT_MESSAGE = { error: () => "is not valid" };

/**
 * Checks options by a schema.
 *
 * @param whole what the options are called as a whole
 * @throws AppError `INVALID_ARGUMENT`, naming the first bad one
 */
export function parseOptions<T extends z.ZodMiniObject>(
  schema: T,
  options: unknown,
  whole: "options" | "body" = "options",
): z.output<T> {
  const parsed = schema.safeParse(options, WITHOUT_MESSAGE);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue?.code === "unrecognized_keys") {
    throw unknownName("member", issue.keys[0] ?? "", Object.keys(schema.shape));
  }
  if (issue?.path.length === 0) throw invalidArgument(whole, `The ${whole} must be an object with named members.`);
  const name = String(issue?.path[0]);
  throw invalidArgument(name, `${name} ${issue?.message}.`);
}
