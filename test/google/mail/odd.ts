/**
 * Messages that break listings and readers: each of them has been seen in real mailboxes. They lie under a label of their own.
 */
const ANYONE = "Maya Whitfield <maya.whitfield@example.org>";
const TESTER = "Pat Tester <pat@security.example>";

/** Everything that HTML in a message may try, none of which may work but to be looked at and to follow a link. */
const HOSTILE_HTML = `<!doctype html><html><head><base href="http://remote.example/">
<meta http-equiv="refresh" content="0;url=http://remote.example/refresh">
<link rel="preconnect" href="http://remote.example"><link rel="dns-prefetch" href="//remote.example">
<link rel="stylesheet" href="http://remote.example/style.css"><link rel="prefetch" href="http://remote.example/prefetch">
<style>@import url(http://remote.example/import.css); p { background: url(http://remote.example/background.png) }</style>
<script>document.title = "script ran"; parent.postMessage("script ran", "*")</script>
<script src="http://remote.example/script.js"></script></head>
<body onload="document.body.dataset.ran = 'yes'" style="font-family: sans-serif">
<h1 style="color: #7b1fa2">Special offer</h1><p>Only <b>today</b>.</p>
<img src="http://remote.example/pixel.gif" alt="a picture from elsewhere" onerror="document.body.dataset.ran = 'yes'">
<img alt="a picture that came along" width="10" height="10" src="data:image/gif;base64,R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=">
<iframe src="http://remote.example/frame"></iframe><object data="http://remote.example/object"></object>
<video src="http://remote.example/video" autoplay></video>
<form action="http://remote.example/form" method="post"><input name="password"><button>Log in</button></form>
<p><a href="http://remote.example/link">A link</a> <a href="http://remote.example/top" target="_top">A link to the top</a>
<a href="http://remote.example/self" target="_self">A link in place</a> <a href="javascript:alert(1)">A script link</a></p>
<p><a href="/docs">A link to our documents</a> <a href="http:\\\\LOCALHOST./account">A link to our page</a> <a href="body/">A link beside the body</a></p>
<svg><title><link rel="preconnect" href="http://remote.example"></title><image href="http://remote.example/svg.png"></svg>
<iframe hidden loading="lazy" src="http://remote.example/lazy"></iframe><frameset><frame src="http://remote.example/frame"></frameset>
</body></html>`;

// prettier-ignore
export const ODD_MAIL: readonly (readonly [from: string, subject: string, text: string, html?: string])[] = [
  // Looks like HTML
  [TESTER, "<script>alert(1)</script>", "<img src=x onerror=alert(1)> & <b>bold</b>"],
  [TESTER, "\"><svg onload=alert('subject')>", "Only text, please."],
  [TESTER, "</title></table><h1>Not a heading</h1>", "See the subject."],
  [TESTER, "{{7*7}} ${7*7} <%= 7*7 %> %0d%0aSet-Cookie: a=b", "Templates."],
  ["\"<b>Bold</b> & Sons\" <sons@security.example>", "Tom & Jerry's \"quoted\" subject; it's 100% &amp; fine", "A &amp; B"],
  ["javascript:alert(1) <pat@security.example>", "=HYPERLINK(\"http://x.example\")", "A spreadsheet formula."],
  // Emoji, alone, joined and with skin tones
  ["👨‍👩‍👧‍👦 Family <family@example.org>", "👨‍👩‍👧‍👦 family photo 🏳️‍🌈 👩🏽‍🚀 🇨🇭 1️⃣", "🧑🏿‍🤝‍🧑🏻"],
  [ANYONE, "🎉", "🎉🎉🎉"],
  [ANYONE, "❤️‍🔥🏴󠁧󠁢󠁳󠁣󠁴󠁿 only emoji 🫠🫡🪿", "🪿"],
  // Mixed directions
  [ANYONE, "Fwd: תמונות מהטיול (photos.zip, 3 קבצים)", "ראה קובץ photos.zip"],
  ["ليلى حدّاد <layla.haddad@barid.example>", "Re: اجتماع Q3 (الساعة 10:30) – version 2.1", "نلتقي في Room 4، الساعة 10:30."],
  ["شیرین کاظمی <shirin.kazemi@nameh.example>", "گزارش GitHub Actions: build #412 شکست خورد", "لطفاً main را ببین."],
  [TESTER, "\u202Egnirts desrever\u202C (an override that is closed)", "Bidi."],
  [TESTER, "Left open: \u202Eabc 123", "An override that is never closed must not turn the page."],
  [TESTER, "\u2067אבג\u2069 isolates \u2068abc\u2069 and marks \u200Fא\u200E", "Bidi."],
  // Length and emptiness
  [ANYONE, "", "The subject is empty."],
  [ANYONE, "   ", "The subject is blank."],
  [ANYONE, "", ""],
  [ANYONE, `A very long subject: ${"and then another thing happened, ".repeat(28)}the end`, "Long."],
  [ANYONE, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft".repeat(5), "One word."],
  [ANYONE, `العنوان الطويل جدًا ${"ثم حدث شيء آخر ".repeat(20)}`, "طويل"],
  ["寿限無 <jugemu@yubin.example>", "寿限無寿限無五劫の擦り切れ海砂利水魚の水行末雲来末風来末".repeat(6), "長い"],
  // Characters that hide, combine or are rare
  [TESTER, "Z̶̢͎̓a̷̰͑l̸̠̈́g̵͍̔o̶̲͝ text", "Combining marks."],
  [TESTER, "zero\u200Bwidth\u200Cjoiners\u200Dand\uFEFFBOM", "Invisible."],
  [TESTER, "𝕱𝖆𝖓𝖈𝖞 𝒎𝒂𝒕𝒉 𠮷野家 𐌀𐌁𐌂", "Beyond the BMP."],
  [TESTER, "cafe\u0301 or café?", "Decomposed and composed."],
  [TESTER, "ﷺ ﷽", "One character, wide."],
  // Odd addresses
  ["noreply@machines.example", "No display name", "Only an address."],
  ["\"Last, First\" <last.first@example.org>", "A comma in the name", "Quoted."],
  ["\"Sam \\\"Ace\\\" Doe\" <ace@example.org>", "Quotes in the name", "Escaped."],
  ["undisclosed-recipients:;", "A group and no address", "RFC 5322, section 3.4."],
  ["<>", "From nobody", "Delivery status."],
  // RFC 2047: Gmail answers such headers decoded, and `format=raw` as they were sent.
  ["Jürgen Weiß <juergen.weiss@example.org>", "Größere Änderungen am Straßenfest – bitte prüfen", "Grüße"],
  ["佐藤 さくら <sato.sakura@yubin.example>", "【重要】エンコードされた件名がとても長いので、いくつもの部分に分かれています(RFC 2047)", "よろしく"],
  ["נועה בן־דוד <noa.bendavid@doar.example>", "כותרת מקודדת לפי RFC 2047 🎉", "שלום"],
  // What stays encoded in the API's answer too, because the sender broke the rules.
  ["Old Mailer <mailer@legacy.example>", "=?x-unknown?B?SGVsbG8gd29ybGQ=?=", "Unknown charset."],
  ["Old Mailer <mailer@legacy.example>", "=?utf-8?Q?Rechnung f=C3=BCr M=C3=A4rz?=", "Spaces inside an encoded word."],
  ["=?UTF-8?B?w4Ryem 0=?= <mailer@legacy.example>", "Re: =?UTF-8?B?U2Now7ZuZSBHcsO8w59l?=", "Quoted by a program that does not decode."],
  [TESTER, "HTML that tries everything", "Only today.", HOSTILE_HTML],
];
