/** The types of the typed client: what may be asked and what is answered. The compiler is the check. */
import { hc } from "hono/client";
import { expect, test } from "vitest";
import type { AppType } from "../../../src/routes/client-types.ts";

test("the typed client takes what the API takes, and nothing else", async () => {
  const asked: string[] = [];
  const client = hc<AppType>("https://mail.localhost", {
    fetch: async (input: RequestInfo | URL, init?: RequestInit) => {
      asked.push(`${init?.method} ${new Request(input).url}`);
      return Response.json({ messages: [] });
    },
  });
  const response = await client.api.messages.$get({ query: { labelIds: ["INBOX", "UNREAD"], view: "metadata" } });
  if (response.ok) expect((await response.json()).messages satisfies object[]).toEqual([]);
  // @ts-expect-error no such view
  await client.api.messages.$get({ query: { view: "everything" } });
  // @ts-expect-error no such parameter
  await client.api.messages.$get({ query: { label: "INBOX" } });
  // @ts-expect-error a token needs a name
  await client.api.tokens.$post({ json: { expiresInDays: 1 } });
  expect(asked[0]).toBe("GET https://mail.localhost/api/messages?labelIds=INBOX&labelIds=UNREAD&view=metadata");
});
