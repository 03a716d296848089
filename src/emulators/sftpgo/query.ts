/**
 * The query string as Go reads it. Node and the browsers forgive where Go drops: a bare `;` or a bad `%` loses the
 * whole parameter (SFTPGo's page: encoding), so no library's parser will do.
 */

/** The parameters of a request target; the first of each name counts, as with Go's `Get`. */
export function parseQuery(url: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const at = url.indexOf('?');
  if (at < 0) return found;
  for (const pair of url.slice(at + 1).split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const name = unescape(equals < 0 ? pair : pair.slice(0, equals));
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1));
    if (name !== undefined && value !== undefined && !found.has(name)) found.set(name, value);
  }
  return found;
}

/** Percent-decoding with `+` as a space; undefined where a `%` is not followed by two hex digits. */
function unescape(text: string): string | undefined {
  if (/%(?![0-9a-f]{2})/iu.test(text)) return undefined;
  // Node hands the target over as one character a byte.
  const bytes = text.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/giu, (_match, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
