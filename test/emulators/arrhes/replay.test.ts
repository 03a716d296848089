/** Every line of the record, sent to the emulator: it and its store must answer as the real ones did. */
import { describe, expect, test } from 'vitest';
import { before, namedBefore } from './before.js';
import { choreographies } from './choreographies.js';
import { compareAnswer } from './compare.js';
import { readRecord } from './record.js';
import { Stage } from './stage.js';

/** Lines that cannot be replayed, each with the reason. */
const notReplayed: Readonly<Record<string, string>> = {
  'api-001': 'keys are made by a signed-in administrator in the browser, whose routes are not emulated; the emulator announces one',
};

/** Lines whose body's length is not compared, each with the reason. */
const signatureLength = 'the refusal repeats the signed text, whose length is that of the key, the host and the region';
const anyLength: Readonly<Record<string, string>> = Object.fromEntries(
  ['004', '005', '013', '014', '016', '017', '040', '053', '054'].map((number) => [`s3-versitygw-${number}`, signatureLength]),
);

/** Lines of which the record shows some fields only. They were sent to routes that the documented ones have replaced. */
const cutShort = ['more-002', 'more-003'];

const lines = readRecord();

describe('the record of a real server', () => {
  test('is there, all of it', () => {
    expect(lines).toHaveLength(190);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(190);
  });

  test('has every line that the tables name', () => {
    const ids = new Set(lines.map(({ id }) => id));
    const named = [...[choreographies, notReplayed, anyLength].flatMap((table) => Object.keys(table)), ...cutShort, ...namedBefore];
    expect(named.filter((id) => !ids.has(id))).toEqual([]);
  });
});

describe('replayed against the emulator', () => {
  const replayed = lines.filter(({ id }) => notReplayed[id] === undefined);
  test.each(replayed.map((line) => [line.id, line.about, line] as const))('%s: %s', async (id, _about, line) => {
    const stage = await Stage.open(line, before(id));
    try {
      const answer = await (choreographies[id] ?? ((plain) => plain.send()))(stage);
      compareAnswer(line, answer, { values: stage.values, anyLength: id in anyLength, cutShort: cutShort.includes(id) });
    } finally {
      await stage.close();
    }
  });
});
