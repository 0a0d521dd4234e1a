/** A copied session cookie after its owner has ended the session. */
import { describeInside, expect, inside } from "../support/contract.ts";
import { nameOf, SESSION_ROUTES } from "./routes.ts";
import { NOT_SIGNED_IN, test, type Victim, withCookie } from "./victim.ts";

const ENDINGS: readonly [title: string, end: (scene: Victim) => Promise<unknown>][] = [
  ["signing out", ({ browser }) => browser.submit("/auth/logout")],
  ["signing out everywhere", ({ browser }) => browser.submit("/auth/logout?everywhere=true")],
  ["signing out everywhere, in another browser", (scene) => elsewhere(scene, "/auth/logout?everywhere=true")],
  ["disconnecting", ({ browser }) => browser.submit("/auth/disconnect")],
  ["disconnecting, in another browser", (scene) => elsewhere(scene, "/auth/disconnect")],
  ["a new consent, in another browser", (scene) => signInElsewhere(scene, "?prompt=consent&return_to=/healthz")],
];

describeInside("a copy of the session cookie opens nothing once it was ended by", () => {
  test.for(ENDINGS)("%s", async ([title, end], { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    await end(scene);
    await scene.google.forgetCalls();
    for (const route of SESSION_ROUTES) {
      const response = await scene.refused(withCookie(scene, scene.session, route), NOT_SIGNED_IN, title);
      expect(response.headers.get("set-cookie") ?? "", nameOf(route)).not.toContain(scene.cookieName + "=e");
    }
    const page = await scene.attack({ path: "/", headers: { cookie: `${scene.cookieName}=${scene.session}` } });
    expect(await page.text()).not.toContain(scene.user.email);
    // Reading begins beside the check, and its answer is thrown away; nothing that changes something has begun.
    const changing = (await scene.google.calls()).filter(({ method }) => method !== "GET");
    expect(changing.filter(({ endpoint }) => endpoint !== "batch").map(({ path }) => path)).toEqual([]);
  });

  test.for(ENDINGS)("%s: it ends no session of its owner's any more either", async ([title, end], { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const { stage, user } = scene;
    await end(scene);
    const later = stage.browser();
    await later.signIn({ user: user.email });
    await inside(stage).advance(1_000);
    const headers = { cookie: `${scene.cookieName}=${scene.session}`, origin: stage.origin };
    for (const path of ["/auth/logout", "/auth/logout?everywhere=true", "/auth/disconnect"]) {
      await scene.attack({ method: "POST", path, headers });
    }
    const me = await later.fetch("/api/me", { headers: { accept: "application/json" } });
    expect(me.status, `${title}: ${await me.text()}`).toBe(200);
  });
});

async function signInElsewhere({ stage, user }: Victim, query: string) {
  await inside(stage).advance(1_000);
  const browser = stage.browser();
  const visit = await browser.navigate(`/auth/login${query}`, { person: { user: user.email } });
  expect(visit.url).toBe("/healthz");
  return browser;
}

async function elsewhere(scene: Victim, path: string): Promise<void> {
  const other = await signInElsewhere(scene, "?return_to=/healthz");
  expect((await other.submit(path)).status).toBe(303);
}
