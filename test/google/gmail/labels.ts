/**
 * Labels: Gmail's own and the user's, with their counts, visibility and colours.
 */
import * as z from "zod";
import { apiError, refusal } from "../errors.ts";
import type { Mailbox, UserLabel } from "../mail/mailbox.ts";
import { BadArgument, type GmailCall } from "./call.ts";

const HIDDEN = new Set(["CHAT", "UNREAD"]);
const SYSTEM = [
  ..."INBOX SENT DRAFT SPAM TRASH UNREAD STARRED IMPORTANT CHAT".split(" "),
  ..."PERSONAL SOCIAL PROMOTIONS UPDATES FORUMS".split(" ").map((name) => `CATEGORY_${name}`),
];

/** @throws BadArgument where the mailbox has no such label */
export function checkLabels({ labels }: Mailbox, ids: readonly string[]): void {
  const unknown = ids.find((id) => !SYSTEM.includes(id) && labels.every((label) => label.id !== id));
  if (unknown !== undefined) throw new BadArgument(`Invalid label: ${unknown}`);
}

export function listLabels({ mailbox }: GmailCall): object {
  return { labels: [...SYSTEM.map(systemLabel), ...mailbox.labels.map(userLabel)] };
}

export function getLabel({ mailbox, ids }: GmailCall): object | Response {
  const [id = ""] = ids;
  const own = mailbox.labels.find((label) => label.id === id);
  if (own === undefined && !SYSTEM.includes(id)) return refusal("notFound");
  return { ...(own === undefined ? systemLabel(id) : userLabel(own)), ...mailbox.count(id) };
}

function systemLabel(id: string): object {
  const hidden = { messageListVisibility: "hide", labelListVisibility: "labelHide" };
  return { id, name: id, ...(HIDDEN.has(id) || id.startsWith("CATEGORY_") ? hidden : {}), type: "system" };
}

function userLabel(label: UserLabel): object {
  const visible = { messageListVisibility: "show", labelListVisibility: "labelShow" };
  return { ...visible, ...label, type: "user" };
}

const labelSchema = z.object({
  name: z.string().min(1).max(225).exactOptional(),
  color: z.object({ textColor: z.string(), backgroundColor: z.string() }).exactOptional(),
  messageListVisibility: z.enum(["show", "hide"]).exactOptional(),
  labelListVisibility: z.enum(["labelShow", "labelShowIfUnread", "labelHide"]).exactOptional(),
});

export function createLabel({ call, mailbox }: GmailCall): object | Response {
  const { name, ...rest } = labelSchema.parse(JSON.parse(call.body));
  if (name === undefined) throw new BadArgument("Invalid label name");
  if (mailbox.labels.some((label) => label.name.toLowerCase() === name.toLowerCase())) {
    return apiError(409, "aborted", "Label name exists or conflicts");
  }
  const label = { id: `Label_${mailbox.labels.length + 1}`, name, ...rest };
  mailbox.labels.push(label);
  return userLabel(label);
}

export function patchLabel({ call, mailbox, ids }: GmailCall): object | Response {
  const index = mailbox.labels.findIndex(({ id }) => id === ids[0]);
  const before = mailbox.labels[index];
  if (before === undefined) return refusal("notFound");
  const label = { ...before, ...labelSchema.parse(JSON.parse(call.body)) };
  mailbox.labels[index] = label;
  return userLabel(label);
}

/** `DELETE labels/{id}`: no message has it any more. */
export function deleteLabel({ mailbox, ids }: GmailCall): Response | null {
  const [id = ""] = ids;
  const index = mailbox.labels.findIndex((label) => label.id === id);
  if (index === -1) return refusal("notFound");
  mailbox.labels.splice(index, 1);
  for (const message of mailbox.messages()) mailbox.changeLabels(message, { remove: [id] });
  return null;
}
