import { describe, expect, it } from 'vitest';
import { isBelow, joinPath, nameOf, parentOf, unsafeName } from '../../src/providers/paths.js';

describe('paths', () => {
  it('come apart and together', () => {
    expect([nameOf('/'), nameOf('/a'), nameOf('/a/b')]).toEqual(['/', 'a', 'b']);
    expect([parentOf('/'), parentOf('/a'), parentOf('/a/b')]).toEqual(['/', '/', '/a']);
    expect([joinPath('/', '/'), joinPath('/', '/a'), joinPath('/a', '/'), joinPath('/a', '/b/c'), joinPath('/', 'x'), joinPath('/a', 'x')])
      .toEqual(['/', '/a', '/a', '/a/b/c', '/x', '/a/x']);
  });

  it('know what lies below what', () => {
    expect([isBelow('/a/b', '/a'), isBelow('/a', '/'), isBelow('/ab', '/a'), isBelow('/a', '/a'), isBelow('/a', '/a/b'), isBelow('/', '/')])
      .toEqual([true, true, false, false, false, false]);
  });

  it.each([
    ['', 'empty'], ['.', 'step'], ['..', 'step'], ['a/b', 'slash'], ['a\0', 'NUL'], ['x'.repeat(256), '255'], ['é'.repeat(128), '255'], ['\udc00', 'Unicode'],
  ])('a name from a server that could do harm: %j', (name, why) => {
    expect(unsafeName(name)).toContain(why);
  });

  it.each(['a', '...', 'a\nb', 'x'.repeat(255), 'é'.repeat(127), '😀'])('and one that cannot: %j', (name) => {
    expect(unsafeName(name)).toBeUndefined();
  });
});
