/** A NetExplorer provider on an emulator over a fresh folder, with the folder at hand. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { startEmulator, type NetexplorerOptions, type RunningNetexplorer } from '../../../src/emulators/start.js';
import type { Log } from '../../../src/observe/log.js';
import { openProvider } from '../../../src/providers/open.js';
import type { Provider } from '../../../src/providers/provider.js';
import { parseRemote } from '../../../src/providers/remote.js';
import type { Credentials, ProviderSettings } from '../../../src/providers/settings.js';
import { collectingLog, type LogLine } from '../../support/collecting-log.js';
import { backstageOf } from '../sftpgo/subject.js';
import { listAll, never, testSettings, type Backstage, type Subject } from '../subject.js';

export interface SubjectOptions {
  readonly emulator?: NetexplorerOptions;
  readonly user?: string;
  readonly credentials?: Credentials;
  readonly settings?: Partial<ProviderSettings>;
  /** The remote's folder. Default `/Commun`: at the platform's top there are no files. */
  readonly base?: string;
}

export interface NetexplorerSubject extends Subject {
  readonly emulator: RunningNetexplorer;
  /** The folder on this machine's disk that stands for the remote's. */
  readonly root: string;
  readonly log: readonly LogLine[];
  /** Another provider on the same platform. */
  readonly another: (options?: SubjectOptions) => Provider;
}

export async function startSubject(options: SubjectOptions = {}): Promise<NetexplorerSubject> {
  const home = await mkdtemp(join(tmpdir(), 'amarre-test-'));
  const base = options.base ?? '/Commun';
  const root = join(home, base);
  await mkdir(root, { recursive: true });
  const emulator = await startEmulator('netexplorer', { root: home, ...options.emulator });
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
    backstage: adopting(backstageOf(root), emulator),
    close: async () => {
      await Promise.all(opened.map((provider) => provider.close()));
      await emulator.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Call once in a test file: subjects are closed behind each test. `connected`: their provider is. */
export function useSubjects({ connected }: { readonly connected: boolean }): (options?: SubjectOptions) => Promise<NetexplorerSubject> {
  const started: NetexplorerSubject[] = [];
  afterEach(async () => {
    for (const subject of started.splice(0)) await subject.close();
  });
  return async (options = {}) => {
    const subject = await startSubject(options);
    started.push(subject);
    if (connected) await subject.provider.connect(never);
    return subject;
  };
}

/** The names that a listing shows, sorted. */
export async function namesIn(provider: Provider, path: string): Promise<string[]> {
  return (await listAll(provider, path)).map(({ name }) => name).sort();
}

/** What is done to the disk the platform knows at once. */
function adopting(disk: Backstage, { control }: RunningNetexplorer): Backstage {
  return {
    ...disk,
    put: async (path, content, modified) => {
      await disk.put(path, content, modified);
      await control.adopt();
    },
    putFolder: async (path) => {
      await disk.putFolder(path);
      await control.adopt();
    },
    remove: async (path) => {
      await disk.remove(path);
      await control.adopt();
    },
    together: async (work) => {
      await work(disk);
      await control.adopt();
    },
  };
}

function openOn(emulator: RunningNetexplorer, base: string, options: SubjectOptions, log: Log): Provider {
  const url = new URL(emulator.announcement.url);
  return openAt(url.origin, options.base ?? base, options, log);
}

/** A provider on any server, at a folder of it. */
export function openAt(origin: string, base: string, options: SubjectOptions, log: Log): Provider {
  const { host } = new URL(origin);
  const path = base.split('/').map(encodeURIComponent).join('/');
  return openProvider(
    parseRemote(`netexplorer+http://${options.user ?? 'u'}@${host}${path}`), options.credentials ?? { password: 'p' }, { ...testSettings, ...options.settings }, log,
  );
}
