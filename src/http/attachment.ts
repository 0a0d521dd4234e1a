/**
 * An answer that is a file of a stranger's: to be saved, never shown here.
 */
import { cutName } from "../mail/file-name.ts";
import type { AppContext } from "./types.ts";

/** @param type media type, as the sender says */
export function fileResponse(
  c: AppContext,
  { name, type }: { readonly name: string; readonly type: string },
  body: Uint8Array | ReadableStream<Uint8Array>,
): Response {
  c.set("contentPolicy", "passed");
  return new Response(body, {
    headers: {
      "Content-Type": /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : "application/octet-stream",
      "Content-Disposition": contentDisposition(name),
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/**
 * `Content-Disposition: attachment` with a name: RFC 6266 §4, its extended form RFC 8187 §3.2.
 *
 * @param name of the sender's choice: what is a path, a control character or changes the direction of text is taken out
 */
export function contentDisposition(name: string): string {
  const clean = cutName(name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}/\\]/gu, "_")).replace(/^[. ]+/, "_");
  const plain = clean.replaceAll(/[^\x20-\x7e]|["%]/gu, "_");
  if (plain === clean) return `attachment; filename="${clean}"`;
  const extended = encodeURIComponent(clean).replaceAll(
    /['()*!]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${extended}`;
}
