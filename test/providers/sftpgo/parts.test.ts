/** SFTPGo's pure parts: encoding, modes, versions, durations, the table of refusals against the record of a real server. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { judge, parseGoDuration, type Operation, type Verdict } from '../../../src/providers/sftpgo/answers.js';
import { encodePath, leaveOut, refuseName } from '../../../src/providers/sftpgo/encoding.js';
import { typeOfMode } from '../../../src/providers/sftpgo/file-mode.js';
import { renewBefore } from '../../../src/providers/sftpgo/sign-in.js';
import { formatVersion, parseVersion, wholeSecond } from '../../../src/providers/sftpgo/version.js';

describe('encoding', () => {
  it.each([
    ['/', '/'], ['/a b', '/a%20b'], ['/a+b;c&d=e', '/a%2Bb%3Bc%26d%3De'], ['/100%', '/100%25'], ['/é', '/%C3%A9'], ['/😀', '/%F0%9F%98%80'],
    ['/a\nb', '/a%0Ab'], ['/-._~', '/-._~'], ['/!\'()*', '/%21%27%28%29%2A'], ['/"<>?#[]', '/%22%3C%3E%3F%23%5B%5D'],
  ])('%j', (path, encoded) => {
    expect(encodePath(path)).toBe(encoded);
    expect(decodeURIComponent(encoded)).toBe(path);
  });

  it('an empty or relative path is never sent: the server would take the root for it', () => {
    for (const path of ['', 'a', 'a/b']) expect(() => encodePath(path)).toThrow(expect.objectContaining({ errno: 'EINVAL' }));
  });

  it('names that the server would mistake are neither made nor shown', () => {
    for (const name of ['a\\b', '\\', 'a\uFFFDb']) {
      expect(refuseName(name)?.errno).toBe('EINVAL');
      expect(leaveOut(name)).toBeDefined();
    }
    expect(leaveOut('a;b %+')).toBeUndefined();
  });
});

describe('modes', () => {
  it.each([
    ['file', 420, 'file'], ['executable', 493, 'file'], ['setgid', 4194797, 'file'], ['setuid', 8389101, 'file'], ['folder', 2147484141, 'folder'],
    ['sticky folder', 2148532735, 'folder'], ['the same folder as a signed number', 2148532735 | 0, 'folder'], ['link', 134218239, 'link'],
    ['pipe', 33554852, 'special'], ['socket', 16777709, 'special'], ['device', 0x04000000, 'special'], ['character device', 0x04200000, 'special'],
    ['irregular', 0x00080000, 'special'],
  ] as const)('%s', (_name, mode, type) => {
    expect(typeOfMode(mode)).toBe(type);
  });
});

describe('versions', () => {
  it('are size and second, before 1970 too', () => {
    expect(formatVersion({ size: 5, modified: 1_700_000_000_999 })).toBe('5-1700000000');
    expect(formatVersion({ size: 5, modified: -1_500 })).toBe('5--2');
    expect(parseVersion('5--2')).toEqual({ size: 5, modified: -2_000 });
    expect(parseVersion(formatVersion({ size: 2 ** 40, modified: 0 }))).toEqual({ size: 2 ** 40, modified: 0 });
    expect([parseVersion(''), parseVersion('5'), parseVersion('x-1'), parseVersion('5-1-')]).toEqual([undefined, undefined, undefined, undefined]);
    expect(wholeSecond(-1)).toBe(-1000);
  });
});

describe('durations and lives', () => {
  it.each([['518.890516ms', 518.890516], ['1m30s', 90_000], ['2h0m0.5s', 7_200_500], ['3s', 3000], ['', undefined], ['5', undefined], ['-1s', undefined]])('%s', (text, milliseconds) => {
    expect(parseGoDuration(text)).toBe(milliseconds);
  });

  it('a token is renewed a minute before its end, a short one sooner', () => {
    expect(renewBefore(20 * 60_000)).toBe(60_000);
    expect(renewBefore(60_000)).toBe(15_000);
  });
});

const recorded = z.object({
  id: z.string(),
  response: z.object({ status: z.number().nullable(), headers: z.record(z.string(), z.string()), body: z.unknown().optional() }),
});
const records = new Map(readFileSync(new URL('../../emulators/recorded/sftpgo.jsonl', import.meta.url), 'utf8')
  .split('\n').filter((line) => line !== '').map((line) => recorded.safeParse(JSON.parse(line)))
  .flatMap((parsed) => (parsed.success ? [[parsed.data.id, parsed.data.response] as const] : [])));

function judgeRecord(id: string, operation: Operation): Verdict {
  const response = records.get(id);
  if (response?.status == null) throw new Error(`the record has no answer ${id}`);
  const text = typeof response.body === 'string' ? response.body : response.body == null ? '' : JSON.stringify(response.body);
  return judge(operation, { status: response.status, contentType: response.headers['content-type'], text, retryAfter: undefined }, '/some/path');
}

describe('what the real server answered', () => {
  it.each([
    ['token-bad-password', 'sign in', 'EACCES', 'sign in'],
    ['token-http-denied', 'sign in', 'EACCES', 'final'],
    ['token-absent', 'list', 'EACCES', 'sign in'],
    ['token-other-address', 'list', 'EACCES', 'sign in'],
    ['token-logout-reuse', 'list', 'EACCES', 'sign in'],
    ['token-unknown-route', 'look', 'EIO', 'final'],
    ['token-unknown-route', 'move', 'EPERM', 'final'],
    ['token-apikey-unknown', 'list', 'EACCES', 'final'],
    ['token-apikey-wrong', 'list', 'EACCES', 'sign in'],
    ['token-chpwd-then-dirs', 'list', 'EACCES', 'final'],
    ['list-missing', 'list', 'ENOENT', 'final'],
    ['list-below-file', 'list', 'EIO', 'look'],
    ['list-link-outside', 'list', 'EACCES', 'final'],
    ['head-dir', 'look', 'EISDIR', 'final'],
    ['head-missing', 'look', 'ENOENT', 'final'],
    ['get-dir', 'read', 'EISDIR', 'final'],
    ['get-missing', 'read', 'ENOENT', 'final'],
    ['get-below-file', 'read', 'EIO', 'look'],
    ['cond-ius-older', 'read', 'ESTALE', 'final'],
    ['upload-missing-parent', 'upload', 'ENOENT', 'final'],
    ['upload-parent-is-file', 'upload', 'EIO', 'look'],
    ['upload-on-dir', 'upload', 'EISDIR', 'final'],
    ['upload-put', 'upload', 'EPERM', 'final'],
    ['upload-expect-refused', 'upload', 'EACCES', 'final'],
    ['upload-cut-new', 'upload', 'EIO', 'unsure'],
    ['upload-max-size-over', 'upload', 'EDQUOT', 'final'],
    ['quota-too-big', 'upload', 'EDQUOT', 'final'],
    ['mkdir-existing', 'make folder', 'EIO', 'look'],
    ['mkdir-missing-parent', 'make folder', 'ENOENT', 'final'],
    ['move-file-over-dir', 'move', 'EINVAL', 'look'],
    ['move-dir-over-file', 'move', 'EIO', 'look'],
    ['move-missing', 'move', 'ENOENT', 'final'],
    ['copy-link', 'copy', 'EINVAL', 'look'],
    ['delete-file-on-dir', 'delete file', 'EISDIR', 'final'],
    ['delete-file-missing', 'delete file', 'ENOENT', 'final'],
    ['delete-dir-root', 'delete folder', 'EACCES', 'final'],
    ['mtime-meta-fraction', 'set time', 'EINVAL', 'look'],
    ['mtime-meta-missing', 'set time', 'ENOENT', 'final'],
    ['rights-ro-upload', 'upload', 'EACCES', 'final'],
    ['rights-no-overwrite-move', 'move', 'EACCES', 'final'],
    ['rights-perdir-list', 'list', 'EACCES', 'final'],
    ['names-256', 'upload', 'EIO', 'look'],
    ['parallel-21st', 'move', 'EBUSY', 'wait'],
    ['parallel-max-sessions', 'list', 'EBUSY', 'wait'],
  ] as const)('%s, asked to %s, is %s (%s)', (id, operation, errno, then) => {
    const verdict = judgeRecord(id, operation);
    expect({ errno: verdict.error.errno, then: verdict.then }).toEqual({ errno, then });
    expect(verdict.error.message).toContain('/some/path');
  });

  it('says how many sessions are allowed', () => {
    expect(judgeRecord('parallel-max-sessions', 'list').allowed).toBe(1);
  });
});

describe('what stands before the server', () => {
  const page = (status: number, operation: Operation): Verdict =>
    judge(operation, { status, contentType: 'text/html', text: '<title>Some proxy</title>', retryAfter: undefined }, '/p');
  it.each([
    [404, 'look', 'EIO', 'final'], [404, 'read', 'EIO', 'final'], [404, 'list', 'EIO', 'final'], [404, 'move', 'EPERM', 'final'], [405, 'delete file', 'EPERM', 'final'],
    [413, 'upload', 'EFBIG', 'final'], [403, 'list', 'EACCES', 'final'], [400, 'read', 'EIO', 'final'], [401, 'list', 'EIO', 'final'], [500, 'list', 'EIO', 'final'],
    [502, 'list', 'EIO', 'unsure'], [503, 'move', 'EIO', 'unsure'], [504, 'upload', 'EIO', 'unsure'], [429, 'list', 'EBUSY', 'wait'],
  ] as const)('a page with %i, asked to %s, is %s (%s), in its words, and never "not found"', (status, operation, errno, then) => {
    const verdict = page(status, operation);
    expect({ errno: verdict.error.errno, then: verdict.then }).toEqual({ errno, then });
    expect(verdict.error.message).toContain('"Some proxy"');
  });
});
