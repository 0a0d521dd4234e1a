/** A rival: six `messages.get` at a time, as many as the platform lets wait for headers. */
import { get, limitOf, list, type RivalEnv } from "./gmail.ts";

const AT_A_TIME = 6;

export default {
  async fetch(request: Request, env: RivalEnv): Promise<Response> {
    const listed = [...(await list(env, limitOf(request))).entries()];
    const messages: object[] = [];
    const lane = async (): Promise<void> => {
      for (let next = listed.shift(); next !== undefined; next = listed.shift()) {
        const [index, { id }] = next;
        messages[index] = await get(env, id);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, lane));
    return Response.json({ messages });
  },
};
