/**
 * What docs/errors.md says of each reason: what happened, and what each reader can do. Complete by its type: a new reason
 * of src/errors.ts needs an entry here. `npm run docs:errors` writes the page.
 */
import type { Reason } from "../../src/errors.ts";

/** One row of the page, in Markdown. */
export interface Advice {
  readonly happened: string;
  /** Who signs in with a browser. */
  readonly person: string;
  /** The code that calls the API, and its developer. */
  readonly program: string;
  /** Who runs the deployment and reads its log. */
  readonly operator: string;
}

const NOTHING = "You can do nothing.";
const ONLY_BROWSER = "Nothing: it happens in a browser only.";

export const ADVICE: Readonly<Record<Reason, Advice>> = {
  SIGN_IN_REQUIRED: {
    happened:
      "There is no session, its cookie does not open, or it has ended (30 days after sign-in, sign-out). Or the API token is unknown, expired or revoked. Or everything of the user was ended while they signed in.",
    person: "Sign in.",
    program:
      "Send the user to `authorizationUrl`. With an API token, ask the user for a new one. Do not repeat the request.",
    operator:
      "One user: nothing. All users at once: `TOKEN_KEYS` was replaced, `JURISDICTION` was changed, or the Worker has another host name.",
  },
  CONSENT_REQUIRED: {
    happened:
      "The grant has ended: Google answered a refresh with `invalid_grant`, no usable refresh token is stored, or Gmail answered 401 after a refresh. Usually the user removed the app or changed the password.",
    person: "Follow the link and consent again. You return to the page that you opened.",
    program:
      "Send the user to `authorizationUrl`. Stop calls for this user until then. A new consent ends the user's API tokens: ask for a new one.",
    operator:
      "Many users after seven days: [the app is in Testing](#google-asks-for-consent-every-seven-days). Count `subject`s with this `reason`.",
  },
  SCOPE_REQUIRED: {
    happened:
      "At sign-in: a Gmail scope was not granted (`metadata.missingScopes`). In a call: none of the scopes in `metadata.requiredScopes` is both in `GOOGLE_SCOPES` and granted; Google was not called. Or Google refused a refresh with `invalid_scope`.",
    person: "Sign in again and tick the box for Gmail.",
    program: "Compare the call with `scopes` of `GET /api/me`. The default scopes only read.",
    operator: "Add the scope to `GOOGLE_SCOPES` and at Google under Data Access. Users must consent again.",
  },
  ACCESS_BLOCKED: {
    happened:
      "Google refuses for good: an administrator's policy, an OAuth client that may not, a service account that is not authorized for the user's mailbox, the Gmail API that is not enabled. `metadata.error` has the OAuth code, or `metadata.activationUrl` the address that enables the API. Nothing stored has changed.",
    person:
      "Ask the administrator of your organization to trust the app, or use another account: the message says which.",
    program: "Show the message. Do not try again.",
    operator:
      '`unauthorized_client`, `deleted_client`, `disabled_client`: check the OAuth client in Google\'s console. `org_internal`: the audience is "Internal". `accessNotConfigured`: enable the Gmail API; it takes some minutes. With `metadata.clientId`: the administrator of the domain authorizes it for `metadata.scopes`: [Domain-wide delegation](setup-google.md#domain-wide-delegation).',
  },
  ACCOUNT_NOT_ALLOWED: {
    happened: "The account is not in `ALLOWED_ACCOUNTS`, or Google has reported it as disabled.",
    person: "Sign in with another account, or ask the operator.",
    program: "Show the message to the user.",
    operator:
      "Add the address or `@domain` to `ALLOWED_ACCOUNTS`. `@domain` is the Workspace domain of the ID token, so it matches no consumer account. Google's event `account-enabled` lifts a disabled account: [Block an account](operations.md#block-an-account).",
  },
  INVALID_STATE: {
    happened:
      "The sign-in is older than ten minutes, was used already, or began in another browser. Usual causes: a second click, the back button, a bookmark of the callback.",
    person: "Sign in again. Allow cookies for this site.",
    program: "Do not call `/auth/callback`, and do not store the address of Google's page.",
    operator: "For everybody: [sign-in loops](#sign-in-returns-to-its-start).",
  },
  INVALID_ISSUER: {
    happened: "`iss` of the callback is not `GOOGLE_ISSUER`. A single case may be an attack (mix-up).",
    person: "Start again from the start page. Do not follow a sign-in link from somebody else.",
    program: ONLY_BROWSER,
    operator: "Always: correct `GOOGLE_ISSUER`.",
  },
  CONSENT_DENIED: {
    happened: "The person pressed Cancel at Google.",
    person: "Sign in again if you change your mind.",
    program: "Offer sign-in again. Do not redirect without asking.",
    operator: NOTHING,
  },
  AUTHORIZATION_FAILED: {
    happened:
      "Google returned another error. `metadata.error` has its code, or `unknown` for a code that neither OAuth nor Google documents.",
    person: "Try once more. Then give the operator the code.",
    program: "Show `metadata.error` ([RFC 6749, 4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1)).",
    operator:
      "`invalid_scope`: correct `GOOGLE_SCOPES`. `admin_policy_enforced`: [a Workspace administrator's rule](#google-shows-admin_policy_enforced). `server_error`: Google's fault.",
  },
  CODE_EXCHANGE_FAILED: {
    happened: "Google refused the authorization code, and a second one after a new redirect.",
    person: "Sign in again. Then ask the operator.",
    program: ONLY_BROWSER,
    operator:
      "`detail` has Google's code. `redirect_uri_mismatch`: `PUBLIC_URL` changed during the sign-in. `invalid_grant`: the code was used already or came too late.",
  },
  INVALID_ID_TOKEN: {
    happened: "Signature, `iss`, `aud`, `exp` or `nonce` of the ID token is wrong.",
    person: "Sign in again.",
    program: ONLY_BROWSER,
    operator:
      "Always: check `GOOGLE_CLIENT_ID`, `GOOGLE_ISSUER` and `GOOGLE_JWKS_URI`. `detail` says what is wrong with the token.",
  },
  NO_USER_ID: {
    happened: "Userinfo has no `sub`, or another one than the ID token.",
    person: "Sign in again.",
    program: ONLY_BROWSER,
    operator: "Check `GOOGLE_USERINFO_ENDPOINT`, and that `GOOGLE_SCOPES` has `openid`.",
  },
  NO_REFRESH_TOKEN: {
    happened: "Google gave no refresh token, even after forced consent.",
    person:
      "Remove the app at [myaccount.google.com/permissions](https://myaccount.google.com/permissions), and sign in again.",
    program: ONLY_BROWSER,
    operator: "Nothing can be set: the Worker always asks for `access_type=offline`.",
  },
  RATE_LIMITED: {
    happened:
      "The user's quota units of this minute are used up, or Gmail's rate or quota limit lasted longer than the retries. Or one network called sign-in, token or event routes too often.",
    person: "Wait as long as the page says.",
    program:
      "Wait `Retry-After` seconds, then continue with the last `nextPageToken`. Send fewer requests at once; use `view=id` if it is enough.",
    operator:
      "`upstreamCalls` 0: [the Worker's own limit](operations.md#rate-limits). Else Gmail's: sum `quotaUnits` by `subject`, see [Gmail's quota is used up](#gmails-quota-is-used-up).",
  },
  UPSTREAM_UNAVAILABLE: {
    happened:
      "Google is down, answers what cannot be read (502), or takes too long (504). A security event gets 503. Nothing stored has changed.",
    person: "Try again in a few minutes. You are still signed in.",
    program: "Try again with growing waits, or after `Retry-After` if it is there.",
    operator:
      "The message names the endpoint. Always the same one: check its `GOOGLE_…` setting, then Google's status page. `detail` has the HTTP status.",
  },
  STORAGE_UNAVAILABLE: {
    happened:
      "The user's object could not be reached, or did not answer within 12 seconds. Or Workers KV failed, and a write was retried once. Whether you are signed in cannot be known, so there is no answer.",
    person: "Try again in a few minutes.",
    program: "Try again later.",
    operator:
      "Every few minutes: Cloudflare's status page. Until midnight UTC: [a limit of Workers Free is used up](#a-limit-of-workers-free-is-used-up). Every request, after `JURISDICTION` was set: the runtime refuses it, and the log says so.",
  },
  INTERNAL: {
    happened: "A fault of the server or its configuration. The response has only the request ID.",
    person: "Report it with the request ID.",
    program: "Report it with the request ID. A retry rarely helps.",
    operator:
      "Find the error line by `requestId`: `detail` says what to do, or `causes` show a bug to report. On every request: [wrong configuration](#every-request-answers-500).",
  },
  INVALID_ARGUMENT: {
    happened:
      "A parameter is not valid: `metadata.parameter` names it. Or something is too large (413, 414, 431). Or Gmail says so.",
    person: "Go back to the start page. A link with a page token of another search or account does not work.",
    program:
      "Correct the parameter. A `pageToken` belongs to one user and to the same `q`, `labelIds` and `includeSpamTrash`.",
    operator: "`detail` with `security event:` is a delivery that did not come from Google.",
  },
  FAILED_PRECONDITION: {
    happened:
      "Gmail refused for a reason without a name here, such as an account without a mailbox (then the code is Gmail's). Or the user has 20 API tokens.",
    person: "Read the message. If this Google account has no Gmail, use another one.",
    program: "Read the message. Revoke an API token that nobody uses.",
    operator: NOTHING,
  },
  PERMISSION_DENIED: {
    happened:
      "The `userId` is another user's, another site sent the request, the API token may not do this, plain HTTP was used, or Gmail says so.",
    person: "Use the buttons of the site itself.",
    program:
      "`userId` is `me`, or the user's own address or `sub`. `metadata.requiredAccess` is the access that the API token lacks. With a cookie, a write needs `Origin`.",
    operator:
      "On `/operator/`: the keys given to `npm run rotate` are not the Worker's, or `--url` is not its origin. `accessNotConfigured`: [the Gmail API is off](#gmail-says-accessnotconfigured).",
  },
  NOT_FOUND: {
    happened: "No such route, session or API token, or Gmail has no such message, label or attachment.",
    person: "Check the address. The message may have been deleted.",
    program: "Check path and ID. An ID belongs to one mailbox.",
    operator: NOTHING,
  },
  METHOD_NOT_ALLOWED: {
    happened: "The route does not have this method. `Allow` lists those that it has.",
    person: "Go back to the start page.",
    program: "Use a method of `Allow`. Sign-out and disconnect are `POST`.",
    operator: NOTHING,
  },
};
