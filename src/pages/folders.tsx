/**
 * Folders and labels beside the messages, and how much is unread in each.
 */
import type { Label } from "../gmail/labels.ts";
import { ColorDot, labelName, mailboxUrl, type MailboxView } from "./mailbox.tsx";

/** Gmail's own folders, as mail programs show them. */
export const FOLDERS: readonly { readonly id: string; readonly name: string }[] = [
  { id: "INBOX", name: "Inbox" },
  { id: "STARRED", name: "Starred" },
  { id: "SENT", name: "Sent" },
  { id: "DRAFT", name: "Drafts" },
  { id: "", name: "All mail" },
  { id: "SPAM", name: "Spam" },
  { id: "TRASH", name: "Trash" },
];

/** A folder or label that a mailbox page links to. */
interface Folder {
  readonly id: string;
  readonly name: string;
  readonly color?: string | null;
  /** ID of the element with its count, which comes later. */
  readonly countId: string;
}

/** Gmail's folders, and the user's labels by name, but for those that are hidden in Gmail. */
function folderGroups(labels: readonly Label[]): readonly (readonly Folder[])[] {
  const own = labels
    .filter(({ isOwn, inList }) => isOwn && inList !== "never")
    .toSorted((one, other) => one.name.localeCompare(other.name))
    .map((label) => ({ id: label.id, name: labelName(label), color: label.color }));
  return [FOLDERS, own].map((group, row) =>
    group.map((folder, index) => ({ ...folder, countId: `unread-${row}-${index}` })),
  );
}

/**
 * Folders and the user's labels, before the messages: the first thing to reach. On a narrow screen they unfold. How
 * much is unread follows when it is known: {@link UnreadCounts}.
 */
export function Folders({ view, labels }: { view: MailboxView; labels: readonly Label[] }) {
  const [folders = [], own = []] = folderGroups(labels);
  return (
    <nav class="folders" aria-label="Folders">
      <details>
        <summary>Folders and labels</summary>
        <FolderList view={view} folders={folders} />
        {own.length > 0 && <h2>Labels</h2>}
        {own.length > 0 && <FolderList view={view} folders={own} />}
      </details>
    </nav>
  );
}

function FolderList({ view, folders }: { view: MailboxView; folders: readonly Folder[] }) {
  return (
    <ul>
      {folders.map(({ id, name, color = null, countId }) => {
        const isCurrent = view.labelId === id && view.q === "";
        return (
          <li>
            <a
              href={mailboxUrl({ q: "", labelId: id })}
              aria-describedby={countId}
              {...(isCurrent ? { "aria-current": "page" } : {})}
            >
              <ColorDot color={color} />
              <bdi>{name}</bdi>
            </a>
          </li>
        );
      })}
    </ul>
  );
}

/**
 * How much is unread, row by row beside {@link Folders}, where the style sheet puts it. It is the last thing of the
 * page, so that no message waits for it. Who does not see it has it as the description of each link.
 *
 * @param props.unread a label that Gmail did not count is missing
 */
export function UnreadCounts({ labels, unread }: { labels: readonly Label[]; unread: ReadonlyMap<string, number> }) {
  return (
    <div class="counts" aria-hidden="true">
      {folderGroups(labels).map((group) => (
        <ul>
          {group.map(({ id, countId }) => (
            <li id={countId}>
              {(unread.get(id) ?? 0) > 0 && (
                <>
                  {unread.get(id)}
                  <span class="visually-hidden"> unread</span>
                </>
              )}
            </li>
          ))}
        </ul>
      ))}
    </div>
  );
}
