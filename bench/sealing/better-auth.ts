/** A server that encrypts and decrypts as better-auth does tokens, again and again: `/seal` and `/open`, `?times=n`. */
import { symmetricDecrypt, symmetricEncrypt } from "better-auth/crypto";
import { listen } from "../lib/listen.ts";
import { RECORD } from "./record.ts";

const key = "made-for-the-benchmark-and-good-for-nothing-else";
const data = JSON.stringify(RECORD);

async function work(url: URL): Promise<string> {
  let sealed = await symmetricEncrypt({ key, data });
  for (let n = 0; n < Number(url.searchParams.get("times")); n += 1) {
    if (url.pathname === "/seal") sealed = await symmetricEncrypt({ key, data });
    else await symmetricDecrypt({ key, data: sealed });
  }
  return symmetricDecrypt({ key, data: sealed });
}

listen(async (request, response) => {
  response.end(await work(new URL(request.url ?? "/", "http://seal")));
});
