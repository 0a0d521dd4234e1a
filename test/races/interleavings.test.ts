/**
 * Disconnect against what another Worker does for the same person at the same time, with their storage operations in
 * every order, or a dozen orders spread evenly over all. How many operations a flow has is found by running it.
 */
import type { Browser } from "../support/browser.ts";
import { describe, expect, inside, type Open, test } from "../support/contract.ts";
import { harness } from "../support/harness.workerd.ts";
import { interleavings, playInOrder, spread } from "../support/interleaving.ts";
import {
  apiReason,
  CONVERGENCE_MS,
  expectNothingOpens,
  offlineAt,
  openPlaces,
  type Places,
} from "../support/places.ts";
import { callbackUrl, signIn } from "../support/scenes.ts";
import { makeTokenKeys, type Stage } from "../support/stage.ts";

const MOST_ORDERS = 12;
const HOUR_MS = 3_600_000;

interface Rival {
  readonly name: string;
  readonly google?: { readonly accessTokenLength: number };
  /** The Worker there has a newer key: what it reads and still needs is sealed anew. */
  readonly hasNewerKey?: boolean;
  /** Prepares the browser of the other place. @returns what happens there while the other one disconnects */
  readonly prepare: (places: Places, there: Stage, browser: Browser) => Promise<() => Promise<unknown>>;
  /** Whether somebody signs in. */
  readonly signsIn: boolean;
}

/** A refresh for a session. */
async function refresh({ google, user, browser }: Places, _: Stage, there: Browser) {
  browser.jar.copyTo(there.jar);
  await google.act({ action: "killAccessTokens", email: user.email });
  return () => apiReason(there);
}

/** A refresh for another Worker, by service binding. */
async function refreshOffline(places: Places, there: Stage) {
  return () => offlineAt(places, there);
}

/** Comes back from Google, and follows no redirect: the session has just begun, or the person is told why not. */
function endOfSignIn(query: string): Rival["prepare"] {
  return async (places, _, there) => {
    const { href } = await callbackUrl({ ...places, browser: there }, {}, query);
    return async () => {
      const response = await there.comeBack(href);
      expect(response.status, await response.text()).toBe(302);
    };
  };
}

const REFRESHES: readonly Rival[] = [
  { name: "a refresh", prepare: refresh, signsIn: false },
  {
    name: "a refresh whose access token goes to storage",
    google: { accessTokenLength: 4000 },
    prepare: refresh,
    signsIn: false,
  },
  { name: "a refresh that seals the grant anew", hasNewerKey: true, prepare: refresh, signsIn: false },
  {
    name: "a refresh of another Worker that seals the grant anew",
    hasNewerKey: true,
    prepare: refreshOffline,
    signsIn: false,
  },
];

const SIGN_INS: readonly Rival[] = [
  { name: "the end of a sign-in with a new consent", prepare: endOfSignIn("?prompt=consent"), signsIn: true },
  { name: "the end of a sign-in for which the stored grant will do", prepare: endOfSignIn(""), signsIn: true },
];

const RIVALS = [...REFRESHES, ...SIGN_INS];

const GOOGLE = ["confirms", "cannot be reached for revoking"] as const;
const CACHES = ["has read nothing before", "has just read everything"] as const;

interface Case {
  readonly rival: Rival;
  readonly google: (typeof GOOGLE)[number];
  readonly cache: (typeof CACHES)[number];
}

const CASES = RIVALS.flatMap((rival) =>
  GOOGLE.flatMap((google) => CACHES.map((cache): Case => ({ rival, google, cache }))),
);

/** What was played, and who took part. */
interface Played {
  readonly places: Places;
  readonly played: readonly string[];
  readonly there: Stage;
  readonly leaving: Browser;
  readonly other: Browser;
  readonly answer: Response;
}

async function play({ rival, google: state, cache }: Case, open: Open, order: readonly string[]): Promise<Played> {
  const [older, newer] = keysInBothOrders();
  const places = await openPlaces(open, { google: rival.google ?? {}, vars: { TOKEN_KEYS: older } });
  const { browser: leaving, google, user, kv } = places;
  const first = places.at("elsewhere").browser();
  await signIn(first, user);
  first.jar.copyTo(leaving.jar);
  await places.advance(CONVERGENCE_MS);
  if (state !== "confirms") await google.always("revoke", { status: 503 });
  if (cache === "has just read everything") {
    await google.act({ action: "killAccessTokens", email: user.email });
    expect(await apiReason(places.moved(leaving, "there"))).toBe("works");
  }
  const there =
    rival.hasNewerKey === true ? inside(places.at("there")).redeploy({ TOKEN_KEYS: newer }) : places.at("there");
  const other = there.browser();
  const act = await rival.prepare(places, there, other);
  const left = Promise.withResolvers<Response>();
  const played = await playInOrder(kv, order, {
    there: act,
    here: async () => left.resolve(await leaving.fetch("/auth/disconnect", { method: "POST" })),
  });
  return { places, played, there, leaving, other, answer: await left.promise };
}

/** Two keys, once with the older in front and once with the newer: either opens what the other seals. */
function keysInBothOrders(): [string, string] {
  const { keys }: { keys: unknown[] } = JSON.parse(makeTokenKeys("older", "newer"));
  return [JSON.stringify({ keys }), JSON.stringify({ keys: keys.toReversed() })];
}

async function ordersOf(which: Case): Promise<string[][]> {
  const { played } = await play(which, (options = {}) => harness.openStage(options), []);
  const count = (place: string): number => played.filter((other) => other === place).length;
  return spread(interleavings(["there", count("there")], ["here", count("here")]), MOST_ORDERS);
}

/** `d` for an operation of the disconnect, `o` for one of the other. */
function spell(order: readonly string[]): string {
  return order.map((place) => (place === "here" ? "d" : "o")).join("");
}

describe.for(CASES.map((which) => [which.rival.name, which.google, which.cache, which] as const))(
  "disconnect against %s, Google %s, the other place %s",
  async ([, , , which]) => {
    const orders = await ordersOf(which);

    test.for(orders.map((order) => [spell(order), order] as const))("%s", async ([, order], { open }) => {
      const { places, there, leaving, other, answer } = await play(which, open, order);
      await places.advance(CONVERGENCE_MS);
      expect(await apiReason(leaving), "the session that disconnected").toBe("SIGN_IN_REQUIRED");
      const offline = await offlineAt(places, places.at("afterwards"));
      if (answer.status === 200 && offline === "CONSENT_REQUIRED") {
        expect(await answer.json()).toMatchObject({ disconnected: true, revoked: which.google === "confirms" });
        // A session that has just begun may live by its own access token where Google did, but not beyond it.
        if (which.rival.signsIn && which.google !== "confirms") await places.advance(HOUR_MS);
        await expectNothingOpens(places, [leaving, other]);
        expect(await offlineAt(places, there)).toBe("CONSENT_REQUIRED");
      } else {
        // The consent was the last word, by a grant that Google did not end; if the session was not, that is told.
        expect([offline, which.rival.signsIn]).toEqual(["works", true]);
        if (answer.status === 200) expect(await answer.json()).toMatchObject({ disconnected: true, revoked: false });
        else expect([answer.status, await answer.text()]).toEqual([401, expect.stringContaining("SIGN_IN_REQUIRED")]);
        expect(await apiReason(other)).toEqual(expect.stringMatching(/^(works|SIGN_IN_REQUIRED)$/));
      }
      // Whatever happened, signing in works, and leaves nothing half.
      const again = places.at("afterwards").browser();
      await signIn(again, places.user);
      await places.advance(HOUR_MS);
      expect([await apiReason(again), await offlineAt(places, places.at("at last"))]).toEqual(["works", "works"]);
    });
  },
);
