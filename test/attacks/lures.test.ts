/** Words that somebody puts into a link: no page of ours shows them, but the search box the search. */
import { parse } from "node-html-parser";
import { describe, expect } from "../support/contract.ts";
import { expectPage } from "../support/errors.ts";
import { test, type Victim } from "./victim.ts";

const LURE = "call_our_hotline_5550100";

/** What a person reads on a page, and what is read out: text, and the attributes that are shown as text. */
function wordsOf(html: string): string {
  const root = parse(html);
  const shown = ["title", "alt", "aria-label", "placeholder", "value"];
  const attributes = root
    .querySelectorAll(shown.map((name) => `[${name}]`).join())
    .filter((element) => element.getAttribute("name") !== "q")
    .flatMap((element) => shown.map((name) => element.getAttribute(name) ?? ""));
  return [root.text, ...attributes].join("\n");
}

async function wordsAt({ stage, cookieName, session }: Victim, path: string, isSignedIn = true): Promise<string> {
  const headers = {
    accept: "text/html",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
    ...(isSignedIn ? { cookie: `${cookieName}=${session}` } : {}),
  };
  const response = await stage.send({ path, headers });
  // A redirect, and what is no page, shows nothing.
  if (!(response.headers.get("content-type") ?? "").startsWith("text/html")) return "";
  return wordsOf(await response.text());
}

/** Every parameter that any page or route reads, and some that none does. */
const PARAMETERS = [
  ..."q label newer pageToken error error_description error_uri state code iss scope prompt login_hint".split(" "),
  ..."return_to everywhere limit labelIds includeSpamTrash view cursor deep name expiresInDays".split(" "),
  ..."format metadataHeaders fields alt callback key prettyPrint quotaUser userId id".split(" "),
];
const PAGES = [
  ..."/ /account /message/0 /message/0/body /auth/login /auth/callback /auth/logout /healthz /nothing".split(" "),
  ..."/api/me /api/messages /api/tokens /operator/rotate /gmail/v1/users/me/profile".split(" "),
];

describe("the words of a link are not on the page that it leads to:", () => {
  test.for(PAGES)("%s with any parameter, and with one of any name", async (page, { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const queries = [...PARAMETERS.map((name) => `${name}=${LURE}`), `${LURE}=1`, `limit=1&${LURE}`];
    for (const query of queries) {
      for (const isSignedIn of [true, false]) {
        expect(await wordsAt(scene, `${page}?${query}`, isSignedIn), query).not.toContain(LURE);
      }
    }
  });

  test.for([
    `/${LURE}`,
    `/message/${LURE}`,
    `/message/${LURE}/body`,
    `/account/tokens/${LURE}/revoke`,
    `/auth/${LURE}`,
    `/gmail/v1/users/${LURE}/messages`,
    `/gmail/v1/users/me/${LURE}`,
    `/api/${LURE}`,
  ])("%s", async (path, { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    for (const isSignedIn of [true, false]) expect(await wordsAt(scene, path, isSignedIn)).not.toContain(LURE);
  });
});

describe("Google's words, which may repeat those of a link, are for programs only:", () => {
  const failures = [
    [400, "INVALID_ARGUMENT"],
    [400, "FAILED_PRECONDITION"],
    [403, "PERMISSION_DENIED"],
    [404, "NOT_FOUND"],
    [429, "RESOURCE_EXHAUSTED"],
    [503, "UNAVAILABLE"],
  ] as const;

  test.for(failures)("on the page of an error %i %s, and of the list's API", async ([code, status], { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    await scene.google.always("list", {
      status: code,
      body: { error: { code, status, message: `Invalid label: ${LURE}`, errors: [{ reason: "x", message: LURE }] } },
    });
    for (const path of ["/?label=x", "/api/messages?limit=1"]) {
      const words = await wordsAt(scene, path);
      expect(words).toContain("request ");
      expect(words).not.toContain(LURE);
    }
    const response = await scene.browser.fetch("/api/messages?limit=1", { headers: { accept: "application/json" } });
    // Limits and outages have words of ours for programs, too.
    if (code < 429) expect(await response.text()).toContain(LURE);
  });

  test("in a row that could not be read", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    await scene.google.always("part", {
      status: 404,
      body: { error: { code: 404, status: "NOT_FOUND", message: LURE } },
    });
    const words = await wordsAt(scene, "/");
    expect(words).toContain("We could not load this message.");
    expect(words).not.toContain(LURE);
    const rows = await scene.browser.fetch("/api/messages?limit=1&view=metadata", {
      headers: { accept: "application/json" },
    });
    expect(await rows.text()).toContain(LURE);
  });

  test("in the notice of a list that broke off", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    await scene.google.always("batch", {
      status: 400,
      body: { error: { code: 400, status: "INVALID_ARGUMENT", message: LURE } },
    });
    const response = await scene.browser.step("/");
    const html = await expectPage(response, 200);
    expect(parse(html).querySelector("[role=alert]")?.text).toContain("could not be read. Gmail could not understand");
    expect(html).not.toContain(LURE);
  });
});
