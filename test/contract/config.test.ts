/** A bad configuration answers 500 and names nothing; the log names everything, and misspelt names. */
import { describe, describeInside, expect, test } from "../support/contract.ts";
import { signedIn } from "../support/scenes.ts";
import { CLIENT, makeTokenKeys } from "../support/stage.ts";

const BAD: Record<string, string> = {
  GOOGLE_CLIENT_ID: "",
  TOKEN_KEYS: '{"keys":[{"kty":"oct","kid":"a","k":"too-short-to-be-a-key"}]}',
  PUBLIC_URL: "not a url",
  SUBREQUEST_BUDGET: "7",
  GOOGLE_TOKEN_ENDPOINT: "nowhere",
};

describe("a bad value", () => {
  test(
    "answers 500 with a body that names no value, and the log names every bad name at once",
    { tags: ["process"] },
    async ({ open }) => {
      const stage = await open({ vars: BAD });
      for (const path of ["/", "/auth/login", "/api/messages", "/auth/callback?code=x&state=y"]) {
        const response = await stage.send({ path });
        const text = await response.text();
        expect(response.status, path).toBe(500);
        expect(response.headers.get("cache-control")).toContain("no-store");
        for (const [name, value] of [...Object.entries(BAD), ["GOOGLE_CLIENT_SECRET", CLIENT.secret] as const]) {
          expect(text).not.toContain(name);
          if (value.length > 2) expect(text).not.toContain(value);
        }
      }
      await expect.poll(() => Object.keys(BAD).filter((name) => !stage.logs().includes(name))).toEqual([]);
      expect(stage.logs()).not.toContain("too-short-to-be-a-key");
    },
  );
});

describeInside("a name that is set and not declared", () => {
  test("is told once in the log, with the declared name that is nearest, without its value", async ({ open }) => {
    const stage = await open({ vars: { ALOWED_ACCOUNTS: "only-me@example.com" } });
    for (let visit = 0; visit < 3; visit += 1) expect((await stage.send({ path: "/healthz" })).status).toBe(200);
    const told = stage.logs().split("ALOWED_ACCOUNTS is not a setting. Did you mean ALLOWED_ACCOUNTS?");
    expect(told).toHaveLength(2);
    expect(stage.logs()).not.toContain("only-me");
  });

  test("is told where it is why another one is missing", async ({ open }) => {
    const stage = await open({ vars: { TOKEN_KEYS: "", TOKEN_KEY: "secret-of-this-test" } });
    expect((await stage.send({ path: "/healthz" })).status).toBe(500);
    expect(stage.logs()).toContain("TOKEN_KEYS is missing");
    expect(stage.logs()).toContain("TOKEN_KEY is not a setting. Did you mean TOKEN_KEYS?");
    expect(stage.logs()).not.toContain("secret-of-this-test");
  });
});

describeInside("a value", () => {
  const bad: [string, string][] = [
    ["GOOGLE_CLIENT_SECRET", ""],
    ["TOKEN_KEYS", ""],
    ["TOKEN_KEYS", "{"],
    ["TOKEN_KEYS", '{"keys":[]}'],
    ["TOKEN_KEYS", makeTokenKeys("").replace(',"kid":""', "")],
    ["TOKEN_KEYS", makeTokenKeys("same", "same")],
    ["TOKEN_KEYS", makeTokenKeys("a").replace('"oct"', '"RSA"')],
    ["PUBLIC_URL", "https://mail.example.com/path"],
    ["PUBLIC_URL", "ftp://mail.example.com"],
    ["GOOGLE_SCOPES", ""],
    ["SUBREQUEST_BUDGET", "many"],
    ["SUBREQUEST_BUDGET", "0x40"],
    ["QUOTA_BUDGET", "-5"],
    ["GMAIL_API_URL", "gmail.googleapis.com"],
  ];
  test.for(bad)("%s=%s is refused", async ([name, value], { open }) => {
    const stage = await open({ vars: { [name]: value } });
    const logged = stage.logs().length;
    expect((await stage.send({ path: "/auth/login" })).status).toBe(500);
    expect(stage.logs().slice(logged), "what was logged about it").toContain(name);
  });

  test("of TOKEN_KEYS may hold several keys, and a PUBLIC_URL may end in a slash or not", async ({ open }) => {
    await signedIn(open, { vars: { TOKEN_KEYS: makeTokenKeys("new", "old") } });
  });
});
