/** Another spelling of a route's path: it is none of ours (404), or it is the same route with the same protection. */
import { describe, expect } from "../support/contract.ts";
import { type Route, ROUTES } from "./routes.ts";
import { requestOf, test, type Victim } from "./victim.ts";
import { openWorker, toInit } from "./worker.ts";

/** Where the fixed parts of a pattern stand in an example of it. */
function fixedSegments({ path, example }: Route): number[] {
  const pattern = path.split("/");
  const given = (example.path.split("?")[0] ?? "").split("/");
  return given.flatMap((segment, index) => (segment !== "" && pattern[index] === segment ? [index] : []));
}

/** A path with one of its segments written in another way. */
function rewrite(path: string, index: number, change: (segment: string) => string): string {
  const [pathname = "", query] = path.split("?");
  const segments = pathname.split("/");
  segments[index] = change(segments[index] ?? "");
  return segments.join("/") + (query === undefined ? "" : `?${query}`);
}

/** A path with something behind it. */
function extend(path: string, suffix: string): string {
  const [pathname = "", query] = path.split("?");
  return pathname + suffix + (query === undefined ? "" : `?${query}`);
}

const encode = (letter: string): string => `%${letter.charCodeAt(0).toString(16)}`;

const SUFFIXES = [
  "/",
  "//",
  "/%2e",
  "/.",
  "/%2E/",
  "/./",
  "%20",
  "%09",
  ";",
  ";x",
  "/;",
  ".",
  "/..;/",
  "%3f",
  "%23",
  "%",
  "+",
];

/** Every second spelling of a route that we can think of. */
function spellings(route: Route): string[] {
  const { path } = route.example;
  const all = SUFFIXES.map((suffix) => extend(path, suffix));
  for (const index of fixedSegments(route)) {
    all.push(
      rewrite(path, index, (segment) => encode(segment[0] ?? "") + segment.slice(1)),
      rewrite(path, index, (segment) => segment.slice(0, -1) + encode(segment.at(-1) ?? "")),
      rewrite(path, index, (segment) => segment.split("").map(encode).join("")),
      rewrite(path, index, (segment) => encode(segment[0] ?? "").replace("%", "%25") + segment.slice(1)),
      rewrite(path, index, (segment) => segment.toUpperCase()),
      rewrite(path, index, (segment) => (segment[0] ?? "").toUpperCase() + segment.slice(1)),
      rewrite(path, index, (segment) => `/${segment}`),
      rewrite(path, index, (segment) => `./${segment}`),
      rewrite(path, index, (segment) => `%2e/${segment}`),
      rewrite(path, index, (segment) => `x/../${segment}`),
      rewrite(path, index, (segment) => `x/%2e%2E/${segment}`),
      rewrite(path, index, (segment) => `\\${segment}`),
      rewrite(path, index, (segment) => `${segment};a=b`),
      rewrite(path, index, (segment) => ` ${segment}`),
    );
  }
  return [...new Set(all)].filter((spelling) => spelling !== path);
}

/** What an answer lets a browser do. */
function protectionOf({ headers }: Response): string {
  const names = ["content-security-policy", "x-frame-options", "referrer-policy", "content-disposition"];
  return names.map((name) => headers.get(name)?.replace(/nonce-[^']*/, "nonce")).join(" | ");
}

async function ask(scene: Victim, route: Route, path: string): Promise<Response> {
  const cookie = `${scene.cookieName}=${scene.session}`;
  const { google, origin } = scene.stage;
  // Not by the stage, which compares every answer with the API's description: these addresses are in none.
  return openWorker(scene.stage, google.vars)(origin + path, toInit(requestOf(route, { cookie, origin })));
}

/** Those that the URL parser makes the very same address of, before anything of ours sees them. */
function isSameUrl(origin: string, one: string, other: string): boolean {
  return new URL(origin + one).href === new URL(origin + other).href;
}

describe("every second spelling of a route is 404, a refusal, or the same route under the same headers:", () => {
  test.for(
    ROUTES.filter(({ path }) => path !== "/auth/disconnect").map(
      (route) => [`${route.method} ${route.path}`, route] as const,
    ),
  )("%s", async ([, route], { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const isLeaving = route.path === "/auth/logout";
    const { origin } = scene.stage;
    let different = 0;
    for (const path of spellings(route)) {
      if (isSameUrl(origin, path, route.example.path)) {
        if (isLeaving) continue;
        const proper = await ask(scene, route, route.example.path);
        const same = await ask(scene, route, path);
        expect([same.status, protectionOf(same)], path).toEqual([proper.status, protectionOf(proper)]);
        continue;
      }
      different += 1;
      const response = await ask(scene, route, path);
      // Below the pass-through everything is a parameter, which is checked as a path of Gmail's.
      const refusals = [400, 404, 405];
      if (/^\/(?:$|\?)/.test(new URL(origin + path).pathname)) continue;
      if (isParameterSpelling(route, new URL(origin + path).pathname)) {
        expect(protectionOf(response), path).not.toContain("script-src 'self'");
        continue;
      }
      expect(refusals, `${path} → ${response.status}`).toContain(response.status);
      expect(protectionOf(response), path).toContain("script-src 'nonce'");
    }
    expect(different).toBeGreaterThan(5);
  });
});

/** Whether only a parameter of the route is written in another way, or is another one. */
function isParameterSpelling({ path }: Route, pathname: string): boolean {
  const pattern = path.split("/");
  const given = pathname.split("/");
  const isLong = pattern.at(-1) === "*";
  if (isLong ? given.length < pattern.length : given.length !== pattern.length) return false;
  return pattern.every((segment, index) =>
    segment === "*" || segment.startsWith(":") ? given[index] !== "" : segment === given[index],
  );
}

/** Lets Gmail answer every message with a stranger's HTML. */
async function mailOf({ google }: Victim, html: string): Promise<void> {
  const data = btoa(html).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const payload = { mimeType: "text/html", filename: "", headers: [], body: { size: 1, data } };
  await google.fault("get", {
    times: "always",
    body: { id: "m1", threadId: "m1", internalDate: "1700000000000", payload },
  });
}

describe("a mail's HTML", () => {
  test("is never an answer of ours under the policy of a page, however its address is written", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    await mailOf(scene, "<p>A stranger's words</p>");
    const route = ROUTES.find(({ path }) => path === "/message/:id/body");
    if (route === undefined) throw new Error("no such route");
    const own = { ...route, example: { method: "GET", path: "/message/m1/body" } };
    const proper = await ask(scene, own, own.example.path);
    expect(await proper.text()).toContain("A stranger's words");
    let shown = 0;
    for (const path of [...spellings(own), "/message/%6d1/body", "/message/m%31/body"]) {
      const response = await ask(scene, own, path);
      if (!(await response.clone().text()).includes("A stranger's words")) continue;
      shown += 1;
      expect(protectionOf(response), path).toBe(protectionOf(proper));
    }
    expect(shown).toBeGreaterThan(1);
  });

  test.for(["document", "script", "empty", "object", "embed", "frame", "image", "style", "worker", "xslt", ""])(
    "is refused to a browser that asks for it as %j",
    async (destination, { victim }) => {
      const scene = await victim({ mayCallGoogle: true });
      await mailOf(scene, "<p>A stranger's words</p>");
      const cookie = `${scene.cookieName}=${scene.session}`;
      const headers = { cookie, "sec-fetch-dest": destination, "sec-fetch-site": "same-origin" };
      await scene.refused({ path: "/message/m1/body", headers }, [403, "PERMISSION_DENIED"]);
      expect(await scene.google.count("get")).toBe(0);
    },
  );

  test("is given to a frame, and to a browser that does not say", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    await mailOf(scene, "<p>A stranger's words</p>");
    const cookie = `${scene.cookieName}=${scene.session}`;
    for (const said of [{ "sec-fetch-dest": "iframe", "sec-fetch-site": "same-origin" }, {}]) {
      const response = await scene.stage.send({ path: "/message/m1/body", headers: { cookie, ...said } });
      expect(await response.text()).toContain("A stranger's words");
    }
  });
});
