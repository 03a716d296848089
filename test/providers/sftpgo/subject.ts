/** An SFTPGo provider on an emulator over a fresh folder, with the folder at hand. */
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { SftpgoOptions } from '../../../src/emulators/sftpgo/options.js';
import { startSftpgo, type RunningSftpgo } from '../../../src/emulators/sftpgo/server.js';
import { silentLog, type Log } from '../../../src/observe/log.js';
import { openProvider } from '../../../src/providers/open.js';
import type { Provider } from '../../../src/providers/provider.js';
import { parseRemote } from '../../../src/providers/remote.js';
import type { Credentials, ProviderSettings } from '../../../src/providers/settings.js';
import { collectingLog, type LogLine } from '../../support/collecting-log.js';
import { testSettings, type Backstage, type Subject } from '../subject.js';

export interface SubjectOptions {
  readonly emulator?: SftpgoOptions;
  readonly user?: string;
  readonly credentials?: Credentials;
  readonly settings?: Partial<ProviderSettings>;
  readonly base?: string;
}

export interface SftpgoSubject extends Subject {
  readonly emulator: RunningSftpgo;
  /** The folder on this machine's disk that stands for the remote's base. */
  readonly root: string;
  readonly log: readonly LogLine[];
  /** Another provider on the same server. */
  readonly another: (options?: SubjectOptions) => Provider;
}

export async function startSubject(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  const home = await mkdtemp(join(tmpdir(), 'amarre-test-'));
  const base = options.base ?? '/';
  const root = join(home, base);
  await mkdir(root, { recursive: true });
  const emulator = await startSftpgo({ root: home, ...options.emulator });
  const { log, lines } = collectingLog();
  const opened: Provider[] = [];
  const another = (more: SubjectOptions = {}): Provider => {
    const provider = openOn(emulator, base, { ...options, ...more }, log);
    opened.push(provider);
    return provider;
  };
  return {
    provider: another(),
    another,
    emulator,
    root,
    log: lines,
    backstage: backstageOf(root),
    close: async () => {
      await Promise.all(opened.map((provider) => provider.close()));
      await emulator.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function openOn(emulator: RunningSftpgo, base: string, options: SubjectOptions, log: Log): Provider {
  const url = new URL(emulator.announcement.url);
  const path = base.split('/').map(encodeURIComponent).join('/');
  return openProvider(
    parseRemote(`sftpgo+http://${options.user ?? 'u'}@${url.host}${path}`), options.credentials ?? { password: 'p' },
    { ...testSettings, ...options.settings }, log,
  );
}

export function backstageOf(root: string): Backstage {
  const at = (path: string): string => join(root, path);
  return {
    put: async (path, content, modified) => {
      await mkdir(dirname(at(path)), { recursive: true });
      await writeFile(at(path), content);
      await utimes(at(path), new Date(modified), new Date(modified));
    },
    putFolder: async (path) => {
      await mkdir(at(path), { recursive: true });
    },
    remove: (path) => rm(at(path), { recursive: true, force: true }),
    get: async (path) => readFile(at(path)).catch(() => undefined),
    tree: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries
        .map((entry) => `${join(entry.parentPath, entry.name).slice(root.replace(/\/$/, '').length)}${entry.isDirectory() ? '/' : ''}`)
        .sort();
    },
  };
}

/** A provider on any server, at a folder of it. */
export function openAt(origin: string, base: string, settings: Partial<ProviderSettings> = {}, log: Log = silentLog()): Provider {
  const url = new URL(origin);
  return openProvider(
    parseRemote(`sftpgo+http://u@${url.host}${base.split('/').map(encodeURIComponent).join('/')}`), { password: 'p' }, { ...testSettings, ...settings }, log,
  );
}
