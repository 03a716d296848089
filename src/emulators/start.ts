/** Where emulators are started, by the name of their platform: from tests, and by `amarre emulate`. */
import type { ArrhesOptions } from './arrhes/options.js';
import { startArrhes, type RunningArrhes } from './arrhes/server.js';
import type { FaireSimpleOptions } from './faire-simple/options.js';
import { startFaireSimple, type RunningFaireSimple } from './faire-simple/server.js';
import type { NetexplorerOptions } from './netexplorer/options.js';
import { startNetexplorer, type RunningNetexplorer } from './netexplorer/server.js';
import type { SftpgoOptions } from './sftpgo/options.js';
import { startSftpgo, type RunningSftpgo } from './sftpgo/server.js';

export type { ArrhesControl } from './arrhes/control.js';
export type { ArrhesOptions } from './arrhes/options.js';
export type { RunningArrhes } from './arrhes/server.js';
export type { FaultRule } from './common/faults.js';
export type { Announcement, EmulatorControl, RunningEmulator } from './emulator.js';
export type { FaireSimpleControl } from './faire-simple/control.js';
export type { FaireSimpleOptions } from './faire-simple/options.js';
export type { RunningFaireSimple } from './faire-simple/server.js';
export type { NetexplorerControl } from './netexplorer/control.js';
export type { NetexplorerOptions } from './netexplorer/options.js';
export type { RunningNetexplorer } from './netexplorer/server.js';
export type { SftpgoControl } from './sftpgo/control.js';
export type { SftpgoOptions } from './sftpgo/options.js';
export type { RunningSftpgo } from './sftpgo/server.js';

/** Starts an emulator in this process; it listens when the promise resolves. */
export function startEmulator(platform: 'sftpgo', options: SftpgoOptions): Promise<RunningSftpgo>;
export function startEmulator(platform: 'arrhes', options: ArrhesOptions): Promise<RunningArrhes>;
export function startEmulator(platform: 'faire-simple', options: FaireSimpleOptions): Promise<RunningFaireSimple>;
export function startEmulator(platform: 'netexplorer', options: NetexplorerOptions): Promise<RunningNetexplorer>;
export function startEmulator(
  ...start: ['sftpgo', SftpgoOptions] | ['arrhes', ArrhesOptions] | ['faire-simple', FaireSimpleOptions] | ['netexplorer', NetexplorerOptions]
): Promise<RunningSftpgo | RunningArrhes | RunningFaireSimple | RunningNetexplorer> {
  switch (start[0]) {
    case 'sftpgo': return startSftpgo(start[1]);
    case 'arrhes': return startArrhes(start[1]);
    case 'faire-simple': return startFaireSimple(start[1]);
    case 'netexplorer': return startNetexplorer(start[1]);
  }
}
