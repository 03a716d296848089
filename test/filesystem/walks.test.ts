/** When a walk is noticed, and what of whom: the policy alone. */
import { describe, expect, test } from 'vitest';
import { forgetWalks, isWithin, noteListed, noteOpening, noteSpent, parentOf, type Walk } from '../../src/filesystem/walks.js';

const limits = { life: 60_000, rest: 10_000 };

/** A path, `*` behind it where its listing is in memory, and how many milliseconds after the one before (default 10). */
type Step = string | readonly [path: string, pause: number];

/** The openings, one after the other: at which of them a tree is asked for, and which. */
function walked(steps: readonly Step[], between: (walks: readonly Walk[], path: string) => readonly Walk[] = (walks) => walks): string[] {
  let walks: readonly Walk[] = [];
  let now = 1000;
  const fetched: string[] = [];
  for (const step of steps) {
    const [written, pause] = typeof step === 'string' ? [step, 10] : step;
    const path = written.replace(/\*$/, '');
    now += pause;
    const noted = noteOpening(walks, { path, listed: written.endsWith('*'), now }, limits);
    if (noted.fetch !== undefined) fetched.push(`${path}: ${noted.fetch}`);
    walks = between(noted.walks, path);
  }
  return fetched;
}

const find = ['/', '/a', '/a/x', '/a/y', '/b', '/c'];

describe('a walk is noticed', () => {
  test.each<readonly [string, readonly Step[], readonly string[]]>([
    ['find: at the fourth folder, for all from the top', find, ['/a/y: /']],
    ['a wide tree', ['/t', '/t/a', '/t/b', '/t/c', '/t/d'], ['/t/c: /t']],
    ['a deep one', ['/t', '/t/a', '/t/a/b', '/t/a/b/c', '/t/a/b/c/d'], ['/t/a/b/c: /t']],
    ['by levels', ['/t', '/t/a', '/t/b', '/t/a/x', '/t/b/y'], ['/t/a/x: /t']],
    ['from below the top, whose listing was in memory', ['/t*', '/t/a', '/t/b', '/t/c'], ['/t/c: /t']],
    ['ls of a folder', ['/t'], []],
    ['ls of two folders', ['/t/a', '/t/b'], []],
    ['ls of a folder, of one in it and of one in that', ['/t', '/t/a', '/t/a/b'], []],
    ['ls of many folders side by side, not of the one above', ['/t/a', '/t/b', '/t/c', '/t/d', '/t/e'], []],
    ['a child before its parent', ['/t/a', '/t', '/t/a/b', '/u'], []],
    ['the same folder again and again', ['/t', '/t/a', '/t/a', '/t/a', '/t/a'], []],
    ['a person who looks around', ['/t', ['/t/a', 3000], ['/t/b', 3000], ['/t/c', 3000], ['/t/d', 3000]], []],
    ['listings that are in memory', ['/t*', '/t/a*', '/t/b*', '/t/c*', '/t/d*'], []],
    ['one listing of many is missing', ['/t*', '/t/a*', '/t/b', '/t/c*', '/t/d*'], []],
    ['two walks side by side', ['/t', '/u', '/t/a', '/u/a', '/t/b', '/u/b', '/t/c', '/u/c'], ['/t/c: /t', '/u/c: /u']],
    ['two trees one after the other', [...find, '/x', '/x/1'], ['/a/y: /']],
    ['names that begin alike are not below each other', ['/t', '/tt', '/ttt', '/tttt', '/t/a'], []],
  ])('%s', (_what, steps, fetched) => {
    expect(walked(steps)).toEqual(fetched);
  });

  test('however slow the platform is: what counts is the pause behind a listing', () => {
    let walks: readonly Walk[] = [];
    let now = 0;
    const fetched = ['/t', '/t/a', '/t/b', '/t/c'].map((path) => {
      const noted = noteOpening(walks, { path, listed: false, now }, limits);
      now += 8000;
      walks = noteListed(noted.walks, path, now);
      now += 10;
      return noted.fetch;
    });
    expect(fetched).toEqual([undefined, undefined, undefined, '/t']);
  });
});

describe('while a walk goes on whose tree was asked for', () => {
  const begin = ['/t', '/t/a', '/t/b', '/t/c'];
  test.each<readonly [string, readonly Step[], readonly string[]]>([
    ['a folder that was not in the answer is listed by itself', [...begin, '/t/new', '/t/new/er'], ['/t/c: /t']],
    ['a long one asks anew, once a life', [...begin, ...Array.from({ length: 20 }, (_, i): Step => [`/t/${i}`, 9000])], ['/t/c: /t', '/t/6: /t', '/t/13: /t']],
    ['but not for what is in memory', [...begin, ...Array.from({ length: 20 }, (_, i): Step => [`/t/${i}*`, 9000])], ['/t/c: /t']],
    ['one that ended is over: the next is noticed anew', [...begin, ['/t', 20_000], '/t/a', '/t/b', '/t/c'], ['/t/c: /t', '/t/c: /t']],
  ])('%s', (_what, steps, fetched) => {
    expect(walked(steps)).toEqual(fetched);
  });

  test('where the answer did not come, or did not fit, the whole is not asked for again; trees in it may be', () => {
    const rest = ['/t/d', '/t/e', '/t/f', '/t/g', '/t/h', '/t/h/1', '/t/h/2', '/t/h/3', '/t/h/4', '/t/i'];
    expect(walked([...begin, ...rest], (walks) => noteSpent(walks, '/t'))).toEqual(['/t/c: /t', '/t/h/3: /t/h']);
  });

  test('what a person wants told anew is walked anew', () => {
    expect(walked([...begin, '/t/d', '/t', '/t/a', '/t/b', '/t/c'], (walks, path) => (path === '/t/d' ? forgetWalks(walks, '/t/x') : walks))).toEqual(['/t/c: /t', '/t/c: /t']);
  });
});

test.each([
  ['/', '/', true], ['/', '/a', true], ['/a', '/a', true], ['/a', '/a/b', true], ['/a', '/ab', false], ['/a/b', '/a', false],
])('%s holds %s: %s', (folder, path, within) => {
  expect(isWithin(folder, path)).toBe(within);
});

test.each([['/', '/'], ['/a', '/'], ['/a/b', '/a']])('%s lies in %s', (path, parent) => {
  expect(parentOf(path)).toBe(parent);
});
