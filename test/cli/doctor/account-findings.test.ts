/** What a server's answers mean for a mount. */
import { describe, expect, test } from 'vitest';
import type { SignedInFacts } from '../../../src/cli/doctor/account-facts.js';
import { judgeSignedIn } from '../../../src/cli/doctor/account-findings.js';
import { wouldMount } from '../../../src/cli/doctor/findings.js';
import { rights, type AccountFacts, type Trial } from '../../../src/providers/probe.js';
import { like } from '../../support/like.js';

const granted: Trial = { result: 'granted' };
const account: AccountFacts = {
  rights: {
    'list': granted, 'download': granted, 'upload': granted, 'overwrite': granted, 'delete': granted, 'rename': granted,
    'create folders': granted, 'set times': granted, 'copy': granted,
  },
  ranges: granted, latency: 20, upload: { bytes: 2 ** 20, milliseconds: 100 }, download: { bytes: 2 ** 20, milliseconds: 50 }, left: [],
};

const facts = (more: Partial<AccountFacts> = {}, clockAhead: number | undefined = 300): SignedInFacts => ({
  signIn: { value: undefined }, clockAhead, account: { value: { ...account, ...more } },
});
const refused = (code: string, words: string): SignedInFacts => ({ signIn: { trouble: { code, words } }, clockAhead: undefined, account: undefined });
const findingOf = (from: SignedInFacts, check: string) => judgeSignedIn(from).find((finding) => finding.check === check);

test('nothing is wrong with an account that may do all', () => {
  const findings = judgeSignedIn(facts());
  expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining(rights.map((right) => `right: ${right}`)));
});

describe('a refused sign-in is a failure, with what helps', () => {
  test.each([
    ['EACCES', /AMARRE_API_KEY/], ['EINVAL', /--password-file/], ['ENOENT', /folder in the remote/], ['ENOTDIR', /folder in the remote/],
    ['EIO', /try again later/], ['ETIMEDOUT', /try again later/],
  ])('%s', (code, remedy) => {
    const findings = judgeSignedIn(refused(code, 'the words'));
    expect(findings[0]).toEqual({ check: 'sign-in', verdict: 'failed', found: 'the words', remedy: like(remedy) });
    expect(findings.slice(1).map(({ verdict }) => verdict)).toEqual(['not tried', 'not tried']);
    expect(wouldMount(findings)).toBe(false);
  });
});

describe('the clock', () => {
  test.each<[number, string, RegExp]>([
    [0, 'ok', /the same/], [-1400, 'ok', /the same/], [30_000, 'ok', /30 s ahead/], [-60_000, 'ok', /60 s behind/],
    [3_600_000, 'warning', /3600 s ahead/], [-61_000, 'warning', /61 s behind/],
  ])('%d ms ahead', (ahead, verdict, found) => {
    expect(findingOf(facts({}, ahead), 'clock')).toMatchObject({ verdict, found: like(found) });
  });

  test('of a server that did not say', () => {
    expect(findingOf({ ...facts(), clockAhead: undefined }, 'clock')).toMatchObject({ verdict: 'not tried' });
  });
});

test('where a platform has no trials, nothing is said of a server that did not speak or of nobody who is signed in', () => {
  const findings = judgeSignedIn({ signIn: { value: undefined }, clockAhead: undefined, account: undefined });
  expect(findings).toEqual([
    { check: 'sign-in', verdict: 'ok', found: like('accepted') },
    { check: 'clock', verdict: 'not tried', found: 'not compared on this platform' },
    { check: 'rights', verdict: 'not tried', found: like('not tried on this platform') },
  ]);
  expect(wouldMount(findings)).toBe(true);
});

describe('rights', () => {
  test.each(rights)('without the one to %s a mount works, and what is lost is said', (right) => {
    const findings = judgeSignedIn(facts({ rights: { ...account.rights, [right]: { result: 'refused', said: 'permission denied' } } }));
    expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([
      { check: `right: ${right}`, verdict: 'warning', found: like(/^refused: \w.{10,}/), remedy: like('ask whoever runs the server') },
    ]);
    expect(wouldMount(findings)).toBe(true);
  });

  test('that could not be tried, or were not understood, are told as that', () => {
    const mixed = facts({ rights: { ...account.rights, 'copy': { result: 'failed', said: 'no answer came in time' }, 'rename': { result: 'not tried', why: 'nothing to try it on' } } });
    expect(findingOf(mixed, 'right: copy')).toMatchObject({ verdict: 'warning', found: 'no answer came in time' });
    expect(findingOf(mixed, 'right: rename')).toEqual({ check: 'right: rename', verdict: 'not tried', found: 'nothing to try it on' });
  });

  test('that could not be tried at all are a warning', () => {
    const findings = judgeSignedIn({ ...facts(), account: { trouble: { code: 'EIO', words: 'broke off' } } });
    expect(findings.at(-1)).toMatchObject({ check: 'rights', verdict: 'warning', found: like('broke off') });
  });
});

test.each<[string, Partial<AccountFacts>, string, string, RegExp]>([
  ['ranges that are ignored', { ranges: { result: 'failed', said: 'the server sends the whole file' } }, 'ranges', 'warning', /whole file/],
  ['ranges that were not tried', { ranges: { result: 'not tried', why: 'no file' } }, 'ranges', 'not tried', /no file/],
  ['a slow answer', { latency: 1500 }, 'latency', 'warning', /1500 ms/],
  ['no answer', { latency: undefined }, 'latency', 'not tried', /no small question/],
  ['a slow line up', { upload: { bytes: 2 ** 20, milliseconds: 60_000 } }, 'upload speed', 'warning', /17\.1 KiB\/s/],
  ['a slow line down', { download: { bytes: 2 ** 20, milliseconds: 60_000 } }, 'download speed', 'warning', /17\.1 KiB\/s/],
  ['a small file, which tells nothing of the line', { download: { bytes: 100, milliseconds: 100 } }, 'download speed', 'ok', /1000 bytes\/s/],
  ['what could not be deleted', { left: ['/team/.amarre-x'] }, 'left behind', 'warning', /\/team\/\.amarre-x/],
])('%s', (_, more, check, verdict, found) => {
  expect(findingOf(facts(more), check)).toMatchObject({ check, verdict, found: like(found) });
});
