/** Batches of the greatest size that is read, in the shapes that cost most where lines are split before they are counted. */

const HEAD = "--b\r\nContent-Type: application/http\r\n";
const REQUEST = "GET /gmail/v1/users/me/profile HTTP/1.1\r\n";
const END = "\r\n--b--\r\n";

/** As `MAX_BODY_BYTES` of the pass-through. */
export const LARGEST_BYTES = 8 * 1024 * 1024;

export interface LargeBatch {
  readonly shape: string;
  readonly text: string;
  /** Why it is refused; null where it is a good batch. */
  readonly refusal: string | null;
}

function filled(before: string, unit: string, after: string): string {
  return before + unit.repeat(Math.floor((LARGEST_BYTES - before.length - after.length) / unit.length)) + after;
}

/** By bytes: a million lines, each an object, would be what the test measures. */
function numbered(before: string, make: (n: number) => string, after: string): string {
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(LARGEST_BYTES);
  let { written } = encoder.encodeInto(before, bytes);
  for (let n = 0; ; n += 1) {
    const line = make(n);
    if (written + line.length + after.length > LARGEST_BYTES) break;
    written += encoder.encodeInto(line, bytes.subarray(written)).written;
  }
  written += encoder.encodeInto(after, bytes.subarray(written)).written;
  return new TextDecoder().decode(bytes.subarray(0, written));
}

const TOO_LONG = "header lines";
const TOO_MANY = "1 to 100 parts";
const NO_REQUEST = "must begin with a method";
const NO_TYPE = "must be of type application/http";
const NOT_CLOSED = "closing delimiter";

/** One at a time: each is 8 MiB. */
export function* largeBatches(): Generator<LargeBatch> {
  const inner = `${HEAD}\r\n${REQUEST}`;
  const shapes: [shape: string, make: () => string, refusal: string | null][] = [
    ["outer header lines", () => filled(HEAD, "a:b\r\n", `\r\n${REQUEST}${END}`), TOO_LONG],
    ["outer header lines of all names", () => numbered(HEAD, (n) => `x${n}:\n`, `\r\n${REQUEST}${END}`), TOO_LONG],
    ["inner header lines", () => filled(inner, "a:b\n", `\r\n${END}`), TOO_LONG],
    ["inner header lines of all names", () => numbered(inner, (n) => `x${n}:\n`, `\r\n${END}`), TOO_LONG],
    ["header lines without an end", () => filled(HEAD, "a:\n", END), TOO_LONG],
    ["folded lines", () => filled(`${HEAD}X: a`, "\r\n b", `\r\n\r\n${REQUEST}${END}`), TOO_LONG],
    ["one header line", () => filled(`${HEAD}X: `, "a", `\r\n\r\n${REQUEST}${END}`), TOO_LONG],
    ["one header line of spaces", () => filled(`${inner}X:`, " ", `\r\n\r\n${END}`), TOO_LONG],
    ["one request line", () => filled(`${HEAD}\r\nGET /`, "a", ` HTTP/1.1\r\n\r\n${END}`), TOO_LONG],
    ["empty lines before the request", () => filled(HEAD, "\r\n", REQUEST + END), null],
    ["empty lines and no request", () => filled(HEAD, "\n", END), NO_REQUEST],
    ["carriage returns", () => filled(`${HEAD}\r\n`, "\r", END), NO_REQUEST],
    ["empty lines for a part", () => filled("--b\r\n", "\r\n", END), NO_TYPE],
    ["delimiter lines", () => filled("", "--b\r\n", END), TOO_MANY],
    ["short delimiter lines", () => filled("", "--b\n", END), TOO_MANY],
    ["delimiters in one line", () => filled("", "--b", END), TOO_MANY],
    ["a delimiter with spaces", () => filled("--b", " ", `x${END}`), TOO_MANY],
    ["lines that begin like the delimiter", () => filled(`${inner}\r\n`, "--b-\n", END), null],
    ["closing delimiters", () => filled("", "\n--b--", "\n"), TOO_MANY],
    ["parts without a type", () => filled("", "--b\r\n\r\n\r\n", END), TOO_MANY],
    ["one line of nothing known", () => filled("", "x", ""), NOT_CLOSED],
    ["line breaks alone", () => filled("", "\n", ""), NOT_CLOSED],
    ["one part with a large body", () => filled(`${inner}\r\n`, "{}\r\n", END), null],
    ["a hundred parts with large heads", () => full(), null],
  ];
  for (const [shape, make, refusal] of shapes) yield { shape, text: make(), refusal };
}

/** As many parts as may be, each with a head as large as it may be, and the rest for bodies. */
function full(): string {
  const lines = Array.from({ length: 90 }, (_, n) => `X-${n}: ${"a".repeat(300)}\r\n`).join("");
  const part = `${HEAD}${lines}\r\n${REQUEST}${lines}\r\n`;
  return `${part}${"x".repeat(20_000)}\r\n`.repeat(100) + END.trimStart();
}
