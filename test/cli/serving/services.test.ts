/** What a mount does on its platform for a command: nothing behind an unsent change, and the drive shows what came of it. */
import { describe, expect, test } from 'vitest';
import type { ServiceRequest } from '../../../src/cli/control/services.js';
import { runService, type ServedMount } from '../../../src/cli/serving/services.js';
import type { FileReport, FileSystemReport } from '../../../src/filesystem/inspection.js';
import type { Entry, Location } from '../../../src/providers/provider.js';
import type { Services } from '../../../src/providers/services.js';
import { like } from '../../support/like.js';

const never = new AbortController().signal;
const entry: Entry = { name: 'found', kind: 'file', size: 1, modified: 0, version: '1', observed: 0 };
const file: FileReport = { path: '/a/open', size: 1, handles: 1, writers: 1, state: 'unsent', upload: undefined };
const report: FileSystemReport = {
  openFiles: 0, openFolders: 0, files: [file], kept: [],
  cache: { blocks: 0, memoryUsed: 0, memoryBudget: 1, blockHits: 0, blockMisses: 0, listings: 0, listedNames: 0, listingHits: 0, listingMisses: 0, inodes: 1 },
};

/** A platform that notes what it is asked. */
function served(readOnly = false): { readonly mount: ServedMount; readonly done: string[] } {
  const done: string[] = [];
  const note = (what: string, location?: Location): void => void done.push(`${what} ${location?.path ?? ''}`.trim());
  const links = (kind: string) => ({
    make: (location: Location, options: object) => {
      note(`${kind} ${JSON.stringify(options)}`, location);
      return Promise.resolve({ id: '1', address: 'https://x/1', leadsTo: location.path, created: 1, expires: undefined, downloads: undefined });
    },
    list: (location: Location | undefined) => {
      note(`${kind}s`, location);
      return Promise.resolve([]);
    },
    remove: (id: string) => {
      note(`no ${kind} ${id}`);
      return Promise.resolve();
    },
  });
  const services: Services = {
    versions: {
      list: (location) => {
        note('versions', location);
        return Promise.resolve([]);
      },
      restore: (location, number) => {
        note(`restore ${number}`, location);
        return Promise.resolve(entry);
      },
    },
    trash: {
      list: () => Promise.resolve([]),
      restore: (id, folder) => {
        note(`untrash ${id}`, folder);
        return Promise.resolve(entry);
      },
      empty: () => Promise.resolve(3),
    },
    shareLinks: links('link'),
    recognition: {
      run: (location, onProgress) => {
        note('read', location);
        onProgress('reading');
        return Promise.resolve('text.md');
      },
    },
  };
  const fileSystem = {
    report: () => report,
    refresh: (path: string) => {
      done.push(`refresh ${path}`);
      return Promise.resolve({ forgotten: 1, unsent: 0 });
    },
  };
  return { mount: { services, fileSystem, readOnly }, done };
}

const run = ({ mount }: ReturnType<typeof served>, request: ServiceRequest): Promise<unknown> => runService(mount, request, () => undefined, never);

describe('a service', () => {
  test('that changes something shows on the drive at once', async () => {
    const one = served();
    await run(one, { ask: 'restore version', path: '/a/b', number: 2 });
    expect(await run(one, { ask: 'restore from trash', id: '7', folder: '/' })).toBe('/found');
    expect(await run(one, { ask: 'recognize', path: '/a/scan.pdf' })).toBe('/a/text.md');
    expect(one.done).toEqual(['restore 2 /a/b', 'refresh /a/b', 'untrash 7 /', 'refresh /', 'read /a/scan.pdf', 'refresh /a']);
  });

  test('is refused for what has changes that are not sent, and for a folder above it', async () => {
    const requests: ServiceRequest[] = [
      { ask: 'restore version', path: '/a/open', number: 1 }, { ask: 'make link', kind: 'share', path: '/a' }, { ask: 'make link', kind: 'share', path: '/' },
      { ask: 'recognize', path: '/a/open' },
    ];
    const one = served();
    for (const request of requests) await expect(run(one, request)).rejects.toMatchObject({ errno: 'EBUSY', message: like('/a/open') });
    await run(one, { ask: 'make link', kind: 'share', path: '/a/open beside', expires: 5 });
    expect(one.done).toEqual(['link {"expires":5} /a/open beside']);
  });

  test('that changes files is EROFS on a read-only mount; looking is not', async () => {
    const one = served(true);
    for (const request of [
      { ask: 'restore version', path: '/x', number: 1 }, { ask: 'restore from trash', id: '1', folder: '/' }, { ask: 'empty trash' }, { ask: 'recognize', path: '/x' },
    ] satisfies ServiceRequest[]) await expect(run(one, request)).rejects.toMatchObject({ errno: 'EROFS' });
    await run(one, { ask: 'versions', path: '/x' });
    await run(one, { ask: 'links', kind: 'share' });
    expect(one.done).toEqual(['versions /x', 'links']);
  });

  test('that the platform does not have is EOPNOTSUPP, in words', async () => {
    await expect(run(served(), { ask: 'links', kind: 'deposit' })).rejects.toMatchObject({ errno: 'EOPNOTSUPP', message: 'this platform has no deposit links' });
    await expect(run(served(), { ask: 'history', path: '/x' })).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    const none = { ...served().mount, services: undefined };
    await expect(runService(none, { ask: 'trash' }, () => undefined, never)).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
  });
});
