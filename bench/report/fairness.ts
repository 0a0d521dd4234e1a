/** What the benchmark cannot make equal, by hand: whom each thing is unfair to, and why. */

/** One unfairness. */
export interface Unfairness {
  /** Letters of the subjects that it harms, or who else. */
  readonly to: string;
  /** Markdown. */
  readonly what: string;
}

export const FAIRNESS: readonly Unfairness[] = [
  {
    to: "F",
    what: "It seals refresh tokens and cookies (JWE, AES-256-GCM) and opens a cookie in every request. The rivals do only what their libraries' documentation shows.",
  },
  {
    to: "F",
    what: "It checks the ID token's signature against Google's keys when someone signs in, which Google allows to leave out for a token that came straight from its token endpoint. Who leaves it out saves a call and a verification.",
  },
  {
    to: "F",
    what: "Every request reads from KV whether its session was ended, beside the call to Gmail, and withholds the answer if it was. A rival whose cookie alone is the session reads nothing.",
  },
  {
    to: "C, D, E, F",
    what: "A and B keep sessions and tokens in the memory of one process. That is fast, and gone with the process; a second process would know nothing of them. Workers have no such memory, and wait for KV.",
  },
  {
    to: "C, D, E, F",
    what: "A Worker may have six connections that wait for headers. The proxy holds Workers to that, as Cloudflare does. Node has no such cap.",
  },
  {
    to: "whoever opens few connections",
    what: "Loopback has no TLS and no distance. A new connection costs next to nothing here, and a handshake of several round trips on the Internet. Who opens many connections looks better than in production.",
  },
  {
    to: "whoever waits more cleverly or less",
    what: "Google's latency is the fake's: times per call and per message of a batch, drawn from one distribution, without the slow minutes and the varying limits of the real one. The conditions above say which times. Other times give other ratios.",
  },
  {
    to: "C, D, E, F",
    what: "KV's latency is the fake's, too: the times above, in place of a store whose keys are sometimes cached nearby and sometimes an ocean away.",
  },
  {
    to: "everyone, but not equally",
    what: "CPU time is what the operating system counted for the whole process (`schedstat`): HTTP, garbage collection and compiling included. Cloudflare bills the isolate's time only, so that the CPU times of Workers are an upper bound of what they would be billed.",
  },
  {
    to: "C",
    what: "It bundles the whole `googleapis` package, as its documentation shows. `@googleapis/gmail` alone, which A uses, would make a smaller bundle and a faster cold start.",
  },
  {
    to: "C, D, E, F",
    what: "The fake KV runs on the CPU of the load generator and the fake Google, so that with many callers each of its calls slows the whole down. A and B make none.",
  },
  {
    to: "A",
    what: "It waits for each group of 25 before it asks for the next, as `Promise.all` over slices does; a queue would be faster. Its `forceRefreshOnFailure` is off, which is the default.",
  },
  {
    to: "B",
    what: "Its hosts of Google's cannot be configured, so that each of its calls passes a function that rewrites the address. Gmail is not in its documentation, so that it has no retries.",
  },
  {
    to: "E",
    what: "Its backoff of a second and more, doubled, is what Google's guides say. Whoever waits less is sooner done here, and may be refused again there.",
  },
  {
    to: "C and D",
    what: "Six connections at once are a good guess for a mailbox that lets 10 messages through. In the job of the busy mailbox this Worker pays for finding out what they hit by chance.",
  },
  {
    to: "whoever reads many rows",
    what: "A user's 6,000 quota units a minute are metered and, but for `crawler`, not enforced: no subject could repeat these jobs in production within a minute.",
  },
];
