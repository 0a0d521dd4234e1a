/** Gmail's labels and how much is unread under each. */
import { describe, expect, test } from "vitest";
import { appErrorOf, json, type World } from "../fixtures.ts";
import { answerBatch } from "./fixtures-batch.ts";
import { createGmail } from "./fixtures.ts";

function count(id: string, messagesUnread: number) {
  return { id, messagesUnread };
}

function pathsOf(world: World): string[] {
  return world.calls.map(({ method, url }) => `${method} ${url.pathname}`);
}

const SHOWN = { inList: "always", onMessages: true, color: null };

describe("the labels", () => {
  test("are read with one call, and told apart into Gmail's and the user's own", async () => {
    const { gmail, world } = createGmail(
      json({
        labels: [
          { id: "INBOX", name: "INBOX", type: "system" },
          { id: "Label_1", name: "Reisen & Ausflüge", type: "user" },
          { id: "Label_2", name: "of no type" },
          {
            id: "Label_3",
            name: "quiet",
            type: "user",
            labelListVisibility: "labelShowIfUnread",
            messageListVisibility: "hide",
            color: { textColor: "#ffffff", backgroundColor: "#FB4C2F" },
          },
          {
            id: "Label_4",
            name: "hidden",
            type: "user",
            labelListVisibility: "labelHide",
            color: { backgroundColor: "red" },
          },
        ],
      }),
    );
    expect(await gmail.listLabels()).toEqual([
      { id: "INBOX", name: "INBOX", isOwn: false, ...SHOWN },
      { id: "Label_1", name: "Reisen & Ausflüge", isOwn: true, ...SHOWN },
      { id: "Label_2", name: "of no type", isOwn: false, ...SHOWN },
      { id: "Label_3", name: "quiet", isOwn: true, inList: "ifUnread", onMessages: false, color: "#fb4c2f" },
      { id: "Label_4", name: "hidden", isOwn: true, inList: "never", onMessages: true, color: null },
    ]);
    expect(pathsOf(world)).toEqual(["GET /gmail/v1/users/me/labels"]);
    expect(world.trace.quotaUnits).toBe(1);
  });

  test("may be none", async () => {
    expect(await createGmail(json({})).gmail.listLabels()).toEqual([]);
  });

  test("fail as any call to Gmail does", async () => {
    const refused = createGmail(json({ error: { code: 400, message: "No, never." } }, { status: 400 }));
    expect((await appErrorOf(refused.gmail.listLabels())).reason).toBe("FAILED_PRECONDITION");
    const odd = createGmail(json({ labels: [{ id: 1 }] }));
    expect((await appErrorOf(odd.gmail.listLabels())).reason).toBe("UPSTREAM_UNAVAILABLE");
  });
});

describe("what is unread", () => {
  test("is read in one batch, each label for a unit, with IDs that cannot leave their place in the path", async () => {
    const { gmail, world } = createGmail((call) => answerBatch(call, (id) => Response.json(count(id, 3))));
    const ids = ["INBOX", "Label_1", "../messages/x?y#z"];
    expect(await gmail.countUnread(ids)).toEqual(new Map(ids.map((id) => [id, 3])));
    expect(pathsOf(world)).toEqual(["POST /batch/gmail/v1"]);
    expect(world.calls[0]?.body).toContain("/labels/..%2Fmessages%2Fx%3Fy%23z?fields=id,messagesUnread");
    expect(world.trace.quotaUnits).toBe(3);
  });

  test("is missing where a label could not be read, and known for the others", async () => {
    const { gmail } = createGmail((call) =>
      answerBatch(call, (id) =>
        id === "INBOX" ? Response.json({ error: {} }, { status: 404 }) : Response.json(count(id, 0)),
      ),
    );
    expect(await gmail.countUnread(["INBOX", "Label_1"])).toEqual(new Map([["Label_1", 0]]));
  });

  test("of no label is asked of nobody", async () => {
    const { gmail, world } = createGmail(json({}));
    expect(await gmail.countUnread([])).toEqual(new Map());
    expect(world.calls).toEqual([]);
  });

  test("is counted for as many labels as a batch takes", async () => {
    const { gmail, world } = createGmail((call) => answerBatch(call, () => Response.json({})));
    await gmail.countUnread(Array.from({ length: 101 }, (_, index) => `Label_${index}`));
    expect(world.calls[0]?.body.match(/^GET /gm)).toHaveLength(100);
  });

  test("is unknown where the answer is no batch", async () => {
    expect(await createGmail(json({})).gmail.countUnread(["INBOX"])).toEqual(new Map());
  });

  test("fails as any call to Gmail does", async () => {
    const { gmail } = createGmail(json({ error: { code: 400, message: "No, never." } }, { status: 400 }));
    expect((await appErrorOf(gmail.countUnread(["INBOX"]))).reason).toBe("FAILED_PRECONDITION");
  });
});
