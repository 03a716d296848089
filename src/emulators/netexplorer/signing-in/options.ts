/** What can be chosen of signing in: how long it holds, how many may, and how it is refused. */
import type { SignInRefusal } from './admission.js';

export interface SignInOptions {
  /** A token from `/auth` ends when it was not used for so long; milliseconds. Default half an hour. */
  readonly sessionIdleMs?: number | undefined;
  /** A token from `/auth` ends at this age; milliseconds. Default twelve hours. */
  readonly sessionLimitMs?: number | undefined;
  /** So many connections at one time. Default 0: without a limit. */
  readonly slots?: number | undefined;
  /** Why nobody is let in. Default: everybody is. */
  readonly refused?: SignInRefusal | undefined;
  /** The status of that refusal, and of one for want of a slot. Default 403. */
  readonly refusedStatus?: 401 | 403 | undefined;
  /** The status for a wrong password. Default 401. */
  readonly wrongPasswordStatus?: 400 | 401 | 403 | undefined;
}

export function signInChoices(options: SignInOptions) {
  return {
    sessionIdleMs: options.sessionIdleMs ?? 30 * 60_000,
    sessionLimitMs: options.sessionLimitMs ?? 12 * 3_600_000,
    slots: options.slots ?? 0,
    refused: options.refused,
    refusedStatus: options.refusedStatus ?? 403,
    wrongPasswordStatus: options.wrongPasswordStatus ?? 401,
  } as const;
}

export type SignInChoices = ReturnType<typeof signInChoices>;
