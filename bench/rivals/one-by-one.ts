/** A rival: one `messages.get` after another, as the guides show it. */
import { get, limitOf, list, type RivalEnv } from "./gmail.ts";

export default {
  async fetch(request: Request, env: RivalEnv): Promise<Response> {
    const messages: object[] = [];
    for (const { id } of await list(env, limitOf(request))) messages.push(await get(env, id));
    return Response.json({ messages });
  },
};
