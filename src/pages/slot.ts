/**
 * Where the pieces of a page go that is sent while it is made.
 */
import { raw } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

/** A rendered piece of a page: what Hono's JSX makes. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Stands in a frame where the pieces go. */
export const slot = raw("<!--content-->");
