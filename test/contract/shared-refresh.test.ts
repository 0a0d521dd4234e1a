/** Many requests of one user at once, and after each other, when the access token that they bring is no good. */
import { makeToken, withToken } from "../support/api-tokens.ts";
import { describe, expect, test } from "../support/contract.ts";
import { call, type Scene, signedIn } from "../support/scenes.ts";

const PATH = "/api/messages?limit=1";

/** How often each status came. */
async function tally(answers: readonly Promise<Response>[]): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { status } of await Promise.all(answers)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Requests with the same session cookie, as programs; what one answer sets, the others do not have yet. */
function withSession({ browser, stage }: Scene, count: number): Promise<Response>[] {
  return Array.from({ length: count }, () => {
    const copy = stage.browser();
    browser.jar.copyTo(copy.jar);
    return call(copy);
  });
}

describe("50 requests at once after Google has ended the access token", () => {
  test("refresh once and succeed, with the session", { tags: ["process"] }, async ({ open }) => {
    const scene = await signedIn(open);
    await scene.google.act({ action: "killAccessTokens", email: scene.user.email });
    expect(await tally(withSession(scene, 50))).toEqual({ 200: 50 });
    expect(await scene.google.count("token:refresh")).toBe(1);
  });

  test("refresh once and succeed, with an API token", async ({ open }) => {
    const scene = await signedIn(open);
    const { token } = await makeToken(scene.browser);
    expect((await withToken(scene.stage, token, { path: PATH })).status).toBe(200);
    await scene.google.forgetCalls();
    await scene.google.act({ action: "killAccessTokens", email: scene.user.email });
    const answers = Array.from({ length: 50 }, () => withToken(scene.stage, token, { path: PATH }));
    expect(await tally(answers)).toEqual({ 200: 50 });
    expect(await scene.google.count("token:refresh")).toBe(1);
  });
});

describe("a grant that is gone", () => {
  test("costs one token call, by 50 requests at once and as many after them", async ({ open }) => {
    const scene = await signedIn(open);
    await scene.google.act({ action: "changePassword", email: scene.user.email });
    await scene.google.act({ action: "killAccessTokens", email: scene.user.email });
    expect(await tally(withSession(scene, 50))).toEqual({ 401: 50 });
    expect(await tally(withSession(scene, 50))).toEqual({ 401: 50 });
    expect(await scene.google.count("token:refresh")).toBe(1);
  });
});
