/** Proof that who brings the code is who asked for it (RFC 7636). */
import { createHash } from 'node:crypto';

/** Whether a platform wants it, takes it, or refuses the parameters as unknown. */
export type Pkce = 'required' | 'taken' | 'unknown';

const verifierForm = /^[A-Za-z0-9\-._~]{43,128}$/u;

/** Whether the verifier is the one whose S256 challenge came first. */
export function proves(verifier: string, challenge: string): boolean {
  return verifierForm.test(verifier) && createHash('sha256').update(verifier, 'ascii').digest('base64url') === challenge;
}

/** What is wrong with the challenge of an authorization request; undefined: nothing. */
export function challengeFault(pkce: Pkce, challenge: string | undefined, method: string | undefined): string | undefined {
  if (pkce === 'unknown') return challenge === undefined && method === undefined ? undefined : 'unknown parameter code_challenge';
  if (challenge === undefined) return pkce === 'required' || method !== undefined ? 'code_challenge is missing' : undefined;
  // Without a method the challenge would be the verifier itself.
  if (method !== 'S256') return 'code_challenge_method must be S256';
  return /^[A-Za-z0-9\-_]{43}$/u.test(challenge) ? undefined : 'code_challenge is malformed';
}
