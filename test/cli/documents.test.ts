/** The documents for users say what the program says. */
import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { exitStatuses } from '../../src/cli/exit-status.js';
import { mountOptionTexts } from '../../src/cli/mount-options.js';
import { mountSchema, optionTexts, shownDefault, writtenName } from '../../src/cli/options.js';
import { logLevelOf } from '../../src/fuse/failures.js';
import { capabilityRows, driverNames } from '../../src/fuse/drivers.js';
import type { Errno } from '../../src/errors.js';

const read = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

/** Cells of the table rows of a text, marks of code and spaces taken off. */
function rows(text: string): string[][] {
  return text.split('\n').filter((line) => line.startsWith('|')).map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll('\\|', '|').replaceAll('`', '')));
}

/** Every errno of the type: a new one does not compile until it stands here. */
const errnos = Object.keys({
  EACCES: 1, EAGAIN: 1, EBADF: 1, EBUSY: 1, EDQUOT: 1, EEXIST: 1, EFBIG: 1, EILSEQ: 1, EINTR: 1, EINVAL: 1, EIO: 1, EISDIR: 1,
  ELOOP: 1, ENAMETOOLONG: 1, ENODATA: 1, ENOENT: 1, ENOSPC: 1, ENOSYS: 1, ENOTDIR: 1, ENOTEMPTY: 1, ENXIO: 1, EOPNOTSUPP: 1,
  EPERM: 1, ERANGE: 1, EROFS: 1, ESTALE: 1, ETIMEDOUT: 1, EXDEV: 1,
} satisfies Record<Errno, 1>);

const isErrno = (text: string): text is Errno => errnos.includes(text);

describe('native-notes/troubleshooting.md', () => {
  test('has a row for every errno that Amarre answers with, and none that it does not', async () => {
    const found = rows(await read('native-notes/troubleshooting.md')).map(([first = '']) => first).filter((cell) => /^E[A-Z]+$/.test(cell));
    expect(found).toEqual(errnos);
    expect(errnos.filter((name) => !(name in constants.errno))).toEqual([]);
  });

  test('says of each how loud it is logged, what it speaks of and what to do', async () => {
    for (const [errno = '', words, level, meaning, remedy] of rows(await read('native-notes/troubleshooting.md'))) {
      if (!isErrno(errno)) continue;
      expect([errno, level]).toEqual([errno, logLevelOf(errno)]);
      for (const cell of [words, meaning, remedy]) expect(cell).toMatch(/\w{3}/);
    }
  });
});

describe('native-notes/drivers.md', () => {
  test('has the table of what each driver can', async () => {
    const found = rows(await read('native-notes/drivers.md'));
    const start = found.findIndex((cells) => cells.slice(1, -1).join() === driverNames.join());
    const wanted = capabilityRows().map((cells) => cells.map((cell) => cell.replaceAll('`', '')));
    expect(found.slice(start + 2, start + 2 + wanted.length)).toEqual(wanted);
    expect(found.slice(start + 2 + wanted.length).filter((cells) => cells.length === wanted[0]?.length)).toEqual([]);
  });
});

describe('README.md', () => {
  test('has the options of mount with unit and default, as --help has them', async () => {
    const found = rows(await read('README.md')).filter(([first = '']) => /^--?[a-z]/.test(first));
    const wanted = optionTexts(mountSchema).map(([name, text]) => [writtenName(name), text.unit, shownDefault(text)]);
    expect(found.map(([name, , unit, otherwise]) => [name, unit, otherwise])).toEqual(wanted);
  });

  test('has every mount option of -o', async () => {
    const text = await read('README.md');
    expect(Object.keys(mountOptionTexts).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  test('has every exit status with its meaning', async () => {
    const found = rows(await read('README.md')).filter(([first = '']) => /^\d+$/.test(first));
    expect(found).toEqual(Object.values(exitStatuses).map(({ status, meaning }) => [String(status), meaning]));
  });

  test('has the two commands to begin with', async () => {
    const text = await read('README.md');
    expect(text).toContain('./scripts/demo');
    expect(text).toContain('./scripts/test');
    expect(text).toContain('amarre mount sftpgo+https://');
  });
});
