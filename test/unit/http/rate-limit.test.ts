/** Which addresses count as one network. */
import { expect, test } from "vitest";
import { networkOf } from "../../../src/http/rate-limit.ts";

test.each([
  ["203.0.113.9", "203.0.113.9"],
  ["::ffff:203.0.113.9", "203.0.113.9"],
  ["::FFFF:203.0.113.9", "203.0.113.9"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8:1:2::", "2001:db8:1:2"],
  ["2001:db8:1:2::6", "2001:db8:1:2"],
  ["2001:db8::6", "2001:db8:0:0"],
  ["2001:db8::4:5:6:7:8", "2001:db8:0:4"],
  ["2001::2:3:4:5:6:7", "2001:0:2:3"],
  ["::1", "0:0:0:0"],
  ["::", "0:0:0:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4"],
  ["1::", "1:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
])("%s belongs to the network %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

test("addresses of one /64 are one network, however they are written, and of two /64 are not", () => {
  const one = ["2001:db8:0:7::1", "2001:db8:0:7:0:0:0:2", "2001:db8:0:7:ffff:ffff:ffff:ffff", "2001:db8::7:1:2:3:4"];
  expect(new Set(one.map(networkOf)).size).toBe(1);
  expect(networkOf("2001:db8:0:8::1")).not.toBe(networkOf("2001:db8:0:7::1"));
  expect(networkOf("::ffff:203.0.113.9")).not.toBe(networkOf("::ffff:203.0.113.10"));
});
