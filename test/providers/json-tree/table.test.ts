/** The table of routes: what it may say, and that whatever would confuse two files is refused with one sentence. */
import { describe, expect, test } from 'vitest';
import { faireSimpleTable } from '../../../src/providers/faire-simple/table.js';
import { checkRouteTable, fillIn, readRouteTable } from '../../../src/providers/json-tree/table.js';

const base = { keyParameter: 'key', first: '/a' };
const withFiles = (...files: unknown[]): string => JSON.stringify({ ...base, files });

test('that of faire-simple keeps the rules, and is the same when it is read from a file', () => {
  for (const statusField of [undefined, 'inscrit']) {
    const table = faireSimpleTable({ uidField: 'uid', statusField });
    expect(checkRouteTable(table)).toBe(table);
    expect(readRouteTable(JSON.stringify(table))).toEqual(table);
  }
});

test.each([
  ['{', /not JSON/],
  ['[]', /table of routes/],
  [JSON.stringify({ ...base, files: [] }), /table of routes/],
  [JSON.stringify({ ...base, keyParameter: 'a b', files: [{ path: '/a', get: '/a' }] }), /keyParameter/],
  [JSON.stringify({ ...base, more: 1, files: [{ path: '/a', get: '/a' }] }), /more/],
  [withFiles({ path: '/a', get: '/a', post: '/a' }), /table of routes/],
  [withFiles({ path: 'a', get: '/a' }), /begins with "\/"/],
  [withFiles({ path: '/', get: '/a' }), /cannot be a name/],
  [withFiles({ path: '/a//b', get: '/a' }), /cannot be a name/],
  [withFiles({ path: '/../a', get: '/a' }), /cannot be a name/],
  [withFiles({ path: `/${'n'.repeat(300)}`, get: '/a' }), /cannot be a name/],
  [withFiles({ path: '/a', get: '/a' }, { path: '/a', get: '/b' }), /twice/],
  [withFiles({ path: '/a', get: '/a' }, { path: '/a/b', get: '/b' }), /twice/],
  [withFiles({ path: '/a/b', get: '/a' }, { path: '/a', get: '/b' }), /twice/],
  [withFiles({ path: '/{Uid}', get: '/a' }), /placeholder/],
  [withFiles({ path: '/{uid}', get: '/a/{uid}' }), /"names"/],
  [withFiles({ path: '/a', get: '/a', names: { from: 'half-years', listed: 1 } }), /"names"/],
  [withFiles({ path: '/{uid}{b}', get: '/{uid}', names: { from: 'half-years', listed: 1 } }), /one placeholder/],
  [withFiles({ path: '/{uid}/a', get: '/{uid}', names: { from: 'half-years', listed: 1 } }), /one placeholder/],
  [withFiles({ path: '/{uid}', get: '/a', names: { from: 'half-years', listed: 1 } }), /\{uid\} is missing/],
  [withFiles({ path: '/{uid}', get: '/{uid}/{b}', names: { from: 'half-years', listed: 1 } }), /placeholder that the path does not have/],
  [withFiles({ path: '/a', get: 'a' }), /begins with "\/"/],
  [withFiles({ path: '/a', get: '/a b' }), /as in a URL/],
  [withFiles({ path: '/a', get: '/a#b' }), /as in a URL/],
  [withFiles({ path: '/a', get: '/../b' }), /"\.\."/],
  [withFiles({ path: '/{uid}', get: '/{uid}', names: { from: 'rows', get: '/{uid}', field: 'uid' } }), /placeholder that the path does not have/],
])('%s is refused', (json, why) => {
  expect(() => readRouteTable(json)).toThrow(why);
  expect(() => readRouteTable(json)).toThrow(expect.objectContaining({ errno: 'EINVAL' }));
});

describe('a value', () => {
  test('stands where its placeholder stood, whatever is in it', () => {
    expect(fillIn('/users/{uid}/statut', 'a$&b')).toBe('/users/a$&b/statut');
    expect(fillIn('/x', 'a')).toBe('/x');
  });
});
