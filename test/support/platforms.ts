/** The emulated platforms as the harnesses of mounts take them: how to start one, and what it must not be left with. */
import { startEmulator, type ArrhesControl, type ArrhesOptions, type FaireSimpleControl, type FaireSimpleOptions, type NetexplorerControl, type NetexplorerOptions, type SftpgoControl, type SftpgoOptions } from '../../src/emulators/start.js';
import type { Announcement, EmulatorControl } from '../../src/emulators/emulator.js';
import { isHiddenName } from '../../src/providers/hidden-names.js';
import { succeed } from './programs.js';

export interface Server<C extends EmulatorControl> {
  readonly announcement: Announcement;
  readonly control: C;
  close(): Promise<void>;
}

export interface Platform<C extends EmulatorControl> {
  /** `root`: an empty folder of the test's, for a platform that keeps its files on a disk. `port`: where it was before, when it comes again. */
  start(root: string, port: number | undefined): Promise<Server<C>>;
  /** What lies on the server under names that the drive keeps to itself. */
  hidden(root: string, control: C): Promise<readonly string[]>;
}

export function sftpgo(options: SftpgoOptions = {}): Platform<SftpgoControl> {
  return {
    start: (root, port) => startEmulator('sftpgo', { root, ...options, ...(port !== undefined && { port }) }),
    hidden: hiddenOnDisk,
  };
}

/** Without seeds in the options it is empty. Its documents live in memory: who starts it again starts it anew. */
export function arrhes(options: ArrhesOptions = {}): Platform<ArrhesControl> {
  return {
    start: (_root, port) => startEmulator('arrhes', { folders: [], files: [], refusesAuthorization: true, ...options, ...(port !== undefined && { port }) }),
    hidden: async (_root, control) => (await control.content()).files.map(({ name }) => String(name)).filter(isHiddenName),
  };
}

/** The drive is one root folder, which is the test's folder; whatever a test changes on the disk there is seen. */
export function netexplorer(options: NetexplorerOptions = {}): Platform<NetexplorerControl> {
  return {
    start: (root, port) => startEmulator('netexplorer', { root, rootFolder: 'Commun', followsDisk: true, ...options, ...(port !== undefined && { port }) }),
    hidden: hiddenOnDisk,
  };
}

/** Feeds in memory, which a test changes by its control. */
export function faireSimple(options: FaireSimpleOptions = {}): Platform<FaireSimpleControl> {
  return {
    start: (_root, port) => startEmulator('faire-simple', { ...options, ...(port !== undefined && { port }) }),
    hidden: () => Promise.resolve([]),
  };
}

async function hiddenOnDisk(root: string): Promise<readonly string[]> {
  return (await succeed('find', [root, '-name', '.amarre-*'])).split('\n').filter((name) => name !== '');
}
