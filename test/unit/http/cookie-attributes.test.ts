/** Each cookie that we write, read and remove: its name, attributes and lifetime, over HTTP and HTTPS. */
import { describe, expect, test } from "vitest";
import {
  clearSessionCookie,
  clearTransactionCookie,
  readSessionCookie,
  readTransactionCookie,
  takeNotice,
  writeNotice,
  writeSessionCookie,
  writeTransactionCookie,
} from "../../../src/http/cookies.ts";
import type { AppContext } from "../../../src/http/types.ts";
import { answerOf } from "./fixtures.ts";

const HTTP = "http://mail.localhost/";
const HTTPS = "https://mail.localhost/";
const STATE = "0123456789abcdef-the-rest-of-the-state";
const ID = "0123456789abcdef";

/** The Set-Cookie lines of a request that does this. */
async function linesOf(act: (c: AppContext) => void, url: string, cookie = ""): Promise<string[]> {
  const { response, error } = await answerOf(act, { url, headers: { cookie } });
  expect(error).toBeNull();
  return response.headers.getSetCookie();
}

/** What a request with these cookies reads. */
async function read(act: (c: AppContext) => string | null, cookie: string, url = HTTP): Promise<string | null> {
  let value: string | null = null;
  const { error } = await answerOf((c) => (value = act(c)), { url, headers: { cookie } });
  expect(error).toBeNull();
  return value;
}

/** Cookies of so many sign-ins under way, the oldest first, and another one. */
function cookiesOf(count: number, prefix: string): string {
  return ["other=x", ...Array.from({ length: count }, (_, index) => `${prefix}gmail_edge_tx_${index}=x`)].join("; ");
}

test.each<[string, (c: AppContext) => void, string, number]>([
  ["a session", (c) => writeSessionCookie(c, "sealed", 3600), "gmail_edge_session=sealed", 3600],
  ["a session of more than 30 days", (c) => writeSessionCookie(c, "s", 2_592_001), "gmail_edge_session=s", 2_592_000],
  ["a transaction", (c) => writeTransactionCookie(c, STATE, "sealed"), `gmail_edge_tx_${ID}=sealed`, 600],
  ["a notice", (c) => writeNotice(c, "revocation-unconfirmed"), "gmail_edge_notice=revocation-unconfirmed", 60],
  ["no session any more", clearSessionCookie, "gmail_edge_session=", 0],
  ["no transaction any more", (c) => clearTransactionCookie(c, STATE), `gmail_edge_tx_${ID}=`, 0],
])("%s: HttpOnly, SameSite=Lax; on HTTPS Secure and pinned to the host", async (_, act, pair, maxAge) => {
  const attributes = `Max-Age=${maxAge}; Path=/; HttpOnly`;
  expect(await linesOf(act, HTTP)).toEqual([`${pair}; ${attributes}; SameSite=Lax`]);
  expect(await linesOf(act, HTTPS)).toEqual([`__Host-${pair}; ${attributes}; Secure; SameSite=Lax`]);
});

describe("reading", () => {
  test("gives the value by its name, and null where there is none", async () => {
    expect(await read(readSessionCookie, "a=b; gmail_edge_session=sealed")).toBe("sealed");
    expect(await read(readSessionCookie, "a=b; session=sealed")).toBeNull();
    expect(await read((c) => readTransactionCookie(c, STATE), `gmail_edge_tx_${ID}=sealed`)).toBe("sealed");
    expect(await read((c) => readTransactionCookie(c, STATE), "gmail_edge_tx_0123456789abcdeX=sealed")).toBeNull();
  });

  test("on HTTPS takes no cookie without the prefix, which a neighbouring host could have set", async () => {
    expect(await read(readSessionCookie, "gmail_edge_session=theirs; __Host-gmail_edge_session=ours", HTTPS)).toBe(
      "ours",
    );
    expect(await read(readSessionCookie, "gmail_edge_session=theirs", HTTPS)).toBeNull();
  });
});

describe("a notice", () => {
  test("is shown once, in words of ours", async () => {
    const cookie = "gmail_edge_notice=revocation-unconfirmed";
    expect(await read(takeNotice, cookie)).toBe(
      "We deleted everything stored here, but could not reach Google to end the access. Please end it yourself at " +
        "myaccount.google.com/permissions.",
    );
    expect(await linesOf(takeNotice, HTTP, cookie)).toEqual([
      "gmail_edge_notice=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    ]);
  });

  test("that is none of ours is not shown, and removed", async () => {
    for (const name of ["hello", "constructor", ""]) {
      expect(await read(takeNotice, `gmail_edge_notice=${name}`)).toBeNull();
      expect(await linesOf(takeNotice, HTTP, `gmail_edge_notice=${name}`)).toHaveLength(1);
    }
  });

  test("that is not there is not removed", async () => {
    expect(await read(takeNotice, "a=b")).toBeNull();
    expect(await linesOf(takeNotice, HTTP, "a=b")).toEqual([]);
  });
});

describe("sign-ins under way", () => {
  test.each([
    [0, 0],
    [4, 0],
    [5, 1],
    [8, 4],
  ])("%d before this one: the %d oldest give way", async (count, surplus) => {
    for (const [url, prefix, flags] of [
      [HTTP, "", "HttpOnly"],
      [HTTPS, "__Host-", "HttpOnly; Secure"],
    ] as const) {
      const lines = await linesOf((c) => writeTransactionCookie(c, STATE, "sealed"), url, cookiesOf(count, prefix));
      const oldest = Array.from({ length: surplus }, (_, index) => `${prefix}gmail_edge_tx_${index}`);
      expect(lines.slice(0, -1)).toEqual(oldest.map((name) => `${name}=; Max-Age=0; Path=/; ${flags}; SameSite=Lax`));
      expect(lines.at(-1)).toContain(`${prefix}gmail_edge_tx_${ID}=sealed; Max-Age=600;`);
    }
  });
});
