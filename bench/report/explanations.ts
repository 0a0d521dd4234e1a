/**
 * Why this Worker is not the best at something, or far above the floor, by hand. The report lists what the numbers say,
 * and adds these; what has none is shown as not yet explained.
 *
 * Keys: `<job>/<column>` for a column, `<job>/floor` for the multiple of the floor, `<job>` for whatever of the job has
 * no text of its own. Values: Markdown of one paragraph.
 */

const WHAT_IDS_COST =
  "Per request this Worker opens a sealed cookie, asks KV whether the session was ended, checks Gmail's answer against a schema and writes a log line. A profile of the warm Worker shows these spread evenly, none of them large; a Worker that only calls Gmail and passes JSON on takes less than half. D and E check a signature of the cookie and nothing of the answer.";
const GENERATOR =
  "On two CPUs the load generator, the fakes and the proxy share one, which is at its end with 64 callers: see the benchmark's own ceiling above. Every call to KV is one more for that CPU, which this Worker makes and A and B do not.";
const ROWS_25 =
  "On Node all 25 messages are asked for at once, over 25 connections. A Worker may wait for six, and batches have their parts read one after another.";
const ROWS_CPU =
  "E reads with few large batches and checks nothing: no schema, no budget, no decoding of headers (RFC 2047). Those who call `messages.get` spend more than this Worker in every such job. A profile led to the mends of this version (a third less CPU); what is left is reading the answers as HTTP and JSON, the schema, and decoding.";
const ROWS_CALLS =
  "Fewer calls are larger batches, and Gmail reads the parts of a batch one after another: E needs fewer calls and twice the time. Four batches at once are the compromise; it keeps 100 rows far below the 50 calls of Workers Free.";
const ROWS_QUOTA =
  "Now and then the Worker asks for more at once than Gmail lets through, to find out whether the limit has risen; what is refused is read again, and counted twice here. Gmail may charge for that or not.";
const SIGN_IN =
  "After the code was exchanged, this Worker asks userinfo who came (40 ms), beside verifying the ID token, and then writes to KV twice, one write after the other (40 ms each): first the mark that ends what began under an older consent, then the sealed grant, so that a sign-in cut short by an outage leaves nothing half-done. A and B keep what they know in memory and ask nobody; D and E write once, and to nobody's protection.";
const SIGN_IN_CPU =
  "It verifies an RS256 signature, seals a record, a session and an address, and runs each of these once per sign-in, when little of it has been compiled yet.";

export const EXPLANATIONS: Readonly<Record<string, string>> = {
  "ids-1/cpuMs": WHAT_IDS_COST,
  "ids-8/cpuMs": WHAT_IDS_COST,
  "ids-64/cpuMs": WHAT_IDS_COST,
  "ids-1":
    "A keeps sessions and tokens in memory, and has no call but Gmail's. The Worker's call to KV runs beside that of Gmail, and its end has to be waited for.",
  "ids-8": GENERATOR,
  "ids-64": GENERATOR,
  "ids-64/floor": GENERATOR,
  "rows-25/latencyMs": ROWS_25,
  "rows-25/cpuMs": ROWS_CPU,
  "rows-25/calls": ROWS_CALLS,
  "rows-100/cpuMs": ROWS_CPU,
  "rows-100/calls": ROWS_CALLS,
  "rows-100-near/latencyMs":
    "With Google 20 ms away, the 4 ms of each part weigh more than the calls: 25 calls at once over 25 connections win, which a Worker may not have.",
  "rows-100-near/cpuMs": ROWS_CPU,
  "rows-100-near/calls": ROWS_CALLS,
  "rows-100-near/quotaUnits": ROWS_QUOTA,
  "rows-100-near/floor":
    "The floor uses six batches at once, this Worker four: with a near Google, what counts is how many parts a batch has. A list call and a refresh may run beside them, and these need the other two connections.",
  "rows-100-far/cpuMs": ROWS_CPU,
  "rows-100-far/calls": ROWS_CALLS,
  "rows-25-new/latencyMs": ROWS_25,
  "rows-25-new/cpuMs": ROWS_CPU,
  "rows-25-new/calls": ROWS_CALLS,
  "rows-100-new/cpuMs": ROWS_CPU,
  "rows-100-new/calls": ROWS_CALLS,
  "rows-100-new/floor":
    "Nothing is known of this mailbox: the number of messages at once begins at 25 and doubles while all goes well, which is a wave more than the floor, which knows the limit.",
  "rows-100-busy/latencyMs":
    "C happens to ask for six at once, because the platform holds its 25 back, and never meets the limit of 10. This Worker begins at 25, is refused, and finds the limit.",
  "rows-100-busy/refusedPercent":
    "The limit is found by meeting it, once per mailbox and isolate. C and D happen to stay below it.",
  "rows-100-busy/cpuMs": ROWS_CPU,
  "rows-100-busy/calls": ROWS_CALLS,
  "rows-100-busy/quotaUnits":
    "The limit is found by meeting it, once per mailbox and isolate: what is refused is read again, and counted twice here. Gmail may charge for that or not.",
  "rows-500/cpuMs": ROWS_CPU,
  "rows-500/calls": ROWS_CALLS,
  "rows-500/quotaUnits": ROWS_QUOTA,
  "first-row/floor":
    "A row comes with its batch, whose parts Gmail reads one after another: a stream's first batch has four, where the floor reads one. A first batch of one would show the first row 12 ms sooner, for a call more.",
  "all-ids":
    "Two hundred list calls, each of which needs the one before. What is above the floor is two to three milliseconds per call. This Worker's are one more than the least: it checks a page against a schema before it asks for the next one, and writes it out line by line.",
  "all-ids/floor":
    "Two hundred times what one call has above its floor: the proxy, the loopback, late timers. The others have the same.",
  "all-ids/peakMiB":
    "Garbage that was not collected yet when it was looked at. The stream holds two pages of IDs at most, the others hold all.",
  "all-ids/cpuMs":
    "Each of the 200 pages is checked against a schema and for messages that were seen on the page before, and written out line by line. D and E collect strings.",
  "sign-in-warm": SIGN_IN,
  "sign-in-warm/calls": "A and B do not ask userinfo, which this Worker is built to do.",
  "sign-in-warm/cpuMs": SIGN_IN_CPU,
  "sign-in-cold": `${SIGN_IN} Google's keys are fetched beside userinfo and cost no time of their own.`,
  "sign-in-cold/calls":
    "It fetches Google's keys, to verify, and asks userinfo. B trusts the ID token as it comes; D and E do not look at it.",
  "sign-in-cold/cpuMs": SIGN_IN_CPU,
  "cold-start":
    "D and E are a seventh of its size: they have no page, no schema, no sealing. Of the time, most is the start of workerd itself, which Cloudflare has behind it when an isolate starts.",
  "refresh-burst":
    "A is one process with one memory, and its requests may wait for one another's promises. On Workers a request may not: those that wait look again after 10 ms and then less and less often, and each reads the stored grant and its marks from KV first, so that nobody acts with a grant that has ended.",
  "refresh-burst/cpuMs":
    "Each of the 200 requests opens its cookie, reads the stored grant and its marks, opens that, and seals a new cookie with the new access token. These are three calls to KV, which `workerd` makes over HTTP here and pays for in this column.",
  "failures/cpuMs": ROWS_CPU,
  "failures/calls": ROWS_CALLS,
  "failures/floor":
    "Two in three of these listings have a part that answers 503, which is tried again after half a second to a second, as Google asks. And at first a refusal by chance lowers the limit: only batches that were let through as a whole tell the two apart.",
  revoked:
    "Gmail's 401 may also mean that the access token alone was ended. This Worker makes sure: one token call, and only `invalid_grant` ends the grant. The others take the 401 for the end, and send people to Google whose grant is good.",
  "revoked-expired":
    "It reads the stored grant and its marks from KV before it calls Google (5 ms each), so that it calls only for who has a grant.",
  bundle:
    "D and E have the two routes of the comparison and no more. This Worker has a mailbox page, a reading view, API tokens, security events, key rotation, streaming, and zod, jose and a decoder of headers.",
};
