/** Ends a process with everything that it started: those spawned as `detached` lead a group of their own. */

import { setTimeout as delay } from "node:timers/promises";

const STOP_TIMEOUT_MS = 5_000;
const POLL_MS = 50;

/** SIGTERM to the whole group, SIGKILL to what is left of it, and only then is it over. */
export async function stopGroup(pid: number | undefined, ended: Promise<unknown>): Promise<void> {
  if (pid === undefined) return;
  if (signalGroup(pid, "SIGTERM")) {
    await Promise.race([ended, delay(STOP_TIMEOUT_MS)]);
    for (let waited = 0; waited < STOP_TIMEOUT_MS && signalGroup(pid, 0); waited += POLL_MS) await delay(POLL_MS);
    signalGroup(pid, "SIGKILL");
  }
  await ended;
}

/** Whether the group still had a process to get the signal; 0 only asks. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
