/** Where emulators are started, by the name of their platform: from tests, and by `amarre emulate`. */
import type { SftpgoOptions } from './sftpgo/options.js';
import { startSftpgo, type RunningSftpgo } from './sftpgo/server.js';

export type { FaultRule } from './common/faults.js';
export type { Announcement, EmulatorControl, RunningEmulator } from './emulator.js';
export type { SftpgoOptions } from './sftpgo/options.js';
export type { RunningSftpgo } from './sftpgo/server.js';

const starters = { sftpgo: startSftpgo } as const;

/** Starts an emulator in this process; it listens when the promise resolves. */
export function startEmulator(platform: keyof typeof starters, options: SftpgoOptions): Promise<RunningSftpgo> {
  return starters[platform](options);
}
