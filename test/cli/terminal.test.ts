import { describe, expect, test } from 'vitest';
import { oneLine, showName } from '../../src/cli/terminal.js';

describe('names on a terminal', () => {
  test.each([
    ['/päper 👩‍🚀.txt', '/päper 👩‍🚀.txt'], ['/a\nb', '/a\\u{a}b'], ['/\u001b[2J', '/\\u{1b}[2J'], ['/gpj\u202eexe', '/gpj\\u{202e}exe'],
  ])('%j', (name, shown) => {
    expect(showName(name)).toBe(shown);
  });
});

test('a message of several lines is told in one', () => {
  expect(oneLine('  first\r\n   second\n\nthird\n')).toBe('first second third');
});
