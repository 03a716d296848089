/** The part of the control interface that is the same for every platform: rules, counts and the log. */
import type { EmulatorControl } from '../emulator.js';
import type { Faults } from './faults.js';
import type { Traffic } from './traffic.js';

/** Does a piece of a test's order; what it throws is the promise's. */
export function ordered<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

export function commonControl(faults: Faults, traffic: Traffic): EmulatorControl {
  return {
    addRule: (rule) => ordered(() => faults.add(rule)),
    removeRules: (id) => ordered(() => faults.remove(id)),
    state: () => ordered(() => ({ ...traffic.state(), stalled: faults.stalled })),
    resetCounts: () => ordered(() => traffic.reset()),
    log: () => ordered(() => traffic.log()),
  };
}
