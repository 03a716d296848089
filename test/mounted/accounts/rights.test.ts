/** Each right missing in turn, as cp, rsync, mkdir, rm, mv and touch meet it, and what the server has afterwards. */
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rights } from '../../../src/emulators/sftpgo/users.js';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import type { Mounted } from '../../support/mounted.js';
import { run, succeed, within } from '../../support/programs.js';

const make = useHarbour();
const longAgo = new Date('2020-01-02T03:04:05Z');

interface Drive extends Harbour {
  readonly mounted: Mounted;
  /** On the mount. */
  at(name: string): string;
  /** A file of this machine. */
  local(name: string, content?: string): Promise<string>;
  /** What the server has of a file; undefined where there is none. */
  has(name: string): Promise<string | undefined>;
}

/** A server with `/old` (content `old`), `/d/x` and an empty `/e`, mounted by a user with these rights. */
async function drive(granted: readonly string[], options: readonly string[] = [], emulator = {}): Promise<Drive> {
  const harbour = await make({ users: { u: { rights: granted } }, ...emulator });
  for (const folder of ['d', 'e']) await mkdir(join(harbour.root, folder));
  for (const [name, content] of [['old', 'old'], ['d/x', 'x']] as const) {
    await writeFile(join(harbour.root, name), content);
    await utimes(join(harbour.root, name), longAgo, longAgo);
  }
  const mounted = await harbour.mount(...options);
  return {
    ...harbour,
    get control() { return harbour.control; },
    mounted,
    at: (name) => join(harbour.mountpoint, name),
    local: async (name, content = name) => {
      const path = join(harbour.folder, name);
      await writeFile(path, content);
      await utimes(path, longAgo, longAgo);
      return path;
    },
    has: (name) => readFile(join(harbour.root, name), 'utf8').catch(() => undefined),
  };
}

const without = (...missing: readonly string[]) => rights.filter((right) => !missing.includes(right));
const denied = 'Permission denied';

/** Runs a program that must fail with these words of an errno. */
async function fails(words: string, command: string, parameters: readonly string[]): Promise<void> {
  const result = await run(command, parameters, { env: { LC_ALL: 'C' } });
  expect([command, result.status === 0, result.stderr]).toEqual([command, false, expect.stringContaining(words)]);
}

const uploads = async (harbour: Harbour): Promise<number> => {
  const { counts } = await harbour.control.state();
  return (counts['upload'] ?? 0) + (counts['form'] ?? 0);
};

async function ends(drive: Drive, status: number): Promise<void> {
  drive.mounted.child.kill('SIGTERM');
  expect((await within(20_000, 'the mount ends', drive.mounted.ended)).status).toBe(status);
}

describe('without the right to', () => {
  test('overwrite: new files; cp over an old one fails at close, then at open before data moves; the old file is whole', async () => {
    const d = await drive(without('overwrite'));
    const source = await d.local('source');
    await succeed('cp', ['-p', source, d.at('new')]);
    expect([await d.has('new'), (await stat(join(d.root, 'new'))).mtimeMs]).toEqual(['source', longAgo.getTime()]);
    await fails(denied, 'cp', [source, d.at('old')]);
    await d.control.resetCounts();
    await fails(denied, 'cp', [source, d.at('old')]);
    await fails(denied, 'mv', ['-f', d.at('new'), d.at('old')]);
    expect(await uploads(d)).toBe(0);
    await succeed('rsync', ['-t', source, d.at('by-rsync')]);
    expect([await d.has('old'), await d.has('by-rsync')]).toEqual(['old', 'source']);
    // What the first cp could not send is kept, and told.
    await ends(d, 6);
  });

  test('rename: new files under their own name, changed ones and mv not; nothing half or hidden is left', async () => {
    const d = await drive(without('rename'));
    const source = await d.local('source');
    await succeed('cp', [source, d.at('new')]);
    await succeed('rsync', ['-t', '--inplace', source, d.at('by-rsync')]);
    await fails(denied, 'mv', [d.at('old'), d.at('moved')]);
    await fails(denied, 'cp', [source, d.at('old')]);
    await succeed('rm', [d.at('d/x')]);
    await succeed('mkdir', [d.at('made')]);
    expect([await d.has('old'), await d.has('new'), await d.has('by-rsync')]).toEqual(['old', 'source', 'source']);
    await expect.poll(async () => (await readdir(d.root)).sort(), { timeout: 5000 }).toEqual(['by-rsync', 'd', 'e', 'made', 'new', 'old']);
  });

  test('delete: rm and rmdir fail, the rest works', async () => {
    const d = await drive(without('delete'));
    await fails(denied, 'rm', ['-f', d.at('old')]);
    await fails(denied, 'rmdir', [d.at('e')]);
    await succeed('cp', [await d.local('source'), d.at('old')]);
    await succeed('mv', [d.at('old'), d.at('moved')]);
    expect([await d.has('moved'), (await readdir(d.root)).sort()]).toEqual(['source', ['d', 'e', 'moved']]);
  });

  test('create folders: mkdir fails, the rest works', async () => {
    const d = await drive(without('create_dirs'));
    await fails(denied, 'mkdir', [d.at('new')]);
    await succeed('cp', [await d.local('source'), d.at('e/f')]);
    await succeed('rm', ['-r', d.at('d')]);
    expect([await d.has('e/f'), (await readdir(d.root)).sort()]).toEqual(['source', ['e', 'old']]);
  });

  test('upload: nothing is made, known at open from the first time on; changing, moving and deleting work', async () => {
    const d = await drive(without('upload'));
    const source = await d.local('source');
    await fails(denied, 'cp', [source, d.at('new')]);
    await d.control.resetCounts();
    await fails(denied, 'cp', [source, d.at('new')]);
    expect(await uploads(d)).toBe(0);
    await succeed('mv', [d.at('d/x'), d.at('e/x')]);
    await succeed('rm', [d.at('old')]);
    expect([await d.has('e/x'), (await readdir(d.root)).sort()]).toEqual(['x', ['d', 'e']]);
  });

  test('download: names and sizes are shown, cat fails, known at open from the first time on; writing works', async () => {
    const d = await drive(without('download'));
    expect(await succeed('stat', ['-c', '%s %Y', d.at('old')])).toBe(`3 ${longAgo.getTime() / 1000}\n`);
    await fails(denied, 'cat', [d.at('old')]);
    await d.control.resetCounts();
    await fails(denied, 'cat', [d.at('old')]);
    const { counts } = await d.control.state();
    expect([counts['get'], counts['streamzip']]).toEqual([undefined, undefined]);
    const source = await d.local('source');
    await succeed('cp', [source, d.at('new')]);
    await succeed('cp', [source, d.at('old')]);
    expect([await d.has('new'), await d.has('old')]).toEqual(['source', 'source']);
    await expect.poll(async () => (await readdir(d.root)).sort(), { timeout: 5000 }).toEqual(['d', 'e', 'new', 'old']);
  });

  test('set times: touch and cp -p succeed; a second rsync -a sends nothing, after a remount neither', async () => {
    const d = await drive(without('chtimes'));
    const tree = join(d.folder, 'tree');
    await mkdir(join(tree, 'sub'), { recursive: true });
    for (const name of ['a', 'sub/b']) {
      await writeFile(join(tree, name), name);
      await utimes(join(tree, name), longAgo, longAgo);
    }
    for (const folder of ['sub', '.']) await utimes(join(tree, folder), longAgo, longAgo);
    await succeed('touch', ['-d', longAgo.toISOString(), d.at('old')]);
    const rsync = () => succeed('rsync', ['-a', '--itemize-changes', '--no-owner', '--no-group', `${tree}/`, `${d.at('copy')}/`]);
    expect(await rsync()).toContain('sub/b');
    expect(await succeed('stat', ['-c', '%Y', d.at('copy/sub/b')])).toBe(`${longAgo.getTime() / 1000}\n`);
    expect(await rsync()).toBe('');
    await ends(d, 0);
    await d.mount();
    expect(await rsync()).toBe('');
    expect((await stat(join(d.root, 'copy/a'))).mtimeMs).toBeGreaterThan(longAgo.getTime());
  });

  test('copy: cp on the mount reads and writes instead', async () => {
    const d = await drive(without('copy'));
    await succeed('cp', [d.at('old'), d.at('copied')]);
    expect(await d.has('copied')).toBe('old');
  });

  test('list: ls fails and is never empty; what one puts there is there', async () => {
    const d = await drive(without('list'));
    await fails(denied, 'ls', [d.mountpoint]);
    const source = await d.local('source');
    await succeed('cp', [source, `${d.mountpoint}/`]);
    await succeed('mkdir', [d.at('made')]);
    await succeed('mv', [d.at('source'), d.at('made/moved')]);
    expect([await d.has('made/moved'), await d.has('source')]).toEqual(['source', undefined]);
  });
});

test('a letter box, upload alone, takes cp and rsync, once more too, and shows what it took', async () => {
  const d = await drive(['upload']);
  const source = await d.local('source');
  expect(d.mounted.output()).toContain('does not let this user list the folder');
  await succeed('cp', ['-p', source, `${d.mountpoint}/`]);
  await succeed('rsync', ['-t', '--inplace', source, d.at('by-rsync')]);
  await succeed('rsync', ['-t', '--inplace', source, d.at('by-rsync')]);
  expect(await succeed('stat', ['-c', '%s %Y', d.at('source'), d.at('by-rsync')])).toBe(`6 ${longAgo.getTime() / 1000}\n`.repeat(2));
  await fails(denied, 'ls', [d.mountpoint]);
  await fails(denied, 'cp', [source, d.at('old')]);
  expect([await d.has('source'), await d.has('by-rsync'), await d.has('old')]).toEqual(['source', 'source', 'old']);
  expect((await readdir(d.root)).sort()).toEqual(['by-rsync', 'd', 'e', 'old', 'source']);
  await ends(d, 6);
});

describe.each([
  ['--profile geredis', 405, ['--profile', 'geredis'], 'Operation not permitted'],
  ['four services, 403 for the others', 403, [], denied],
  ['four services, 404 for the others', 404, [], 'Operation not permitted'],
] as const)('%s', (_name, refuseOthers, options, words) => {
  test('cat, cp and rsync read and write; mkdir, rm and mv fail; a large file is fetched once', async () => {
    const d = await drive(rights, options, { refuseOthers });
    expect(await succeed('cat', [d.at('old'), d.at('d/x')])).toBe('oldx');
    const content = Array.from({ length: 300_000 }, (_, line) => `line ${line}\n`).join('');
    await succeed('cp', ['-p', await d.local('large', content), d.at('large')]);
    expect(await d.has('large')).toBe(content);
    expect(await succeed('stat', ['-c', '%Y', d.at('large')])).toBe(`${longAgo.getTime() / 1000}\n`);
    await ends(d, 0);
    await d.mount(...options);
    expect(await succeed('stat', ['-c', '%Y', d.at('large')])).toBe(`${longAgo.getTime() / 1000}\n`);
    // What is refused is found out with the first file.
    await succeed('cat', [d.at('old')]);
    await d.control.resetCounts();
    expect(await succeed('tail', ['-c', '100', d.at('large')])).toBe(content.slice(-100));
    await succeed('cmp', [join(d.folder, 'large'), d.at('large')]);
    expect((await d.control.state()).counts['streamzip']).toBeLessThanOrEqual(2);
    await succeed('rsync', ['-t', '--inplace', join(d.folder, 'large'), d.at('by-rsync')]);
    await fails(words, 'mkdir', [d.at('new')]);
    await fails(words, 'rm', ['-f', d.at('old')]);
    await fails(words, 'mv', [d.at('old'), d.at('moved')]);
    expect((await readdir(d.root)).sort()).toEqual(['by-rsync', 'd', 'e', 'large', 'old']);
    expect(await d.has('by-rsync')).toBe(content);
  });
});
