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
  /** The folder that is served. */
  readonly root: string;
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

/** What a test may change of a user while the emulator runs. Left out: stays as it is. */
export interface UserChange {
  readonly password?: string | undefined;
  /** A disabled user cannot sign in; tokens given before still hold. */
  readonly enabled?: boolean | undefined;
  /** The rights, all of them. */
  readonly rights?: readonly string[] | undefined;
  /** Rights of folders and what is below them, by path, all of them; they replace `rights` there. */
  readonly folderRights?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Bytes; 0 is no limit. */
  readonly quotaBytes?: number | undefined;
  /** What counts as used of the quota, in bytes. */
  readonly usedBytes?: number | undefined;
  /** 0 is no limit. */
  readonly maxSessions?: number | undefined;
}

/** The control interface. The same calls serve a test in the emulator's process and, over HTTP, one in another. */
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
  /** All tokens given so far are unknown, as after a restart of the server. */
  forgetTokens(): Promise<void>;
  changeUser(name: string, change: UserChange): Promise<void>;
  /** From now on every service but those that the operator documents is refused with this status; undefined: none is. */
  refuseOthers(status?: number): Promise<void>;
  /** A code of the second factor, good for one sign-in. */
  oneTimeCode(name: string): Promise<string>;
}
