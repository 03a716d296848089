/**
 * Where a redirect may lead. Credentials go to the platform's own origin and to no other, not even
 * when the platform asks for it: an open redirect would hand the password to whoever it points at.
 */

export type Redirect =
  | { readonly follow: string }
  /** Why it is not followed: a sentence for the person, without query or user info. */
  | { readonly refuse: string };

/** How many redirects in a row are followed. */
export const maxRedirects = 5;

/** True for a status that sends elsewhere. */
export function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/**
 * What to do with a redirect of a request for `path` at `origin` (`https://host:port`). A path to
 * follow is of the same origin. A method that changes something is followed only by 307 and 308,
 * which keep method and body; 301 to 303 would silently make a GET of it.
 */
export function judgeRedirect(
  request: { readonly origin: string; readonly method: string; readonly path: string },
  status: number, location: string | undefined,
): Redirect {
  if (location === undefined) return { refuse: `the server answered ${status} without saying where to go` };
  const base = new URL(request.path, request.origin).href;
  if (!URL.canParse(location, base)) return { refuse: `the server answered ${status} with an address that cannot be read` };
  const target = new URL(location, base);
  if (target.origin !== new URL(request.origin).origin) {
    return {
      refuse: `the server sends requests on to ${target.origin}${target.pathname}; credentials are not taken to another address. `
        + 'If it is the right one, mount that address',
    };
  }
  const safe = request.method === 'GET' || request.method === 'HEAD';
  if (!safe && status !== 307 && status !== 308) {
    return { refuse: `the server answered ${request.method} with a redirect (${status}) to ${target.pathname}, which would change the request` };
  }
  return { follow: `${target.pathname}${target.search}` };
}
