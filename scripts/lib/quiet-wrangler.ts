/** The environment that every wrangler of ours runs in. */

/** Quiet, and without calls home: everything here must work offline. */
export const QUIET_WRANGLER = {
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  // Its local trace store would keep every URL on disk, and with them Google's one-time codes.
  X_LOCAL_OBSERVABILITY: "false",
};
