/**
 * The seed of `emulate`: OAuth client, users, labels and mail.
 */

import { BUSY_USER, SMALL_USER, USERS, type EmulatedUser } from "../users.ts";
import { generateBusyMail, generateSmallMail } from "./generate.ts";
import { toSeedMessages, type SeedMessage } from "./mail.ts";

/** The part of `emulate`'s seed that we use. It declares none of its types. */
export interface GoogleSeed {
  readonly users: readonly { email: string; name: string; hd: string; picture: string }[];
  readonly oauth_clients: readonly {
    client_id: string;
    client_secret: string;
    name: string;
    redirect_uris: readonly string[];
  }[];
  readonly labels: readonly { id: string; user_email: string; name: string }[];
  readonly messages: readonly SeedMessage[];
}

/** The busy user's own labels: nested, with a slash in the name, and not in ASCII. */
const USER_LABELS = [
  { id: "Label_receipts", name: "Receipts" },
  { id: "Label_ci", name: "Work/CI" },
  { id: "Label_lists", name: "Lists/workers-discuss" },
  { id: "Label_travel", name: "Reisen & Ausflüge" },
  { id: "Label_family", name: "משפחה" },
  { id: "Label_odd", name: "Odd <ones>" },
];

/** The seed for one client, with mail that ends shortly before `nowMs`. */
export function buildSeed(options: {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clientName: string;
  readonly redirectUris: readonly string[];
  /** Where a user's picture is. */
  readonly pictureOf: (user: EmulatedUser) => string;
  readonly nowMs: number;
}): GoogleSeed {
  return {
    users: USERS.map((user) => ({
      email: user.email,
      name: user.name,
      hd: user.hd,
      picture: options.pictureOf(user),
    })),
    oauth_clients: [
      {
        client_id: options.clientId,
        client_secret: options.clientSecret,
        name: options.clientName,
        redirect_uris: options.redirectUris,
      },
    ],
    labels: USER_LABELS.map(({ id, name }) => ({ id, name, user_email: BUSY_USER.email })),
    messages: [
      ...toSeedMessages(BUSY_USER, generateBusyMail(options.nowMs)),
      ...toSeedMessages(SMALL_USER, generateSmallMail(options.nowMs)),
    ],
  };
}
