/**
 * Isolates as the users of one place meet them: how many there are, how long each lives, and what each remembers of the
 * user at hand.
 */
import type { Parameters } from "./assumptions.ts";
import type { Random } from "../lib/random.ts";

const DAY_SECONDS = 86_400;

/** How many isolates there are, and how busy. */
export interface Fleet {
  readonly places: number;
  readonly isolatesPerPlace: number;
  /** Seconds after which an isolate has seen so many other programs that it has forgotten one. */
  readonly secondsRemembered: number;
  /** Share of sign-ins that find Google's keys fetched by another one of the hour. */
  readonly keysKnownShare: number;
}

/** The fleet for a number of users. @param requestsPerUser a day, roughly */
export function fleetFor(users: number, requestsPerUser: number, parameters: Parameters): Fleet {
  const places = Math.min(parameters.places, users);
  const requestsPerSecond = (users * requestsPerUser) / DAY_SECONDS / places;
  // Twice the average: the busy hours.
  const needed = Math.ceil((2 * requestsPerSecond) / parameters.requestsPerIsolate);
  const isolatesPerPlace = Math.max(parameters.isolatesPerPlace, needed);
  const isolates = places * isolatesPerPlace;
  const programRequestsPerSecond = (users * parameters.tokenUserShare * 60) / parameters.tokenPollMinutes / 3_600;
  const signInsPerIsolateAndHour = (users / parameters.cookieDays + users * parameters.newUsersPerDay) / isolates / 24;
  return {
    places,
    isolatesPerPlace,
    secondsRemembered: parameters.rememberedPerIsolate / (programRequestsPerSecond / isolates),
    keysKnownShare: signInsPerIsolateAndHour / (1 + signInsPerIsolateAndHour),
  };
}

/** What the isolates of a place remember of one user. */
export class PlaceMemory<T> {
  readonly #known = new Map<number, { readonly value: T; readonly atSecond: number }>();
  readonly #fleet: Fleet;
  readonly #lifeSeconds: number;

  constructor(fleet: Fleet, parameters: Parameters) {
    this.#fleet = fleet;
    this.#lifeSeconds = parameters.isolateHours * 3_600;
  }

  /** The isolate that a request meets: any of the place. One that has ended has another number after that. */
  meet(random: Random, atSecond: number): number {
    const { isolatesPerPlace } = this.#fleet;
    const position = Math.floor(random() * isolatesPerPlace);
    // They did not all begin at once.
    const phase = (position / isolatesPerPlace) * this.#lifeSeconds;
    const generation = Math.floor((atSecond + phase) / this.#lifeSeconds);
    return generation * isolatesPerPlace + position;
  }

  recall(isolate: number, atSecond: number): T | null {
    const entry = this.#known.get(isolate);
    const isForgotten = entry === undefined || atSecond - entry.atSecond > this.#fleet.secondsRemembered;
    return isForgotten ? null : entry.value;
  }

  remember(isolate: number, atSecond: number, value: T): void {
    this.#known.set(isolate, { value, atSecond });
  }
}
