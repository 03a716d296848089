/** Every line of the record, sent to the emulator: it must answer as the real server did, and leave the same on disk. */
import { describe, expect, test } from 'vitest';
import { choreographies, optionsFor, requestsBefore } from './choreographies.js';
import { compareAnswer, compareDisk, compareValues } from './compare.js';
import { readRecord, type Line } from './record.js';
import { Stage, type Replayed } from './replaying.js';

/** Lines that cannot be replayed, each with the reason. */
const notReplayed: Readonly<Record<string, string>> = {};

/** Things that the record looked at and the replay does not, each with the reason. */
const notObserved: Readonly<Record<string, string>> = {
  at_least_1s_late: 'a time on a busy machine; that a bad login is late with the defender on stands in options.test.ts',
  put_status: "the administrator's routes are not emulated; the control interface changes users instead",
  sorted_by_name: 'depends on the disk under the test; that the order is the disk’s is compared',
  dirs_first: 'the record says nothing (null)',
  closed_after_s: 'the record’s minute is shortened; that a minute is the default stands in options.test.ts',
};

const lines = readRecord();

describe('the record of a real server', () => {
  test('is there, all of it', () => {
    expect(lines).toHaveLength(202);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(202);
  });

  test('has every line and observation that the tables name', () => {
    const ids = new Set(lines.map(({ id }) => id));
    const named = [choreographies, optionsFor, requestsBefore, notReplayed].flatMap((table) => Object.keys(table));
    expect(named.filter((id) => !ids.has(id))).toEqual([]);
    const observed = new Set(lines.flatMap(({ observed: one = {} }) => Object.keys(one)));
    expect(Object.keys(notObserved).filter((key) => !observed.has(key))).toEqual([]);
  });

  test('has no line of which notes tell more than a request, without a choreography', () => {
    const noted = lines.filter(({ given }) => given.some(({ op }) => op === 'note')).map(({ id }) => id);
    expect(noted.filter((id) => choreographies[id] === undefined)).toEqual([]);
  });
});

describe('replayed against the emulator', () => {
  const replayed = lines.filter(({ id }) => notReplayed[id] === undefined);
  test.each(replayed.map((line) => [line.id, line.about, line] as const))('%s: %s', async (_id, _about, line) => {
    const stage = await Stage.open(line, optionsFor[line.id] ?? {});
    try {
      await stage.setUp(line.given, requestsBefore);
      const { answer, observed = {} } = await (choreographies[line.id] ?? plain)(stage);
      await compareAnswer(line, answer);
      compareValues(observed, observedIn(line));
      await compareDisk(line, stage.home);
    } finally {
      await stage.close();
    }
  });
});

async function plain(stage: Stage): Promise<Replayed> {
  return { answer: await stage.send() };
}

function observedIn({ observed = {} }: Line): Record<string, unknown> {
  return Object.fromEntries(Object.entries(observed).filter(([key]) => notObserved[key] === undefined));
}
