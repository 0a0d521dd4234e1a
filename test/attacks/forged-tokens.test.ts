/** API tokens that somebody has made up, with whatever can be had: their form is no secret, and neither is the checksum. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { base64url } from "jose";
import { describeInside, expect, inside } from "../support/contract.ts";
import { heldUp } from "../support/kv-views.ts";
import { makeToken } from "../support/api-tokens.ts";
import { reachedThrough } from "../support/object-views.ts";
import { signIn } from "../support/scenes.ts";
import { TOKEN_ROUTES } from "./routes.ts";
import { expectRefusal, NOT_SIGNED_IN, requestOf, test, type Victim, withBearer } from "./victim.ts";
import type { Stage } from "../support/stage.ts";

const PREFIX = "gmedge_";
/** Characters of an object's ID, and of a secret, after each other behind the prefix. */
const PART_CHARACTERS = 43;
const CHECKSUM_CHARACTERS = 6;
/** Of the namespace of another Worker. */
const FOREIGN_OBJECT = "b19a9ccdeff111b97803b5859203e4ccc53248947842b03c6ee47e5431d30df5";
const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

interface Parts {
  /** The object's ID and the secret, in base64url. */
  readonly object: string;
  readonly secret: string;
}

function partsOf(token: string): Parts {
  const made = token.slice(PREFIX.length, -CHECKSUM_CHARACTERS);
  return { object: made.slice(0, PART_CHARACTERS), secret: made.slice(PART_CHARACTERS) };
}

/** A token whose checksum is right. */
async function forge({ object, secret }: Parts): Promise<string> {
  const made = PREFIX + object + secret;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(made));
  return made + base64url.encode(new Uint8Array(digest)).slice(0, CHECKSUM_CHARACTERS);
}

function random(): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(32)));
}

function fromHex(hex: string): string {
  return base64url.encode(Uint8Array.fromHex(hex));
}

/** The same bytes with another last character: two of its six bits mean nothing. */
function otherSpelling(part: string): string {
  const last = BASE64URL[BASE64URL.indexOf(part.at(-1) ?? "") ^ 1] ?? "";
  const spelled = part.slice(0, -1) + last;
  expect(base64url.decode(spelled)).toEqual(base64url.decode(part));
  return spelled;
}

/** What an attacker has: a token of their own, and, let it be said, all of the victim's token but its secret. */
interface Spoils {
  readonly victims: Parts;
  readonly own: Parts;
  readonly stage: Stage;
}

/** @param isOfObject it names an object of ours, which has to be asked */
type Forgery = readonly [title: string, isOfObject: boolean, make: (spoils: Spoils) => Promise<string>];

const FORGERIES: readonly Forgery[] = [
  ["another checksum", false, async ({ own }) => `${(await forge(own)).slice(0, -CHECKSUM_CHARACTERS)}AAAAAA`],
  [
    "the checksum of another token",
    false,
    async ({ own, victims }) => {
      const [mine, theirs] = [await forge(own), await forge(victims)];
      return mine.slice(0, -CHECKSUM_CHARACTERS) + theirs.slice(-CHECKSUM_CHARACTERS);
    },
  ],
  ["random bytes as the object", false, ({ own }) => forge({ ...own, object: random() })],
  ["zeros as the object", false, ({ own }) => forge({ ...own, object: "A".repeat(PART_CHARACTERS) })],
  ["an object of another namespace", false, ({ own }) => forge({ ...own, object: fromHex(FOREIGN_OBJECT) })],
  [
    "an object with one bit flipped",
    false,
    ({ own }) => {
      const bytes = base64url.decode(own.object);
      bytes[0] = (bytes[0] ?? 0) ^ 1;
      return forge({ ...own, object: base64url.encode(bytes) });
    },
  ],
  ["the form of before", false, async ({ own }) => `${PREFIX}${own.secret}${random().slice(0, 20)}`],
  [
    "the form of before, of the object's ID",
    false,
    async ({ own }) => `${PREFIX}${own.object}${random().slice(0, 20)}`,
  ],
  ["object and secret in the other's place", false, ({ own }) => forge({ object: own.secret, secret: own.object })],
  ["the victim's object, with a random secret", true, ({ victims }) => forge({ ...victims, secret: random() })],
  ["the victim's object, with one's own secret", true, ({ own, victims }) => forge({ ...own, object: victims.object })],
  ["one's own object, with the victim's secret", true, ({ own, victims }) => forge({ ...victims, object: own.object })],
  [
    "a last character of the object that means the same",
    true,
    ({ victims }) => forge({ ...victims, object: otherSpelling(victims.object) }),
  ],
  [
    "a last character of the secret that means the same",
    true,
    ({ victims }) => forge({ ...victims, secret: otherSpelling(victims.secret) }),
  ],
  [
    "the same, with the checksum of the proper spelling",
    false,
    async ({ victims }) => {
      const token = await forge({ ...victims, secret: otherSpelling(victims.secret) });
      return token.slice(0, -CHECKSUM_CHARACTERS) + (await forge(victims)).slice(-CHECKSUM_CHARACTERS);
    },
  ],
  [
    "an object of ours whose user nobody knows",
    true,
    ({ own, stage }) =>
      forge({ ...own, object: fromHex(inside(stage).mailboxes.idFromName(crypto.randomUUID()).toString()) }),
  ],
];

/** What the Worker asks for while it is watched. */
interface Watched {
  readonly stage: Stage;
  readonly kvReads: readonly unknown[];
  readonly questions: readonly string[];
}

function watched(scene: Victim): Watched {
  const { kv, mailboxes, redeploy } = inside(scene.stage);
  const { kv: CREDENTIALS, reads } = heldUp(kv, async () => {});
  const questions: string[] = [];
  const MAILBOXES = reachedThrough(mailboxes, async (question, ask) => {
    questions.push(question);
    return ask();
  });
  return { stage: redeploy({}, { CREDENTIALS, MAILBOXES }), kvReads: reads, questions };
}

async function spoilsOf({ apiToken, google, stage }: Victim): Promise<Spoils> {
  const attacker = stage.browser();
  await signIn(attacker, await google.addUser());
  const { token } = await makeToken(attacker, { name: "mine", access: "full" });
  await google.forgetCalls();
  return { victims: partsOf(apiToken), own: partsOf(token), stage };
}

async function objectIds(): Promise<string[]> {
  return (await listDurableObjectIds(env.MAILBOXES)).map(String).toSorted();
}

/** All that an object keeps. */
async function contentOf(objectId: string): Promise<unknown> {
  const stub = env.MAILBOXES.get(env.MAILBOXES.idFromString(objectId));
  return runInDurableObject(stub, (_, { storage: { sql } }) => {
    const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const own = tables.map(({ name }) => name).filter((name) => !name.startsWith("_cf_"));
    return Object.fromEntries(own.map((name) => [name, sql.exec(`SELECT * FROM "${name}"`).toArray()]));
  });
}

function objectIdOf(token: string): string {
  return base64url.decode(partsOf(token).object).toHex();
}

describeInside("a forged API token opens no route, calls nobody and changes nothing:", () => {
  test.for(FORGERIES)("%s", async ([title, isOfObject, make], { victim }) => {
    const scene = await victim();
    const token = await make(await spoilsOf(scene));
    const idsBefore = await objectIds();
    const before = isOfObject ? await contentOf(objectIdOf(token)) : null;
    const { kvReads, questions, stage } = watched(scene);
    for (const route of TOKEN_ROUTES) {
      await expectRefusal(await stage.send(withBearer(route, token)), NOT_SIGNED_IN, title);
      // What the browser of its owner would do with it beside a cookie.
      const beside = requestOf(route, {
        cookie: `${scene.cookieName}=${scene.session}`,
        authorization: `Bearer ${token}`,
      });
      await expectRefusal(await stage.send(beside), NOT_SIGNED_IN, `${title}, beside a session`);
    }
    expect(await scene.google.count()).toBe(0);
    expect([kvReads, [...new Set(questions)]]).toEqual([[], isOfObject ? ["openToken"] : []]);
    if (isOfObject) expect(await contentOf(objectIdOf(token))).toEqual(before);
    else expect(await objectIds()).toEqual(idsBefore);
  });

  test("an object that is asked before anybody has signed in makes no table", async ({ victim }) => {
    const scene = await victim();
    const { mailboxes } = inside(scene.stage);
    const objectId = mailboxes.idFromName("nobody").toString();
    const token = await forge({ object: fromHex(objectId), secret: random() });
    await scene.refused({ path: "/api/me", headers: { authorization: `Bearer ${token}` } }, NOT_SIGNED_IN);
    expect(await contentOf(objectId)).toEqual({});
    expect(Object.keys(Object(await contentOf(objectIdOf(scene.apiToken)))), "as one does that has a user").toContain(
      "tokens",
    );
  });

  test("a thousand at once, and the right ones work beside them", async ({ victim }) => {
    const scene = await victim();
    const spoils = await spoilsOf(scene);
    const idsBefore = await objectIds();
    const before = await contentOf(objectIdOf(scene.apiToken));
    const { kvReads, questions, stage } = watched(scene);
    const makers = [
      () => forge({ object: random(), secret: random() }),
      () => forge({ ...spoils.victims, secret: random() }),
      async () => PREFIX + random() + random() + random().slice(0, CHECKSUM_CHARACTERS),
      () => forge({ ...spoils.own, object: spoils.victims.object }),
    ];
    const forged = await Promise.all(
      Array.from({ length: 250 }, () => makers)
        .flat()
        .map((make) => make()),
    );
    const ask = async (token: string): Promise<number> =>
      (await stage.send({ path: "/api/me", headers: { authorization: `Bearer ${token}` } })).status;
    const [statuses, right] = await Promise.all([Promise.all(forged.map(ask)), ask(scene.apiToken)]);
    expect([new Set(statuses), right]).toEqual([new Set([401]), 200]);
    expect(await scene.google.count()).toBe(0);
    expect([kvReads.length, questions.filter((question) => question === "openToken").length]).toEqual([0, 501]);
    expect(await objectIds()).toEqual(idsBefore);
    expect(Object(await contentOf(objectIdOf(scene.apiToken))).tokens.length).toBe(Object(before).tokens.length);
    expect(await ask(scene.apiToken)).toBe(200);
  });
});
