/** Bringing kept rows up to date: how many calls there are at once, who shares them, and when all is forgotten. */
import { describe, expect, test } from "vitest";
import { AppError } from "../../../../src/errors.ts";
import type { HistoryPage, MessageChange } from "../../../../src/gmail/history.ts";
import { Database } from "../../../../src/object/database.ts";
import { type HistoryReader, RowHistory } from "../../../../src/object/rows/history.ts";
import { KeptRows } from "../../../../src/object/rows/kept-rows.ts";
import { failureOf } from "../../fixtures.ts";
import { inObject } from "../fixtures.ts";
import { change } from "./fixtures-history.ts";

/** A call that the test answers. */
interface Pending {
  /** `profile`, or the position and the page that are asked for. */
  readonly call: string;
  readonly answer: (page: Partial<HistoryPage>) => void;
  readonly fail: (error: Error) => void;
}

interface Setup {
  readonly kept: KeptRows;
  readonly sync: () => Promise<void>;
  /** All calls so far. */
  readonly calls: Pending[];
  readonly changes: MessageChange[];
  readonly resets: () => number;
}

async function withHistory(position: string | null, work: (setup: Setup) => Promise<void>): Promise<void> {
  await inObject(async ({ clock, storage }) => {
    const kept = new KeptRows(new Database(storage), () => clock.nowMs);
    if (position !== null) kept.begin(position);
    const changes: MessageChange[] = [];
    let resets = 0;
    const history = new RowHistory({
      kept,
      onChanges: (more) => void changes.push(...more),
      onReset: () => {
        resets += 1;
        history.forget();
        kept.clear();
      },
    });
    const calls: Pending[] = [];
    const pending = async <T>(call: string, toAnswer: (page: Partial<HistoryPage>) => T): Promise<T> => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      calls.push({ call, answer: (page) => resolve(toAnswer(page)), fail: reject });
      return promise;
    };
    const reader: HistoryReader = {
      getProfile: () => pending("profile", ({ historyId }) => ({ emailAddress: "ann@example.test", historyId })),
      listHistory: (since, page) =>
        pending(`${since} ${page}`, (some) => ({ changes: [], historyId: since, nextPageToken: null, ...some })),
    };
    await work({ kept, calls, changes, resets: () => resets, sync: () => history.sync(reader) });
  });
}

/** Lets everything go on that waits for nothing else. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

const namesOf = (calls: readonly Pending[]): string[] => calls.map(({ call }) => call);
const FORGOTTEN = new AppError("NOT_FOUND", "Gmail has forgotten it.");

describe("the first time", () => {
  test("history begins where it is now, and later is asked from there", async () => {
    await withHistory(null, async ({ calls, changes, kept, sync }) => {
      const first = sync();
      calls[0]?.answer({ historyId: "10" });
      await first;
      expect(kept.position).toBe("10");
      const second = sync();
      calls[1]?.answer({ historyId: "12", changes: [change("11")] });
      await second;
      expect([namesOf(calls), changes, kept.position]).toEqual([["profile", "10 null"], [change("11")], "12"]);
    });
  });

  test("the position that came first counts: rows may be kept since", async () => {
    await withHistory(null, async ({ calls, kept, sync }) => {
      const both = [sync(), sync()];
      calls[1]?.answer({ historyId: "10" });
      await both[1];
      calls[0]?.answer({ historyId: "15" });
      await both[0];
      expect([kept.position, calls.length]).toEqual(["10", 2]);
    });
  });

  test("nothing begins where Gmail does not say", async () => {
    await withHistory(null, async ({ calls, kept, sync }) => {
      const first = sync();
      calls[0]?.answer({});
      await first;
      expect(kept.position).toBeNull();
    });
  });
});

describe("many at once", () => {
  test("make two calls at most, and the others share the next one", async () => {
    await withHistory("10", async ({ calls, sync }) => {
      let done = 0;
      const all = Array.from({ length: 10 }, async () => {
        await sync();
        done += 1;
      });
      await turn();
      expect(calls).toHaveLength(2);
      calls[1]?.answer({ historyId: "11" });
      await turn();
      expect([namesOf(calls), done]).toEqual([["10 null", "10 null", "11 null"], 1]);
      const late = [sync(), sync()];
      calls[2]?.answer({ historyId: "12" });
      await turn();
      expect([namesOf(calls).slice(3), done]).toEqual([["12 null"], 9]);
      calls[0]?.answer({ historyId: "10" });
      calls[3]?.answer({ historyId: "12" });
      await Promise.all([...all, ...late]);
      expect([calls.length, done]).toEqual([4, 10]);
    });
  });

  test("a call that fails fails for those who share it, and the next one is another", async () => {
    await withHistory("10", async ({ calls, kept, resets, sync }) => {
      const [first, second, third] = [sync(), sync(), sync()].map(failureOrNull);
      await turn();
      calls[0]?.fail(new AppError("UPSTREAM_UNAVAILABLE", "Gmail is down."));
      await turn();
      calls[2]?.fail(new AppError("RATE_LIMITED", "Too fast."));
      calls[1]?.answer({ historyId: "11" });
      expect(await Promise.all([first, second, third])).toEqual(["UPSTREAM_UNAVAILABLE", null, "RATE_LIMITED"]);
      const again = sync();
      calls[3]?.answer({ historyId: "12" });
      await again;
      expect([kept.position, resets()]).toEqual(["12", 0]);
    });
  });
});

async function failureOrNull(work: Promise<unknown>): Promise<string | null> {
  return work.then(
    () => null,
    (error: unknown) => (error instanceof AppError ? error.reason : String(error)),
  );
}

describe("over several pages", () => {
  test("all changes are heard, in order, and the position is that of the first page", async () => {
    await withHistory("10", async ({ calls, changes, kept, sync }) => {
      const syncing = sync();
      calls[0]?.answer({ changes: [change("11")], historyId: "20", nextPageToken: "p2" });
      await turn();
      calls[1]?.answer({ changes: [change("12")], historyId: "30", nextPageToken: "p3" });
      await turn();
      expect([changes, kept.position], "half of it is nothing").toEqual([[], "10"]);
      calls[2]?.answer({ changes: [change("13")], historyId: "40" });
      await syncing;
      expect(namesOf(calls)).toEqual(["10 null", "10 p2", "10 p3"]);
      expect(changes.map(({ historyId }) => historyId)).toEqual(["11", "12", "13"]);
      expect(kept.position).toBe("20");
    });
  });

  test("more than twenty of them are too many: all is forgotten, and read anew", async () => {
    await withHistory("10", async ({ calls, changes, kept, resets, sync }) => {
      const syncing = sync();
      for (let page = 0; page < 20; page += 1) {
        calls[page]?.answer({ changes: [change("11")], historyId: "20", nextPageToken: `p${page}` });
        await turn();
      }
      expect(namesOf(calls).slice(20)).toEqual(["profile"]);
      calls[20]?.answer({ historyId: "50" });
      await syncing;
      expect([kept.position, changes, resets()]).toEqual(["50", [], 1]);
    });
  });

  test("one that fails is no change", async () => {
    await withHistory("10", async ({ calls, changes, kept, sync }) => {
      const failing = failureOf(sync());
      calls[0]?.answer({ changes: [change("11")], historyId: "20", nextPageToken: "p2" });
      await turn();
      calls[1]?.fail(new AppError("UPSTREAM_UNAVAILABLE", "Gmail is down."));
      expect(await failing).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
      expect([changes, kept.position]).toEqual([[], "10"]);
    });
  });
});

describe("history that Gmail has forgotten", () => {
  test("is forgotten here, once, and begins anew", async () => {
    await withHistory("10", async ({ calls, kept, resets, sync }) => {
      const both = [sync(), sync()];
      calls[0]?.fail(FORGOTTEN);
      await turn();
      expect([namesOf(calls).slice(2), resets(), kept.position]).toEqual([["profile"], 1, null]);
      calls[2]?.answer({ historyId: "50" });
      await both[0];
      expect(kept.position).toBe("50");
      // Asked before, answered late: what is kept since is none of its business.
      calls[1]?.fail(FORGOTTEN);
      await both[1];
      expect([resets(), kept.position, calls.length]).toEqual([1, "50", 3]);
    });
  });

  test("does not take what an older call tells", async () => {
    await withHistory("10", async ({ calls, changes, kept, sync }) => {
      const both = [sync(), sync()];
      calls[0]?.fail(FORGOTTEN);
      await turn();
      calls[1]?.answer({ changes: [change("11")], historyId: "12" });
      await both[1];
      calls[2]?.answer({ historyId: "50" });
      await both[0];
      expect([changes, kept.position]).toEqual([[], "50"]);
    });
  });

  test.each(["9", "1"])("or whose ID goes back to %s, is another mailbox's", async (historyId) => {
    await withHistory("10", async ({ calls, kept, resets, sync }) => {
      const syncing = sync();
      calls[0]?.answer({ changes: [change("11")], historyId });
      await turn();
      calls[1]?.answer({ historyId });
      await syncing;
      expect([resets(), kept.position]).toEqual([1, historyId]);
    });
  });
});
