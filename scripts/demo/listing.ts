/**
 * The demo's steps that list messages, each compared with what the emulated mailbox was seeded with.
 */

import { BUSY_USER } from "../../test/google/accounts.ts";
import type { SeededMail } from "../../test/google/development.ts";
import type { MetadataRow } from "./api.ts";
import { check, checkEqual } from "./check.ts";
import type { Demo } from "./context.ts";
import { heading, line, table } from "./transcript.ts";

/** A list call and a read per message stay within the 50 subrequests of Workers Free. */
const ROWS_PER_PAGE = 40;
const PAGES = 6;
const SCRIPTS = ["Latin", "Arabic", "Hebrew", "Han", "Hiragana", "Hangul", "Thai", "Greek", "Cyrillic"];

/** Every ID of the mailbox by one request, then a few hundred messages with their subjects. */
export async function listMessages(demo: Demo): Promise<void> {
  heading("2. List messages");
  const expected = visibleMail(demo);
  await listAllIds(demo, expected);
  await listWithSubjects(demo, expected);
}

async function listAllIds({ api }: Demo, expected: readonly SeededMail[]): Promise<void> {
  line("GET /api/messages?limit=all: the pagination loop, 500 IDs a page");
  const all = await api.listIds({ limit: "all" });
  checkEqual(
    `all ${expected.length} messages are there, newest first, none twice, none left out`,
    all.messages.map(({ id }) => id),
    expected.map(({ id }) => id),
  );
  const pages = Math.ceil(expected.length / 500);
  checkEqual(`it took ${pages} pages, 5 quota units each`, all.quotaUnits, pages * 5);
  checkEqual("and there is no next page", all.nextPageToken, undefined);
}

async function listWithSubjects({ api }: Demo, expected: readonly SeededMail[]): Promise<void> {
  const rows: MetadataRow[] = [];
  let pageToken: string | undefined;
  for (let page = 1; page <= PAGES; page += 1) {
    const answer = await api.listMetadata({
      limit: String(ROWS_PER_PAGE),
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    line(`\n  GET /api/messages?view=metadata&limit=${ROWS_PER_PAGE}, page ${page} of ${PAGES}`);
    table(answer.messages.map(toTableRow));
    rows.push(...answer.messages);
    pageToken = answer.nextPageToken;
    check(`page ${page} leads to another one`, pageToken !== undefined, answer.nextPageToken);
  }
  line("");
  const wanted = expected.slice(0, PAGES * ROWS_PER_PAGE);
  checkEqual(
    `the ${rows.length} messages are the newest ones, in order, across the pages`,
    rows.map(({ id, threadId }) => ({ id, threadId })),
    wanted.map(({ id, threadId }) => ({ id, threadId })),
  );
  checkEqual(
    "dates and unread marks are those of the mailbox",
    rows.map(({ date, unread }) => ({ at: Date.parse(date), unread })),
    wanted.map(({ internalDateMs, labelIds }) => ({ at: internalDateMs, unread: labelIds.includes("UNREAD") })),
  );
  const plain = wanted.filter(({ subject }) => !subject.includes("=?"));
  const shown = new Map(rows.map((row) => [row.id, row.subject ?? ""]));
  checkEqual(
    `${plain.length} subjects come back as they were written`,
    plain.map(({ id }) => shown.get(id)?.trim()),
    plain.map(({ subject }) => subject.trim()),
  );
  const subjects = rows.map(({ subject }) => subject ?? "").join("\n");
  const missing = SCRIPTS.filter((script) => !new RegExp(`\\p{Script=${script}}`, "u").test(subjects));
  checkEqual(`in ${SCRIPTS.length} scripts and more: ${SCRIPTS.join(", ")}`, missing, []);
}

/** A search by sender, one that is not in ASCII, one without a hit, and one by label. */
export async function search({ api, google }: Demo): Promise<void> {
  heading("3. Search");
  const mail = visibleMail({ google });
  for (const [q, fits] of [
    ["from:maya", (message) => message.from.toLowerCase().includes("maya")],
    ["subject:نوروزت", (message) => message.subject.includes("نوروزت")],
    ["subject:unobtainium", () => false],
  ] satisfies [string, (message: SeededMail) => boolean][]) {
    const found = await api.listMetadata({ q, limit: String(ROWS_PER_PAGE) });
    line(`\n  GET /api/messages?q=${q}&view=metadata`);
    table(found.messages.slice(0, 6).map(toTableRow));
    const wanted = mail.filter(fits).slice(0, ROWS_PER_PAGE);
    checkEqual(
      `${found.messages.length} messages, all that fit`,
      found.messages.map(({ id }) => id),
      wanted.map(({ id }) => id),
    );
  }
  const starred = await api.listIds({ labelIds: "STARRED" });
  const wanted = mail.filter(({ labelIds }) => labelIds.includes("STARRED")).map(({ id }) => id);
  line("\n  GET /api/messages?labelIds=STARRED");
  checkEqual(
    `${wanted.length} starred messages`,
    starred.messages.map(({ id }) => id),
    wanted,
  );
}

/** An expired access token is refreshed without anyone noticing. */
export async function outliveAccessToken({ api, google }: Demo): Promise<void> {
  heading("4. The access token expires");
  google.controls.killAccessTokens(BUSY_USER);
  line("An hour passes at Google: it answers 401 to the token that the session holds.");
  const { messages } = await api.listIds({ limit: "5" });
  checkEqual("the next request is served all the same, with a fresh token", messages.length, 5);
}

/** Gmail serves few parts of a batch at once and fails at some: every row comes all the same. */
export async function outliveRateLimits(demo: Demo): Promise<void> {
  heading("5. Rate limits");
  const { api, google } = demo;
  google.controls.fault({ endpoint: "part", maxConcurrent: 8, times: "always" });
  google.controls.fault({ endpoint: "part", named: "unavailable", times: 5 });
  line("Gmail now serves 8 parts of a batch at once, which it tells nobody, and is not available for 5 of them.");
  try {
    const { messages } = await api.listMetadata({ limit: "100" });
    const { faults } = google.controls.snapshot();
    const [limit, outage] = faults;
    line(`GET /api/messages?view=metadata&limit=100: ${limit?.hits} parts got 429 and ${outage?.hits} got 503`);
    check("both happened", (limit?.hits ?? 0) > 0 && outage?.hits === 5, faults);
    checkEqual(
      "all 100 rows are there, in order, none twice, each with its own date",
      messages.map(({ id, date }) => [id, Date.parse(date)]),
      visibleMail(demo)
        .slice(0, 100)
        .map(({ id, internalDateMs }) => [id, internalDateMs]),
    );
  } finally {
    google.controls.clearFaults();
  }
}

/** What a listing shows that does not ask for spam and trash. */
function visibleMail({ google }: Pick<Demo, "google">): SeededMail[] {
  return google
    .mailOf(BUSY_USER.email)
    .filter(({ labelIds }) => !labelIds.includes("SPAM") && !labelIds.includes("TRASH"));
}

function toTableRow({ date, from, subject, unread }: MetadataRow) {
  return { date, from: from ?? "(no sender)", subject: subject ?? "", unread };
}
