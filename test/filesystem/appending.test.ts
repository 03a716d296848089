/** Two machines append to one file (`>>`): neither loses what the other wrote, and no line lands in the middle of another. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { elapse, emptying, errnoOf, forAppending, forBoth, forReading, longAgo, mount, someone, type Mount, type OpenedFile } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount({ settings: { attrTtl: 1000, dirTtl: 10_000 } });
  m.platform.put('/log', 'one\n', longAgo);
});
afterEach(async () => { await m.end(); });

/** The other machine's last word: the whole file, each time a little later. */
let later = longAgo;
function others(text: string): void {
  later += 5000;
  m.platform.put('/log', text, later);
}

const server = (): string | undefined => m.platform.text('/log');

/** An fsync whose upload breaks off before it has begun, or when the platform has it all and could not say so. */
async function faltersAt(point: 'start' | 'end', file: OpenedFile): Promise<void> {
  m.platform.hook = ({ member, stage }) => {
    if (member === 'write' && stage === point) throw new Error('the line is down');
  };
  expect(await errnoOf(m.fsync(file))).toBe('EIO');
  m.platform.hook = undefined;
}

/** Opens it again by the node that the kernel knows: no LOOKUP, as within --attr-ttl. */
async function again(file: OpenedFile): Promise<OpenedFile> {
  return { node: file.node, ...await m.fs.open(file.node, forAppending, someone) };
}

describe('an append to a file that has grown on the server', () => {
  test('a moment after it was listed goes to the real end', async () => {
    await m.names('/');
    others('one\ntwo\n');
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'three\n');
    await m.write(file, 10, 'four\n');
    await m.close(file);
    expect(server()).toBe('one\ntwo\nthree\nfour\n');
  });

  test('a moment after an append from here, too; each time', async () => {
    let file = await m.open('/log', forAppending);
    await m.write(file, 4, 'a\n');
    await m.close(file);
    for (const [line, end] of [['b\n', 6], ['c\n', 8]] as const) {
      others(`${server()}theirs\n`);
      file = await again(file);
      await m.write(file, end, line);
      await m.close(file);
    }
    expect(server()).toBe('one\na\ntheirs\nb\ntheirs\nc\n');
  });

  test('and was cut there', async () => {
    await m.names('/');
    others('o\n');
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'two\n');
    await m.close(file);
    expect(server()).toBe('o\ntwo\n');
  });

  test('by a program that keeps it open and syncs each line', async () => {
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'a\n');
    await m.fsync(file);
    others(`${server()}theirs\n`);
    await m.write(file, 6, 'b\n');
    await m.fsync(file);
    await m.write(file, 8, 'c\n');
    await m.close(file);
    expect(server()).toBe('one\na\ntheirs\nb\nc\n');
    expect(await m.cat('/log')).toBe(server());
  });

  test('by a program that has read of it is ESTALE, and the others\' lines stay', async () => {
    const file = await m.open('/log', { ...forBoth, append: true });
    expect((await m.read(file)).toString()).toBe('one\n');
    others('one\ntwo\n');
    expect(await errnoOf(m.write(file, 4, 'three\n'))).toBe('ESTALE');
    await m.close(file);
    expect(server()).toBe('one\ntwo\n');
  });

  test('of which another program reads the older version is ESTALE', async () => {
    const reader = await m.open('/log', forReading);
    expect((await m.read(reader)).toString()).toBe('one\n');
    const file = await m.open('/log', forAppending);
    others('one\ntwo\n');
    expect(await errnoOf(m.write(file, 4, 'three\n'))).toBe('ESTALE');
    await m.close(file);
    await m.close(reader);
    expect(server()).toBe('one\ntwo\n');
  });
});

describe('the others append after the first line from here, and before the close', () => {
  test.each([['that has to be fetched', 'one\n'], ['of which nothing has to be fetched', '']])('to a file %s: ESTALE, their lines stay, ours are kept here', async (_what, before) => {
    others(before);
    const file = await m.open('/log', forAppending);
    await m.write(file, before.length, 'mine\n');
    others(`${before}theirs\n`);
    elapse(2000);
    expect(await errnoOf(m.flush(file))).toBe('ESTALE');
    await m.release(file);
    expect(server()).toBe(`${before}theirs\n`);
    expect((await m.shutdown()).map(({ path }) => path)).toEqual(['/log']);
  });

  test('to a file of which earlier lines were synced from here', async () => {
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'a\n');
    await m.fsync(file);
    await m.write(file, 6, 'b\n');
    others('one\na\ntheirs\n');
    elapse(2000);
    expect(await errnoOf(m.fsync(file))).toBe('ESTALE');
    await m.release(file);
    expect(server()).toBe('one\na\ntheirs\n');
  });

  test('to a file that was new here', async () => {
    const file = await m.open('/new', forAppending, { create: true });
    await m.write(file, 0, 'mine\n');
    m.platform.put('/new', 'theirs\n', longAgo);
    elapse(2000);
    expect(await errnoOf(m.flush(file))).toBe('ESTALE');
    await m.release(file);
    expect(m.platform.text('/new')).toBe('theirs\n');
  });

  test('who has emptied it first means all to go', async () => {
    const file = await m.open('/log', { ...emptying, append: true });
    others('one\ntheirs\n');
    await m.write(file, 0, 'mine\n');
    elapse(2000);
    await m.close(file);
    expect(server()).toBe('mine\n');
  });

  test('a file that was deleted there is sent anew, where it all is here', async () => {
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'a\n');
    await m.fsync(file);
    await m.write(file, 6, 'b\n');
    m.platform.remove('/log');
    elapse(2000);
    await m.close(file);
    expect(server()).toBe('one\na\nb\n');
  });

  test('an upload that arrived, and its answer not, is not the others\'', async () => {
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'mine\n');
    await faltersAt('end', file);
    elapse(2000);
    await m.close(file);
    expect(server()).toBe('one\nmine\n');
  });

  test('nor is it when more was written since', async () => {
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'mine\n');
    await faltersAt('end', file);
    elapse(2000);
    await m.write(file, 9, 'more\n');
    await m.close(file);
    expect(server()).toBe('one\nmine\nmore\n');
  });

  test('a file of the others is not taken for an upload of ours that never arrived, though it is as long', async () => {
    const file = await m.open('/log', forAppending);
    await m.write(file, 4, 'mine\n');
    await faltersAt('start', file);
    others('one\nhers\n');
    elapse(2000);
    expect(await errnoOf(m.flush(file))).toBe('ESTALE');
    await m.release(file);
    expect(server()).toBe('one\nhers\n');
  });
});

test('a short append looks once', async () => {
  await m.names('/');
  const file = await m.open('/log', forAppending);
  m.platform.resetCounters();
  await m.write(file, 4, 'two\n');
  await m.write(file, 8, 'three\n');
  await m.close(file);
  expect(m.platform.log).toEqual(['stat /log', 'read /log', 'write /log']);
});
