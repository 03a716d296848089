/** The pure parts, by tables: how a query is read, how Go writes names, modes and durations. */
import { describe, expect, test } from 'vitest';
import { goJson, goQuote } from '../../../src/emulators/common/go-text.js';
import { goFileMode } from '../../../src/emulators/sftpgo/file-mode.js';
import { cleanPath } from '../../../src/emulators/sftpgo/home.js';
import { goDuration } from '../../../src/emulators/sftpgo/limits.js';
import { parseQuery } from '../../../src/emulators/sftpgo/query.js';

test.each([
  ['/x', {}],
  ['/x?', {}],
  ['/x?path=/a', { path: '/a' }],
  ['/x?path=/a&path=/b', { path: '/a' }],
  ['/x?path=a+b%20c%2Bd', { path: 'a b c+d' }],
  ['/x?path=%C3%A9&target=%F0%9F%98%80', { path: 'é', target: '😀' }],
  ['/x?path=a;b&target=/c', { target: '/c' }],
  ['/x?path=a%&target=b%4&z=%zz', {}],
  ['/x?path=a=b&flag', { path: 'a=b', flag: '' }],
  ['/x?path=%FF', { path: '\ufffd' }],
])('the query of %s', (url, wanted) => {
  expect(Object.fromEntries(parseQuery(url))).toEqual(wanted);
});

test.each([
  ['', '/'],
  ['/', '/'],
  ['a/b/', '/a/b'],
  ['/../../a/./b/../c', '/a/c'],
  ['\\a\\..\\b', '/b'],
  ['//a//b', '/a/b'],
])('the path %s is %s', (path, clean) => {
  expect(cleanPath(path)).toBe(clean);
});

describe('Go’s forms', () => {
  test.each([
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['a\nb\tc\u0001', '"a\\nb\\tc\\x01"'],
    ['é e\u0301 😀 漢', '"é e\u0301 😀 漢"'],
    ['\u200b\u00a0\u{e0001}', '"\\u200b\\u00a0\\U000e0001"'],
  ])('%j in quotes', (text, quoted) => {
    expect(goQuote(text)).toBe(quoted);
  });

  test('JSON escapes what could be HTML', () => {
    expect(goJson({ name: '<a & b>\u2028"' })).toBe('{"name":"\\u003ca \\u0026 b\\u003e\\u2028\\""}');
  });

  test.each([
    [0o100644, 0o644],
    [0o040755, 0x80000000 + 0o755],
    [0o120777, 0x08000000 + 0o777],
    [0o010644, 0x02000000 + 0o644],
    [0o140755, 0x01000000 + 0o755],
    [0o060660, 0x04000000 + 0o660],
    [0o020660, 0x04200000 + 0o660],
    [0o104755, 0x00800000 + 0o755],
    [0o102755, 0x00400000 + 0o755],
    [0o041777, 0x80100000 + 0o777],
  ])('the mode %o', (mode, goMode) => {
    expect(goFileMode(mode)).toBe(goMode);
  });

  test.each([
    [518.890516, '518.890516ms'],
    [2500, '2.5s'],
    [59_999.5, '59.9995s'],
  ])('%f ms is %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});
