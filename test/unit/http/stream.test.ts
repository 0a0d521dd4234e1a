/** A page that is sent while it is made. */
import { raw } from "hono/html";
import { Hono } from "hono/tiny";
import { describe, expect, test } from "vitest";
import { streamPage } from "../../../src/http/stream.ts";
import { type Html, slot } from "../../../src/pages/slot.ts";
import type { AppEnv } from "../../../src/http/types.ts";
import { TextStream } from "../../../src/lib/text-stream.ts";

/** Lets a test say when a piece is ready. */
function gates(count: number) {
  const all = Array.from({ length: count }, () => Promise.withResolvers<void>());
  return { all: all.map(({ promise }) => promise), open: (index: number) => all[index]?.resolve() };
}

async function* nothing(): AsyncGenerator<Html> {}

async function stream(pieces: AsyncIterable<Html>, origin = "https://mail.example.test") {
  const failures: unknown[] = [];
  const answer = new TextStream((error) => failures.push(error));
  const app = new Hono<AppEnv>().get("/", (c) => {
    // Of the scope, a page needs only this much.
    c.set("scope", { stream: answer, origin } as AppEnv["Variables"]["scope"]);
    return streamPage(c, raw(`<main>${String(slot)}</main>`), pieces);
  });
  const response = await app.request("/");
  const reader = (response.body ?? expect.fail("no body")).pipeThrough(new TextDecoderStream()).getReader();
  return { response, answer, failures, reader, next: async () => (await reader.read()).value };
}

describe("a page that is streamed", () => {
  test("begins with its frame before any piece is ready, and has the pieces in order", async () => {
    const ready = gates(2);
    const { response, next } = await stream(
      (async function* () {
        await ready.all[0];
        yield raw("<p>one</p>");
        await ready.all[1];
        yield Promise.resolve(raw("<p>two &amp; more</p>"));
      })(),
    );
    expect(response.headers.get("content-type")).toBe("text/html; charset=UTF-8");
    expect(await next()).toBe("<main>");
    ready.open(0);
    expect(await next()).toBe("<p>one</p>");
    ready.open(1);
    expect([await next(), await next(), await next()]).toEqual(["<p>two &amp; more</p>", "</main>", undefined]);
  });

  test("may be compressed, but not in development, where that would hold it back", async () => {
    const deployed = await stream(nothing(), "https://mail.example.test");
    expect(deployed.response.headers.get("content-encoding")).toBeNull();
    const local = await stream(nothing(), "http://localhost:8787");
    expect(local.response.headers.get("content-encoding")).toBe("identity");
  });

  test("tells when it has ended", async () => {
    const { answer, next } = await stream(
      (async function* () {
        yield raw("one");
      })(),
    );
    let ended = false;
    void answer.ended?.then(() => (ended = true));
    await next();
    await next();
    expect(ended).toBe(false);
    await next();
    await next();
    await answer.ended;
    expect(ended).toBe(true);
  });

  test("that nobody reads any more ends, and lets go of what its pieces come from", async () => {
    let released = false;
    const { answer, reader, next } = await stream(
      (async function* () {
        try {
          for (;;) yield raw("more");
        } finally {
          released = true;
        }
      })(),
    );
    await next();
    await next();
    await reader.cancel();
    await answer.ended;
    expect(released).toBe(true);
  });

  test("that cannot be made to its end has ended as well, and the error is told", async () => {
    const broken = new Error("broken");
    const { answer, failures, next } = await stream(
      (async function* () {
        yield raw("one");
        throw broken;
      })(),
    );
    await next();
    await next();
    await expect(next()).rejects.toBe(broken);
    await answer.ended;
    expect(failures).toEqual([broken]);
  });

  test("that is given up while a piece is made has ended at once, and that is no error", async () => {
    const ready = gates(1);
    const { answer, failures, reader, next } = await stream(
      (async function* () {
        await ready.all[0];
        yield raw("late");
      })(),
    );
    await next();
    const pending = next();
    const cancelled = reader.cancel();
    await answer.ended;
    ready.open(0);
    expect([await pending, await cancelled, failures]).toEqual([undefined, undefined, []]);
  });
});
