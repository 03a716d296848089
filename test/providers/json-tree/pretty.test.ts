/** JSON laid out: the same value, and not a sign of the server's changed but the spaces between. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { prettyJson } from '../../../src/providers/json-tree/pretty.js';

describe('prettyJson', () => {
  test.each([
    ['1', '1\n'],
    ['"a"', '"a"\n'],
    ['{}', '{}\n'],
    ['[ \n ]', '[]\n'],
    ['{"a":1,"b":[1,2,{}],"c":{"d":null}}', '{\n  "a": 1,\n  "b": [\n    1,\n    2,\n    {}\n  ],\n  "c": {\n    "d": null\n  }\n}\n'],
    ['[12345678901234567890,1.10,1E5,-0]', '[\n  12345678901234567890,\n  1.10,\n  1E5,\n  -0\n]\n'],
    ['{"a":1,"a":2}', '{\n  "a": 1,\n  "a": 2\n}\n'],
    ['["a\\"b,{[: ]}","\\\\","é\\u00e9"]', '[\n  "a\\"b,{[: ]}",\n  "\\\\",\n  "é\\u00e9"\n]\n'],
  ])('%s', (text, pretty) => {
    expect(prettyJson(text)).toBe(pretty);
  });

  test('is what JSON.stringify gives for what it can write, and stays as it is', () => {
    fc.assert(fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      const plain = JSON.stringify(value);
      const pretty = prettyJson(plain);
      expect(pretty).toBe(`${JSON.stringify(value, null, 2)}\n`);
      expect(prettyJson(pretty)).toBe(pretty);
    }), { numRuns: 300, verbose: fc.VerbosityLevel.Verbose });
  });

  test('lays out some megabytes without a deep stack', () => {
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect(prettyJson(deep).replaceAll(/\s/g, '')).toBe(deep);
    const long = JSON.stringify(Array.from({ length: 5_000 }, (_, at) => ({ at, text: 'x'.repeat(60) })));
    expect(JSON.parse(prettyJson(long))).toEqual(JSON.parse(long));
  });
});
