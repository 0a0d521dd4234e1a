/** Batches that smuggle: a header, a call, or work beyond measure. Google sees only what was checked here. */
import { describe, expect } from "../support/contract.ts";
import { BATCH_TYPE, batchOf } from "./routes.ts";
import { INVALID, test, type Victim } from "./victim.ts";

const OWN = "/gmail/v1/users/me/profile";

/** A batch that must be refused as a whole. */
const REFUSED: readonly [title: string, body: string, type?: string][] = [
  ["no part", "--b--\r\n"],
  ["empty", ""],
  ["101 parts", `${batchOf(OWN).replace("--b--\r\n", "").repeat(101)}--b--\r\n`],
  ["a part that is no HTTP message", batchOf(OWN).replace("application/http", "text/plain")],
  ["a part without a type", batchOf(OWN).replace("Content-Type: application/http\r\n", "")],
  ["an absolute URL", batchOf("https://evil.test/gmail/v1/users/me/profile")],
  ["a host without a scheme", batchOf("evil.test/gmail/v1/users/me/profile")],
  ["a method in lower case", batchOf(OWN, "get")],
  ["CONNECT", batchOf(OWN, "CONNECT")],
  ["TRACE", batchOf(OWN, "TRACE")],
  ["no method", batchOf(OWN, "")],
  ["a second request line after a lone CR", batchOf(`${OWN}\rDELETE /gmail/v1/users/me/messages/1`)],
  ["a tab in the path", batchOf(`${OWN}\t/../x`)],
  ["a space in the path", batchOf(`${OWN} x`)],
  ["a path that is not ASCII", batchOf("/gmail/v1/users/me/mé")],
  ["a URL of another server", batchOf(`https://evil.test${OWN}`)],
  ["a URL of Google's", batchOf(`https://gmail.googleapis.com${OWN}`)],
  ["a URL with a user", batchOf(`https://me@gmail.googleapis.com${OWN}`)],
  ["a URL with an empty host", batchOf(`http://${OWN}`)],
  ["a URL with a host that ends in ours", batchOf(`https://evil-mail.localhost${OWN}`)],
  ["a URL with dot segments", batchOf(`http://mail.localhost/gmail/v1/users/me/../you/messages`)],
  ["an override to DELETE", batchOf(OWN).replace("1.1\r\n", "1.1\r\nX-HTTP-Method-Override: DELETE\r\n")],
  ["an override by another name", batchOf(OWN).replace("1.1\r\n", "1.1\r\nX-HTTP-Method: DELETE\r\n")],
  ["chunks", batchOf(OWN).replace("1.1\r\n", "1.1\r\nTransfer-Encoding: chunked\r\n")],
  ["a body that is gzip", batchOf(OWN).replace("1.1\r\n", "1.1\r\nContent-Encoding: gzip\r\n")],
  ["a nested batch", batchOf("/batch/gmail/v1", "POST")],
  ["a line break in a Content-ID", batchOf(OWN).replace("<1>", "<1>\rX-Evil: 1")],
  ["a line break of Unicode in a Content-ID", batchOf(OWN).replace("<1>", "<1>\u2028X-Evil: 1")],
  ["a control character in a Content-ID", batchOf(OWN).replace("<1>", "<1>\u0000")],
  ["a header that is none", batchOf(OWN, "GET", "X Evil: 1\r\n")],
  ["a script for an answer", batchOf(`${OWN}?callback=alert`)],
  ["another type for an answer", batchOf(`${OWN}?alt=media`)],
  ["another type beside the right one", batchOf(`${OWN}?alt=json&%61lt=media`)],
  ["another method in the query", batchOf(`${OWN}?$httpMethod=DELETE`)],
  ["headers in the query", batchOf(`${OWN}?%24httpHeaders=X-Evil%3A%201`)],
  ["an access token in the query", batchOf(`${OWN}?access_token=ya29.other`)],
  ["an API key in the query", batchOf(`${OWN}?key=AIza`)],
  ["a parameter without a name", batchOf(`${OWN}?=x`)],
  ["a parameter behind a semicolon", batchOf(`${OWN}?fields;alt=media`)],
  ["a query that is no UTF-8", batchOf(`${OWN}?fields=%ff`)],
  ["a good part and one with a bad parameter", batchOf(OWN).replace("--b--\r\n", "") + batchOf(`${OWN}?callback=f`)],
  ["101 header lines", batchOf(OWN, "GET", "A: b\r\n".repeat(101))],
  ["8 MB of header lines", batchOf(OWN, "GET", "A:b\r\n".repeat(1_600_000))],
  ["8 MB of one header line", batchOf(OWN, "GET", `A: ${"b".repeat(8_000_000)}\r\n`)],
  ["8 MB of delimiter lines", `${"--b\r\n".repeat(1_600_000)}--b--`],
  ["8 MB of empty lines for a part", `--b\r\n${"\r\n".repeat(4_000_000)}--b--`],
  ["8 MB of a request line", batchOf(`/gmail/v1/users/me/${"a".repeat(8_000_000)}`)],
  [
    "a boundary of 71 characters",
    batchOf(OWN).replaceAll("--b", `--${"b".repeat(71)}`),
    `multipart/mixed; boundary=${"b".repeat(71)}`,
  ],
  ["no closing delimiter", batchOf(OWN).replace("--b--", "--b")],
  ["no boundary", batchOf(OWN), "multipart/mixed"],
  ["multipart/form-data", batchOf(OWN), "multipart/form-data; boundary=b"],
  ["JSON", "{}", "application/json"],
  ["no type", batchOf(OWN), ""],
];

describe("a batch is refused as a whole, and Google gets no call:", () => {
  test.for(REFUSED)("%s", async ([title, body, type = BATCH_TYPE], { victim }) => {
    const scene = await victim();
    await scene.refused(batch(scene, body, type), INVALID, title);
    expect(await scene.google.count()).toBe(0);
  });
});

describe("of a part, Google sees", () => {
  test("no Authorization, Cookie, Host or project of its own", async ({ victim }) => {
    const inner = [
      "Authorization: Bearer stolen",
      "Cookie: a=b",
      "Host: evil.test",
      "X-HTTP-Method-Override: GET",
      "X-Goog-User-Project: other",
      "X-Forwarded-For: 1.2.3.4",
      "Content-Length: 5",
      "Accept: application/json",
    ].join("\r\n");
    const body = batchOf(OWN).replace("HTTP/1.1\r\n", `HTTP/1.1\r\n${inner}\r\n`);
    const sent = await sentToGoogle(victim, body);
    expect(sent).toContain("Accept: application/json");
    expect(sent).not.toMatch(/stolen|Cookie|Host:|Override|X-|Content-Length|Transfer-Encoding/i);
  });

  test("of its outer headers, the Content-ID only", async ({ victim }) => {
    const sent = await sentToGoogle(victim, batchOf(OWN, "GET", "Authorization: Bearer stolen\r\nX-Evil: 1\r\n"));
    expect(sent).toContain("Content-ID: <1>");
    expect(sent).not.toMatch(/stolen|X-Evil/);
  });

  test("a body that looks like a further part is still that body", async ({ victim }) => {
    const inside = `--c\r\nContent-Type: application/http\r\n\r\nDELETE ${OWN} HTTP/1.1\r\n\r\n\r\n--c--`;
    const body = batchOf(`${OWN}?fields=x`).replace("HTTP/1.1\r\n\r\n", `HTTP/1.1\r\n\r\n${inside}`);
    const sent = await sentToGoogle(victim, body);
    const [delimiter = ""] = sent.split("\r\n");
    // The delimiter of the one part, and the closing one.
    expect(sent.split(delimiter)).toHaveLength(3);
    expect(sent).toContain(`\r\nGET ${OWN}?fields=x HTTP/1.1\r\n\r\n--c\r\n`);
  });

  test("a boundary that no client chose", async ({ victim }) => {
    const sent = await sentToGoogle(victim, batchOf(OWN));
    expect(sent).toMatch(/^--batch_[\da-f-]{36}\r\n/);
  });
});

describe("a batch of the greatest size is read in bearable time:", () => {
  const spaces = " ".repeat(1_000_000);
  const slow: [title: string, body: string][] = [
    ["spaces in the middle of a header", batchOf(OWN, "GET", `X: a${spaces}b\r\n`)],
    ["spaces after delimiters", `--b${spaces}x\r\n`.repeat(5) + batchOf(OWN)],
    ["line breaks without end", batchOf(OWN).replace("\r\n\r\n", "\r\n".repeat(500_000))],
    ["a million delimiters", "--b\r\n".repeat(1_000_000) + batchOf(OWN)],
    ["a million headers", batchOf(OWN, "GET", "A:b\r\n".repeat(500_000))],
  ];
  test.for(slow)("%s", async ([, body], { victim }) => {
    const scene = await victim({ mayCallGoogle: true });
    const startMs = performance.now();
    const response = await scene.stage.send(batch(scene, body, BATCH_TYPE));
    expect([200, 400]).toContain(response.status);
    // Quadratic time would take hours.
    expect(performance.now() - startMs).toBeLessThan(8_000);
  });
});

function batch({ apiToken }: Victim, body: string, type: string) {
  const headers = { authorization: `Bearer ${apiToken}`, "content-type": type };
  return { method: "POST", path: "/batch/gmail/v1", headers, body };
}

/** The one batch that came out of it, as Google got it. */
async function sentToGoogle(
  victim: (options: { mayCallGoogle: boolean }) => Promise<Victim>,
  body: string,
): Promise<string> {
  const scene = await victim({ mayCallGoogle: true });
  const response = await scene.stage.send(batch(scene, body, BATCH_TYPE));
  expect(response.status, await response.clone().text()).toBe(200);
  const [call] = await scene.google.calls("batch");
  if (call === undefined) throw new Error("no batch came");
  return call.body;
}
