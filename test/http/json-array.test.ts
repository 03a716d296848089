import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJsonArray } from '../../src/http/json-array.js';

async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    yield bytes.subarray(from, Math.max(from, cut));
    from = Math.max(from, cut);
    await Promise.resolve();
  }
  yield bytes.subarray(from);
}

async function parse(text: string, cuts: readonly number[] = []): Promise<unknown[]> {
  const elements: unknown[] = [];
  for await (const group of parseJsonArray(pieces(Buffer.from(text), cuts))) elements.push(...group);
  return elements;
}

describe('a JSON array that arrives in pieces', () => {
  it('gives what JSON.parse gives, wherever it was cut', async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 12 }), fc.constantFrom(0, 1, 2),
      async (value, cuts, indent) => {
        expect(await parse(JSON.stringify(value, undefined, indent), cuts)).toEqual(JSON.parse(JSON.stringify(value)));
      },
    ));
  });

  it.each([
    ['brackets and quotes in names', '[{"name":"a],[\\"{"},{"name":"\\\\"}]', [{ name: 'a],["{' }, { name: '\\' }]],
    ['spaces and line ends around', ' \n[ 1 , 2 ]\r\n ', [1, 2]],
    ['none', '[]', []],
    ['characters of several bytes', '["é😀"]', ['é😀']],
  ])('%s', async (_name, text, expected) => {
    expect(await parse(text)).toEqual(expected);
    expect(await parse(text, Array.from({ length: 60 }, (_, at) => at))).toEqual(expected);
  });

  it('fails where the text ends before its end, at every place', async () => {
    const text = '[{"name":"a"},{"name":"b"}]';
    for (let length = 0; length < text.length; length += 1) {
      await expect(parse(text.slice(0, length)), `after ${length} bytes`).rejects.toMatchObject({ errno: 'EIO' });
    }
  });

  it.each(['{"error":"x"}', 'null', '<html>', '[1,2]x', '[1,,2]', '[1,]', '[,1]', '[{]', '["a" "b"]'])('%s is refused', async (text) => {
    await expect(parse(text)).rejects.toMatchObject({ errno: 'EIO' });
    await expect(parse(text, [1, 2, 3, 4, 5])).rejects.toMatchObject({ errno: 'EIO' });
  });
});
