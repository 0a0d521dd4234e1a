/**
 * Parts of a message as files: by Gmail's `partId`, which stays the same. The IDs by which Gmail hands out their bytes do not.
 */
import { fileName } from "./file-name.ts";
import type { Part } from "./part.ts";
import { readTree } from "./tree.ts";

/** A message that is one part has the ID "" for it. No path can have that, and no other part is there. */
const ROOT_ID = "0";

/** An attachment, as the API names it. */
export interface Attachment {
  /** Gmail's `partId`. */
  readonly id: string;
  readonly name: string;
  /** Media type, without parameters. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** Whether the message shows it within its text. */
  readonly inline: boolean;
}

export function toAttachment(part: Part): Attachment {
  const { contentId, disposition, size, type } = part;
  const inline = disposition === "" ? contentId !== null : disposition === "inline";
  return { id: idOf(part), name: fileName(part), type, size, inline };
}

/** The part with an ID, whether it is shown or listed; null for none. @param root Gmail's `payload` */
export function findPart(root: unknown, id: string): Part | null {
  for (const preference of ["html", "text"] as const) {
    const { blocks, listed } = readTree(root, preference);
    const found = [...listed, ...blocks.map(({ part }) => part)].find((part) => idOf(part) === id);
    if (found !== undefined) return found;
  }
  return null;
}

const BY_NUMBERS = new Intl.Collator("en", { numeric: true });

/** Parts in the order of the message, each once. */
export function inOrder(parts: readonly Part[]): Part[] {
  const byId = new Map(parts.toReversed().map((part) => [part.id, part]));
  return [...byId.values()].toSorted((one, other) => BY_NUMBERS.compare(one.id, other.id));
}

function idOf({ id }: Part): string {
  return id === "" ? ROOT_ID : id;
}
