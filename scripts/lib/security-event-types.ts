/**
 * The events of Google's Cross-Account Protection by their short names, and their URIs.
 * https://developers.google.com/identity/protocols/risc#supported_event_types
 */

const RISC = "https://schemas.openid.net/secevent/risc/event-type";
const OAUTH = "https://schemas.openid.net/secevent/oauth/event-type";

/** All that Google documents, by short name. */
export const SECURITY_EVENT_TYPES = {
  "tokens-revoked": `${OAUTH}/tokens-revoked`,
  "token-revoked": `${OAUTH}/token-revoked`,
  "sessions-revoked": `${RISC}/sessions-revoked`,
  "account-disabled": `${RISC}/account-disabled`,
  "account-enabled": `${RISC}/account-enabled`,
  "account-credential-change-required": `${RISC}/account-credential-change-required`,
  verification: `${RISC}/verification`,
} as const;
