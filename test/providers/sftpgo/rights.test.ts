/** What is learnt of an account's rights, and for how long. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FsError } from '../../../src/errors.js';
import { refusalsLast, Rights } from '../../../src/providers/sftpgo/rights.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const denied = new FsError('EACCES', 'upload: /d/f: permission denied (403)');

describe('a refusal', () => {
  it('is of one right in one folder, and is forgotten after 5 minutes, so that a right given later is noticed', () => {
    vi.advanceTimersByTime(1000);
    const rights = new Rights('auto');
    rights.learn('upload', '/d', denied, 'right');
    expect(rights.missing('upload', '/d')).toMatchObject({ errno: 'EACCES' });
    expect(rights.missing('upload', '/d')?.message).toContain('less than 5 minutes ago');
    expect([rights.missing('upload', '/'), rights.missing('upload', '/d/e'), rights.missing('delete', '/d')]).toEqual([undefined, undefined, undefined]);
    vi.advanceTimersByTime(refusalsLast - 10);
    expect(rights.missing('upload', '/d')).toBeDefined();
    vi.advanceTimersByTime(20);
    expect(rights.missing('upload', '/d')).toBeUndefined();
  });

  it('can be forgotten for some folders before that', () => {
    const rights = new Rights('auto');
    for (const folder of ['/d', '/e']) rights.learn('upload', folder, denied, 'right');
    rights.learn('make folders', '/d', new FsError('EPERM', 'not offered'), 'service');
    rights.forget((folder) => folder === '/d');
    expect(['/d', '/e'].map((folder) => rights.missing('upload', folder) !== undefined)).toEqual([false, true]);
    expect(rights.missing('make folders', '/d')).toBeDefined();
  });

  it('of a service that is not offered is for all folders', () => {
    const rights = new Rights('auto');
    rights.learn('make folders', '/d', new FsError('EPERM', 'not offered'), 'service');
    expect(rights.missing('make folders', '/elsewhere')).toMatchObject({ errno: 'EPERM' });
  });
});

describe('--profile geredis', () => {
  it('knows from the start what is not offered, and leaves to the server what is', () => {
    const rights = new Rights('geredis');
    for (const right of ['look', 'ranges', 'raw upload', 'delete', 'rename', 'make folders', 'set times'] as const) {
      expect(rights.missing(right, '/')).toMatchObject({ errno: 'EPERM' });
    }
    for (const right of ['list', 'download', 'upload', 'replace'] as const) expect(rights.missing(right, '/')).toBeUndefined();
  });
});
