/** Where emulators are started, by the name of their platform: from tests, and by `amarre emulate`. */
import type { RunningEmulator } from './emulator.js';
import type { SftpgoOptions } from './sftpgo/options.js';
import { startSftpgo, type RunningSftpgo } from './sftpgo/server.js';

export type { Announcement, EmulatorControl, RunningEmulator } from './emulator.js';
export type { SftpgoOptions } from './sftpgo/options.js';

/** Starts an emulator in this process; it listens when the promise resolves. */
export function startEmulator(platform: 'sftpgo', options: SftpgoOptions): Promise<RunningSftpgo>;
export function startEmulator(_platform: 'sftpgo', options: SftpgoOptions): Promise<RunningEmulator> {
  return startSftpgo(options);
}
