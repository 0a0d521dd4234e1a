/** What A and C answer where Google has refused: both meet it as an error of gaxios. */
import { gaxios } from "google-auth-library";
import type { Context } from "hono";

/** 401 where the grant is gone, 429 where Google limits, 502 for any other answer of Google's. */
export function refusal(error: Error, c: Context): Response {
  if (!(error instanceof gaxios.GaxiosError)) return c.json({ error: error.message }, 500);
  if (error.status === 401 || isInvalidGrant(error)) return c.json({ error: "The grant is gone." }, 401);
  return c.json({ error: error.message }, error.status === 429 ? 429 : 502);
}

/** How Google's token endpoint says that a refresh token is of no use any more. */
function isInvalidGrant(error: gaxios.GaxiosError): boolean {
  const { data } = error.response ?? {};
  return typeof data === "object" && data !== null && "error" in data && data.error === "invalid_grant";
}
