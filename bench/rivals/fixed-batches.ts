/**
 * A rival: batches with a fixed number of parts in flight, told by whoever asks: `batches` at once of `size` parts.
 * What is refused goes into the next batch.
 */
import { batch, limitOf, list, type RivalEnv } from "./gmail.ts";

/** Before a lane asks again of which every part was refused. */
const WAIT_MS = 20;

export default {
  async fetch(request: Request, env: RivalEnv): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const size = Number(searchParams.get("size"));
    const left = [...(await list(env, limitOf(request))).entries()];
    const messages: object[] = [];
    const lane = async (): Promise<void> => {
      for (let tasks = left.splice(0, size); tasks.length > 0; tasks = left.splice(0, size)) {
        const rows = await batch(
          env,
          tasks.map(([, { id }]) => id),
        );
        const refused = tasks.filter(([index], at) => {
          const row = rows[at] ?? null;
          if (row !== null) messages[index] = row;
          return row === null;
        });
        left.unshift(...refused);
        if (refused.length === tasks.length) await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      }
    };
    await Promise.all(Array.from({ length: Number(searchParams.get("batches")) }, lane));
    return Response.json({ messages });
  },
};
