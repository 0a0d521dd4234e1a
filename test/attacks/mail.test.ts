/** The HTML of a mail, as the Worker answers it: its sender gets neither a script, nor a connection, nor a link to us. */
import { describe, expect } from "../support/contract.ts";
import { expectAllowedOnly } from "../support/mail-markup.ts";
import { openers, WRAPPERS } from "../support/mail-payloads/openers.ts";
import { SCRIPTS } from "../support/mail-payloads/scripts.ts";
import { styles } from "../support/mail-payloads/styles.ts";
import { test, type Victim } from "./victim.ts";
import { openWorker } from "./worker.ts";

const SENDER = "https://sender.test";
const PUBLIC_URL = "https://mail.example.test";

/** The page of a mail's HTML. @param send where not to the stage's own origin */
async function shown(
  victim: Victim,
  html: string,
  send?: (path: string, cookie: string) => Promise<Response>,
): Promise<string> {
  const data = new TextEncoder().encode(html).toBase64({ alphabet: "base64url", omitPadding: true });
  const payload = { mimeType: "text/html", filename: "", headers: [], body: { size: 1, data } };
  await victim.google.fault("get", { body: { id: "1", threadId: "1", internalDate: "1700000000000", payload } });
  const cookie = `${victim.cookieName}=${victim.session}`;
  const path = "/message/1/body";
  const response = await (send?.(path, cookie) ?? victim.attack({ path, headers: { cookie, accept: "text/html" } }));
  expect(response.status).toBe(200);
  const [head = "", ...rest] = (await response.text()).split("</style>");
  expect(head).toMatch(/^<!doctype html><meta charset="utf-8">/);
  return rest.join("</style>");
}

describe("the sender of a mail", () => {
  test("gets nothing but allowed markup into the frame", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const opening = Object.values(openers(SENDER));
    for (const [place, wrap] of Object.entries(WRAPPERS)) {
      expectAllowedOnly(await shown(scene, opening.map(wrap).join("\n")), place);
      for (const opener of opening.slice(0, 3)) expectAllowedOnly(await shown(scene, wrap(opener)), place);
    }
    for (let first = 0; first < SCRIPTS.length; first += 20) {
      expectAllowedOnly(await shown(scene, SCRIPTS.slice(first, first + 20).join("\n")));
    }
    const styled = await shown(
      scene,
      styles(SENDER)
        .map((style) => `<p style="${style}">x</p>`)
        .join(""),
    );
    expectAllowedOnly(styled);
    expect(styled).not.toContain("sender.test");
  });

  test("gets no link to us into the frame: neither to the origin that is asked, nor to PUBLIC_URL", async ({
    victim,
  }) => {
    const scene = await victim({ publicUrl: PUBLIC_URL, mayCallGoogle: true });
    const worker = openWorker(scene.stage, { PUBLIC_URL });
    const send = (path: string, cookie: string): Promise<Response> =>
      worker(`https://gmail-edge.workers.test${path}`, { headers: { cookie, accept: "text/html" } });
    const links = ["body/", "/docs", "//x", "https:docs", `${PUBLIC_URL}/docs`, "http://MAIL.example.test.:80/"];
    links.push("https://gmail-edge.workers.test/docs", "http://a@gmail-edge.workers.test", `${SENDER}/x`);
    const html = await shown(scene, links.map((href) => `<a href="${href}">x</a>`).join(""), send);
    expect(html.match(/ href="[^"]*"/g)).toEqual([` href="${SENDER}/x"`]);
    expect(html.match(/<a/g)).toHaveLength(links.length);
  });
});
