/**
 * Security headers: CSP with its sandbox, framing, referrer policy. The handler says whose content it is
 * (`c.set("contentPolicy", …)`); the headers follow from that, and never from the URL.
 */
import { createMiddleware } from "hono/factory";
import { NONCE, secureHeaders } from "hono/secure-headers";
import type { Config } from "../config.ts";
import type { AppContext, AppEnv, ContentPolicy } from "./types.ts";

/** Name of the Trusted Types policy of public/app.js, which reads pages of ours and nothing else. */
const TRUSTED_TYPES_POLICY = "gmail-edge-pages";

const COMMON = { xFrameOptions: "DENY", strictTransportSecurity: false } as const;

/** The nonce that the script element of a page must carry. */
export function scriptNonce(c: AppContext): string {
  return c.get("secureHeadersNonce") ?? "";
}

/** Of a stranger's HTML. @param imgSrc where its pictures may come from */
function mailHeaders(imgSrc: string[]) {
  return secureHeaders({
    ...COMMON,
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      styleSrc: ["'unsafe-inline'"],
      imgSrc,
      formAction: ["'none'"],
      baseUri: ["'none'"],
      frameAncestors: ["'self'"],
      sandbox: ["allow-popups", "allow-popups-to-escape-sandbox"],
    },
    xFrameOptions: "SAMEORIGIN",
    referrerPolicy: "no-referrer",
    // A sandboxed document has an origin of its own anyway, and browsers warn of what they cannot give it.
    originAgentCluster: false,
  });
}

/** Sets the headers that the answer's {@link ContentPolicy} asks for. */
export function securityHeaders({ google }: Config) {
  const byPolicy = {
    page: secureHeaders({
      ...COMMON,
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        // Without 'self': no file of ours is a script for a page that somebody has put markup into.
        scriptSrc: [NONCE],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: [TRUSTED_TYPES_POLICY],
        styleSrc: ["'self'"],
        imgSrc: ["'self'"],
        connectSrc: ["'self'"],
        frameSrc: ["'self'"],
        // Chromium applies this to redirects too: a search by somebody whose grant is gone ends at Google's consent page.
        formAction: ["'self'", new URL(google.authorizationEndpoint).origin],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
      // The path of our own pages is wanted by `signInUrl`; nobody else gets it.
      referrerPolicy: "same-origin",
    }),
    mail: mailHeaders(["data:"]),
    "mail-with-pictures": mailHeaders(["data:", "https:", "http:"]),
    passed: secureHeaders({
      ...COMMON,
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        // Without a word of what is allowed: nothing is.
        sandbox: [],
      },
      referrerPolicy: "no-referrer",
      originAgentCluster: false,
    }),
  } as const satisfies Record<ContentPolicy, unknown>;
  return createMiddleware<AppEnv>(async (c, next) => {
    // Made before the page, which writes the nonce into its script element.
    NONCE(c, "scriptSrc");
    await next();
    await byPolicy[c.get("contentPolicy") ?? "page"](c, async () => {});
  });
}
