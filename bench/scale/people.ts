/** A person's day: visits with a browser, from sign-in to logout. */
import { HOURS_OF_DAY, type Parameters, TIME_ZONES } from "./assumptions.ts";
import type { Fleet } from "./isolates.ts";
import { type CpuWork, DAY_SECONDS, type Ledger } from "./ledger.ts";
import { type Cost, EXTRAS, mailboxPage, PATHS, sum } from "./paths.ts";
import type { Random } from "../lib/random.ts";
import { exponential, poisson, weighted } from "./random.ts";

const HOUR_SECONDS = 3_600;
const PAGE_ROWS = 25;
const SMALL: Partial<Record<CpuWork, number>> = { small: 1 };

/** What the simulation of a user works with. */
export interface Stage {
  readonly random: Random;
  readonly parameters: Parameters;
  readonly fleet: Fleet;
  readonly ledger: Ledger;
}

/** Hours from UTC of a user. */
function utcOffset({ random }: Stage): number {
  const shares = TIME_ZONES.map(({ share }) => share);
  return TIME_ZONES[weighted(random, shares)]?.utcOffsetHours ?? 0;
}

/** A second of the day (UTC) at which people are awake. */
function awakeSecond({ random }: Stage, utcOffsetHours: number): number {
  const localHour = weighted(random, HOURS_OF_DAY) + random();
  return (((localHour - utcOffsetHours + 24) % 24) * HOUR_SECONDS) % DAY_SECONDS;
}

/** A second of the day at which people are awake where some user is. */
export function activeSecond(stage: Stage): number {
  return awakeSecond(stage, utcOffset(stage));
}

/** One person with one browser. */
class Person {
  readonly #stage: Stage;
  /** Second at which the access token in the cookie is too old. */
  #staleAt = Number.NEGATIVE_INFINITY;
  #isSignedIn: boolean;
  #clock = 0;

  constructor(stage: Stage, isSignedIn: boolean) {
    this.#stage = stage;
    this.#isSignedIn = isSignedIn;
  }

  visit(startSecond: number, how: { readonly isNew: boolean; readonly isDead: boolean }): void {
    const { random, parameters } = this.#stage;
    this.#clock = startSecond;
    if (how.isDead && this.#isSignedIn) {
      this.#enter("dead grant", PATHS["session-dead"], SMALL);
      this.#signIn(PATHS["callback-consent"], "consent");
    } else if (!this.#isSignedIn) {
      this.#signIn(how.isNew ? PATHS["callback-consent"] : PATHS["callback-known"], how.isNew ? "consent" : "sign-in");
    }
    const pages = 1 + poisson(random, parameters.pagesPerVisit - 1);
    for (let page = 0; page < pages; page += 1) this.#page();
    const messages = poisson(random, parameters.messagesPerVisit);
    for (let message = 0; message < messages; message += 1) this.#message();
    if (random() < parameters.logoutShare) {
      this.#enter("logout", PATHS.logout, SMALL);
      this.#isSignedIn = false;
    }
  }

  disconnect(): void {
    if (this.#isSignedIn) this.#enter("disconnect", PATHS.disconnect, SMALL);
  }

  #signIn(callback: Cost, kind: string): void {
    const { random, fleet, parameters } = this.#stage;
    this.#enter(kind, PATHS.login, SMALL);
    const keys = random() < fleet.keysKnownShare ? [] : [EXTRAS.jwks];
    this.#enter(kind, sum(callback, ...keys), { signIns: 1 });
    this.#isSignedIn = true;
    this.#staleAt = this.#clock + parameters.accessTokenSeconds - parameters.refreshMarginSeconds;
  }

  #page(): void {
    const page = mailboxPage(PAGE_ROWS, this.#stage.parameters.countedLabels);
    this.#enter("page", sum(page, this.#refresh()), { rowRequests: 1, rows: PAGE_ROWS, small: 1 });
  }

  #message(): void {
    // What a message costs in CPU time is not measured: as much as 25 rows is a cautious guess.
    const cpu = { rowRequests: 1, rows: PAGE_ROWS };
    this.#enter("message", sum(PATHS.message, this.#refresh()), cpu);
    if (this.#stage.random() < this.#stage.parameters.htmlShare) this.#enter("message", PATHS.message, cpu);
  }

  #refresh(): Partial<Cost> {
    const { accessTokenSeconds, refreshMarginSeconds } = this.#stage.parameters;
    if (this.#clock < this.#staleAt) return {};
    this.#staleAt = this.#clock + accessTokenSeconds - refreshMarginSeconds;
    return EXTRAS.refresh;
  }

  #enter(kind: string, cost: Cost, cpu: Partial<Record<CpuWork, number>>): void {
    // A visit that goes on past midnight belongs to a day that is the same.
    this.#stage.ledger.enter({ atSecond: this.#clock % DAY_SECONDS, kind, cost, cpu });
    this.#clock += exponential(this.#stage.random, this.#stage.parameters.secondsBetweenClicks);
  }
}

/** What a user does with a browser on the day, if anything. */
export function browse(stage: Stage): void {
  const { random, parameters } = stage;
  const isNew = random() < parameters.newUsersPerDay;
  if (!isNew && random() >= parameters.activeShare) return;
  const isDead = random() < parameters.deadGrantsPerDay / parameters.activeShare;
  const hasEnded = random() < 1 / parameters.cookieDays / parameters.activeShare + parameters.logoutShare;
  const person = new Person(stage, !isNew && !hasEnded);
  const utcOffsetHours = utcOffset(stage);
  const count = 1 + poisson(random, parameters.sessionsPerDay - 1);
  const starts = Array.from({ length: count }, () => awakeSecond(stage, utcOffsetHours)).sort((a, b) => a - b);
  for (const [position, start] of starts.entries()) {
    person.visit(start, { isNew: isNew && position === 0, isDead: isDead && position === 0 });
  }
  if (random() < parameters.disconnectsPerDay / parameters.activeShare) person.disconnect();
}
