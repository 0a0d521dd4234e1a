/**
 * Loaded by scripts/run.mjs into the Node that it starts: when that process is gone, this one is told to end. A signal
 * that cannot be passed on, SIGKILL, would otherwise leave servers behind.
 */

import { isMainThread } from "node:worker_threads";

const PARENT_CHECK_MS = 500;

if (isMainThread) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGTERM");
  }, PARENT_CHECK_MS).unref();
}
