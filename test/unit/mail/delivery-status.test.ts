/** Reports on mail that was sent (RFC 3464, RFC 8098). */
import { expect, test } from "vitest";
import { readDeliveryStatus } from "../../../src/mail/delivery-status.ts";

test.each<[string, string, ReturnType<typeof readDeliveryStatus>]>([
  [
    "a failure",
    "Reporting-MTA: dns; mx.x.test\r\nArrival-Date: now\r\n\r\nFinal-Recipient: rfc822; ann@x.test\r\nAction: Failed\r\nStatus: 5.1.1\r\n" +
      "Remote-MTA: dns; mx.y.test\r\nDiagnostic-Code: smtp; 550 5.1.1 No such\r\n user\r\n",
    [{ recipient: "ann@x.test", action: "failed", reason: "550 5.1.1 No such user, says mx.y.test" }],
  ],
  [
    "several recipients",
    "Reporting-MTA: dns; m\n\nFinal-Recipient: rfc822;a@x.test\nAction: failed\nStatus: 5.0.0\n\n\nFinal-Recipient: rfc822;b@x.test\nAction: delayed\nStatus: 4.2.2 (mailbox full)\n",
    [
      { recipient: "a@x.test", action: "failed", reason: "5.0.0" },
      { recipient: "b@x.test", action: "delayed", reason: "4.2.2 (mailbox full)" },
    ],
  ],
  [
    "another address than the one that was written to",
    "Original-Recipient: rfc822; list@x.test\nFinal-Recipient: rfc822; ann@y.test\nAction: delivered\nStatus: 2.0.0",
    [{ recipient: "list@x.test (ann@y.test)", action: "delivered", reason: "2.0.0" }],
  ],
  [
    "a code that the words do not say",
    "Final-Recipient: rfc822; a@x.test\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; blocked",
    [{ recipient: "a@x.test", action: "failed", reason: "blocked (5.7.1)" }],
  ],
  [
    "that a message was read",
    "Reporting-UA: x\nFinal-Recipient: rfc822;a@x.test\nOriginal-Message-ID: <m>\nDisposition: manual-action/MDN-sent-manually; displayed\n",
    [{ recipient: "a@x.test", action: "displayed", reason: null }],
  ],
  ...[
    "Final-Recipient: rfc822;a@x.test\nAction: failed\nFinal-Recipient: rfc822;b@x.test\nAction: delayed\n",
    "Reporting-MTA: dns; m\r\nfinal-recipient: rfc822;a@x.test\r\nAction: failed\r\nFINAL-RECIPIENT : rfc822;b@x.test\r\nAction: delayed",
    "Original-Recipient: rfc822;a@x.test\nFinal-Recipient: rfc822;a@x.test\nAction: failed\n" +
      "Original-Recipient: rfc822;b@x.test\nFinal-Recipient: rfc822;b@x.test\nAction: delayed",
  ].map((text): [string, string, ReturnType<typeof readDeliveryStatus>] => [
    "several recipients without a blank line between them",
    text,
    [
      { recipient: "a@x.test", action: "failed", reason: null },
      { recipient: "b@x.test", action: "delayed", reason: null },
    ],
  ]),
  ["nothing", "hello", []],
])("a report says %s", (_, text, expected) => {
  expect(readDeliveryStatus(text)).toEqual(expected);
});

test("any line end ends a field, and a megabyte of them takes seconds at most", () => {
  expect(readDeliveryStatus("Final-Recipient: rfc822; a@x.test\rAction: failed\rStatus : 5.0.0\r\rx")).toEqual([
    { recipient: "a@x.test", action: "failed", reason: "5.0.0" },
  ]);
  const spaces = " ".repeat(400_000);
  expect(readDeliveryStatus(`Action:${spaces}y\rz`)).toEqual([{ recipient: null, action: "y", reason: null }]);
  expect(readDeliveryStatus(`Action:${spaces}y\u2028z`)).toEqual([{ recipient: null, action: "y z", reason: null }]);
  expect(readDeliveryStatus(`x: =?zz?q?a?=\n`.repeat(70_000))).toEqual([]);
  expect(readDeliveryStatus("Action: failed\n\n".repeat(40_000))).toHaveLength(100);
});
