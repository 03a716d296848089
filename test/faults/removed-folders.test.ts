/** A file is open for writing while somebody removes its folder on the server: nothing is lost, and trying again works. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sendLeftovers } from '../../src/filesystem/writing/recovery.js';
import { silentLog } from '../../src/observe/log.js';
import type { Provider } from '../../src/providers/provider.js';
import { elapse, emptying, errnoOf, forBoth, mountOn, settings, type Mount, type OpenedFile } from '../filesystem/harness.js';
import { startSubject, type SftpgoSubject } from '../providers/sftpgo/subject.js';
import { never } from '../providers/subject.js';

let subject: SftpgoSubject;
let m: Mount<Provider>;
let folder: string;

beforeEach(async () => {
  subject = await startSubject();
  await subject.provider.connect(never);
  folder = join(subject.root, 'd');
  await mkdir(folder);
  await writeFile(join(folder, 'old'), 'what was there before');
  m = await mountOn(subject.provider);
});
afterEach(async () => {
  await m.end();
  await subject.close();
});

const onServer = (name: string): Promise<string | undefined> => readFile(join(folder, name), 'utf8').catch(() => undefined);

/** A new file, written and not closed, whose folder is gone. */
async function written(): Promise<OpenedFile> {
  const file = await m.open('/d/new', emptying, { create: true });
  await m.write(file, 0, 'the only copy');
  await rm(folder, { recursive: true });
  return file;
}

describe('close of a file whose folder was removed on the server', () => {
  test('is ESTALE, and so is fsync; when the folder is back the same descriptor sends it', async () => {
    const file = await written();
    expect([await errnoOf(m.flush(file)), await errnoOf(m.fsync(file))]).toEqual(['ESTALE', 'ESTALE']);
    await mkdir(folder);
    expect(await errnoOf(m.fsync(file))).toBe('none');
    expect(await onServer('new')).toBe('the only copy');
    await m.close(file);
    expect(await m.shutdown()).toEqual([]);
  });

  test('keeps the content and names it, with the reason in words', async () => {
    const file = await written();
    expect(await errnoOf(m.close(file))).toBe('ESTALE');
    const [unsent] = await m.shutdown();
    expect(unsent).toMatchObject({ path: '/d/new', reason: 'the folder /d is not on the server any more' });
    expect(await readFile(unsent?.kept ?? '', 'utf8')).toBe('the only copy');
  });

  test('and when the folder is back the next mount sends it', async () => {
    const file = await written();
    expect(await errnoOf(m.close(file))).toBe('ESTALE');
    m = (await m.remount()).next;
    expect((await sendLeftovers(subject.provider, m.staging.leftovers, silentLog(), never)).map(({ path }) => path)).toEqual(['/d/new']);
    await mkdir(folder);
    m = (await m.remount()).next;
    expect(await sendLeftovers(subject.provider, m.staging.leftovers, silentLog(), never)).toEqual([]);
    expect(await onServer('new')).toBe('the only copy');
  });

  test('does so as well when the drive has seen that the folder is gone; who opens the file again can save it', async () => {
    const file = await written();
    elapse(settings.dirTtl + 1);
    expect(await m.names('/')).toEqual([]);
    expect(await errnoOf(m.close(file))).toBe('ESTALE');
    await mkdir(folder);
    elapse(settings.dirTtl + 1);
    await m.save('/d/new', 'the only copy');
    expect(await onServer('new')).toBe('the only copy');
    expect(await m.shutdown()).toEqual([]);
  });

  test('with a change in the middle of a file that went with its folder: what was written is kept', async () => {
    const file = await m.open('/d/old', forBoth);
    await m.write(file, 5, 'WAS');
    await rm(folder, { recursive: true });
    expect(await errnoOf(m.close(file))).toBe('ESTALE');
    const [unsent] = await m.shutdown();
    expect((await readFile(unsent?.kept ?? '', 'utf8')).slice(5, 8)).toBe('WAS');
  });

  test('by path all says ENOENT: a rename of it, a truncate', async () => {
    const file = await m.open('/d/new', emptying, { create: true });
    await m.write(file, 0, 'the only copy');
    await m.stat('/d/old');
    await rm(folder, { recursive: true });
    expect(await errnoOf(m.rename('/d/new', '/d/other'))).toBe('ENOENT');
    expect(await errnoOf(m.set('/d/old', { size: 0 }))).toBe('ENOENT');
    await mkdir(folder);
    await m.close(file);
    expect(await onServer('new')).toBe('the only copy');
  });
});
