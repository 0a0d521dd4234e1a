/** A server that encrypts and decrypts as better-auth does tokens, again and again: `/seal` and `/open`, `?times=n`. */
import { createServer } from "node:http";
import { symmetricDecrypt, symmetricEncrypt } from "better-auth/crypto";
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

const server = createServer((request, response) => {
  work(new URL(request.url ?? "/", "http://seal")).then(
    (opened) => response.end(opened),
    (error: unknown) => {
      console.error(error);
      response.writeHead(500).end();
    },
  );
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : "");
});
process.stdin.resume().on("end", () => process.exit(0));
