/**
 * Many googles behind one door: the first label of the host names the instance, so that tests run side by side.
 */
import { createGoogle, type Google } from "./google.ts";

/** The domain under which instances live; nothing here resolves, the outbound service answers all of it. */
export const HUB_DOMAIN = "google.test";

/** A function for an outbound service. Calls to any other host are refused, so that no test reaches the network. */
export function createGoogleHub(): (request: Request) => Promise<Response> {
  const googles = new Map<string, Google>();
  return async (request) => {
    const { hostname } = new URL(request.url);
    const [name, ...domain] = hostname.split(".");
    if (name === undefined || domain.join(".") !== HUB_DOMAIN) {
      return new Response(`no call may leave the tests: ${hostname}`, { status: 599 });
    }
    let google = googles.get(name);
    if (google === undefined) {
      google = createGoogle(name);
      googles.set(name, google);
    }
    return google.fetch(request);
  };
}
