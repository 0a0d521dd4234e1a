import { describe, expect, test } from "vitest";
import { Trace } from "../../../src/lib/trace.ts";
import { failureOf, START_MS } from "../fixtures.ts";

function createTrace() {
  const clock = { nowMs: START_MS };
  const trace = new Trace(() => clock.nowMs);
  const takes = (ms: number) => async (): Promise<string> => {
    clock.nowMs += ms;
    return "done";
  };
  return { trace, takes };
}

describe("Server-Timing", () => {
  test("names every phase from the start", () => {
    expect(createTrace().trace.serverTiming()).toBe(
      "storage;dur=0, refresh;dur=0, list;dur=0, hydrate;dur=0, object;dur=0",
    );
  });

  test("adds up what each phase took, and gives its result", async () => {
    const { trace, takes } = createTrace();
    expect(await trace.time("list", takes(30))).toBe("done");
    await trace.time("list", takes(12));
    await trace.time("storage", takes(5));
    expect(trace.serverTiming()).toBe("storage;dur=5, refresh;dur=0, list;dur=42, hydrate;dur=0, object;dur=0");
  });

  test("counts once what overlaps", async () => {
    const { trace, takes } = createTrace();
    const outer = trace.time("hydrate", async () => {
      await takes(10)();
      return trace.time("hydrate", takes(20));
    });
    expect(await outer).toBe("done");
    expect(trace.serverTiming()).toContain("hydrate;dur=30");
  });

  test("counts what failed, and passes the failure on", async () => {
    const { trace, takes } = createTrace();
    const broken = new Error("broken");
    const failing = async (): Promise<never> => {
      await takes(7)();
      throw broken;
    };
    expect(await failureOf(trace.time("refresh", failing))).toBe(broken);
    expect(trace.serverTiming()).toContain("refresh;dur=7");
  });

  test("counts what throws at once, too", async () => {
    const { trace } = createTrace();
    const thrown = new Error("thrown");
    const work = (): Promise<never> => {
      throw thrown;
    };
    expect(await failureOf(trace.time("hydrate", work))).toBe(thrown);
  });

  test("is a valid header (W3C Server Timing)", () => {
    const headers = new Headers({ "Server-Timing": createTrace().trace.serverTiming() });
    expect(headers.get("Server-Timing")).toMatch(/^\w+;dur=\d+(, \w+;dur=\d+)*$/);
  });
});

describe("a trace", () => {
  test("has an ID of its own and begins at nothing spent", () => {
    const { trace } = createTrace();
    expect(trace.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(trace.requestId).not.toBe(createTrace().trace.requestId);
    expect([trace.upstreamCalls, trace.quotaUnits]).toEqual([0, 0]);
  });
});
