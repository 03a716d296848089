/**
 * What programs do to files, call by call as the kernel passes it on, and the trees that may be found
 * on the server when one of its requests fails: that from before, that from after, and those between
 * two calls. No other: half a file or an empty one is never among them.
 */
import { isErrno } from '../../src/errors.js';
import type { Provider } from '../../src/providers/provider.js';
import { emptying, exclusively, forAppending, forBoth, forReading, forWriting, longAgo, someone, type Mount, type OpenedFile } from '../filesystem/harness.js';

/** Paths to contents; folders have `/` behind and no content. A content may name its time: `content @1600000000000`. */
export type Tree = Readonly<Record<string, string>>;

export interface Operation {
  readonly name: string;
  readonly before: Tree;
  readonly after: Tree;
  /** What is there between two calls of a program that makes several. */
  readonly between?: readonly Tree[];
  /** Times are part of what is compared. */
  readonly timed?: boolean;
  run(m: Mount<Provider>): Promise<void>;
  /** Where `run` cannot simply be repeated once it is done: the errno that says so. */
  readonly again?: string;
}

/** Ends with what `work` ended with, the file closed in any case, as it is when its program dies. */
async function using(m: Mount<Provider>, file: OpenedFile, work: (file: OpenedFile) => Promise<void>): Promise<void> {
  try {
    await work(file);
  } catch (thrown) {
    await m.close(file).catch(() => undefined);
    throw thrown;
  }
  await m.close(file);
}

const sleep = (m: Mount<Provider>, path: string, mtime: number): Promise<void> => m.set(path, { mtime, atime: 'now' });
const stamp = 1_500_000_000_000;

/** What `cp` does within the drive: the kernel reads and writes where it is refused. */
async function copy(m: Mount<Provider>, source: string, target: string): Promise<void> {
  const { size, mtime } = await m.stat(source);
  await using(m, await m.open(source, forReading), async (from) => {
    await using(m, await m.open(target, emptying, { create: true }), async (to) => {
      const taken = await m.copyRange(from, to, size).catch((thrown: unknown) => {
        if (isErrno(thrown, 'EOPNOTSUPP')) return undefined;
        throw thrown;
      });
      if (taken === undefined) await m.write(to, 0, await m.read(from));
      await m.set(target, { mtime }, to);
    });
  });
}

const content = 'the new content, which is longer than the old one';
const old = 'the old content';
const pageSize = 64;
const page = (letter: string): string => letter.repeat(pageSize);

export const operations: readonly Operation[] = [
  {
    name: 'cp of a new file', before: {}, after: { f: content },
    run: async (m) => using(m, await m.open('/f', exclusively, { create: true }), (file) => m.write(file, 0, content)),
    // The second time it is cp over a file.
    again: 'EEXIST',
  },
  {
    name: 'cp over a file', before: { f: old }, after: { f: content },
    run: (m) => m.save('/f', content),
  },
  {
    name: 'cp -p within the drive', before: { f: `${content} @${stamp}` }, after: { f: `${content} @${stamp}`, g: `${content} @${stamp}` }, timed: true,
    run: (m) => copy(m, '/f', '/g'),
  },
  {
    name: 'cp within the drive, over a file', before: { 'd/': '', 'd/f': content, g: old }, after: { 'd/': '', 'd/f': content, g: content },
    run: (m) => copy(m, '/d/f', '/g'),
  },
  {
    name: 'an empty file, closed and let go', before: {}, after: { f: '' },
    run: async (m) => using(m, await m.open('/f', emptying, { create: true }), (file) => m.fsync(file)),
  },
  {
    name: 'an append', before: { f: old }, after: { f: `${old} and more` },
    async run(m) {
      const { size } = await m.stat('/f');
      // A repetition finds what the first has done.
      if (size === old.length) await using(m, await m.open('/f', forAppending), (file) => m.write(file, size, ' and more'));
    },
  },
  {
    name: 'a write in the middle', before: { f: page('a') + page('b') + page('c') }, after: { f: page('a') + page('x') + page('c') },
    run: async (m) => using(m, await m.open('/f', forBoth), (file) => m.write(file, pageSize, page('x'))),
  },
  { name: 'truncate by path', before: { f: old }, after: { f: old.slice(0, 3) }, run: (m) => m.set('/f', { size: 3 }) },
  { name: 'truncate to nothing', before: { f: old }, after: { f: '' }, run: (m) => m.set('/f', { size: 0 }) },
  {
    name: 'ftruncate', before: { f: old }, after: { f: old.slice(0, 3) },
    run: async (m) => using(m, await m.open('/f', forWriting), (file) => m.set('/f', { size: 3 }, file)),
  },
  { name: 'mv', before: { f: old }, after: { 'g': old }, run: (m) => m.rename('/f', '/g'), again: 'ENOENT' },
  { name: 'mv into a folder', before: { f: old, 'd/': '' }, after: { 'd/': '', 'd/f': old }, run: (m) => m.rename('/f', '/d/f'), again: 'ENOENT' },
  { name: 'mv over a file', before: { f: content, g: old }, after: { g: content }, run: (m) => m.rename('/f', '/g'), again: 'ENOENT' },
  { name: 'mv -n', before: { f: old }, after: { g: old }, run: (m) => m.rename('/f', '/g', { noReplace: true }), again: 'ENOENT' },
  {
    name: 'mv of a folder', before: { 'd/': '', 'd/f': old, 'd/e/': '' }, after: { 'g/': '', 'g/f': old, 'g/e/': '' },
    run: (m) => m.rename('/d', '/g'), again: 'ENOENT',
  },
  {
    // The platform has no such thing in one step: the empty folder goes first, and is made again where the rest fails.
    name: 'mv of a folder over an empty one', before: { 'd/': '', 'd/f': old, 'g/': '' }, after: { 'g/': '', 'g/f': old },
    between: [{ 'd/': '', 'd/f': old }], run: (m) => m.rename('/d', '/g'), again: 'ENOENT',
  },
  { name: 'mkdir', before: {}, after: { 'd/': '' }, run: (m) => m.mkdir('/d'), again: 'EEXIST' },
  { name: 'rmdir', before: { 'd/': '' }, after: {}, run: (m) => m.rmdir('/d'), again: 'ENOENT' },
  { name: 'rm', before: { f: old }, after: {}, run: (m) => m.unlink('/f'), again: 'ENOENT' },
  {
    name: 'rm of an open file', before: { f: old }, after: {}, again: 'ENOENT',
    run: async (m) => using(m, await m.open('/f', forReading), () => m.unlink('/f')),
  },
  { name: 'mknod', before: {}, after: { f: '' }, async run(m) { await m.fs.mknod(1, 'f', 0o644, someone); }, again: 'EEXIST' },
  { name: 'touch -d', before: { f: `${old} @${longAgo}` }, after: { f: `${old} @${stamp}` }, timed: true, run: (m) => sleep(m, '/f', stamp) },
  { name: 'touch -d of a folder', before: { 'd/': `@${longAgo}` }, after: { 'd/': `@${stamp}` }, timed: true, run: (m) => sleep(m, '/d', stamp) },
  {
    name: 'cp -p', before: { f: `${old} @${longAgo}` }, after: { f: `${content} @${stamp}` }, timed: true,
    run: async (m) => using(m, await m.open('/f', emptying, { create: true }), async (file) => {
      await m.write(file, 0, content);
      await m.set('/f', { mtime: stamp }, file);
    }),
  },
  {
    name: 'rsync of one file over another', before: { f: `${old} @${longAgo}` }, after: { f: `${content} @${stamp}` }, timed: true,
    between: [
      { f: `${old} @${longAgo}`, '.f.Xa1b2c': `${content} @now` }, { f: `${old} @${longAgo}`, '.f.Xa1b2c': `${content} @${stamp}` },
    ],
    async run(m) {
      await m.save('/.f.Xa1b2c', content);
      await sleep(m, '/.f.Xa1b2c', stamp);
      await m.rename('/.f.Xa1b2c', '/f');
    },
  },
  {
    name: 'an editor\'s save', before: { f: old }, after: { f: content },
    between: [{ 'f~': old }, { 'f~': old, f: content }],
    async run(m) {
      // A repetition finds the backup of the first, as vim does.
      if (!await m.exists('/f~')) await m.rename('/f', '/f~');
      await using(m, await m.open('/f', emptying, { create: true }), async (file) => {
        await m.write(file, 0, content);
        await m.fsync(file);
      });
      await m.unlink('/f~');
    },
  },
  {
    name: 'a commit of sqlite', before: { db: page('a') + page('b') }, after: { db: page('a') + page('x') },
    between: [
      { db: page('a') + page('b'), 'db-journal': `header${page('b')}` }, { db: page('a') + page('x'), 'db-journal': `header${page('b')}` },
    ],
    async run(m) {
      await using(m, await m.open('/db-journal', emptying, { create: true }), async (journal) => {
        await m.write(journal, 0, `header${page('b')}`);
        await m.fsync(journal);
      });
      await using(m, await m.open('/db', forBoth), async (db) => {
        await m.write(db, pageSize, page('x'));
        await m.fsync(db);
      });
      await m.unlink('/db-journal');
    },
  },
  {
    name: 'cat', before: { f: content }, after: { f: content },
    async run(m) {
      const read = await m.cat('/f');
      if (read !== content) throw new Error(`cat gave "${read}"`);
    },
  },
  {
    name: 'ls', before: { f: content, g: old, 'd/': '' }, after: { f: content, g: old, 'd/': '' },
    async run(m) {
      const names = await m.names('/');
      if (names.join() !== 'd,f,g') throw new Error(`ls gave "${names.join()}"`);
    },
  },
];
