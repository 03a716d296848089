/** What OAuth answers instead of a token: the names are RFC 6749's, 4.1.2.1 and 5.2. */

export type OAuthErrorName =
  | 'invalid_request' | 'invalid_client' | 'invalid_grant' | 'invalid_scope' | 'unauthorized_client' | 'unsupported_grant_type'
  | 'unsupported_response_type' | 'access_denied' | 'temporarily_unavailable';

export class OAuthRefusal extends Error {
  readonly error: OAuthErrorName;
  readonly status: number;

  constructor(error: OAuthErrorName, description: string, status = 400) {
    super(description);
    this.name = 'OAuthRefusal';
    this.error = error;
    this.status = status;
  }

  get said(): { error: OAuthErrorName; error_description: string } {
    return { error: this.error, error_description: this.message };
  }
}

/** The parameters of a request. One that comes twice is refused, one without a value counts as left out (RFC 6749, 3.1). */
export function parametersOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (found.has(name)) throw new OAuthRefusal('invalid_request', `${name} comes twice`);
    found.set(name, value);
  }
  return new Map([...found].filter(([, value]) => value !== ''));
}
