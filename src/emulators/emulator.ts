/**
 * What every emulator is to those who start one: the announcement that `amarre emulate` prints, the control that
 * tests hold, and a way to end it. The form is the same for all platforms.
 */
import type { FaultRule } from './common/faults.js';
import type { TrafficEntry, TrafficState } from './common/traffic.js';

export interface Announcement {
  readonly platform: string;
  /** The server's address, `http://127.0.0.1:PORT`. The control interface stands below it, at `/_control/`. */
  readonly url: string;
  /** What `amarre mount` takes. */
  readonly remote: string;
  /** Environment variables that sign in. */
  readonly env: Readonly<Record<string, string>>;
}

export interface RunningEmulator {
  readonly announcement: Announcement;
  readonly control: EmulatorControl;
  /** Ends at once: open connections are closed, waiting requests given up, sample files removed. */
  close(): Promise<void>;
}

export interface ControlState extends TrafficState {
  /** Requests that wait at a stall. */
  readonly stalled: number;
}

/**
 * The control interface. A platform adds what only it has. The same calls serve a test in the emulator's process and, over
 * HTTP, one in another.
 */
export interface EmulatorControl {
  /** Makes something go wrong; returns the rule's id. */
  addRule(rule: FaultRule): Promise<string>;
  /** Removes a rule, or all, and lets go on what waits at it. */
  removeRules(id?: string): Promise<void>;
  state(): Promise<ControlState>;
  /** Forgets counts and log. */
  resetCounts(): Promise<void>;
  /** The requests since the last reset, oldest first. */
  log(): Promise<TrafficEntry[]>;
}
