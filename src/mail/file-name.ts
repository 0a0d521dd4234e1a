/**
 * The name of a part as a file: its own, at a length that file systems take, or one made from its type.
 */
import { decodeHeader } from "../gmail/message.ts";
import { isVisible, oneLine } from "../mime/visible.ts";
import { headerOf, type Part, readPart } from "./part.ts";

/** Endings that are not the subtype itself. */
const ENDINGS: Readonly<Record<string, string>> = {
  "application/gzip": "gz",
  "application/javascript": "js",
  "application/epub+zip": "epub",
  "application/ms-tnef": "dat",
  "application/msword": "doc",
  "application/octet-stream": "bin",
  "application/pgp-encrypted": "asc",
  "application/pgp-keys": "asc",
  "application/pgp-signature": "asc",
  "application/pkcs7-mime": "p7m",
  "application/pkcs7-signature": "p7s",
  "application/postscript": "ps",
  "application/vnd.apple.pkpass": "pkpass",
  "application/vnd.ms-excel": "xls",
  "application/vnd.ms-excel.sheet.macroenabled.12": "xlsm",
  "application/vnd.ms-outlook": "msg",
  "application/vnd.ms-powerpoint": "ppt",
  "application/vnd.ms-tnef": "dat",
  "application/vnd.ms-word.document.macroenabled.12": "docm",
  "application/vnd.oasis.opendocument.presentation": "odp",
  "application/vnd.oasis.opendocument.spreadsheet": "ods",
  "application/vnd.oasis.opendocument.text": "odt",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/vnd.rar": "rar",
  "application/x-7z-compressed": "7z",
  "application/x-gzip": "gz",
  "application/x-pdf": "pdf",
  "application/x-pkcs7-mime": "p7m",
  "application/x-pkcs7-signature": "p7s",
  "application/x-rar-compressed": "rar",
  "application/x-tar": "tar",
  "application/x-zip-compressed": "zip",
  "audio/mp4": "m4a",
  "audio/mpeg": "mp3",
  "audio/vnd.wave": "wav",
  "audio/x-m4a": "m4a",
  "audio/x-wav": "wav",
  "image/jpeg": "jpg",
  "image/pjpeg": "jpg",
  "image/svg+xml": "svg",
  "image/tiff": "tif",
  "image/vnd.microsoft.icon": "ico",
  "image/x-icon": "ico",
  "image/x-png": "png",
  "message/rfc822": "eml",
  "message/global": "eml",
  "message/delivery-status": "txt",
  "message/disposition-notification": "txt",
  "message/feedback-report": "txt",
  "text/calendar": "ics",
  "text/javascript": "js",
  "text/plain": "txt",
  "text/markdown": "md",
  "text/rfc822-headers": "txt",
  "text/vcard": "vcf",
  "text/x-vcalendar": "vcs",
  "text/x-vcard": "vcf",
  "video/quicktime": "mov",
};

const MAX_CHARACTERS = 200;
/** What is longer is no ending. */
const ENDING = /\.[^.]{1,20}$/u;

/** The name, cut where it is too long. It keeps its last ending: `….exe.pdf` must not become `….exe`. */
export function cutName(name: string): string {
  const characters = Array.from(name.toWellFormed());
  if (characters.length <= MAX_CHARACTERS) return characters.join("");
  const ending = Array.from(ENDING.exec(characters.slice(-21).join(""))?.[0] ?? "");
  return [...characters.slice(0, MAX_CHARACTERS - ending.length), ...ending].join("");
}

/** What a part is called: by its sender, by the subject of the message that it holds, or by its type. */
export function fileName(part: Part): string {
  if (part.name !== null) return cutName(part.name);
  const { type } = part;
  const [main = "", subtype = ""] = type.split("/");
  const ending = ENDINGS[type] ?? (/^[a-z\d]{1,5}$/.test(subtype) ? subtype : main === "text" ? "txt" : "bin");
  const subject = main === "message" ? innerSubject(part) : "";
  if (isVisible(subject)) return `${subject}.${ending}`;
  if (type === "text/calendar" || type === "text/x-vcalendar") return `invitation.${ending}`;
  if (type.endsWith("ms-tnef")) return `winmail.${ending}`;
  return `${main === "application" ? "attachment" : main}.${ending}`;
}

/** Gmail describes a message within a message, too. */
function innerSubject({ children: [inner] }: Part): string {
  if (inner === undefined) return "";
  return oneLine(decodeHeader(headerOf(readPart(inner).headers, "subject") ?? "")).slice(0, 100);
}
