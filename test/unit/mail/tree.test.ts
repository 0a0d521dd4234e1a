/** A message is a tree (RFC 2046, 2387, 1847, 6522): what of it is shown, in which order, and what is listed. */
import { describe, expect, test } from "vitest";
import { contentDisposition } from "../../../src/http/attachment.ts";
import { toFrameDocument } from "../../../src/mail/html.ts";
import { readPart } from "../../../src/mail/part.ts";
import { pickPictures, Pictures } from "../../../src/mail/pictures.ts";
import { apart, enclosed, listed, multipart, named, part, type RawPart, read, shown } from "./fixtures.ts";
import { readTree } from "../../../src/mail/tree.ts";

const TEXT = part("text/plain", "plain");
const HTML = part("text/html", "<p>rich</p>");
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const INLINE = { "Content-Disposition": "inline" };
const ATTACHED = { "Content-Disposition": "attachment" };

function image(headers: Record<string, string> = {}, size = 8): RawPart {
  return { ...part("image/png", PNG, headers), partId: "9", body: { attachmentId: "x", size } };
}

function shows(cid: string): RawPart {
  return part("text/html", `<p>x<img src="cid:${cid}">`);
}

function withId(contentId: string): Record<string, string> {
  return { "Content-ID": `<${contentId}>` };
}

function field(name: string, value: string): RawPart {
  return { mimeType: "text/plain", headers: [{ name, value }], body: { size: 0 } };
}

function pkcs7(parameters: string): RawPart {
  return part("application/pkcs7-mime", "x", { "Content-Type": `application/pkcs7-mime${parameters}` });
}

describe("a message of one part", () => {
  test.each<[string, RawPart, string[]]>([
    ["text", TEXT, ["text: plain"]],
    ["HTML", part("TEXT/HTML", "<p>rich</p>"), ["html: <p>rich</p>"]],
    ["no type", part("", "plain"), ["text: plain"]],
    ["a type that is none", part("text", "plain"), ["text: plain"]],
    ["a text of another kind", part("text/markdown", "# a"), ["text: # a"]],
    ["an invitation", part("text/calendar", "BEGIN:VCALENDAR"), ["calendar: BEGIN:VCALENDAR"]],
    ["an older invitation", part("text/x-vcalendar", "BEGIN:VCALENDAR"), ["calendar: BEGIN:VCALENDAR"]],
    [
      "an invitation with a name",
      named("invite.ics", part("text/calendar", "BEGIN:VCALENDAR")),
      ["calendar: BEGIN:VCALENDAR"],
    ],
    ["enriched text", part("text/enriched", "<bold>a</bold>"), ["text: a"]],
    ["a text with a name", named("a.txt", TEXT), ["text: plain"]],
    ["a text that has to be fetched", apart("text/plain", 7), ["text: …"]],
    ["a container without parts", { ...multipart("mixed"), body: { size: 5, data: "SGVsbG8" } }, ["text: Hello"]],
  ])("is shown: %s", (_, payload, expected) => {
    expect(shown(payload)).toEqual(expected);
  });

  test.each<[string, RawPart, string[]]>([
    ["a nameless PDF", apart("application/pdf", 9), ["attachment.pdf"]],
    ["a picture", apart("image/jpeg", 9), ["image.jpg"]],
    ["an attached text", part("text/plain", "x", ATTACHED), ["text.txt"]],
    ["a container without parts", { ...multipart("mixed"), body: { size: 0 } }, []],
  ])("is listed: %s", (_, payload, expected) => {
    expect([shown(payload), listed(payload)]).toEqual([[], expected]);
  });
});

describe("mixed parts", () => {
  const before = part("text/plain", "BEFORE");
  const after = part("text/plain", "AFTER");
  test.each<[string, RawPart[], string[], string[]]>([
    ["text, picture, text", [before, image(), after], ["text: BEFORE", "text: AFTER"], ["image.png"]],
    [
      "HTML, file, HTML",
      [HTML, apart("application/pdf", 1), HTML],
      ["html: <p>rich</p>", "html: <p>rich</p>"],
      ["attachment.pdf"],
    ],
    ["a list's footer", [multipart("alternative", TEXT, HTML), after], ["html: <p>rich</p>", "text: AFTER"], []],
    ["mixed in mixed", [multipart("mixed", before, TEXT), after], ["text: BEFORE", "text: plain", "text: AFTER"], []],
    ["blank parts", [part("text/plain", "\r\n"), after, part("text/html", "<p>&nbsp;</p>")], ["text: AFTER"], []],
    ["a text with a name", [before, named("notes.txt", TEXT)], ["text: BEFORE"], ["notes.txt"]],
    [
      "a text with a name that is inline",
      [named("0001.patch", part("text/x-patch", "+a", INLINE))],
      ["text: +a"],
      ["0001.patch"],
    ],
    ["HTML with a name", [before, named("page.html", HTML)], ["text: BEFORE"], ["page.html"]],
    ["a table", [before, part("text/csv", "a,b")], ["text: BEFORE"], ["text.csv"]],
  ])("are all shown or listed, in order: %s", (_, parts, expected, files) => {
    for (const kind of ["mixed", "x-unknown", "parallel"]) {
      expect([shown(multipart(kind, ...parts)), listed(multipart(kind, ...parts))]).toEqual([expected, files]);
    }
  });
});

describe("a body that has a name", () => {
  const pdf = apart("application/pdf", 1);
  const page = named("mail.html", HTML);
  const words = named("Message.txt", TEXT);
  test.each<[string, RawPart, string[], string[]]>([
    ["HTML", multipart("mixed", page, pdf), ["html: <p>rich</p>"], ["mail.html", "attachment.pdf"]],
    ["text", multipart("mixed", words), ["text: plain"], ["Message.txt"]],
    [
      "the first of two",
      multipart("mixed", pdf, words, page),
      ["text: plain"],
      ["attachment.pdf", "Message.txt", "mail.html"],
    ],
    [
      "the first that says something",
      multipart("mixed", named("a.txt", part("text/plain", " ")), page),
      ["html: <p>rich</p>"],
      ["a.txt", "mail.html"],
    ],
    [
      "one that has to be fetched",
      multipart("mixed", named("a.txt", apart("text/plain", 9)), pdf),
      ["text: …"],
      ["a.txt", "attachment.pdf"],
    ],
    [
      "beside an invitation",
      multipart("mixed", part("text/calendar", "BEGIN"), words),
      ["text: plain", "calendar: BEGIN"],
      ["Message.txt"],
    ],
    [
      "of a report",
      multipart("report", words, part("message/delivery-status", "Action: failed")),
      ["text: plain", "status: Action: failed"],
      ["Message.txt"],
    ],
  ])("is shown, and listed: %s", (_, payload, expected, files) => {
    expect([shown(payload), listed(payload)]).toEqual([expected, files]);
  });

  test.each<[string, RawPart]>([
    ["attached", named("a.txt", part("text/plain", "x", ATTACHED))],
    ["of another type", named("a.csv", part("text/csv", "a,b"))],
    ["blank", named("a.txt", part("text/plain", " "))],
  ])("is none that is %s", (_, payload) => {
    expect(shown(multipart("mixed", payload, pdf))).toEqual([]);
    expect(listed(multipart("mixed", payload, pdf))).toHaveLength(2);
  });
});

describe("alternatives", () => {
  test.each<[string, RawPart[], string[]]>([
    ["the richest", [TEXT, HTML], ["html: <p>rich</p>"]],
    ["the richest, in the wrong order", [HTML, TEXT], ["html: <p>rich</p>"]],
    ["what has content: blank text", [part("text/plain", " \r\n"), HTML], ["html: <p>rich</p>"]],
    [
      "what has content: blank HTML",
      [TEXT, part("text/html", "<html><body><br>&nbsp;&zwnj;</body></html>")],
      ["text: plain"],
    ],
    [
      "what has content: a counting pixel",
      [TEXT, part("text/html", '<img src="https://x.test/" width=1 height=1>')],
      ["text: plain"],
    ],
    ["what has content: a picture", [TEXT, part("text/html", '<img src="cid:a">')], ['html: <img src="cid:a">']],
    ["what has content: a style", [TEXT, part("text/html", "<style>p{}</style><title>x</title>")], ["text: plain"]],
    [
      "what has content: zero-width characters",
      [part("text/plain", "\u200b\ufeff\u00ad"), HTML],
      ["html: <p>rich</p>"],
    ],
    ["what can be shown", [TEXT, part("application/rtf", "{\\rtf}")], ["text: plain"]],
    ["not AMP", [TEXT, part("text/x-amp-html", "<html amp>"), HTML], ["html: <p>rich</p>"]],
    ["enriched text over none", [part("text/plain", ""), part("text/enriched", "<bold>a</bold>")], ["text: a"]],
    ["all of a mixed one", [TEXT, multipart("mixed", HTML, image(), HTML)], ["html: <p>rich</p>", "html: <p>rich</p>"]],
    ["a related one", [TEXT, multipart("related", HTML, image())], ["html: <p>rich</p>"]],
    ["HTML that has to be fetched", [TEXT, apart("text/html", 5)], ["html: …"]],
    ["nothing of nothing", [part("text/plain", ""), part("text/html", "")], []],
    [
      "the words and the invitation",
      [TEXT, HTML, part("text/calendar", "BEGIN")],
      ["html: <p>rich</p>", "calendar: BEGIN"],
    ],
  ])("are a choice of %s", (_, parts, expected) => {
    expect(shown(multipart("alternative", ...parts))).toEqual(expected);
  });

  test("are the text where that is preferred", () => {
    expect(shown(multipart("alternative", TEXT, HTML), "text")).toEqual(["text: plain"]);
    expect(shown(multipart("alternative", part("text/plain", " "), HTML), "text")).toEqual(["html: <p>rich</p>"]);
    const withFooter = multipart("mixed", HTML, part("text/plain", "Footer"));
    expect(shown(multipart("alternative", TEXT, withFooter), "text")).toEqual(["text: plain"]);
  });

  test("that are not chosen have their files listed", () => {
    const blank = multipart("related", part("text/html", " "), image());
    expect(listed(multipart("alternative", TEXT, blank, part("application/rtf", "x")))).toEqual([
      "image.png",
      "attachment.rtf",
    ]);
    expect(listed(multipart("alternative", part("text/x-amp-html", "x"), HTML))).toEqual([]);
  });
});

describe("related parts", () => {
  test("are a root with the pictures that it shows, which are not listed", () => {
    const message = multipart(
      "related",
      shows("a%40b"),
      image({ "Content-ID": "<a@b>" }),
      image({ "Content-ID": "<c@d>" }),
    );
    expect(shown(message)).toHaveLength(1);
    expect(listed(message)).toEqual(["image.png"]);
  });

  test.each<[string, string, Record<string, string>]>([
    ["entities", '<img src="&#99;id:a&#64;b">', withId("a@b")],
    ["entities with &amp;", '<img src="cid:a&amp;c@b">', withId("a&c@b")],
    ["brackets in it", '<img src="cid:a(1)@b">', withId("a(1)@b")],
    ["a space", '<img src="cid: a@b">', withId("a@b")],
    ["angle brackets", '<img src="cid:<a@b>">', withId("a@b")],
    ["angle brackets as entities", "<img src='cid:&lt;a@b&gt;'>", withId("a@b")],
    ["angle brackets as percents", '<img src="CID:%3Ca%40b%3E">', withId("a@b")],
    ["a space in it", '<img src="cid:a b@c">', withId("a b@c")],
    ["a comment behind the header", '<img src="cid:a@b">', { "Content-ID": "<a@b> (x)" }],
    ["Gmail's own header", '<img src="cid:a">', { "X-Attachment-Id": "a" }],
    ["a background", '<td background="cid:a@b">', withId("a@b")],
    ["a style", '<td style="background:url(cid:a@b)">', withId("a@b")],
    ["a quoted style", `<td style="background-image: url( 'cid:a(1)@b' )">`, withId("a(1)@b")],
    ["a location", '<img src="logo.png">', { "Content-Location": "logo.png" }],
  ])("have a picture that is referred to with %s", (_, html, headers) => {
    const message = multipart("related", part("text/html", `<p>x${html}`), image(headers));
    expect([listed(message), listed(multipart("related", HTML, image(headers)))]).toEqual([[], ["image.png"]]);
    const [picture] = read(message).listed;
    const pictures = new Pictures();
    if (picture !== undefined) pictures.add(picture, PNG);
    const frame = toFrameDocument([{ kind: "html", text: html }], { ownUrls: [], pictures });
    expect(frame).toContain("data:image/png;base64,");
  });

  test.each([
    "<style>p{background:url(cid:a@b)}</style>",
    '<img srcset="cid:a@b 2x">',
    "cid:a@b",
    "<!-- <img src=cid:a@b> -->",
    '<a href="cid:a@b">',
  ])("have what the frame does not show listed: %s", (html) => {
    expect(listed(multipart("related", part("text/html", `x${html}`), image(withId("a@b"))))).toEqual(["image.png"]);
  });

  test("have their references read in linear time", () => {
    const picture = readPart(image(withId("a")));
    for (const piece of ["url(", "url( ", "url('", "&#99;id:", "<img src=cid:a"]) {
      const beganMs = performance.now();
      pickPictures([picture], [`x<td style="${piece.repeat(100_000)}">${piece.repeat(100_000)}`]);
      expect(performance.now() - beganMs, piece).toBeLessThan(4_000);
    }
  });

  test("have the root that they name", () => {
    const root = part("text/html", "<p>root", { "Content-ID": "<r>" });
    const message = {
      ...multipart("related", part("text/plain", "not the root"), root),
      headers: [{ name: "Content-Type", value: 'multipart/related; start="<r>"' }],
    };
    expect(shown(message)).toEqual(["html: <p>root"]);
    expect(listed(message)).toEqual(["text.txt"]);
  });

  test("whose root is nothing are as if they were mixed", () => {
    expect(shown(multipart("related", image(), HTML))).toEqual(["html: <p>rich</p>"]);
  });

  test("show pictures of 1 MB together; larger ones, and what is no picture, are listed", () => {
    const html = part("text/html", ["a", "b", "c", "d"].map((id) => `<img src="cid:${id}">`).join(""));
    const message = multipart(
      "related",
      html,
      named("a.png", image(withId("a"), 600_000)),
      named("b.png", image(withId("b"), 600_000)),
      named("c.png", image(withId("c"), 400_000)),
      named("d.svg", part("image/svg+xml", "<svg/>", withId("d"))),
    );
    expect(listed(message)).toEqual(["b.png", "d.svg"]);
  });
});

describe("mail within mail", () => {
  test.each<[string, RawPart, string[], string[]]>([
    [
      "forwarded",
      multipart("mixed", HTML, enclosed("Inner", part("text/plain", "INNER"))),
      ["html: <p>rich</p>"],
      ["Inner.eml"],
    ],
    ["alone", enclosed("=?utf-8?Q?=C3=9C?=", part("text/plain", "INNER")), [], ["Ü.eml"]],
    ["a digest", multipart("digest", enclosed("One", TEXT), enclosed("Two", TEXT)), [], ["One.eml", "Two.eml"]],
    ["without words", multipart("mixed", enclosed("Inner", multipart("alternative", TEXT, HTML))), [], ["Inner.eml"]],
    [
      "attached HTML",
      multipart("mixed", TEXT, part("text/html", "<p>INNER", ATTACHED)),
      ["text: plain"],
      ["text.html"],
    ],
    [
      "an attached container",
      multipart("mixed", TEXT, {
        ...multipart("mixed", part("text/plain", "INNER")),
        headers: [{ name: "Content-Disposition", value: "attachment" }],
      }),
      ["text: plain"],
      ["multipart.mixed"],
    ],
  ])("is listed and never entered: %s", (_, payload, expected, files) => {
    expect([shown(payload), listed(payload)]).toEqual([expected, files]);
  });

  test("of a report is listed, and the status is shown", () => {
    const status = part("message/delivery-status", "Final-Recipient: rfc822; a@x.test");
    const report = multipart("report", TEXT, status, enclosed("Returned", part("text/plain", "INNER")));
    expect(shown(report)).toEqual(["text: plain", "status: Final-Recipient: rfc822; a@x.test"]);
    expect(listed(report)).toEqual(["Returned.eml"]);
    expect(listed(multipart("report", TEXT, status, part("text/rfc822-headers", "Subject: x")))).toEqual(["text.txt"]);
  });

  test.each<[string, RawPart, string[], string[]]>([
    ["attached", part("message/delivery-status", "Action: failed", ATTACHED), ["status: Action: failed"], []],
    [
      "attached, with a name",
      part("message/delivery-status", "Action: failed", { "Content-Disposition": "attachment; filename=details.txt" }),
      ["status: Action: failed"],
      ["details.txt"],
    ],
    [
      "attached, that a message was read",
      part("message/disposition-notification", "Disposition: x; displayed", ATTACHED),
      ["status: Disposition: x; displayed"],
      [],
    ],
  ])("of a report has its status shown: %s", (_, status, expected, files) => {
    const report = multipart("report", TEXT, status, enclosed("Returned", part("text/plain", "INNER")));
    expect([shown(report), listed(report)]).toEqual([
      ["text: plain", ...expected],
      [...files, "Returned.eml"],
    ]);
    expect(shown(multipart("mixed", TEXT, status))).toEqual(["text: plain"]);
  });

  test("of a report may have its status in parts of Gmail's, or apart", () => {
    const taken = {
      ...part("message/delivery-status", ""),
      parts: [field("Reporting-MTA", "dns; m"), field("Action", "failed")],
    };
    expect(shown(multipart("report", taken))).toEqual(["status: Reporting-MTA: dns; m\n\n\nAction: failed\n"]);
    expect(shown(multipart("report", apart("message/delivery-status", 9)))).toEqual(["status: …"]);
  });
});

describe("signed and encrypted parts", () => {
  test("are what is signed, and a signature that is listed", () => {
    const signed = multipart(
      "signed",
      multipart("alternative", TEXT, HTML),
      part("application/pgp-signature", "-----"),
    );
    expect([shown(signed), listed(signed)]).toEqual([["html: <p>rich</p>"], ["attachment.asc"]]);
    const smime = multipart("signed", TEXT, named("smime.p7s", part("application/pkcs7-signature", "x")));
    expect([shown(smime), listed(smime)]).toEqual([["text: plain"], ["smime.p7s"]]);
  });

  test("are listed where they cannot be read, and the message says so", () => {
    const encrypted = multipart(
      "encrypted",
      part("application/pgp-encrypted", "Version: 1"),
      part("application/octet-stream", "-----"),
    );
    expect([shown(encrypted), listed(encrypted)]).toEqual([[], ["attachment.asc", "attachment.bin"]]);
    expect(read(encrypted).isEncrypted).toBe(true);
    expect(read(named("smime.p7m", part("application/pkcs7-mime", "x"))).isEncrypted).toBe(true);
    expect(read(multipart("mixed", TEXT)).isEncrypted).toBe(false);
  });

  test.each<[string, RawPart, boolean]>([
    ["enveloped", pkcs7("; smime-type=enveloped-data; name=smime.p7m"), true],
    ["enveloped and authenticated", pkcs7('; smime-type="authEnveloped-data"'), true],
    ["enveloped, with a list's footer", multipart("mixed", pkcs7("; smime-type=enveloped-data"), TEXT), true],
    ["without a type, in old words", named("smime.p7m", part("application/x-pkcs7-mime", "x", ATTACHED)), true],
    ["without a type and a name", pkcs7(""), true],
    ["signed", pkcs7("; smime-type=signed-data; name=smime.p7m"), false],
    ["certificates", pkcs7("; smime-type=certs-only; name=smime.p7c"), false],
    ["certificates without a type", pkcs7("; name=smime.p7c"), false],
    ["compressed", pkcs7("; smime-type=compressed-data; name=smime.p7z"), false],
    [
      "an old message as a file",
      multipart("mixed", TEXT, named("old.p7m", part("application/pkcs7-mime", "x", ATTACHED))),
      false,
    ],
  ])("are told apart by their S/MIME type: %s", (_, payload, expected) => {
    expect(read(payload).isEncrypted).toBe(expected);
    expect(listed(payload)).toHaveLength(1);
  });
});

describe("names of files", () => {
  test.each<[string, RawPart, string]>([
    ["Gmail's", named("תמונה.png", image(ATTACHED)), "תמונה.png"],
    ["encoded words", named("=?utf-8?Q?=C3=BC.pdf?=", image(ATTACHED)), "ü.pdf"],
    ["encoded words of the type", image({ "Content-Type": 'image/png; name="=?utf-8?B?w7w=?="' }), "ü"],
    ["RFC 2231", image({ "Content-Disposition": "attachment; filename*=utf-8''%C3%BC%20b.pdf" }), "ü b.pdf"],
    [
      "RFC 2231 in pieces",
      image({ "Content-Disposition": "attachment; filename*0*=utf-8''%C3%BC; filename*1=.pdf" }),
      "ü.pdf",
    ],
    [
      "RFC 2231 that Gmail has left",
      named("utf-8''%C3%BC.pdf", image({ "Content-Disposition": "attachment; filename*=utf-8''%C3%BC.pdf" })),
      "ü.pdf",
    ],
    ["a path", named("C:\\Users\\ann\\a.pdf", image(ATTACHED)), "a.pdf"],
    ["letters that turn the direction", named("photo\u202egnp.exe", image(ATTACHED)), "photognp.exe"],
    ["a line break", named("a\r\nb.pdf", image(ATTACHED)), "a b.pdf"],
    ["nothing that is seen", named("\u200b", image(ATTACHED)), "image.png"],
    ["no name", apart("application/vnd.openxmlformats-officedocument.wordprocessingml.document", 1), "attachment.docx"],
    ...(
      [
        ["application/vnd.ms-tnef", "winmail.dat"],
        ["application/ms-tnef", "winmail.dat"],
        ["application/x-pdf", "attachment.pdf"],
        ["application/vnd.oasis.opendocument.text", "attachment.odt"],
        ["application/vnd.oasis.opendocument.spreadsheet", "attachment.ods"],
        ["application/vnd.oasis.opendocument.presentation", "attachment.odp"],
        ["application/x-tar", "attachment.tar"],
        ["application/vnd.apple.pkpass", "attachment.pkpass"],
        ["audio/x-wav", "audio.wav"],
        ["audio/wav", "audio.wav"],
      ] as const
    ).map(([type, name]): [string, RawPart, string] => [`no name: ${type}`, apart(type, 1), name]),
    ["no name of a text that nobody knows", part("text/x-very-own", "x", ATTACHED), "text.txt"],
    ["no name of a type that nobody knows", apart("application/x-very-own-thing", 1), "attachment.bin"],
    [
      "no name and no type",
      { filename: "", body: { attachmentId: "x", size: 1 }, mimeType: "application/octet-stream" },
      "attachment.bin",
    ],
  ])("%s", (_, payload, expected) => {
    expect(listed(multipart("mixed", TEXT, payload))).toEqual([expected]);
  });
});

describe("the name of a file", () => {
  test.each([
    ["A".repeat(196) + ".exe.pdf", "A".repeat(196) + ".pdf"],
    ["A".repeat(196) + ".exe", "A".repeat(196) + ".exe"],
    ["\u{1f600}".repeat(300) + ".tar.gz", "\u{1f600}".repeat(197) + ".gz"],
    ["A".repeat(300), "A".repeat(200)],
    [`${"A".repeat(150)}.${"b".repeat(100)}`, `${"A".repeat(150)}.${"b".repeat(49)}`],
    [".pdf".repeat(100), ".pdf".repeat(50)],
  ])("keeps its last ending where it is cut, in the API and in Content-Disposition: %s", (name, expected) => {
    expect(listed(multipart("mixed", TEXT, named(name, image())))).toEqual([expected]);
    expect(contentDisposition(expected)).toBe(contentDisposition(name));
    expect(decodeURIComponent(contentDisposition(name))).toContain(expected.replace(/^[.]/, "_"));
  });

  test.each(["a\u202egpj.exe", "a\u2066gpj\u2069.exe", "a\0\r\n\u001bgpj.exe", "a\u2028gpj.exe"])(
    "has neither controls nor what turns its direction: %j",
    (name) => {
      const headers = { "Content-Disposition": `attachment; filename*=utf-8''${encodeURIComponent(name)}` };
      for (const one of [named(name, image()), image(headers)]) {
        expect(listed(multipart("mixed", TEXT, one))[0]).toMatch(/^a ?gpj\.exe$/);
      }
    },
  );
});

describe("a message without end", () => {
  test("in enriched text is read in seconds", () => {
    const text = "x<param>".repeat(60_000);
    expect(shown(part("text/enriched", text))).toEqual([`text: ${"x".repeat(60_000)}`]);
    expect(shown(part("text/enriched", `${text}</param>y<Param>z<PARAM></Param></param>!`))).toEqual(["text: xy!"]);
  });

  test("in candidates for a root is read up to a limit", () => {
    let reads = 0;
    const candidate = new Proxy(TEXT, {
      get: (target, name) => {
        if (name === "mimeType") reads += 1;
        return target[String(name)];
      },
    });
    const headers = [{ name: "Content-Type", value: "multipart/related; start=zz" }];
    const related = { ...multipart("related", ...Array.from({ length: 1_000 }, () => candidate)), headers };
    const tree = readTree(multipart("mixed", ...Array.from({ length: 20 }, () => related)));
    expect(tree.isCut).toBe(true);
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThanOrEqual(2_000);
  });

  test("in depth is listed where it gets too deep", () => {
    let message = part("text/plain", "too deep");
    for (let depth = 0; depth < 500; depth += 1) message = multipart("mixed", message);
    expect([shown(message), listed(message)]).toEqual([[], ["multipart.mixed"]]);
  });

  test("in breadth is cut, and says so", () => {
    const message = multipart("mixed", ...Array.from({ length: 3_000 }, (_, index) => part("text/plain", `t${index}`)));
    expect(shown(message)).toHaveLength(999);
    expect(read(message).isCut).toBe(true);
    const wide = multipart("alternative", ...Array.from({ length: 3_000 }, () => multipart("related", HTML, image())));
    expect(read(wide).isCut).toBe(true);
  });
});
