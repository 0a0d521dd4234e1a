/**
 * `/api/sessions` and `/api/activity`: where a user is signed in, and what their sessions, API tokens and services did. For a
 * session only.
 */
import { Hono } from "hono/tiny";
import { AppError } from "../errors.ts";
import { requireSession } from "../http/authentication.ts";
import { readParameters } from "../http/parameters.ts";
import { limitRate } from "../http/rate-limit.ts";
import type { AppEnv } from "../http/types.ts";
import { forgetSession } from "../http/session.ts";
import { toDateTime } from "../lib/times.ts";
import type { ActivityDay, SessionInfo } from "../object/rpc.ts";

export const sessionRoutes = new Hono<AppEnv>()
  .get("/", async (c) => {
    const { mailbox, session } = await requireSession(c);
    readParameters(c, []);
    const sessions = await mailbox.ask("listSessions");
    return c.json({ sessions: sessions.map((one) => describeSession(one, session.id)) });
  })
  .delete("/:id", limitRate("sessions"), async (c) => {
    const { mailbox, session } = await requireSession(c);
    readParameters(c, []);
    const id = c.req.param("id");
    const wasThere = await mailbox.ask("endSession", id);
    if (!wasThere) throw new AppError("NOT_FOUND", "You have no such session.");
    if (id === session.id) forgetSession(c);
    return c.body(null, 204);
  });

export const activityRoutes = new Hono<AppEnv>().get("/", async (c) => {
  const { mailbox } = await requireSession(c);
  readParameters(c, []);
  const activity = await mailbox.ask("listActivity");
  return c.json({ activity: activity.map(describeDay) });
});

function describeSession({ id, device, place, createdAtMs, lastUsedAtMs }: SessionInfo, current: string) {
  return {
    id,
    device,
    ...(place === null ? {} : { place }),
    createdAt: toDateTime(createdAtMs),
    lastUsedAt: toDateTime(lastUsedAtMs),
    current: id === current,
  };
}

function describeDay({ day, kind, id, label, ...counts }: ActivityDay) {
  const { requests, messagesListed, messagesRead, units } = counts;
  return {
    day,
    kind,
    id,
    ...(kind === "token" ? { tokenId: id } : {}),
    ...(kind === "token" && label !== null ? { name: label } : {}),
    ...(kind === "session" && label !== null ? { device: label } : {}),
    requests,
    messagesListed,
    messagesRead,
    units,
  };
}
