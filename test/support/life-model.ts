/**
 * Sessions and API tokens as they should be: a plain record of what happened and when. Says who must be dead and who must be
 * alive.
 */

/** When something happened: some moment between two times of the clock, in epoch milliseconds. */
export interface Moment {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ModelSession {
  readonly began: Moment;
  /** Its own first end: signing out, or another sign-in with the same browser. */
  ended: Moment | null;
}

export interface ModelToken {
  readonly made: Moment;
  readonly by: ModelSession;
}

/** `unknown`: two things happened at the same moment, and either order will do. */
export type Fate = "alive" | "dead" | "unknown";

/** One user's. */
export class LifeModel {
  readonly sessions: ModelSession[] = [];
  readonly tokens: ModelToken[] = [];
  /** Until when everything that began has ended. */
  readonly #userEnds: Moment[] = [];

  begin(began: Moment): ModelSession {
    const session: ModelSession = { began, ended: null };
    this.sessions.push(session);
    return session;
  }

  /** The first end counts. */
  end(session: ModelSession, at: Moment): void {
    session.ended ??= at;
  }

  make(by: ModelSession, made: Moment): ModelToken {
    const token = { made, by };
    this.tokens.push(token);
    return token;
  }

  /** Everything that began until then ends. */
  endUser(until: Moment): void {
    this.#userEnds.push(until);
  }

  /** Of a session, whatever its age is. */
  fateOf(session: ModelSession): Fate {
    return session.ended === null ? this.#fateByUser(session) : "dead";
  }

  fateOfToken({ by, made }: ModelToken): Fate {
    // What was made before the session's own end lives on.
    const fateBySession: Fate = by.ended === null ? "alive" : order(made, by.ended, { before: "alive", after: "dead" });
    return worst([this.#fateByUser(by), fateBySession]);
  }

  #fateByUser({ began }: ModelSession): Fate {
    return worst(this.#userEnds.map((until) => order(began, until, { before: "dead", after: "alive" })));
  }
}

/** What follows from one thing having happened before or after another. */
function order(one: Moment, other: Moment, { before, after }: Readonly<Record<"before" | "after", Fate>>): Fate {
  if (one.toMs < other.fromMs) return before;
  return one.fromMs > other.toMs ? after : "unknown";
}

function worst(fates: readonly Fate[]): Fate {
  if (fates.includes("dead")) return "dead";
  return fates.includes("unknown") ? "unknown" : "alive";
}
