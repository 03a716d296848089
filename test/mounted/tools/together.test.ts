/** Many at once: readers and writers of one file, 50 processes on one file and on 50. */
import { link, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testUnlessLeftOut, useToolsDrive } from '../../support/chosen.js';
import { longAgo } from '../../support/prepared.js';
import { begin, run, shell, succeed, type RunningProgram } from '../../support/programs.js';
import { content, randomFile, sameTrees, soon, text, whilePagesStay } from './files.js';

const processes = 50;
const largeSize = 20_000_003;

const drive = useToolsDrive({
  async prepare(root) {
    await randomFile(join(root, 'shared', 'large-0'), largeSize);
    await utimes(join(root, 'shared', 'large-0'), longAgo, longAgo);
    for (let i = 1; i < 10; i += 1) await link(join(root, 'shared', 'large-0'), join(root, 'shared', `large-${i}`));
    for (let i = 0; i < processes; i += 1) await randomFile(join(root, 'different', `file-${i}`), 30_000 + i * 997);
  },
});

const each = <Value>(work: (i: number) => Promise<Value>) => Promise.all(Array.from({ length: processes }, (_, i) => work(i)));

describe('two readers and a writer on one file', () => {
  /**
   * Opens the file again and again until its last line is `end`. `rule` looks at `got`, which may not be older
   * than `done`: what the writer had finished before the file was opened.
   */
  const reader = (rule: string) => `import sys
path, progress = sys.argv[1:]
while True:
    with open(progress) as f: done = int(f.read() or 0)
    try:
        with open(path, 'rb') as f: got = f.read()
    except OSError as error:
        # Replaced while it was open: the next open gets the new one.
        if error.errno == 116: continue
        raise
    assert got.endswith(b'\\n'), got[-60:]
    lines = got.decode().splitlines()
    end = lines[-1] == 'end'
    if end: lines.pop()
    ${rule}
    if end: break`;

  async function readersOf(path: string, rule: string, progress: string): Promise<readonly RunningProgram[]> {
    await writeFile(progress, '0');
    return [1, 2].map(() => begin('python3', ['-c', reader(rule), path, progress], { deadline: 50_000 }));
  }

  test('who appends: each reader sees whole lines, and all that were there when he opened it', async () => {
    const { mount, server, local } = await drive.place();
    const path = join(mount, 'f');
    const progress = join(local, 'progress');
    await shell(`echo line 0 > ${path}`);
    const readers = await readersOf(path, "assert lines == [f'line {i}' for i in range(len(lines))] and len(lines) > done, (len(lines), done, got[-60:])", progress);
    await shell(`for i in {1..80}; do echo line $i >> ${path}; echo $i > ${progress}; done; echo end >> ${path}`, { deadline: 50_000 });
    for (const { result } of readers) expect(await result).toMatchObject({ status: 0, stderr: '' });
    expect(await text(join(server, 'f'))).toBe(`${Array.from({ length: 81 }, (_, i) => `line ${i}`).join('\n')}\nend\n`);
  });

  test('who replaces it by rename: each reader gets one version whole, and none that is over', async () => {
    const { mount, server, local } = await drive.place();
    const path = join(mount, 'f');
    const progress = join(local, 'progress');
    const version = 'version() { { yes version $1 || true; } | head -n 3000; }';
    await shell(`${version}\nversion 0 > ${path}`);
    const rule = `number = int(lines[0].split()[1])
    assert lines == [f'version {number}'] * 3000 and number >= done, (len(lines), lines[0], lines[-1], done)`;
    const readers = await readersOf(path, rule, progress);
    await shell(`${version}
for v in {1..40}; do version $v > ${path}.tmp; mv ${path}.tmp ${path}; echo $v > ${progress}; done
(version 41; echo end) > ${path}.tmp; mv ${path}.tmp ${path}`, { deadline: 50_000 });
    for (const { result } of readers) expect(await result).toMatchObject({ status: 0, stderr: '' });
    expect(await readdir(server)).toEqual(['f']);
    expect(await text(join(server, 'f'))).toBe(`${'version 41\n'.repeat(3000)}end\n`);
  });

  testUnlessLeftOut('who writes into it: what he wrote is what they read, at once', async () => {
    const { mount, server } = await drive.place();
    const path = join(mount, 'f');
    const script = `import os, sys
path = sys.argv[1]
w = os.open(path, os.O_RDWR | os.O_CREAT)
readers = [os.open(path, os.O_RDONLY), os.open(path, os.O_RDONLY)]
expected = bytearray(300000)
os.write(w, expected)
for i in range(200):
    at = (i * 7919) % 299000
    piece = (f'{i:4d}' * 100).encode()
    os.pwrite(w, piece, at)
    expected[at:at + len(piece)] = piece
    for r in readers:
        got = os.pread(r, 300000, 0) if i % 20 == 0 else os.pread(r, 500, at)
        wanted = bytes(expected) if i % 20 == 0 else bytes(expected[at:at + 500])
        assert got == wanted, i
    if i % 50 == 25: os.fsync(w)
os.close(w)
for r in readers: assert os.pread(r, 300000, 0) == bytes(expected)
open(sys.argv[2], 'wb').write(expected)`;
    const wanted = `${server}.wanted`;
    await succeed('python3', ['-c', script, path, wanted]);
    expect(await content(join(server, 'f'))).toEqual(await content(wanted));
    await succeed('rm', [wanted]);
  });
});

describe(`${processes} processes at once`, () => {
  test('read one file that nobody has read: all get it whole, and the server sends it once, not fifty times', async () => {
    const { mount, server } = await drive.place('shared');
    const sent = await whilePagesStay(async (attempt) => {
      const name = `large-${attempt}`;
      const { sha256 } = await content(join(server, name));
      await drive.control.resetCounts();
      const sums = await each(() => succeed('sha256sum', [join(mount, name)], { deadline: 50_000 }));
      expect(new Set(sums.map((line) => line.split(' ')[0]))).toEqual(new Set([sha256]));
      return (await drive.reads()).reduce((sum, { bytes }) => sum + bytes, 0);
    });
    // A busy kernel asks for some pages twice, and a page costs its block: never as much as a second reading would.
    expect(sent).toBeGreaterThanOrEqual(largeSize);
    expect(sent).toBeLessThan(largeSize * 2);
  });

  testUnlessLeftOut('read a file each', async () => {
    const { mount, server, local } = await drive.place('different');
    await each((i) => succeed('cp', [join(mount, `file-${i}`), local]));
    await sameTrees(server, local);
  });

  test('write a file each: when the last has closed, the server has them all', async () => {
    const { mount, server, local } = await drive.place();
    await each((i) => randomFile(join(local, `file-${i}`), i * 2003));
    await each((i) => succeed('dd', [`if=${join(local, `file-${i}`)}`, `of=${join(mount, `file-${i}`)}`, 'bs=4096', 'conv=fsync']));
    await sameTrees(local, server);
    expect((await drive.control.state()).maxInFlight).toBeLessThanOrEqual(6);
  });

  testUnlessLeftOut('append to one file: every line is there once', async () => {
    const { mount, server } = await drive.place();
    const line = (i: number) => `${String(i).padStart(3)} ${'x'.repeat(i)}`;
    await each((i) => succeed('bash', ['-c', 'echo "$1" >> "$2"', 'bash', line(i), join(mount, 'log')]));
    const lines = (await text(join(server, 'log'))).trimEnd().split('\n').sort();
    expect(lines).toEqual(Array.from({ length: processes }, (_, i) => line(i)).sort());
  });

  test('replace one file: it is one of theirs, whole', async () => {
    const { mount, server } = await drive.place();
    await each((i) => succeed('bash', ['-c', 'yes "$1" | head -n 20000 > "$2.$1" && mv "$2.$1" "$2"', 'bash', String(i), join(mount, 'f')]));
    const lines = (await text(join(server, 'f'))).trimEnd().split('\n');
    expect([lines.length, new Set(lines).size]).toEqual([20_000, 1]);
    expect(await readdir(server)).toEqual(['f']);
  });

  testUnlessLeftOut('read and write the same files at once', async () => {
    const { mount, server } = await drive.place();
    const whole = (i: number) => `${`process ${i % 5}`.padEnd(99)}\n`.repeat(300);
    for (let i = 0; i < 5; i += 1) await succeed('tee', [join(mount, `f${i}`)], { input: whole(i) });
    const results = await each((i) => (i % 2 === 0
      ? run('tee', [join(mount, `f${i % 5}`)], { input: whole(i) })
      : run('cat', [join(mount, `f${i % 5}`)])));
    expect(results.filter(({ status }) => status !== 0)).toEqual([]);
    for (let i = 0; i < 5; i += 1) expect(await text(join(server, `f${i}`))).toBe(whole(i));
  });

  test('make folders and files in one folder, while others list it, and delete them again', async () => {
    const { mount, server } = await drive.place();
    await each((i) => (i % 5 === 0
      ? shell(`for n in {1..10}; do ls -l ${mount} > /dev/null; done`)
      : shell(`mkdir ${mount}/d${i} && echo ${i} > ${mount}/d${i}/f && echo ${i} > ${mount}/f${i}`)));
    expect((await readdir(server)).length).toBe(80);
    expect((await succeed('ls', [mount])).trimEnd().split('\n').sort()).toEqual((await readdir(server)).sort());
    for (const i of [1, 17, 49]) expect(await readFile(join(server, `d${i}`, 'f'), 'utf8')).toBe(`${i}\n`);
    await each((i) => succeed('rm', ['-rf', join(mount, `d${i}`), join(mount, `f${i}`)]));
    await soon(() => readdir(server)).toEqual([]);
    expect(await succeed('ls', [mount])).toBe('');
  });

  test('mkdir of one name: one succeeds', async () => {
    const { mount, server } = await drive.place();
    await writeFile(join(server, 'beside'), '');
    const results = await each(() => run('mkdir', [join(mount, 'one')]));
    expect(results.filter(({ status }) => status === 0)).toHaveLength(1);
    expect(new Set(results.filter(({ status }) => status !== 0).map(({ stderr }) => /File exists/.test(stderr)))).toEqual(new Set([true]));
  });
});
