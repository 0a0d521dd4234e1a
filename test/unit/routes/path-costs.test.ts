/**
 * The table that docs/scale.md adds up, bench/scale/paths.ts, against the Worker: what each path asks of KV and Google.
 */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { listMessages, type ListMessagesOptions } from "../../../src/mailbox/offline.ts";
import {
  apiRows,
  type Cost,
  EXTRAS,
  mailboxPage,
  PATHS,
  serviceRows,
  STORED_BYTES,
  sum,
} from "../../../bench/scale/paths.ts";
import { makeToken, withToken } from "../../support/api-tokens.ts";
import { describe, expect, inside, type Open, test } from "../../support/contract.ts";
import { happen } from "../../support/ending.ts";
import { openPlaces, type Places } from "../../support/places.ts";
import { call, callbackUrl, openCallback, signIn } from "../../support/scenes.ts";
import { about, issSub, refreshTokenPrefix } from "../../support/security-events.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Folders that the page counts, and the one label of the account's own. */
const COUNTED_LABELS = 7;
/** `kid` of a sealed record, as KV metadata. */
const METADATA_BYTES = 30;
const JSON_ANSWER = { accept: "application/json" };

/** The report comes from `GmailService`, which these tests do not go through. */
const UNREPORTED = { objectRequests: -1 };

/** Somebody signed in, with nothing counted yet. */
async function openMailbox(open: Open): Promise<Places> {
  const mailbox = { messages: 400, spamEvery: 0, trashEvery: 0 };
  const places = await openPlaces(open, { user: { mailbox }, google: { quotaUnitsPerMinute: 1_000_000 } });
  await signIn(places.browser, places.user);
  // Past the time in which the object relies on what it wrote to KV.
  await places.advance(6 * MINUTE_MS);
  return places;
}

type Measured = Omit<Cost, "requests" | "rowsListed" | "rowsRead">;

/** Does something, and tells what it cost. */
async function measure({ google, kv, steps }: Places, work: () => Promise<unknown>): Promise<Measured> {
  await google.forgetCalls();
  const before = await google.snapshot();
  const first = kv.operations.length;
  const asked = steps.questions;
  await work();
  const after = await google.snapshot();
  const operations = kv.operations.slice(first);
  const reads = operations.filter(({ kind }) => kind === "get");
  const kinds = (kind: string): number => operations.filter((operation) => operation.kind === kind).length;
  const calls = (endpoint: string): number =>
    after.calls.filter((one) => one.endpoint === endpoint || one.endpoint.startsWith(`${endpoint}:`)).length;
  return {
    objectRequests: steps.questions - asked,
    kvReadOperations: reads.length,
    kvKeysRead: reads.reduce((keys, read) => keys + read.keys.length, 0),
    kvWrites: kinds("put"),
    kvDeletes: kinds("delete"),
    kvLists: kinds("list"),
    token: calls("token"),
    userinfo: calls("userinfo"),
    jwks: calls("certs"),
    revoke: calls("revoke"),
    list: calls("list"),
    history: calls("history"),
    profile: calls("profile"),
    labels: calls("labels"),
    get: calls("get"),
    batch: calls("batch"),
    quotaUnits: after.quotaUnits - before.quotaUnits,
  };
}

/** A message comes. */
async function receive({ google, user }: Places): Promise<void> {
  await google.act({ action: "receiveMail", email: user.email });
}

/** The object goes to sleep. */
async function evict({ stage, user }: Places): Promise<void> {
  await evictDurableObject(env.MAILBOXES.get(inside(stage).mailboxes.idFromName(user.sub)));
}

/** A request of the session, that must go well. */
async function ask({ browser }: Places, path: string): Promise<void> {
  const response = await browser.fetch(path, { headers: JSON_ANSWER });
  expect(response.status, await response.text()).toBe(200);
}

/** What the table says, without what the test itself wants: its requests, and their rows. */
function inTable(...costs: readonly Partial<Cost>[]): Measured {
  const { requests: _, rowsListed: __, rowsRead: ___, ...rest } = sum(...costs);
  return rest;
}

describe("the table of path costs has", () => {
  test("signing in: with a consent, and without", async ({ open }) => {
    const places = await openPlaces(open);
    const { browser } = places;
    expect(await measure(places, () => browser.begin())).toEqual(inTable(PATHS.login));
    // The isolate's first sign-in fetches Google's keys, too.
    const first = await callbackUrl(places);
    expect(await measure(places, () => openCallback(browser, first))).toEqual(
      inTable(PATHS["callback-consent"], EXTRAS.jwks),
    );
    await places.advance(6 * MINUTE_MS);
    const other = { ...places, browser: places.stage.browser() };
    const second = await callbackUrl(other);
    expect(await measure(places, () => openCallback(other.browser, second))).toEqual(inTable(PATHS["callback-known"]));
  });

  test("listings: IDs, rows, and a page", async ({ open }) => {
    const places = await openMailbox(open);
    expect(await measure(places, () => ask(places, "/api/messages?limit=500"))).toEqual(inTable(PATHS.ids));
    const rows = (count: number) => (): Promise<void> => ask(places, `/api/messages?view=metadata&limit=${count}`);
    expect(await measure(places, rows(25)), "first").toEqual({
      ...inTable(apiRows(25, 25), EXTRAS["first-rows"]),
      batch: 3,
    });
    expect(await measure(places, rows(50)), "a longer one").toEqual(inTable(apiRows(50, 25)));
    await rows(140)();
    expect(await measure(places, rows(240)), "where Gmail is known to let more through").toEqual(
      inTable(apiRows(240, 100)),
    );
    for (const count of [25, 50, 100]) {
      expect(await measure(places, rows(count)), `${count} again`).toEqual(inTable(apiRows(count, 0)));
    }
    for (const news of [1, 6]) {
      for (let count = 0; count < news; count += 1) await receive(places);
      expect(await measure(places, rows(50)), `${news} new ones`).toEqual(inTable(apiRows(50, news)));
    }
  });

  test("pages of the mailbox: of an object that has just come to life, and then", async ({ open }) => {
    const places = await openMailbox(open);
    const page = (): Promise<unknown> => places.browser.navigate("/");
    await page();
    await evict(places);
    expect(await measure(places, page), "woken").toEqual(inTable(mailboxPage(25, COUNTED_LABELS, 0), EXTRAS.awake));
    expect(await measure(places, page), "again").toEqual(inTable(mailboxPage(25, 0, 0)));
    await receive(places);
    expect(await measure(places, page), "a new message").toEqual(inTable(mailboxPage(25, 1, 1)));
  });

  test("a message", async ({ open }) => {
    const places = await openMailbox(open);
    const list = await places.browser.fetch("/api/messages?limit=1", { headers: JSON_ANSWER });
    const [, id = ""] = /"id":"([^"]+)"/.exec(await list.text()) ?? [];
    for (const [path, destination, cost] of [
      [`/message/${id}`, "document", PATHS.message],
      [`/message/${id}/body`, "iframe", PATHS["message-frame"]],
    ] as const) {
      const read = (): Promise<Response> => places.browser.step(path, { "sec-fetch-dest": destination });
      expect(await measure(places, read), path).toEqual(inTable(cost));
    }
  });

  test("a refresh, and one that is refused", async ({ open }) => {
    const places = await openMailbox(open);
    await places.advance(HOUR_MS);
    expect(await measure(places, () => ask(places, "/api/messages"))).toEqual(inTable(PATHS.ids, EXTRAS.refresh));
    await places.google.act({ action: "changePassword", email: places.user.email });
    await places.advance(HOUR_MS);
    expect(await measure(places, () => call(places.browser))).toEqual(inTable(PATHS["session-dead"]));
  });

  test("leaving: logout and disconnect", async ({ open }) => {
    const places = await openMailbox(open);
    const stranger = places.browser.copy();
    expect(await measure(places, () => stranger.submit("/auth/logout"))).toEqual(inTable(PATHS.logout));
    expect(await signIn(stranger, places.user)).toBe(1);
    expect(await measure(places, () => stranger.submit("/auth/disconnect"))).toEqual(inTable(PATHS.disconnect));
  });

  test("an API token: made, and used by isolates that know it and that do not", async ({ open }) => {
    const places = await openMailbox(open);
    let token = "";
    const make = async (): Promise<void> => void ({ token } = await makeToken(places.browser));
    expect(await measure(places, make)).toEqual(inTable(PATHS["make-token"]));
    const use = (place: string) => async (): Promise<void> => {
      const response = await withToken(places.at(place), token, { path: "/api/messages" });
      expect(response.status, await response.text()).toBe(200);
    };
    for (const place of ["here", "here", "there"]) {
      expect(await measure(places, use(place))).toEqual(inTable(PATHS.ids));
    }
    await places.advance(HOUR_MS);
    expect(await measure(places, use("here")), "an hour later").toEqual(inTable(PATHS.ids, EXTRAS.refresh));
    for (const place of ["there", "here"]) expect(await measure(places, use(place))).toEqual(inTable(PATHS.ids));
  });

  test("the service binding", async ({ open }) => {
    const places = await openMailbox(open);
    const { stage, user } = places;
    const run = (options: ListMessagesOptions) => (): Promise<unknown> =>
      inside(stage).serve((scope) => listMessages(scope, user.sub, options));
    await places.advance(HOUR_MS);
    expect(await measure(places, run({}))).toEqual(
      inTable(PATHS["service-ids"], EXTRAS["service-refresh"], UNREPORTED),
    );
    expect(await measure(places, run({}))).toEqual(inTable(PATHS["service-ids"], UNREPORTED));
    const rows = run({ view: "metadata", limit: 25 });
    await rows();
    expect(await measure(places, rows)).toEqual(inTable(serviceRows(25, 0), UNREPORTED));
    await receive(places);
    expect(await measure(places, rows)).toEqual(inTable(serviceRows(25, 1), UNREPORTED));
    await places.google.act({ action: "changePassword", email: user.email });
    await places.advance(HOUR_MS);
    await expect(run({})()).rejects.toThrow("consent");
    const elsewhere = inside(places.at("elsewhere"));
    const refused = async (): Promise<void> =>
      expect(elsewhere.serve((scope) => listMessages(scope, user.sub, {}))).rejects.toThrow("consent");
    expect(await measure(places, refused)).toEqual(inTable(PATHS["service-dead"]));
  });

  test("security events", async ({ open }) => {
    const places = await openMailbox(open);
    const { google, user } = places;
    const prefix = refreshTokenPrefix(await google.refreshToken(user));
    // The first delivery fetches who signs them, once an hour and isolate.
    await happen(places, about("account-credential-change-required", issSub(user)));
    for (const [name, subject] of [
      ["sessions-revoked", issSub(user)],
      ["token-revoked", prefix],
      ["tokens-revoked", issSub(user)],
    ] as const) {
      await places.advance(2_000);
      const cost = await measure(places, () => happen(places, about(name, subject)));
      expect(cost, name).toEqual(inTable(PATHS[`event-${name}`]));
    }
  });
});

test("what is stored of a user takes no more room than the table says", async ({ open }) => {
  const places = await openMailbox(open);
  const { browser, google, kv, stage, user } = places;
  const sizes = new Map<string, number>();
  const note = (): void => {
    for (const name of kv.names) {
      const bytes = name.length + (kv.central(name) ?? "").length + METADATA_BYTES;
      sizes.set(name.slice(0, name.indexOf(":")), bytes);
    }
  };
  const { token } = await makeToken(browser);
  await withToken(stage, token, { path: "/api/messages?view=metadata" });
  await happen(places, about("token-revoked", refreshTokenPrefix(await google.refreshToken(user))));
  note();
  await signIn(browser, user);
  await google.act({ action: "changePassword", email: user.email });
  await places.advance(HOUR_MS);
  await call(browser);
  await signIn(browser, user);
  await browser.submit("/auth/logout?everywhere=true");
  await signIn(browser, user);
  await browser.submit("/auth/logout");
  note();
  expect([...sizes.keys()].sort()).toEqual(Object.keys(STORED_BYTES).sort());
  for (const [kind, bytes] of sizes) expect(bytes, kind).toBeLessThanOrEqual(STORED_BYTES[kind] ?? 0);
});
