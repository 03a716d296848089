/** Names that NetExplorer does not take. (NetExplorer's page: what surprises) */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeName, encodedNames, encodeName, plainNames } from '../../../src/providers/netexplorer/names.js';

const forbidden = /[\\/:*?"<>|]|^[ \t]|[ \t]$/u;

describe('names that are refused', () => {
  it.each([
    ['a:b', 'EINVAL'], ['a*', 'EINVAL'], ['?', 'EINVAL'], ['"', 'EINVAL'], ['<', 'EINVAL'], ['>', 'EINVAL'], ['a|b', 'EINVAL'], ['a\\b', 'EINVAL'],
    [' a', 'EINVAL'], ['a ', 'EINVAL'], ['\ta', 'EINVAL'], ['a\nb', 'EINVAL'], ['a/b', 'EINVAL'], ['..', 'EINVAL'], ['', 'EINVAL'],
    ['n'.repeat(201), 'ENAMETOOLONG'], ['n'.repeat(256), 'ENAMETOOLONG'], ['a\ud800', 'EILSEQ'],
  ])('%j is %s', (name, errno) => {
    expect(plainNames.refuse(name)?.errno).toBe(errno);
  });

  it.each(['a', 'a b', '.hidden', '-rf', 'é', '100%', 'a+b&c;d#e@f,g\'h', 'n'.repeat(200), '😀'.repeat(63), 'a：b', '‛'])('%j is none, and stays what it is', (name) => {
    expect(plainNames.refuse(name)).toBeUndefined();
    expect(plainNames.encode(name)).toBe(name);
    expect(plainNames.decode(name)).toBe(name);
  });
});

describe('encoded names', () => {
  it.each([
    ['a:b', 'a：b'], ['what?*', 'what？＊'], ['<"|\\>', '＜＂｜＼＞'], [' a b ', '␠a b␠'], [' ', '␠'], ['   ', '␠ ␠'], ['a\nb', 'a␊b'], ['\t', '␉'], ['\x7f', '␡'],
    ['a：b', 'a‛：b'], ['‛', '‛‛'], ['‛:', '‛‛：'], ['␠', '‛␠'], ['a', 'a'], ['é', 'é'],
  ])('%j is %j there, and comes back', (name, there) => {
    expect(encodeName(name)).toBe(there);
    expect(decodeName(there)).toBe(name);
  });

  it('come back as they were, hold nothing forbidden, and never meet', () => {
    const tricky = fc.constantFrom(...Array.from('\\:*?"<>| \t\n\x7f‛＼：＊␠␊␡a/é😀'));
    const names = fc.array(fc.oneof(tricky, fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' })), { minLength: 1, maxLength: 12 })
      .map((parts) => parts.join('').replaceAll('/', '').replaceAll('\0', '')).filter((name) => name !== '');
    fc.assert(fc.property(names, names, (one, other) => {
      const there = encodeName(one);
      expect(decodeName(there)).toBe(one);
      expect(there).not.toMatch(forbidden);
      expect(Array.from(there).every((character) => character >= ' ' && character !== '\x7f')).toBe(true);
      if (one !== other) expect(encodeName(other)).not.toBe(there);
    }), { numRuns: 3000 });
  });

  it('a name of somebody else\'s is shown, whatever it is', () => {
    fc.assert(fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (name) => {
      expect(decodeName(name)).not.toBe('');
    }));
  });

  it('are as long as they are there', () => {
    expect(encodedNames.refuse(':'.repeat(200))).toBeUndefined();
    expect(encodedNames.refuse('：'.repeat(84))).toBeUndefined();
    expect(encodedNames.refuse('n'.repeat(201))?.errno).toBe('ENAMETOOLONG');
    expect(encodedNames.refuse(`${'a'.repeat(150)}${'‛'.repeat(30)}`)?.errno).toBe('ENAMETOOLONG');
    expect(encodedNames.refuse('..')?.errno).toBe('EINVAL');
  });
});
