/** What refusals mean, half-years as names, and secrets taken out of words. */
import { describe, expect, test } from 'vitest';
import { FsError } from '../../../src/errors.js';
import { judge } from '../../../src/providers/json-tree/answers.js';
import { isHalfYear, lastHalfYears } from '../../../src/providers/json-tree/half-years.js';
import { Secrets } from '../../../src/providers/json-tree/secrets.js';
import { refuseState } from '../../../src/providers/json-tree/switches.js';

describe('a refusal', () => {
  const answer = { contentType: 'application/json', text: '{"erreur":"non"}', sender: undefined, retryAfter: undefined };

  test.each([
    [401, 'EACCES', 'never', 'never'],
    [403, 'EACCES', 'never', 'never'],
    [404, 'ENOENT', 'never', 'never'],
    [400, 'EIO', 'never', 'never'],
    [405, 'EIO', 'never', 'never'],
    [408, 'EIO', 'later', 'later'],
    [429, 'EIO', 'later', 'later'],
    [503, 'EIO', 'later', 'later'],
    [500, 'EIO', 'later', 'never'],
    [502, 'EIO', 'later', 'never'],
    [504, 'EIO', 'later', 'never'],
  ] as const)('%i is %s; a question is asked again %s, an order %s', (status, errno, question, order) => {
    const asked = judge({ ...answer, status }, { words: 'GET /x', idempotent: true });
    const ordered = judge({ ...answer, status }, { words: 'POST /x', idempotent: false });
    expect([asked.error.errno, asked.again, asked.uncertain]).toEqual([errno, question, false]);
    expect([ordered.error.errno, ordered.again, ordered.uncertain]).toEqual([errno, order, status >= 500 && status !== 503]);
    expect(asked.error.message).toMatch(/^GET \/x: /);
  });

  test('in a page is never the platform\'s word', () => {
    for (const status of [401, 403, 404]) {
      const page = judge({ ...answer, status, contentType: 'text/html', text: '<html><title>Portail</title></html>' }, { words: 'GET /x', idempotent: true });
      expect([page.error.errno, page.again]).toEqual(['EIO', 'never']);
      expect(page.error.message).toContain('Portail');
    }
  });

  test('says for how long to wait', () => {
    expect(judge({ ...answer, status: 429, retryAfter: 2000 }, { words: 'GET /x', idempotent: true })).toMatchObject({ again: 'later', retryAfter: 2000 });
  });
});

describe('half-years', () => {
  test.each([
    ['2026-01-01', ['2026-1', '2025-2', '2025-1', '2024-2']],
    ['2026-06-30', ['2026-1', '2025-2', '2025-1', '2024-2']],
    ['2026-07-01', ['2026-2', '2026-1', '2025-2', '2025-1']],
  ])('on %s the last four', (day, names) => {
    expect(lastHalfYears(Date.parse(day), 4)).toEqual(names);
    expect(names.every(isHalfYear)).toBe(true);
  });

  test.each(['2026-3', '2026-0', '2026', '26-1', '2026-11', ' 2026-1', '2026-1 ', '9026-1', 'x'])('%j is none', (name) => {
    expect(isHalfYear(name)).toBe(false);
  });
});

describe('secrets', () => {
  const secrets = new Secrets(['clé/+ secrète', 'motdepasse', 'p']);

  test.each([
    'GET /users?key=cl%C3%A9%2F%2B%20secr%C3%A8te failed', 'GET /users?key=cl%C3%A9%2F%2B+secr%C3%A8te failed', 'the key clé/+ secrète is wrong', 'motdepasse',
  ])('are taken out of "%s"', (text) => {
    const words = secrets.withhold(text);
    expect(words).toContain('***');
    expect(words).not.toMatch(/secr|motdepasse/);
  });

  test('of a letter are no words to look for', () => {
    expect(secrets.withhold('a plain page')).toBe('a plain page');
  });

  test('are taken out of an error, with what caused it', () => {
    const cause = new Error('key=motdepasse');
    const clean = secrets.withheld(new FsError('EACCES', 'refused: motdepasse', { cause, retryable: true }));
    expect(clean).toMatchObject({ errno: 'EACCES', message: 'refused: ***', retryable: true });
    expect(clean.cause).toBeUndefined();
    expect(secrets.withheld(new FsError('EIO', 'plain', { cause: new Error('of motdepasse') })).cause).toBeUndefined();
  });
});

test.each([
  [0, '1', true], [0, '0', true], [0, '1\n', true], [1, '\n', true], [0, '', true],
  [0, '2', false], [0, ' 1', false], [0, '1\r\n', false], [0, '11', false], [1, '1', false], [2, '\n', false], [0, '1\n\n', false], [0, 'oui', false],
])('at %i, %j: a state can have it: %s', (offset, text, fits) => {
  expect(refuseState('/x', offset, Buffer.from(text))?.errno).toBe(fits ? undefined : 'EINVAL');
});
