import { describe, expect, test } from 'vitest';
import { parseMountOptions } from '../../src/cli/mount-options.js';
import { mountSchema, optionTexts, readOptions, shownDefault, signInSchema, umountSchema } from '../../src/cli/options.js';
import { parseDuration, parseSize, showSize } from '../../src/cli/units.js';

describe('durations', () => {
  test.each([
    ['0', 0], ['500ms', 500], ['30s', 30_000], ['1.5s', 1500], ['10m', 600_000], ['2h', 7_200_000], ['1d', 86_400_000],
    ['30', undefined], ['', undefined], ['s', undefined], ['-1s', undefined], ['1 s', undefined], ['1S', undefined],
    ['1w', undefined], ['1e3s', undefined], ['10m30s', undefined], ['99999999999999999d', undefined],
  ])('%s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });
});

describe('sizes', () => {
  test.each([
    ['0', 0], ['4096', 4096], ['512K', 524_288], ['512k', 524_288], ['256M', 268_435_456], ['256MiB', 268_435_456],
    ['256MB', 268_435_456], ['1.5G', 1_610_612_736], ['2T', 2_199_023_255_552], ['10B', 10],
    ['', undefined], ['M', undefined], ['-1M', undefined], ['1 M', undefined], ['1X', undefined], ['9999999T', undefined],
  ])('%s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each([[0, '0 bytes'], [1023, '1023 bytes'], [1024, '1.0 KiB'], [3_565_158, '3.4 MiB'], [5 * 2 ** 30, '5.0 GiB']])('%d bytes are shown as %s', (bytes, text) => {
    expect(showSize(bytes)).toBe(text);
  });
});

describe('-o', () => {
  test('lists and repetitions add up, the last of two counts', () => {
    expect(parseMountOptions(['allow_other,uid=1000', 'ro', 'gid=100,umask=027,fsname=drive', 'uid=1001,'])).toEqual({
      allowOther: true, readOnly: true, uid: 1001, gid: 100, umask: 0o027, fsname: 'drive',
    });
  });

  test('nothing said, nothing set', () => {
    expect(parseMountOptions([])).toEqual({
      allowOther: false, readOnly: false, uid: undefined, gid: undefined, umask: undefined, fsname: undefined,
    });
  });

  test.each([
    'nosuch', 'rw', 'ro=1', 'allow_other=yes', 'uid', 'uid=', 'uid=root', 'uid=-1', 'uid=4294967295', 'gid=x', 'umask=9',
    'umask=1777', 'umask', 'fsname=', 'fsname=a b', 'fsname=a\\b', 'default_permissions', 'fd=3',
  ])('%s is refused in one line that names it', (option) => {
    expect(() => parseMountOptions([option])).toThrow(new RegExp(`^-o ${option.replace('\\', '\\\\')}: [^\\n]+$`));
  });
});

describe('where a browser brings its answer', () => {
  test.each(['http://127.0.0.1/', 'http://localhost:8400/callback', 'http://127.0.0.1:8400'])('%s is this machine', (address) => {
    expect(readOptions(signInSchema, { redirect: address }).redirect.href).toBe(new URL(address).href);
  });

  test.each([
    'https://127.0.0.1/', 'http://files.example.org/', 'http://127.0.0.1:1@files.example.org/', 'http://127.0.0.1/?x', 'http://127.0.0.1/#x', '127.0.0.1:80',
  ])('%s is refused', (address) => {
    expect(() => readOptions(signInSchema, { redirect: address })).toThrow(/^--redirect .*: wanted http:\/\/127\.0\.0\.1/);
  });
});

describe('options of a command line', () => {
  test('without any, the defaults hold, in the units of the layers below', () => {
    expect(readOptions(mountSchema, {})).toMatchObject({
      'daemon': false, 'read-only': false, 'cache-dir': undefined, 'stall-timeout': 30_000, 'server-timeout': 600_000,
      'attr-ttl': 1000, 'dir-ttl': 10_000, 'memory': 268_435_456, 'requests': 6, 'permissions': 'ignore', 'lock-on-write': 'auto',
      'insecure-http': false, 'log-level': 'warn',
    });
  });

  test('of an option given twice the last counts; paths are made absolute', () => {
    const settings = readOptions(mountSchema, { 'attr-ttl': ['5s', '0'], 'cache-dir': 'state', 'o': ['ro', 'uid=5'] });
    expect(settings['attr-ttl']).toBe(0);
    expect(settings['cache-dir']).toBe(`${process.cwd()}/state`);
    expect(settings.o).toMatchObject({ readOnly: true, uid: 5 });
  });

  test.each([
    ['stall-timeout', '30'], ['stall-timeout', '0'], ['server-timeout', 'soon'], ['attr-ttl', '-1s'], ['memory', 'much'],
    ['memory', '1M'], ['requests', '0'], ['requests', '65'], ['requests', '1.5'], ['permissions', 'keep'], ['lock-on-write', 'yes'],
    ['log-level', 'loud'], ['cache-dir', ''], ['password-file', ''], ['password-command', ''],
  ])('--%s %s is refused in one line that names both', (name, value) => {
    expect(() => readOptions(mountSchema, { [name]: value })).toThrow(new RegExp(`^--${name} ${value}: [^\\n]+$`));
  });

  test('every option says what it is, its unit, and what holds without it', () => {
    for (const [name, text] of [...optionTexts(mountSchema), ...optionTexts(umountSchema)]) {
      expect(`${name}: ${text.describe}`).toMatch(/: [A-Z].{15,}[^.]$/);
      expect(text.unit).not.toBe('');
      expect(shownDefault(text)).not.toBe('undefined');
    }
  });
});
