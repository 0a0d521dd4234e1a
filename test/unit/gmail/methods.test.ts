/** What is known of Gmail's methods, against what Google's own client says of them. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AppError } from "../../../src/errors.ts";
import { accessForCall, checkQuery, PASSED_PARAMETERS, writingScopes } from "../../../src/gmail/methods.ts";
// oxlint-disable-next-line import/default -- a file as text, whatever it exports
import clientTypes from "../../../node_modules/@googleapis/gmail/build/v1.d.ts?raw";
import clientCode from "../../../node_modules/@googleapis/gmail/build/v1.js?raw";

/** The parts of a path and of a request's body, which the client's types list among the parameters. */
const NO_QUERY =
  /^(userId|id|messageId|requestBody|media|mimeType|body|\w+Email|emailAddress|cseEmailAddress|keyPairId)$/;
/** Scopes of add-ons, which work nowhere else. */
const OF_ADD_ONS = /gmail\.addons\./;

/** Method name, such as `users.messages.send` → the scopes of which Google's documentation wants one. */
const SCOPES = new Map(
  [...clientTypes.matchAll(/scopes: \[([^\]]*)\][\s\S]*?await gmail\.([\w.]+)\(/g)].map(([, list = "", name = ""]) => [
    name,
    [...list.matchAll(/'([^']+)'/g)].map(([, scope = ""]) => scope).filter((scope) => !OF_ADD_ONS.test(scope)),
  ]),
);

/** The calls of the client, in the order of its code: its own name, HTTP method, and path below the mailbox. */
const CALLS: [name: string, method: string, path: string][] = [];
let resource = "";
let call = "";
for (const [, ofClass, ofMethod, path, method] of clientCode.matchAll(
  /class Resource(\$[\w$]+) \{|^ +(\w+)\(paramsOrCallback|'\/gmail\/v1\/users\/\{userId\}\/([^']+)'\)[\s\S]*?method: '(\w+)'/gm,
)) {
  resource = ofClass?.slice(1).replaceAll("$", ".") ?? resource;
  call = ofMethod ?? call;
  if (path !== undefined && method !== undefined) CALLS.push([`${resource}.${call}`.toLowerCase(), method, path]);
}

describe("of the methods of Google's own client", () => {
  test("all are there, or this compares nothing", () => {
    expect(CALLS).toHaveLength(79);
    expect(SCOPES.size).toBe(79);
  });

  const scopesByName = new Map([...SCOPES].map(([name, scopes]) => [name.toLowerCase(), scopes]));
  test.each(CALLS.filter(([, method]) => method !== "GET"))(
    "%s (%s %s) needs the scopes that Google names",
    (name, method, path) => {
      const target = path.replaceAll(/\{\w+\}/g, "some-id");
      expect(writingScopes(method, target)?.toSorted()).toEqual(scopesByName.get(name)?.toSorted());
      expect(accessForCall(method, target)).toBe("full");
    },
  );

  test("those that read need none, and the access list for three of them", () => {
    const reads = CALLS.filter(([, method]) => method === "GET").map(([name, method, path]) => {
      const target = path.replaceAll(/\{\w+\}/g, "some-id");
      expect(writingScopes(method, target)).toBeNull();
      return [name, accessForCall(method, target)] as const;
    });
    const listing = reads.filter(([, access]) => access === "list").map(([name]) => name);
    expect(listing.toSorted()).toEqual(["users.history.list", "users.messages.list", "users.threads.list"]);
    expect(new Set(reads.map(([, access]) => access))).toEqual(new Set(["list", "read"]));
  });

  test("every query parameter is passed on, and of those no other is", () => {
    const bodies = [
      ...clientTypes.matchAll(/interface Params\$Resource\$\S+ extends StandardParameters \{([\s\S]*?)\n    \}/g),
    ];
    const names = bodies.flatMap(([, body = ""]) => [...body.matchAll(/^ {8}(\w+)\?:/gm)].map(([, name = ""]) => name));
    const own = [...new Set(names)].filter((name) => !NO_QUERY.test(name));
    const system = ["fields", "alt", "prettyPrint", "quotaUser", "$.xgafv"];
    expect([...own, ...system].toSorted()).toEqual([...PASSED_PARAMETERS].toSorted());
  });
});

describe("the scopes of a write that is not known are those that permit everything:", () => {
  test.each([
    ["POST", "messages/batch%44elete"],
    ["POST", "messages/1/modify/x"],
    ["POST", "Messages"],
    ["PUT", "messages/1"],
    ["DELETE", "messages/1/modify"],
    ["DELETE", "messages"],
    ["POST", "settings"],
    ["POST", "new/thing"],
    ["POST", "watch/x"],
    ["PUT", "watch"],
    ["BREW", "messages/send"],
    ["post", "messages/send"],
  ])("%s %s", (method, target) => {
    expect(writingScopes(method, target)).toEqual(["https://mail.google.com/"]);
  });
});

describe("another spelling of a list is no list:", () => {
  test.each(["%6dessages", "messages;x=1", "Messages", "messages/", "messagesx", "drafts", "labels", "messages/1"])(
    "%s",
    (target) => {
      expect(accessForCall("GET", target)).toBe("read");
      expect(accessForCall("HEAD", target)).toBe("read");
      expect(accessForCall("POST", target)).toBe("full");
    },
  );
});

function errorOf(query: string): AppError {
  try {
    return expect.fail(`It was passed on as ${checkQuery(query)}`);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

describe("a query", () => {
  test("is composed anew with the same names and values, in the same order (property)", () => {
    const name = fc.constantFrom(...PASSED_PARAMETERS.filter((known) => known !== "alt"));
    const value = fc.string({ unit: "binary" }).map((text) => text.toWellFormed());
    const pairs = fc.uniqueArray(fc.tuple(name, value), { selector: ([given]) => given });
    fc.assert(
      fc.property(pairs, (given) => {
        const composed = checkQuery(new URLSearchParams(given).toString());
        expect([...new URLSearchParams(composed)]).toEqual(given);
        expect(composed).toMatch(/^[A-Za-z0-9*._+%=&-]*$/);
        // Read once more, nothing changes: there is one spelling.
        expect(checkQuery(composed)).toBe(composed);
      }),
    );
  });

  test("has no name that is not passed on, however it is spelt (property)", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."aAltq=&;#+%$.61 \0é".split("")), maxLength: 12 }), (query) => {
        let composed: string;
        try {
          composed = checkQuery(query);
        } catch (error) {
          expect(error).toMatchObject({ reason: "INVALID_ARGUMENT", code: 400 });
          return;
        }
        for (const [name, value] of new URLSearchParams(composed)) {
          expect(PASSED_PARAMETERS).toContain(name);
          if (name === "alt") expect(value).toBe("json");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["", ""],
    ["&&", ""],
    ["q=a+b&q%3D=".slice(0, 5), "q=a+b"],
    ["q=a;alt=media", "q=a%3Balt%3Dmedia"],
    ["q=a#&fields=id", "q=a%23&fields=id"],
    ["q", "q="],
    ["q=a=b", "q=a%3Db"],
    ["%66ields=id(a,b)", "fields=id%28a%2Cb%29"],
    ["labelIds=A&labelIds=B&labelIds=A", "labelIds=A&labelIds=B&labelIds=A"],
    ["alt=j%73on", "alt=json"],
    ["%24.xgafv=2", "%24.xgafv=2"],
  ])("%j is passed on as %j", (query, composed) => {
    expect(checkQuery(query)).toBe(composed);
  });

  test.each<[query: string, parameter: string]>([
    ["callback=f", "callback"],
    ["jsonp=f", "jsonp"],
    ["alt=media", "alt"],
    ["alt=proto", "alt"],
    ["alt=", "alt"],
    ["alt", "alt"],
    ["alt=JSON", "alt"],
    ["alt=json%20", "alt"],
    ["alt=json&alt=media", "alt"],
    ["alt=json&alt=json", "alt"],
    ["alt=json&%61lt=media", "alt"],
    ["Alt=json", "Alt"],
    ["ALT=media", "ALT"],
    ["$alt=media", "$alt"],
    ["%24alt=media", "$alt"],
    ["$httpMethod=DELETE", "$httpMethod"],
    ["$httpHeaders=X-Evil:1", "$httpHeaders"],
    ["$fields=id", "$fields"],
    ["$.XGAFV=1", "$.XGAFV"],
    ["access_token=ya29", "access_token"],
    ["%61ccess_token=ya29", "access_token"],
    ["access+token=x", "access token"],
    ["oauth_token=x", "oauth_token"],
    ["bearer_token=x", "bearer_token"],
    ["key=AIza", "key"],
    ["uploadType=media", "uploadType"],
    ["upload_protocol=raw", "upload_protocol"],
    ["userIp=1.2.3.4", "userIp"],
    ["trace=email", "trace"],
    ["=x", ""],
    ["=", ""],
    ["q=a&=b", ""],
    ["q;alt=media", "q;alt"],
    [";", ";"],
    ["q%00=x", "q\0"],
    ["%20q=x", " q"],
    ["q+=x", "q "],
    ["q[]=x", "q[]"],
    ["labelIds[0]=INBOX", "labelIds[0]"],
    ["%2571=x", "%71"],
    ["%71%3Dalt=x", "q=alt"],
    ["max_results=1", "max_results"],
    ["q=a&q=b", "q"],
    ["q=a&%71=b", "q"],
    ["fields=a&fields=b", "fields"],
    ["__proto__=x", "__proto__"],
    ["q=%", "q"],
    ["q=%ff", "q"],
    ["q=%c0%ae", "q"],
    ["q=100%25%", "q"],
    ["%=x", "query"],
    ["%ff=x", "query"],
    [`${"x".repeat(500)}=1`, "x".repeat(64)],
  ])("%j is refused, by the name %j", (query, parameter) => {
    expect(errorOf(query)).toMatchObject({ reason: "INVALID_ARGUMENT", code: 400, metadata: { parameter } });
  });

  test("with a name that is nearly right is told the right one, and no word of its own stands in the message", () => {
    expect(errorOf("maxResult=5").message).toBe("You sent an unknown parameter. Did you mean maxResults?");
    expect(errorOf("metadata_headers=From").message).toContain("Did you mean metadataHeaders?");
    expect(errorOf("call_our_hotline=1").message).not.toContain("hotline");
  });
});
