/**
 * Time that has passed, sleep included. Node's own clock and timers stand still while a machine is
 * suspended: by them a token of 20 minutes lives through a night, and a connection that the server
 * closed hours ago has only just been used.
 */
import { uptime } from 'node:os';

/** Two clocks in milliseconds: the one stands still while the machine sleeps, the other does not. */
export interface ElapsedSources {
  readonly awake: () => number;
  readonly sinceBoot: () => number;
}

/** The clocks are read one after the other, and the kernel tells the second in hundredths: below this they agree. */
const agreement = 1_000;

/** A clock of milliseconds since no particular moment, which counts the time asleep. */
export function elapsedClock({ awake, sinceBoot }: ElapsedSources): () => number {
  const apart = sinceBoot() - awake();
  return () => {
    const now = awake();
    const slept = sinceBoot() - now - apart;
    return slept > agreement ? now + slept : now;
  };
}

/** This machine's. */
export const elapsed = elapsedClock({ awake: () => performance.now(), sinceBoot: () => uptime() * 1000 });
