/** Times as the API tells them. */

/** RFC 3339 in UTC. @param ms epoch milliseconds */
export function toDateTime(ms: number): string {
  return new Date(ms).toISOString();
}
