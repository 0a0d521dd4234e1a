/** Programs: those with an API token, those that crawl, and other Workers by service binding; and Google's own events. */
import { type Fleet, PlaceMemory } from "./isolates.ts";
import { type CpuWork, DAY_SECONDS } from "./ledger.ts";
import { apiRows, type Cost, EXTRAS, PATHS, serviceRows, sum } from "./paths.ts";
import { activeSecond, type Stage } from "./people.ts";

const ROWS = 50;
const CRAWLED_ROWS = 100;
const CRAWL_MINUTES = 15;
/** How long before the day programs begin, so that it begins with isolates as they are. */
const WARM_UP_SECONDS = 4 * 3_600;
const SMALL: Partial<Record<CpuWork, number>> = { small: 1 };

/** What an isolate, or storage, knows of an API token. */
interface KnownToken {
  /** Second from which on the access token is too old. */
  readonly staleAt: number;
  /** Number of the day. */
  readonly usedOn: number;
}

/** A program with an API token, as src/http/bearer.ts serves it. */
class TokenProgram {
  readonly #stage: Stage;
  readonly #isolates: PlaceMemory<KnownToken>;
  #stored: KnownToken = { staleAt: Number.NEGATIVE_INFINITY, usedOn: -1 };

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#isolates = new PlaceMemory(stage.fleet, stage.parameters);
  }

  /** One request, or several at once. */
  send(atSecond: number, kind: string, rows: number, count = 1): void {
    // Requests of the same moment find nothing in storage that another one of them has left there.
    const stored = this.#stored;
    for (let request = 0; request < count; request += 1) this.#request(atSecond, { kind, rows, stored });
  }

  #request(atSecond: number, { kind, rows, stored }: { kind: string; rows: number; stored: KnownToken }): void {
    const { random, parameters, ledger } = this.#stage;
    const isolate = this.#isolates.meet(random, atSecond);
    const known = this.#isolates.recall(isolate, atSecond);
    const { usedOn } = known ?? stored;
    const looks = known === null || atSecond >= known.staleAt;
    const staleAt = looks ? stored.staleAt : known.staleAt;
    const today = Math.floor(atSecond / DAY_SECONDS);
    const parts: Partial<Cost>[] = [rows === 0 ? PATHS.ids : apiRows(rows), EXTRAS["api-token"]];
    if (known === null) parts.push(EXTRAS["unknown-token"]);
    else if (looks) parts.push(EXTRAS["look-for-token-access"]);
    const life = parameters.accessTokenSeconds - parameters.refreshMarginSeconds;
    const isStale = atSecond >= staleAt;
    const next: KnownToken = { staleAt: isStale ? atSecond + life : staleAt, usedOn: today };
    if (isStale) {
      parts.push(EXTRAS.refresh, EXTRAS["keep-token-access"]);
      ledger.writeSharedKey(atSecond);
    }
    if (usedOn !== today) parts.push(EXTRAS["mark-token-used"]);
    this.#isolates.remember(isolate, atSecond, next);
    if (isStale || usedOn !== today) {
      this.#stored = { staleAt: Math.max(next.staleAt, this.#stored.staleAt), usedOn: today };
    }
    ledger.enter({ atSecond, kind, cost: sum(...parts), cpu: rows === 0 ? SMALL : { rowRequests: 1, rows } });
  }
}

/** A program that asks every so often, day and night. */
export function poll(stage: Stage): void {
  const { random, parameters } = stage;
  if (random() >= parameters.tokenUserShare) return;
  const program = new TokenProgram(stage);
  const interval = parameters.tokenPollMinutes * 60;
  // Not all programs ask for rows in the same quarter of an hour.
  let request = Math.floor(random() * parameters.tokenRowsEvery);
  for (let second = random() * interval - WARM_UP_SECONDS; second < DAY_SECONDS; second += interval) {
    request += 1;
    program.send(second, "program", request % parameters.tokenRowsEvery === 0 ? ROWS : 0);
  }
}

/** A program that reads rows as fast as it can, for a while. */
export function crawl(stage: Stage): void {
  const { random, parameters } = stage;
  if (random() >= parameters.crawlerShare) return;
  const program = new TokenProgram(stage);
  const start = activeSecond(stage);
  const bursts = parameters.crawlerRequestsPerMinute / parameters.crawlerParallel;
  for (let burst = 0; burst < CRAWL_MINUTES * bursts; burst += 1) {
    const second = start + (burst * 60) / bursts;
    program.send(second % DAY_SECONDS, "crawler", CRAWLED_ROWS, parameters.crawlerParallel);
  }
}

/** Another Worker's runs for a user, spread over the hour: by GmailService. */
export function serve(stage: Stage): void {
  const { random, parameters, ledger } = stage;
  if (random() >= parameters.backgroundShare) return;
  const isDead = random() < parameters.backgroundDeadShare;
  const interval = DAY_SECONDS / parameters.backgroundRunsPerDay;
  const isolates = new PlaceMemory<number>(serviceFleet(stage.fleet), parameters);
  const start = random() * interval;
  const runWithRows = Math.floor(random() * parameters.backgroundRunsPerDay);
  for (let run = 0; run < parameters.backgroundRunsPerDay; run += 1) {
    const atSecond = start + run * interval;
    if (isDead) {
      ledger.enter({ atSecond, kind: "background", cost: PATHS["service-dead"], cpu: SMALL });
      continue;
    }
    const isolate = isolates.meet(random, atSecond);
    const staleAt = isolates.recall(isolate, atSecond) ?? Number.NEGATIVE_INFINITY;
    const isStale = atSecond >= staleAt;
    const life = parameters.accessTokenSeconds - parameters.refreshMarginSeconds;
    isolates.remember(isolate, atSecond, isStale ? atSecond + life : staleAt);
    const hasRows = run === runWithRows;
    const path = hasRows ? serviceRows(ROWS) : PATHS["service-ids"];
    ledger.enter({
      atSecond,
      kind: "background",
      cost: sum(path, isStale ? EXTRAS["service-refresh"] : {}),
      cpu: hasRows ? { rowRequests: 1, rows: ROWS } : SMALL,
    });
  }
}

/** The other Worker may run anywhere: all isolates are one place's. */
function serviceFleet(fleet: Fleet): Fleet {
  return { ...fleet, places: 1, isolatesPerPlace: fleet.places * fleet.isolatesPerPlace };
}

/** A security event of Google's about a user. */
export function deliver(stage: Stage): void {
  const { random, parameters, ledger } = stage;
  if (random() >= parameters.securityEventsPerDay) return;
  const kinds = ["sessions-revoked", "sessions-revoked", "token-revoked", "tokens-revoked"] as const;
  const kind = kinds[Math.floor(random() * kinds.length)] ?? kinds[0];
  const atSecond = random() * DAY_SECONDS;
  ledger.enter({ atSecond, kind: "security event", cost: PATHS[`event-${kind}`], cpu: SMALL });
}
