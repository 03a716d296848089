/** Where emulators are started, by the name of their platform: from tests, and by `amarre emulate`. */
import type { ArrhesOptions } from './arrhes/options.js';
import { startArrhes, type RunningArrhes } from './arrhes/server.js';
import type { SftpgoOptions } from './sftpgo/options.js';
import { startSftpgo, type RunningSftpgo } from './sftpgo/server.js';

export type { ArrhesControl } from './arrhes/control.js';
export type { ArrhesOptions } from './arrhes/options.js';
export type { RunningArrhes } from './arrhes/server.js';
export type { FaultRule } from './common/faults.js';
export type { Announcement, EmulatorControl, RunningEmulator } from './emulator.js';
export type { SftpgoControl } from './sftpgo/control.js';
export type { SftpgoOptions } from './sftpgo/options.js';
export type { RunningSftpgo } from './sftpgo/server.js';

/** The platforms that can be emulated. */
export const emulatedPlatforms = ['sftpgo', 'arrhes'] as const;

/** Starts an emulator in this process; it listens when the promise resolves. */
export function startEmulator(platform: 'sftpgo', options: SftpgoOptions): Promise<RunningSftpgo>;
export function startEmulator(platform: 'arrhes', options: ArrhesOptions): Promise<RunningArrhes>;
export function startEmulator(...start: ['sftpgo', SftpgoOptions] | ['arrhes', ArrhesOptions]): Promise<RunningSftpgo | RunningArrhes> {
  return start[0] === 'arrhes' ? startArrhes(start[1]) : startSftpgo(start[1]);
}
