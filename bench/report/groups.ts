/** Jobs that the report shows together: a section and a chart for each group. */

import type { Job } from "../lib/results.ts";

/** Headings of groups with several jobs. A group of one job has that job's title. */
const TITLES: Readonly<Record<string, string>> = {
  ids: "Message IDs",
  rows: "Rows of messages",
  known: "Rows that were read before",
  "sign-in": "Signing in",
};

/** A section of the report. */
export interface Group {
  /** Name of the chart's file, without `.svg`. */
  readonly id: string;
  readonly title: string;
  readonly jobs: readonly Job[];
}

/** The groups in the order in which their first jobs stand. Throws where a group's name cannot be a file's. */
export function groupsOf(jobs: readonly Job[]): readonly Group[] {
  return [...Map.groupBy(jobs, ({ group }) => group)].map(([id, members]) => {
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id)) throw new Error(`The group ${id} is named by no lower-case slug`);
    const only = members.length === 1 ? members[0]?.title : undefined;
    return { id, title: TITLES[id] ?? only ?? capitalised(id.replaceAll("-", " ")), jobs: members };
  });
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
