/** The operator's door: what opens it, and what does not. */
import { expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { type Binding, KeyRing } from "../../../src/lib/key-ring.ts";
import { operatorOnly } from "../../../src/routes/operator.ts";
import { KEY_A, KEY_B, START_MS } from "../fixtures.ts";
import { type Answer, answerOf } from "../http/fixtures.ts";

const OPERATOR: Binding = { purpose: "operator", owner: "http://mail.localhost" };
const ring = new KeyRing([KEY_A]);

/** A request to what only the operator may do. @returns whether that was done, too */
async function knock(authorization: string | null): Promise<Answer & { isDone: boolean }> {
  let isDone = false;
  const next = async (): Promise<void> => {
    isDone = true;
  };
  const headers: Record<string, string> = authorization === null ? {} : { authorization };
  return { ...(await answerOf((c) => operatorOnly(c, next), { headers })), isDone };
}

test.each(["Bearer", "bearer", "BEARER"])(
  "%s with a value sealed for the operator of this origin opens",
  async (scheme) => {
    const sealed = await ring.seal(OPERATOR, null, START_MS + 60_000);
    expect(await knock(`${scheme} ${sealed}`)).toMatchObject({ isDone: true, error: null });
  },
);

test.each<[string, Partial<Binding>, number, KeyRing]>([
  ["for another purpose", { purpose: "session" }, 60_000, ring],
  ["for another origin", { owner: "https://mail.localhost" }, 60_000, ring],
  ["that has expired", {}, 0, ring],
  ["under another key", {}, 60_000, new KeyRing([KEY_B])],
])("a sealed value %s: 403 PERMISSION_DENIED", async (_, changes, lifetimeMs, keys) => {
  const sealed = await keys.seal({ ...OPERATOR, ...changes }, null, START_MS + lifetimeMs);
  const { error, isDone } = await knock(`Bearer ${sealed}`);
  expect(error).toMatchObject({ reason: "PERMISSION_DENIED", code: 403, cause: { name: "SealError" } });
  expect(isDone).toBe(false);
});

test.each([null, "Bearer", "Bearer ", "Bearer x", "Basic b3BlcmF0b3I6", "x"])(
  "%j: 403 PERMISSION_DENIED",
  async (header) => {
    const { error, isDone } = await knock(header);
    if (!(error instanceof AppError)) throw new Error("It failed with something else", { cause: error });
    expect([error.reason, error.message]).toEqual([
      "PERMISSION_DENIED",
      "This is for the operator: see docs/operations.md.",
    ]);
    expect(isDone).toBe(false);
  },
);
