/** Somebody signed in who knows the IDs of another user's sessions, and what becomes of them. */
import { describe, expect } from "../support/contract.ts";
import { signIn } from "../support/scenes.ts";
import { expectRefusal, test, type Victim } from "./victim.ts";
import type { Browser } from "../support/browser.ts";
import * as z from "zod";

const JSON_ONLY = { accept: "application/json" };
const sessionsSchema = z.object({ sessions: z.array(z.object({ id: z.string(), current: z.boolean() })) });
const activitySchema = z.object({ activity: z.array(z.object({ id: z.string() })) });

async function listOf(browser: Browser, path: string): Promise<unknown> {
  const response = await browser.fetch(path, { headers: JSON_ONLY });
  expect(response.status).toBe(200);
  return response.json();
}

async function sessionsOf(browser: Browser): Promise<string[]> {
  return sessionsSchema.parse(await listOf(browser, "/api/sessions")).sessions.map(({ id }) => id);
}

async function actorsOf(browser: Browser): Promise<string[]> {
  return activitySchema.parse(await listOf(browser, "/api/activity")).activity.map(({ id }) => id);
}

async function thiefOf({ google, stage }: Victim): Promise<Browser> {
  const thief = stage.browser();
  await signIn(thief, await google.addUser());
  return thief;
}

describe("another user", () => {
  test("sees neither one's sessions nor what they did", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const own = [...(await sessionsOf(scene.browser)), ...(await actorsOf(scene.browser))];
    expect(own.length).toBeGreaterThan(1);
    const thief = await thiefOf(scene);
    const seen = [...(await sessionsOf(thief)), ...(await actorsOf(thief))];
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter((id) => own.includes(id))).toEqual([]);
    for (const query of [`?user=${scene.user.sub}`, `?sub=${scene.user.sub}`, `?id=${own[0]}`]) {
      for (const path of ["/api/sessions", "/api/activity"]) {
        const response = await thief.fetch(path + query, { headers: JSON_ONLY });
        await expectRefusal(response, [400, "INVALID_ARGUMENT"], path + query);
      }
    }
  });

  test("ends no session by its ID, in the API or by the form, and gets the answer of an unknown one", async ({
    victim,
  }) => {
    const scene = await victim({ mayCallGoogle: true });
    const thief = await thiefOf(scene);
    const [id = ""] = await sessionsOf(scene.browser);
    for (const one of [id, "0".repeat(43), `${id}%2f..`, "__proto__", "%00", "*", scene.user.sub]) {
      const deleted = await thief.fetch(`/api/sessions/${one}`, { method: "DELETE", headers: JSON_ONLY });
      expect([400, 404], one).toContain(deleted.status);
      const form = await thief.fetch(`/account/sessions/${one}/end`, { method: "POST", headers: JSON_ONLY });
      expect([303, 400, 404], one).toContain(form.status);
    }
    const [mine, unknown] = await Promise.all(
      [id, "0".repeat(43)].map((one) => thief.fetch(`/api/sessions/${one}`, { method: "DELETE", headers: JSON_ONLY })),
    );
    await expectRefusal(mine ?? Response.error(), [404, "NOT_FOUND"], "another user's session");
    await expectRefusal(unknown ?? Response.error(), [404, "NOT_FOUND"], "nobody's session");
    expect(await sessionsOf(scene.browser)).toEqual([id]);
    expect(await sessionsOf(thief)).toHaveLength(1);
  });

  test("signs in with a browser that another one used: only that session ends", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const { browser, google, stage, user } = scene;
    const other = stage.browser();
    await signIn(other, user);
    const copy = other.copy();
    await signIn(other, await google.addUser());
    const refused = await copy.fetch("/api/me", { headers: JSON_ONLY });
    await expectRefusal(refused, [401, "SIGN_IN_REQUIRED"], "the session of before");
    expect(await sessionsOf(browser)).toHaveLength(1);
    expect(await sessionsOf(other)).toHaveLength(1);
  });
});
