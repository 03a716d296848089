/** The moment after which an interrupt comes too late. */

/** How long a step that is under way may still take after an interrupt, in milliseconds. */
const patience = 5_000;

export interface Commit {
  /** Aborted some seconds after the outer one. */
  readonly signal: AbortSignal;
  /** To be called when the step is over. */
  end(): void;
}

/**
 * A signal for a step whose outcome nobody could tell if it were cut: it is aborted only some
 * seconds after `signal`. If that has been aborted already, the step is not begun: the signal is
 * aborted at once; likewise while `mayCut` says that nothing is decided yet.
 */
export function patientAfterAbort(signal: AbortSignal, mayCut: () => boolean = () => false): Commit {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const abort = (): void => {
    controller.abort(signal.reason);
  };
  const wait = (): void => {
    if (mayCut()) abort();
    else timer = setTimeout(abort, patience);
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', wait, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', wait);
    },
  };
}
