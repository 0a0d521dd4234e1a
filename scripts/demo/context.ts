/** What the demo's steps work with. */

import type { DevelopmentGoogle } from "../../test/google/development.ts";
import type { Worker } from "../lib/wrangler.ts";
import type { Api } from "./api.ts";
import type { Browser } from "../browser/without-script.ts";

/** The running demo. */
export interface Demo {
  readonly google: DevelopmentGoogle;
  readonly worker: Worker;
  readonly browser: Browser;
  readonly api: Api;
}
