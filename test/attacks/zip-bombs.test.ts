/** Bodies that are small as gzip and large inflated: refused at the limit of the route, and never inflated further. */
import { describe, expect } from "../support/contract.ts";
import { nameOf, ROUTES } from "./routes.ts";
import { operatorToken, requestOf, test } from "./victim.ts";

const MIB = 1024 * 1024;

/** So many MiB of zeros, each a KiB of gzip. */
async function bomb(mib: number): Promise<Uint8Array> {
  let left = mib;
  const zeros = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left === 0) return controller.close();
      left -= 1;
      controller.enqueue(new Uint8Array(MIB));
    },
  });
  return new Uint8Array(await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).arrayBuffer());
}

describe("a body that is a small file and 100 MiB inflated", () => {
  // The scopes permit no write, so that a body of the pass-through is not read: its limit is that of a batch.
  const reading = ROUTES.filter(({ maxBodyBytes, path }) => maxBodyBytes !== null && !path.startsWith("/gmail/"));
  test.for(reading)("is refused: $example.method $example.path", async (route, { victim }) => {
    const scene = await victim();
    const credentials =
      route.caller === "operator"
        ? { authorization: `Bearer ${await operatorToken(scene.stage)}` }
        : { cookie: `${scene.cookieName}=${scene.session}`, origin: scene.stage.origin };
    const body = await bomb(100);
    // Where that is more than the route takes, it is not even inflated.
    expect(body.byteLength).toBeLessThan(200_000);
    const request = requestOf(route, { ...credentials, "content-encoding": "gzip" });
    const startMs = Date.now();
    await scene.refused({ ...request, body }, [413, "INVALID_ARGUMENT"], nameOf(route));
    expect(Date.now() - startMs).toBeLessThan(20_000);
    expect(await scene.google.count()).toBe(0);
  });
});
