/** Paths that reach for another mailbox, or for another part of Google's API, with the caller's access token. */
import { describe, expect } from "../support/contract.ts";
import { apiErrorSchema } from "../support/errors.ts";
import { BATCH_TYPE, batchOf } from "./routes.ts";
import { FORBIDDEN, INVALID, test, type Victim } from "./victim.ts";

/** What follows `/gmail/v1/users/` and must never reach Google. */
const TRAVERSALS = [
  "me/%2e%2e%2fother/messages",
  "me/..%2f..%2fother",
  "me%2fmessages",
  "me%2Fmessages/x",
  "me/messages%2f1",
  "me/messages/x%5c..%5cy",
  "me/messages/x%5Cy",
  "me/messages/%00",
  "me/messages/x%00.json",
  "me/messages/%0d%0aHost:%20evil.test",
  "me/messages/%7f",
  "me/messages/%252e%252e%252fother",
  "me/%252e%252e/other/messages",
  "me/messages/%25252e",
  "me/messages/%252f",
  "me/messages/%255c",
  "me/..;/other/messages",
  "me/..;x=1/other/messages",
  "me/..%3b/other/messages",
  "me/%2e%2e;/other/messages",
  "me/.;/messages",
  "me/;/messages",
  "me//messages",
  "me/messages//x",
  "me/messages/",
  "me%252fmessages/x",
];

/** What a URL parser would resolve, so that only a part of a batch can carry it as it stands. */
const RAW_TRAVERSALS = [
  "/gmail/v1/users/me/../other/messages",
  "/gmail/v1/users/me/../../../../drive/v3/files",
  "/gmail/v1/users/me/%2e%2e/other/messages",
  "/gmail/v1/users/me/.%2E/other/messages",
  "/gmail/v1/users/me/messages/./x",
  "/gmail/v1/users/me/messages\\..\\..\\other",
  "/gmail/v1/users/me/messages#/../other",
  "/gmail/v1/users/../users/other/messages",
  "//evil.test/gmail/v1/users/me/messages",
  "/drive/v3/files",
  "/upload/gmail/v1/users/me/messages",
  "/batch/gmail/v1",
  "/gmail/v1/users/me",
  "/gmail/v1/users/",
  "/gmail/v1/usersX/me/messages",
  "/GMAIL/v1/users/me/messages",
  "/gmail/v2/users/me/messages",
  "/%67mail/v1/users/me/messages",
  "/.../gmail/v1/users/me/messages",
];

describe("a path that a server could read as another one gets 400, and Google no call:", () => {
  test.for(TRAVERSALS)("%s", async (rest, { victim }) => {
    const scene = await victim();
    const path = `/gmail/v1/users/${rest}`;
    for (const headers of credentials(scene)) {
      await scene.refused({ path, headers }, INVALID, "alone");
      await scene.refused(inBatch(path, headers), INVALID, "in a batch");
    }
    expect(await scene.google.count()).toBe(0);
  });

  test.for(RAW_TRAVERSALS)("in a batch: %s", async (path, { victim }) => {
    const scene = await victim();
    for (const headers of credentials(scene)) {
      await scene.refused(inBatch(path, headers), INVALID);
      await scene.refused(inBatch(path, headers, "DELETE"), INVALID);
    }
    expect(await scene.google.count()).toBe(0);
  });

  test("resolved by the URL parser, it is nothing of ours: 404, or another user's: 403", async ({ victim }) => {
    const scene = await victim();
    for (const headers of credentials(scene)) {
      await scene.refused({ path: "/gmail/v1/users/me/../../../drive/v3/files", headers }, [404, "NOT_FOUND"]);
      await scene.refused({ path: "/gmail/v1/users/me/%2e%2e/other/messages", headers }, FORBIDDEN);
      await scene.refused({ path: "/gmail/v1/users/me/messages\\..\\..\\other/messages", headers }, FORBIDDEN);
    }
  });
});

describe("a userId that is not the caller's gets 403, alone and in a batch, and Google no call:", () => {
  const names: [title: string, name: (scene: Victim, other: { email: string; sub: string }) => string][] = [
    ["another user's address", (_, { email }) => email],
    ["another user's sub", (_, { sub }) => sub],
    ["another user's address, percent-encoded", (_, { email }) => encodeURIComponent(email)],
    ["another user's address, all of it encoded", (_, { email }) => encodeAll(email)],
    ["another user's address in capitals", (_, { email }) => email.toUpperCase()],
    ["ME", () => "ME"],
    ["me with a space", () => "me%20"],
    ["me with a parameter", () => "me;x=1"],
    ["me with full-width letters", () => encodeURIComponent("ｍｅ")],
    ["me with an invisible character", () => encodeURIComponent("me\u200B")],
    [
      "the own address with a letter that only looks alike",
      ({ user }) => encodeURIComponent(user.email.replace("a", "а")),
    ],
    [
      "the own address with a Kelvin sign for its k",
      ({ user }) => encodeURIComponent(user.email.replace("k", "\u212A")),
    ],
    ["the own address with a tag", ({ user }) => user.email.replace("@", "+tag@")],
    ["the own address without its dots", ({ user }) => user.email.replaceAll(".", "")],
    ["the own address at another domain", ({ user }) => user.email.replace(/@.*/, "@evil.test")],
    ["two addresses", ({ user }, { email }) => `${user.email},${email}`],
    ["the beginning of the own sub", ({ user }) => user.sub.slice(0, -1)],
    ["the own sub with a sign", ({ user }) => `+${user.sub}`],
    ["__proto__", () => "__proto__"],
    ["null", () => "null"],
    ["a wildcard", () => "*"],
  ];
  test.for(names)("%s", async ([, name], { victim }) => {
    const scene = await victim({ user: { email: `kim.${crypto.randomUUID()}@example.test` } });
    const other = await scene.google.addUser({ email: `kate.${crypto.randomUUID()}@example.test` });
    const path = `/gmail/v1/users/${name(scene, other)}/messages`;
    for (const headers of credentials(scene)) {
      await scene.refused({ path, headers }, FORBIDDEN, "alone");
      await scene.refused({ path: `${path}/0/trash`, method: "POST", headers }, FORBIDDEN, "changing");
      await scene.refused(inBatch(path, headers), FORBIDDEN, "in a batch");
      const mixed = batchOf("/gmail/v1/users/me/profile").replace("--b--\r\n", "") + batchOf(path);
      await scene.refused({ ...inBatch(path, headers), body: mixed }, FORBIDDEN, "as one of a batch");
    }
    expect(await scene.google.count()).toBe(0);
  });
});

describe("what reaches Google is the caller's own mailbox by the name of me, whatever the caller called it", () => {
  test("by sub and by address, in any case, alone and in a batch", async ({ victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const { user, google } = scene;
    for (const name of [user.sub, user.email, user.email.toUpperCase(), encodeURIComponent(user.email), "m%65"]) {
      for (const headers of credentials(scene)) {
        const path = `/gmail/v1/users/${name}/profile`;
        expect((await scene.stage.send({ path, headers })).status, path).toBe(200);
        expect((await scene.stage.send(inBatch(path, headers))).status, path).toBe(200);
      }
    }
    const paths = (await google.calls("profile")).map(({ path }) => path);
    expect(paths).toEqual(Array.from({ length: 10 }, () => "/gmail/v1/users/me/profile"));
    const batches = await google.calls("batch");
    expect(batches).toHaveLength(10);
    for (const { body } of batches) expect(body).toContain("\r\nGET /gmail/v1/users/me/profile HTTP/1.1\r\n");
  });
});

test("nothing says whether another user exists: the refusal is the same for anybody's name", async ({ victim }) => {
  const scene = await victim();
  const other = await scene.google.addUser();
  const [headers = {}] = credentials(scene);
  const messages: string[] = [];
  for (const name of [other.email, "nobody@example.test", other.sub, "1"]) {
    const response = await scene.refused({ path: `/gmail/v1/users/${name}/messages`, headers }, FORBIDDEN);
    messages.push(apiErrorSchema.parse(await response.json()).error.message);
  }
  expect(new Set(messages).size).toBe(1);
});

/** The session with our origin, and the API token. */
function credentials({ cookieName, session, apiToken, stage }: Victim): Record<string, string>[] {
  return [{ cookie: `${cookieName}=${session}`, origin: stage.origin }, { authorization: `Bearer ${apiToken}` }];
}

function inBatch(path: string, headers: Readonly<Record<string, string>>, method = "GET") {
  const body = batchOf(path, method);
  return { method: "POST", path: "/batch/gmail/v1", headers: { ...headers, "content-type": BATCH_TYPE }, body };
}

function encodeAll(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}
