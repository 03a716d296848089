/**
 * The suite that every provider passes against its platform: each sentence of the contract in
 * `src/providers/provider.ts` is a test here. A provider's own file says how its platform is looked
 * at from behind.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isErrno, type Errno } from '../../src/errors.js';
import { isHiddenName } from '../../src/providers/hidden-names.js';
import type { Content, Entry, Provider } from '../../src/providers/provider.js';
import { bytesOf, contentOf, listAll, never, readAll, someTime, soon, type Backstage, type Subject } from './subject.js';

/** `refuses`: of names that most platforms take, the errno with which this one does not. */
export function describeProvider(
  name: string, open: () => Promise<Subject>, refuses: (name: string) => Errno | undefined = () => undefined,
): void {
  describe(`${name} keeps the contract`, () => {
    let subject: Subject;
    let provider: Provider;
    let backstage: Backstage;
    beforeEach(async () => {
      subject = await open();
      ({ provider, backstage } = subject);
      await provider.connect(never);
    });
    afterEach(async () => {
      await subject.close();
    });

    const write = (path: string, text: string | Uint8Array, modified = someTime): Promise<Entry> =>
      provider.write({ path }, contentOf(Buffer.from(text)), { modified }, never);
    const visible = async (): Promise<string[]> => (await backstage.tree()).filter((path) => !path.split('/').some(isHiddenName));
    const hidden = async (): Promise<string[]> => (await backstage.tree()).filter((path) => path.split('/').some(isHiddenName));

    describe('list', () => {
      it('gives every child with kind, size, time and version, and nothing else', async () => {
        await backstage.put('/a/file', bytesOf(10), someTime + 123);
        await backstage.put('/a/empty', bytesOf(0), someTime);
        await backstage.putFolder('/a/folder');
        await backstage.put('/a/folder/below', bytesOf(1), someTime);
        const entries = await listAll(provider, '/a');
        expect(entries.map(({ name }) => name).sort()).toEqual(['empty', 'file', 'folder']);
        const file = entries.find((entry) => entry.name === 'file');
        expect(file).toMatchObject({ kind: 'file', size: 10 });
        expect(file?.modified).toBe(Math.floor((someTime + 123) / provider.traits.timeResolution) * provider.traits.timeResolution);
        expect(entries.find((entry) => entry.name === 'empty')?.size).toBe(0);
        expect(entries.find((entry) => entry.name === 'folder')).toMatchObject({ kind: 'folder', size: undefined });
        for (const entry of entries) expect(Number.isFinite(entry.observed)).toBe(true);
      });

      it('of an empty folder gives nothing, and does not fail', async () => {
        await backstage.putFolder('/empty');
        expect(await listAll(provider, '/empty')).toEqual([]);
      });

      it('gives 2,500 children, each once', async () => {
        await backstage.putFolder('/many');
        const putAll = async (each: Backstage): Promise<void> => {
          for (let at = 0; at < 2500; at += 1) await each.put(`/many/file ${at}`, bytesOf(at % 3), someTime);
        };
        await (backstage.together?.(putAll) ?? putAll(backstage));
        const names = (await listAll(provider, '/many')).map((entry) => entry.name);
        expect(names.length).toBe(2500);
        expect(new Set(names).size).toBe(2500);
      });

      it('of nothing is ENOENT, of a file ENOTDIR, below a file ENOTDIR', async () => {
        await backstage.put('/file', bytesOf(3), someTime);
        await expect(listAll(provider, '/nothing')).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(listAll(provider, '/file')).rejects.toMatchObject({ errno: 'ENOTDIR' });
        await expect(listAll(provider, '/file/below')).rejects.toMatchObject({ errno: 'ENOTDIR' });
      });

      it('and stat agree on every file', async () => {
        await backstage.put('/d/one', bytesOf(1), someTime + 999);
        await backstage.put('/d/two', bytesOf(70_000), someTime - 86_400_000);
        for (const listed of await listAll(provider, '/d')) {
          const { name, kind, size, modified, version, id } = await provider.stat({ path: `/d/${listed.name}` }, never);
          expect({ name, kind, size, modified, version, id }).toEqual({
            name: listed.name, kind: listed.kind, size: listed.size, modified: listed.modified, version: listed.version, id: listed.id,
          });
        }
      });
    });

    describe('stat', () => {
      it('says file and folder, the root among them', async () => {
        await backstage.put('/file', bytesOf(5), someTime);
        await backstage.putFolder('/folder');
        expect(await provider.stat({ path: '/file' }, never)).toMatchObject({ name: 'file', kind: 'file', size: 5, modified: someTime });
        expect(await provider.stat({ path: '/folder' }, never)).toMatchObject({ name: 'folder', kind: 'folder' });
        expect(await provider.stat({ path: '/' }, never)).toMatchObject({ kind: 'folder' });
      });

      it('of nothing is ENOENT, below a file ENOTDIR', async () => {
        await backstage.put('/file', bytesOf(5), someTime);
        await expect(provider.stat({ path: '/nothing' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(provider.stat({ path: '/no/thing' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(provider.stat({ path: '/file/below' }, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
      });

      it('gives another version when size or time changed, the same when not', async () => {
        await backstage.put('/f', bytesOf(5), someTime);
        const { version } = await provider.stat({ path: '/f' }, never);
        expect((await provider.stat({ path: '/f' }, never)).version).toBe(version);
        await backstage.put('/f', bytesOf(6), someTime);
        expect((await provider.stat({ path: '/f' }, never)).version).not.toBe(version);
        await backstage.put('/f', bytesOf(5), someTime + 5_000);
        expect((await provider.stat({ path: '/f' }, never)).version).not.toBe(version);
      });
    });

    describe('read', () => {
      const size = 200_000;
      it.each([
        ['the first byte', 0, 1], ['two', 0, 2], ['the whole', 0, size], ['more than there is', 0, size + 50],
        ['the middle', 100, 150_000], ['the last byte', size - 1, size], ['over the end', size - 5, size + 5],
      ])('gives exactly %s', async (_name, start, end) => {
        const content = bytesOf(size);
        await backstage.put('/f', content, someTime);
        const { version } = await provider.stat({ path: '/f' }, never);
        for (const pinned of [undefined, version]) {
          const { bytes, entry } = await readAll(provider, '/f', { start, end, version: pinned });
          expect(bytes.equals(content.subarray(start, end))).toBe(true);
          expect(entry).toMatchObject({ name: 'f', kind: 'file', size, version, modified: someTime });
        }
      });

      it('at and behind the end gives no bytes, and the entry', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.put('/empty', bytesOf(0), someTime);
        for (const [path, start] of [['/f', 10], ['/f', 11], ['/f', 500], ['/empty', 0], ['/empty', 1]] as const) {
          const { version, size: total } = await provider.stat({ path }, never);
          for (const pinned of [undefined, version]) {
            const { bytes, entry } = await readAll(provider, path, { start, end: start + 100, version: pinned });
            expect(bytes.length).toBe(0);
            expect(entry).toMatchObject({ size: total, version });
          }
        }
      });

      it('of another version than wanted is ESTALE, before a byte', async () => {
        await backstage.put('/f', bytesOf(100), someTime);
        const { version } = await provider.stat({ path: '/f' }, never);
        await backstage.put('/f', bytesOf(100, 1), someTime + 10_000);
        await expect(provider.read({ path: '/f' }, { start: 0, end: 10, version }, never)).rejects.toMatchObject({ errno: 'ESTALE' });
        await expect(provider.read({ path: '/f' }, { start: 100, end: 110, version }, never)).rejects.toMatchObject({ errno: 'ESTALE' });
        await backstage.put('/f', bytesOf(101), someTime);
        await expect(provider.read({ path: '/f' }, { start: 0, end: 10, version }, never)).rejects.toMatchObject({ errno: 'ESTALE' });
        expect((await readAll(provider, '/f')).entry.version).not.toBe(version);
      });

      it('of nothing is ENOENT, of a folder EISDIR, below a file ENOTDIR', async () => {
        await backstage.put('/file', bytesOf(3), someTime);
        await backstage.putFolder('/folder');
        await expect(readAll(provider, '/nothing')).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(readAll(provider, '/folder')).rejects.toMatchObject({ errno: 'EISDIR' });
        await expect(readAll(provider, '/file/below')).rejects.toMatchObject({ errno: 'ENOTDIR' });
      });

      it('can be given up, unread or in the middle, as often as one likes', async () => {
        const content = bytesOf(2_000_000);
        await backstage.put('/f', content, someTime);
        for (let time = 0; time < provider.traits.parallelRequests * 2 + 1; time += 1) {
          const unread = await provider.read({ path: '/f' }, { start: 0, end: 2_000_000, version: undefined }, never);
          await unread.body[Symbol.asyncIterator]().return?.();
          const { body } = await provider.read({ path: '/f' }, { start: 0, end: 2_000_000, version: undefined }, never);
          for await (const piece of body) {
            expect(piece.length).toBeGreaterThan(0);
            break;
          }
        }
        expect((await readAll(provider, '/f')).bytes.equals(content)).toBe(true);
      });
    });

    describe('write', () => {
      it.each([0, 1, 4095, 4096, 4097, 1_048_577])('makes a new file of %i bytes with its time', async (length) => {
        const content = bytesOf(length);
        const entry = await write('/new', content, someTime + 4_321);
        expect(entry).toMatchObject({ name: 'new', kind: 'file', size: length });
        expect((await backstage.get('/new'))?.equals(content)).toBe(true);
        const { modified, version } = await provider.stat({ path: '/new' }, never);
        if (subject.ownTimes !== true) expect(modified).toBe(Math.floor((someTime + 4_321) / provider.traits.timeResolution) * provider.traits.timeResolution);
        expect({ modified: entry.modified, version: entry.version }).toEqual({ modified, version });
        expect(await backstage.tree()).toEqual(['/new']);
      });

      it('replaces a longer and a shorter file whole', async () => {
        await backstage.put('/f', bytesOf(100_000), someTime);
        await write('/f', 'short', someTime + 60_000);
        expect((await backstage.get('/f'))?.toString()).toBe('short');
        await write('/f', bytesOf(100_000, 3), someTime + 120_000);
        expect((await backstage.get('/f'))?.equals(bytesOf(100_000, 3))).toBe(true);
        expect(await backstage.tree()).toEqual(['/f']);
      });

      it('keeps times before 1970 and of fractions of a millisecond as far as it can', async () => {
        if (subject.ownTimes === true) {
          expect((await write('/now', 'x', -86_400_000)).modified).toBeGreaterThan(someTime);
          return;
        }
        await write('/old', 'x', -86_400_000);
        expect((await provider.stat({ path: '/old' }, never)).modified).toBe(-86_400_000);
        await write('/fraction', 'x', someTime + 0.75);
        expect((await provider.stat({ path: '/fraction' }, never)).modified).toBe(someTime);
      });

      it('tells how many bytes have gone', async () => {
        const told: number[] = [];
        await provider.write({ path: '/f' }, contentOf(bytesOf(500_000)), { modified: someTime, onProgress: (sent) => told.push(sent) }, never);
        expect(told.at(-1)).toBe(500_000);
      });

      it('without its folder is ENOENT, below a file ENOTDIR, on a folder EISDIR, and leaves nothing', async () => {
        await backstage.put('/file', bytesOf(3), someTime);
        await backstage.putFolder('/folder');
        await expect(write('/no/such/file', 'x')).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(write('/file/below', 'x')).rejects.toMatchObject({ errno: 'ENOTDIR' });
        await expect(write('/folder', 'x')).rejects.toMatchObject({ errno: 'EISDIR' });
        await expect.poll(() => backstage.tree(), soon).toEqual(['/file', '/folder/']);
        expect((await backstage.get('/file'))?.equals(bytesOf(3))).toBe(true);
      });

      it('that fails half-way leaves the old file whole, and no new one', async () => {
        await backstage.put('/old', bytesOf(1000), someTime);
        const broken: Content = {
          size: 300_000,
          async *open() {
            yield bytesOf(100_000);
            await Promise.resolve();
            throw new Error('the disk is gone');
          },
        };
        for (const path of ['/old', '/new']) {
          await expect(provider.write({ path }, broken, { modified: someTime }, never)).rejects.toMatchObject({ errno: 'EIO' });
        }
        expect((await backstage.get('/old'))?.equals(bytesOf(1000))).toBe(true);
        await expect.poll(() => backstage.tree(), soon).toEqual(['/old']);
      });

      it('that is interrupted leaves the old file whole, and no new one', async () => {
        await backstage.put('/old', bytesOf(1000), someTime);
        for (const path of ['/old', '/new']) {
          const abort = new AbortController();
          const slow: Content = {
            size: 300_000,
            async *open() {
              yield bytesOf(100_000);
              abort.abort();
              await new Promise((resolve) => setTimeout(resolve, 20));
              yield bytesOf(200_000);
            },
          };
          const error: unknown = await provider.write({ path }, slow, { modified: someTime }, abort.signal).catch((thrown: unknown) => thrown);
          expect(isErrno(error, 'EINTR') || (error instanceof Error && error.name === 'AbortError')).toBe(true);
        }
        expect((await backstage.get('/old'))?.equals(bytesOf(1000))).toBe(true);
        await expect.poll(() => backstage.tree(), soon).toEqual(['/old']);
      });

      it('shows readers the old file or the new one while it runs', async () => {
        await backstage.put('/f', bytesOf(50_000), someTime);
        const gate = deferred();
        const content = bytesOf(400_000, 9);
        const paused: Content = {
          size: content.length,
          async *open() {
            yield content.subarray(0, 200_000);
            await gate.promise;
            yield content.subarray(200_000);
          },
        };
        const writing = provider.write({ path: '/f' }, paused, { modified: someTime + 60_000 }, never);
        for (let look = 0; look < 3; look += 1) {
          expect((await readAll(provider, '/f')).bytes.equals(bytesOf(50_000))).toBe(true);
          expect((await listAll(provider, '/')).map((entry) => entry.name)).toEqual(['f']);
        }
        gate.open();
        await writing;
        expect((await readAll(provider, '/f')).bytes.equals(content)).toBe(true);
      });
    });

    describe('names', () => {
      it.each([
        ['a space', 'a b.txt'], ['reserved signs', 'a+b&c=d%20e;f?g#h@i:j,k\'l"m<n>o|p*q'], ['accents composed', 'é'.normalize('NFC')],
        ['accents decomposed', 'é'.normalize('NFD')], ['an emoji', '😀.txt'], ['255 bytes', 'n'.repeat(255)], ['255 bytes of emoji', `${'😀'.repeat(63)}abc`],
        ['a line end', 'a\nb'], ['dots', '...'], ['a leading dash', '-rf'], ['a leading dot', '.hidden'], ['spaces around', ' a '], ['a percent sign', '100%'],
      ])('with %s go through every member, or through none', async (_name, name) => {
        const errno = refuses(name);
        expect(provider.refuseName(name)?.errno).toBe(errno);
        if (errno !== undefined) {
          await backstage.put('/source', bytesOf(1), someTime);
          await expect(write(`/${name}`, 'x')).rejects.toMatchObject({ errno });
          await expect(provider.createFolder({ path: `/${name}` }, never)).rejects.toMatchObject({ errno });
          await expect(provider.move({ path: '/source' }, { path: `/${name}` }, { replace: true }, never)).rejects.toMatchObject({ errno });
          expect(await backstage.tree()).toEqual(['/source']);
          return;
        }
        const path = `/d/${name}`;
        await provider.createFolder({ path: '/d' }, never);
        await write(path, 'content');
        expect((await listAll(provider, '/d')).map((entry) => entry.name)).toEqual([name]);
        expect(await provider.stat({ path }, never)).toMatchObject({ name, size: 7 });
        expect((await readAll(provider, path)).bytes.toString()).toBe('content');
        await provider.move({ path }, { path: '/moved' }, { replace: true }, never);
        await provider.move({ path: '/moved' }, { path }, { replace: false }, never);
        await provider.removeFile({ path }, never);
        await provider.createFolder({ path }, never);
        expect(await listAll(provider, path)).toEqual([]);
        await provider.removeFolder({ path }, never);
        expect(await backstage.tree()).toEqual(['/d/']);
      });

      it('that no file can have are refused, by refuseName and by every member that makes one', async () => {
        const { name: own } = await temporaryName(provider, backstage);
        for (const [name, errno] of [
          ['', 'EINVAL'], ['.', 'EINVAL'], ['..', 'EINVAL'], ['a/b', 'EINVAL'], ['a\0b', 'EINVAL'],
          ['n'.repeat(256), 'ENAMETOOLONG'], ['é'.repeat(128), 'ENAMETOOLONG'], ['a\ud800b', 'EILSEQ'], [own, 'EINVAL'], ['.amarre-notes', 'EINVAL'],
        ] as const) {
          expect(provider.refuseName(name)?.errno, JSON.stringify(name)).toBe(errno);
        }
        for (const name of ['a\0b', 'n'.repeat(256), own]) {
          const errno = provider.refuseName(name)?.errno;
          await backstage.put('/source', bytesOf(1), someTime);
          await expect(write(`/${name}`, 'x')).rejects.toMatchObject({ errno });
          await expect(provider.createFolder({ path: `/${name}` }, never)).rejects.toMatchObject({ errno });
          await expect(provider.move({ path: '/source' }, { path: `/${name}` }, { replace: true }, never)).rejects.toMatchObject({ errno });
        }
        expect(await visible()).toEqual(['/source']);
      });
    });

    describe('createFolder', () => {
      it('makes one', async () => {
        expect(await provider.createFolder({ path: '/d' }, never)).toMatchObject({ name: 'd', kind: 'folder' });
        expect(await backstage.tree()).toEqual(['/d/']);
      });

      it('where anything has that name is EEXIST, without the parent ENOENT, below a file ENOTDIR', async () => {
        await backstage.put('/file', bytesOf(3), someTime);
        await backstage.putFolder('/folder');
        await expect(provider.createFolder({ path: '/folder' }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
        await expect(provider.createFolder({ path: '/file' }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
        await expect(provider.createFolder({ path: '/no/folder' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(provider.createFolder({ path: '/file/below' }, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
      });

      it('of 8 at once one succeeds', async () => {
        const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => provider.createFolder({ path: '/d' }, never)));
        expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1);
        for (const outcome of outcomes) if (outcome.status === 'rejected') expect(isErrno(outcome.reason, 'EEXIST')).toBe(true);
      });
    });

    describe('removeFile and removeFolder', () => {
      it('remove a file, and an empty folder', async () => {
        await backstage.put('/f', bytesOf(3), someTime);
        await backstage.putFolder('/d');
        await provider.removeFile({ path: '/f' }, never);
        await provider.removeFolder({ path: '/d' }, never);
        expect(await backstage.tree()).toEqual([]);
      });

      it('take nothing away from a folder that is not empty', async () => {
        await backstage.put('/d/f', bytesOf(3), someTime);
        await backstage.putFolder('/e/below');
        await expect(provider.removeFolder({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
        await expect(provider.removeFolder({ path: '/e' }, never)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
        expect(await backstage.tree()).toEqual(['/d/', '/d/f', '/e/', '/e/below/']);
      });

      it('refuse each other\'s things, and what is not there', async () => {
        await backstage.put('/f', bytesOf(3), someTime);
        await backstage.putFolder('/d');
        await expect(provider.removeFile({ path: '/d' }, never)).rejects.toMatchObject({ errno: 'EISDIR' });
        await expect(provider.removeFolder({ path: '/f' }, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
        await expect(provider.removeFile({ path: '/no' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(provider.removeFolder({ path: '/no' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(provider.removeFile({ path: '/f/below' }, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
        await expect(provider.removeFolder({ path: '/f/below' }, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
        expect(await backstage.tree()).toEqual(['/d/', '/f']);
      });
    });

    describe('move', () => {
      const move = (from: string, to: string, replace: boolean): Promise<Entry | undefined> =>
        provider.move({ path: from }, { path: to }, { replace }, never);

      it.each([true, false])('renames a file and a folder, content and times kept (replace: %s)', async (replace) => {
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.put('/d/below', bytesOf(20), someTime + 5_000);
        await backstage.putFolder('/into');
        await move('/f', '/into/g', replace);
        await move('/d', '/into/e', replace);
        expect(await backstage.tree()).toEqual(['/into/', '/into/e/', '/into/e/below', '/into/g']);
        expect((await backstage.get('/into/g'))?.equals(bytesOf(10))).toBe(true);
        // A platform that takes no time may give the moved thing that of the move; nothing else of it changes.
        if (subject.ownTimes !== true) expect((await provider.stat({ path: '/into/g' }, never)).modified).toBe(someTime);
        expect((await provider.stat({ path: '/into/e/below' }, never)).modified).toBe(someTime + 5_000);
      });

      it('with replace puts a file over a file and a folder over an empty folder', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.put('/g', bytesOf(20), someTime);
        await backstage.put('/d/below', bytesOf(1), someTime);
        await backstage.putFolder('/e');
        await move('/f', '/g', true);
        await move('/d', '/e', true);
        expect(await backstage.tree()).toEqual(['/e/', '/e/below', '/g']);
        expect((await backstage.get('/g'))?.length).toBe(10);
      });

      it('with replace refuses what rename(2) refuses, and leaves both', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.put('/full/below', bytesOf(1), someTime);
        await backstage.put('/d/below', bytesOf(1), someTime);
        const before = await backstage.tree();
        await expect(move('/d', '/full', true)).rejects.toMatchObject({ errno: 'ENOTEMPTY' });
        await expect(move('/f', '/full', true)).rejects.toMatchObject({ errno: 'EISDIR' });
        await expect(move('/d', '/f', true)).rejects.toMatchObject({ errno: 'ENOTDIR' });
        await expect(move('/d', '/d/inside', true)).rejects.toMatchObject({ errno: 'EINVAL' });
        expect(await backstage.tree()).toEqual(before);
      });

      it('without replace is EEXIST for anything at the target', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.put('/g', bytesOf(20), someTime);
        await backstage.putFolder('/d');
        await backstage.putFolder('/e');
        for (const [from, to] of [['/f', '/g'], ['/f', '/d'], ['/d', '/e'], ['/d', '/f'], ['/f', '/f']] as const) {
          await expect(move(from, to, false), `${from} to ${to}`).rejects.toMatchObject({ errno: 'EEXIST' });
        }
        expect((await backstage.get('/g'))?.length).toBe(20);
      });

      it('onto itself changes nothing', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.put('/d/below', bytesOf(1), someTime);
        await move('/f', '/f', true);
        await move('/d', '/d', true);
        expect(await backstage.tree()).toEqual(['/d/', '/d/below', '/f']);
      });

      it.each([true, false])('of nothing, or to a folder that is not there, is ENOENT; through a file ENOTDIR (replace: %s)', async (replace) => {
        await backstage.put('/f', bytesOf(10), someTime);
        await expect(move('/no', '/g', replace)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(move('/f', '/no/g', replace)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect(move('/f/below', '/g', replace)).rejects.toMatchObject({ errno: 'ENOTDIR' });
        await backstage.put('/h', bytesOf(1), someTime);
        await expect(move('/f', '/h/below', replace)).rejects.toMatchObject({ errno: 'ENOTDIR' });
        expect(await backstage.tree()).toEqual(['/f', '/h']);
      });
    });

    describe('setModified', () => {
      it('sets what the traits say, rounded as it is shown, and tells version and time', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.putFolder('/d');
        const { settableTimes, timeResolution } = provider.traits;
        for (const path of ['/f', '/d']) {
          const current = await provider.stat({ path }, never);
          const setting = provider.setModified({ path }, current, someTime + 77_999, never);
          if (settableTimes === 'none' || (settableTimes === 'files' && current.kind === 'folder')) {
            await expect(setting).rejects.toMatchObject({ errno: 'EPERM' });
            continue;
          }
          const entry = await setting;
          expect(entry.modified).toBe(Math.floor((someTime + 77_999) / timeResolution) * timeResolution);
          const listed = (await listAll(provider, '/')).find(({ name }) => `/${name}` === path);
          expect({ modified: listed?.modified, version: listed?.version }).toEqual({ modified: entry.modified, version: entry.version });
        }
      });

      it('of nothing is ENOENT', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        const current = await provider.stat({ path: '/f' }, never);
        await backstage.remove('/f');
        await expect(provider.setModified({ path: '/f' }, current, someTime, never)).rejects.toMatchObject({ errno: 'ENOENT' });
      });
    });

    describe('park', () => {
      it('frees the name; the file can still be read, and removed', async () => {
        const content = bytesOf(100_000);
        await backstage.put('/d/f', content, someTime);
        const parked = await provider.park({ path: '/d/f' }, never);
        await expect(provider.stat({ path: '/d/f' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        expect(await listAll(provider, '/d')).toEqual([]);
        expect((await readAll(provider, parked.path)).bytes.equals(content)).toBe(true);
        await provider.removeFolder({ path: '/d' }, never);
        await provider.removeFile(parked, never);
        expect(await backstage.tree()).toEqual([]);
      });

      it('hides it from list and stat, however often', async () => {
        await backstage.put('/f', bytesOf(1), someTime);
        await backstage.put('/g', bytesOf(1), someTime);
        const parked = [await provider.park({ path: '/f' }, never), await provider.park({ path: '/g' }, never)];
        expect(new Set(parked.map(({ path }) => path)).size).toBe(2);
        expect(await listAll(provider, '/')).toEqual([]);
        for (const location of parked) await expect(provider.stat(location, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        expect((await hidden()).length).toBe(2);
      });

      it('of nothing is ENOENT', async () => {
        await expect(provider.park({ path: '/no' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
      });
    });

    describe('copy', () => {
      const versionOf = async (path: string): Promise<string> => (await provider.stat({ path }, never)).version;

      it('is there where the traits say so, copies over what is there, and sets the time', async () => {
        expect(provider.copy !== undefined).toBe(provider.traits.serverSideCopy);
        if (provider.copy === undefined) return;
        const content = bytesOf(300_000);
        await backstage.put('/f', content, someTime);
        await backstage.put('/g', bytesOf(10), someTime);
        await backstage.putFolder('/d');
        const version = await versionOf('/f');
        for (const to of ['/g', '/new', '/d/f']) {
          const entry = await provider.copy({ path: '/f' }, { path: to }, { modified: someTime + 9_000, version }, never);
          expect(entry).toMatchObject({ name: to.slice(to.lastIndexOf('/') + 1), kind: 'file', size: content.length, modified: someTime + 9_000 });
          expect(await provider.stat({ path: to }, never)).toMatchObject({ modified: someTime + 9_000, version: entry.version });
          expect((await backstage.get(to))?.equals(content)).toBe(true);
        }
        expect((await provider.stat({ path: '/f' }, never)).modified).toBe(someTime);
        expect(await backstage.tree()).toEqual(['/d/', '/d/f', '/f', '/g', '/new']);
      });

      it('of another version than was asked for, or of nothing, is ESTALE: what was there stays', async () => {
        if (provider.copy === undefined) return;
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.put('/g', bytesOf(5), someTime);
        const version = await versionOf('/f');
        for (const change of [() => backstage.put('/f', bytesOf(11), someTime), () => backstage.put('/f', bytesOf(10), someTime + 5000), () => backstage.remove('/f')]) {
          await change();
          await expect(provider.copy({ path: '/f' }, { path: '/g' }, { modified: someTime, version }, never)).rejects.toMatchObject({ errno: 'ESTALE' });
          expect((await backstage.get('/g'))?.equals(bytesOf(5))).toBe(true);
        }
        await expect.poll(() => backstage.tree(), soon).toEqual(['/g']);
      });

      it('onto a folder is EISDIR, into no folder ENOENT, which is not made: nothing is left', async () => {
        if (provider.copy === undefined) return;
        await backstage.put('/f', bytesOf(10), someTime);
        await backstage.putFolder('/d');
        const options = { modified: someTime, version: await versionOf('/f') };
        await expect(provider.copy({ path: '/f' }, { path: '/d' }, options, never)).rejects.toMatchObject({ errno: 'EISDIR' });
        await expect(provider.copy({ path: '/f' }, { path: '/no/f' }, options, never)).rejects.toMatchObject({ errno: 'ENOENT' });
        await expect.poll(() => backstage.tree(), soon).toEqual(['/d/', '/f']);
      });
    });

    describe('quota, interrupts, the end', () => {
      it('quota is told or undefined, and never fails the caller', async () => {
        const quota = await provider.quota(never);
        if (quota !== undefined) expect(quota.used).toBeLessThanOrEqual(quota.total);
      });

      it('an aborted signal ends every member with EINTR or an AbortError', async () => {
        await backstage.put('/f', bytesOf(10), someTime);
        const current = await provider.stat({ path: '/f' }, never);
        const before = await backstage.tree();
        const signal = AbortSignal.abort();
        const members: Record<string, () => Promise<unknown>> = {
          list: () => listAll(provider, '/', signal),
          stat: () => provider.stat({ path: '/f' }, signal),
          read: () => provider.read({ path: '/f' }, { start: 0, end: 10, version: undefined }, signal),
          write: () => provider.write({ path: '/g' }, contentOf(bytesOf(5)), { modified: someTime }, signal),
          createFolder: () => provider.createFolder({ path: '/d' }, signal),
          removeFile: () => provider.removeFile({ path: '/f' }, signal),
          removeFolder: () => provider.removeFolder({ path: '/d' }, signal),
          move: () => provider.move({ path: '/f' }, { path: '/g' }, { replace: true }, signal),
          setModified: () => provider.setModified({ path: '/f' }, current, 0, signal),
          park: () => provider.park({ path: '/f' }, signal),
        };
        for (const [name, member] of Object.entries(members)) {
          const error: unknown = await member().catch((thrown: unknown) => thrown);
          expect(isErrno(error, 'EINTR') || (error instanceof Error && error.name === 'AbortError'), name).toBe(true);
        }
        await expect.poll(() => backstage.tree(), soon).toEqual(before);
      });

      it('many calls at once all get their answers', async () => {
        const content = bytesOf(50_000);
        await backstage.put('/f', content, someTime);
        const reads = Array.from({ length: 60 }, async (_, at) => {
          const { bytes } = await readAll(provider, '/f', { start: at, end: at + 40_000 });
          return bytes.equals(content.subarray(at, at + 40_000));
        });
        const writes = Array.from({ length: 20 }, (_, at) => write(`/w${at}`, bytesOf(at)));
        const looks = Array.from({ length: 20 }, () => provider.stat({ path: '/f' }, never));
        expect((await Promise.all(reads)).every(Boolean)).toBe(true);
        await Promise.all([...writes, ...looks]);
        expect((await backstage.tree()).length).toBe(21);
      });

      it('connect fails in words where the base is no folder, and close can be called twice', async () => {
        await provider.connect(never);
        await provider.close();
        await provider.close();
      });
    });
  });
}

/** A temporary name as this provider makes them. */
async function temporaryName(provider: Provider, backstage: Backstage): Promise<{ readonly name: string }> {
  await backstage.put('/to park', bytesOf(1), someTime);
  const parked = await provider.park({ path: '/to park' }, never);
  return { name: parked.path.slice(parked.path.lastIndexOf('/') + 1) };
}

function deferred(): { readonly promise: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open: () => { open(); } };
}
