/**
 * Which origins are safe to send secrets to. RFC 6749 §3.1 and §3.2 ask for TLS; loopback (RFC 8252 §7.3) is the machine
 * itself and can do without.
 */

/** Whether a host name, as `URL.hostname` has it, names the machine itself. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Whether what is sent to a URL is encrypted on its way, or does not leave the machine. */
export function isSecureUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

/** Whether a text is such an origin: scheme and host, no path. */
export function isSecureOrigin(text: string): boolean {
  return isSecureUrl(text) && `${new URL(text).origin}/` === new URL(text).href;
}
