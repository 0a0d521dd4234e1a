/**
 * A message as a tree (RFC 2046, 2387, 1847, 6522): which of its parts are shown, in which order, and which are listed.
 * Every leaf is one or the other, but for what another alternative says better.
 *
 * Mail within mail and attachments are a border: they are listed, and what is in them is another message's.
 */
import { htmlSaysSomething } from "./html-content.ts";
import { type Part, readPart } from "./part.ts";
import { bodyText } from "./text.ts";
import { isVisible } from "../mime/visible.ts";

/** Parts within parts; deeper ones are listed as they are. */
const MAX_DEPTH = 50;
/** Parts of a message; what comes after them is not looked at. */
const MAX_PARTS = 1_000;

/** A part that is shown, in the order of the message. */
export interface Block {
  readonly kind: "text" | "html" | "calendar" | "status";
  readonly part: Part;
  /** Null: it has to be fetched first. */
  readonly text: string | null;
}

export interface Tree {
  readonly blocks: readonly Block[];
  /** Parts that are not shown, or that have a name: to be listed. */
  readonly listed: readonly Part[];
  /** Something in it is encrypted. */
  readonly isEncrypted: boolean;
  /** There are more parts than are looked at. */
  readonly isCut: boolean;
}

/** Which of the alternatives to prefer. */
export type Preference = "html" | "text";

type Found = Pick<Tree, "blocks" | "listed">;

/** Where a part stands: an unnamed text is a message's own text in one place, and a file in another. */
type Place = "root" | "mixed" | "report" | "alternative" | "related root" | "related";

const NOTHING: Found = { blocks: [], listed: [] };

/** Types of text that nobody reads as text. */
const NO_PROSE = /^text\/(?:css|csv|directory|javascript|rfc822-headers|rtf|vcard|watch-html|x-amp-html|x-vcard|xml)$/;
/** vCalendar 1.0 reads like its successor. */
const CALENDAR = /^text\/(?:x-v)?calendar$/;
/** They say something about another message, and are what one wants to know of a report (RFC 3464, 8098, 5965). */
const STATUS = /^message\/(?:global-)?(?:delivery-status|disposition-notification|feedback-report)$/;
const ENCRYPTED = /^(?:multipart\/encrypted|application\/pgp-encrypted)$/;
const SMIME = /^application\/(?:x-)?pkcs7-mime$/;
/** Other S/MIME types are signed, compressed or certificates alone: RFC 8551 §3.2.2. */
const ENCRYPTED_SMIME = /^(?:auth)?enveloped-data$/i;
/** What counts as a message's own words where nothing else does. */
const BODY = /^text\/(?:html|plain)$/;

/** Walks a message. @param root Gmail's `payload`; undefined for a message without one */
export function readTree(root: unknown, preference: Preference = "html"): Tree {
  if (root === undefined) return { ...NOTHING, isEncrypted: false, isCut: false };
  const walk = new Walk(preference);
  const found = withNamedBody(walk.part(root, { place: "root", depth: 0 }));
  return { ...found, isEncrypted: walk.isEncrypted, isCut: walk.count > MAX_PARTS };
}

class Walk {
  count = 0;
  isEncrypted = false;
  readonly #preference: Preference;
  /** Parts that were read to find a root. */
  #candidates = 0;

  constructor(preference: Preference) {
    this.#preference = preference;
  }

  part(raw: unknown, at: { place: Place; depth: number }): Found {
    this.count += 1;
    if (this.count > MAX_PARTS) return NOTHING;
    const part = readPart(raw);
    if (isEncrypted(part, at.place)) this.isEncrypted = true;
    // RFC 6522 §3: the second part of a report is its status, whatever its disposition.
    const isStatus = STATUS.test(part.type) && (part.disposition !== "attachment" || at.place === "report");
    if ((part.disposition === "attachment" && !isStatus) || at.depth > MAX_DEPTH) return listed(part);
    if (isStatus) {
      const block: Block = { kind: "status", part, text: this.#statusText(part) };
      return { blocks: [block], listed: part.name === null ? [] : [part] };
    }
    if (part.type.startsWith("message/")) return listed(part);
    if (!part.type.startsWith("multipart/")) return leaf(part, at.place);
    // A container without parts is a text whose sender has got its type wrong.
    if (part.children.length === 0) return leaf({ ...part, type: "text/plain" }, at.place);
    const depth = at.depth + 1;
    if (part.type === "multipart/alternative") return this.#alternative(part, depth);
    if (part.type === "multipart/related") return this.#related(part, depth);
    // RFC 2046 §5.1.3: a type that is not known is mixed.
    const place = part.type === "multipart/report" ? "report" : "mixed";
    return together(this.#within(part).map((child) => this.part(child, { place, depth })));
  }

  /** Parts of a part, as many as may still be looked at, and one more, which says that there are. */
  #within({ children }: Part): readonly unknown[] {
    return children.slice(0, Math.max(MAX_PARTS - this.count, 0) + 1);
  }

  /** The richest that can be shown and says something; of several, the last (RFC 2046 §5.1.4). */
  #alternative(part: Part, depth: number): Found {
    const options = this.#within(part).map((child) => this.part(child, { place: "alternative", depth }));
    const ranks = options.map(({ blocks }) => this.#rank(blocks.filter(saysSomething)));
    const best = Math.max(...ranks);
    const chosen = best === 0 ? -1 : ranks.lastIndexOf(best);
    return together(
      options.map(({ blocks, listed: files }, index) => ({
        // An invitation and its words go together.
        blocks: index === chosen ? blocks : blocks.filter(({ kind }) => kind === "calendar"),
        listed: files,
      })),
    );
  }

  /** HTML with a footer of text is HTML still. */
  #rank(blocks: readonly Block[]): number {
    if (blocks.some(({ kind }) => kind === "html")) return this.#preference === "html" ? 3 : 1;
    return blocks.some(({ kind }) => kind === "text") ? 2 : 0;
  }

  /** Its root, and what that refers to (RFC 2387). */
  #related(part: Part, depth: number): Found {
    const children = this.#within(part);
    const start = part.parameters.get("start")?.replaceAll(/^<|>$/g, "");
    const candidates = start === undefined ? [] : children.slice(0, MAX_PARTS - this.#candidates);
    this.#candidates += candidates.length;
    const named = candidates.findIndex((child) => readPart(child).contentId === start);
    const rootIndex = Math.max(named, 0);
    const found = children.map((child, index) =>
      this.part(child, { place: index === rootIndex ? "related root" : "related", depth }),
    );
    if ((found[rootIndex]?.blocks.length ?? 0) > 0) return together(found);
    // The sender has got the root wrong.
    return together(children.map((child) => this.part(child, { place: "mixed", depth })));
  }

  /** Its fields, as text or, where Gmail has taken it apart, as headers. */
  #statusText(part: Part): string | null {
    if (part.children.length === 0) return bodyText(part);
    return part.children
      .slice(0, 100)
      .map(readPart)
      .map((child) =>
        [...child.headers.map(({ name, value }) => `${name}: ${value}`), bodyText(child) ?? ""].join("\n"),
      )
      .join("\n\n");
  }
}

/** Without an S/MIME type, a `.p7m` is a message that is encrypted, or a file of which nothing is known. */
function isEncrypted({ type, parameters, name }: Part, place: Place): boolean {
  if (!SMIME.test(type)) return ENCRYPTED.test(type);
  const smimeType = parameters.get("smime-type");
  if (smimeType !== undefined) return ENCRYPTED_SMIME.test(smimeType.trim());
  return place === "root" && (name === null || /\.p7m$/i.test(name));
}

/** Some mailers name the body itself: where no text is shown, the first one with a name is the body. */
function withNamedBody(found: Found): Found {
  if (found.blocks.some(({ kind }) => kind === "html" || kind === "text")) return found;
  for (const part of found.listed) {
    if (part.disposition !== "" || !BODY.test(part.type)) continue;
    const block: Block = { kind: part.type === "text/html" ? "html" : "text", part, text: bodyText(part) };
    if (saysSomething(block)) return { ...found, blocks: [block, ...found.blocks] };
  }
  return found;
}

function leaf(part: Part, place: Place): Found {
  const { type, name } = part;
  const kind =
    type === "text/html" || type === "application/xhtml+xml" ? "html" : CALENDAR.test(type) ? "calendar" : "text";
  const isProse = kind !== "text" || (type.startsWith("text/") && !NO_PROSE.test(type));
  // A text with a name is a file, unless it says otherwise or stands where the message's own text does.
  const isAmongOthers = place === "mixed" || place === "report";
  const isFile = name !== null && part.disposition !== "inline" && kind !== "calendar" && isAmongOthers;
  if (!isProse || isFile || (place === "related" && kind !== "calendar")) {
    // Of alternatives without a name, what cannot be shown is no file: AMP, for watches.
    return place === "alternative" && name === null && type.startsWith("text/") ? NOTHING : listed(part);
  }
  const block: Block = { kind, part, text: bodyText(part) };
  // Where there is nothing else, whether HTML shows anything is for the reader to see.
  const isShown = saysSomething(block) || (place === "root" && kind === "html" && block.text !== "");
  return { blocks: isShown ? [block] : [], listed: name === null ? [] : [part] };
}

/** A part that has nothing, not even a name, is none. */
function listed(part: Part): Found {
  const isThere = part.name !== null || part.size > 0 || part.bytes !== null || part.attachmentId !== null;
  return { blocks: [], listed: isThere || part.children.length > 0 ? [part] : [] };
}

function together(all: readonly Found[]): Found {
  return { blocks: all.flatMap(({ blocks }) => blocks), listed: all.flatMap((found) => found.listed) };
}

/** What counts is content, and not that there is a part. What is still to be fetched has some. */
function saysSomething({ kind, part, text }: Block): boolean {
  if (text === null) return part.attachmentId !== null;
  return kind === "html" ? htmlSaysSomething(text) : isVisible(text);
}
