/** Signs in as a mount would, and asks what the account may do there. */
import { isErrno } from '../../errors.js';
import type { AccountFacts } from '../../providers/probe.js';
import type { Provider } from '../../providers/provider.js';
import type { Found, Trouble } from './findings.js';
import { ask, troubleOf } from './gathering.js';

/** Milliseconds for signing in, for each thing tried, and for all of them. */
const signInDeadline = 30_000;
const trialDeadline = 15_000;
const examinationDeadline = 300_000;

/** Bytes that go up and come down to see how fast. */
const measured = 1024 * 1024;

export interface SignedInFacts {
  /** Signed in, and the base folder seen. */
  readonly signIn: Found<undefined>;
  /** Milliseconds by which the server's clock is ahead of ours. */
  readonly clockAhead: number | undefined;
  /** Undefined where nobody is signed in, or this platform has no way to try. */
  readonly account: Found<AccountFacts> | undefined;
}

/** `open` makes the provider, which is closed here; it may refuse the credentials. `onTrials`: rights are about to be tried. */
export async function readSignedInFacts(open: () => Provider, write: boolean, onTrials: () => void, signal: AbortSignal): Promise<SignedInFacts> {
  const opened = await ask(signInDeadline, signal, () => Promise.resolve().then(open));
  if ('trouble' in opened) return { signIn: opened, clockAhead: undefined, account: undefined };
  const provider = opened.value;
  try {
    const signIn = await ask(signInDeadline, signal, (until) => provider.connect(until));
    const { probe } = provider;
    const clockAhead = probe?.clockAhead();
    if ('trouble' in signIn || probe === undefined) return { signIn: asFact(signIn), clockAhead, account: undefined };
    onTrials();
    // What it has made it deletes also behind an interrupt: that is waited for.
    const account = await probe.examine({ write, bytes: measured, deadline: trialDeadline }, AbortSignal.any([signal, AbortSignal.timeout(examinationDeadline)]))
      .then((value) => ({ value }), (error: unknown) => ({ trouble: lateTrouble(error, signal) }));
    return { signIn: asFact(signIn), clockAhead, account };
  } finally {
    await provider.close();
  }
}

function asFact(signIn: Found<unknown>): Found<undefined> {
  return 'trouble' in signIn ? signIn : { value: undefined };
}

function lateTrouble(error: unknown, signal: AbortSignal): Trouble {
  signal.throwIfAborted();
  if (isErrno(error, 'EINTR')) return { code: 'ETIMEDOUT', words: `not done within ${examinationDeadline / 1000} s` };
  return troubleOf(error);
}
