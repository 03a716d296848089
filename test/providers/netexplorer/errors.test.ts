/** What NetExplorer's refusals mean. (NetExplorer's page: common, what surprises) */
import { describe, expect, it } from 'vitest';
import { judge, mayBeFull, type Operation } from '../../../src/providers/netexplorer/errors.js';

const json = 'application/json';
const said = '{"error":"Une phrase"}';

describe('a refusal', () => {
  it.each<readonly [Operation, number, string, string, string, string]>([
    ['look', 400, json, said, 'EINVAL', 'final'],
    ['list', 401, json, said, 'EACCES', 'final'],
    ['list', 403, json, said, 'EACCES', 'final'],
    ['read', 403, json, said, 'EACCES', 'final'],
    ['delete', 403, json, said, 'EACCES', 'final'],
    ['make folder', 403, json, said, 'EACCES', 'look'],
    ['upload', 403, json, said, 'EACCES', 'look'],
    ['move', 403, json, said, 'EACCES', 'look'],
    ['look', 404, json, said, 'ENOENT', 'final'],
    ['look', 404, json, '', 'EIO', 'final'],
    ['look', 404, 'text/html', '<html><title>Not here</title>', 'EIO', 'final'],
    ['delete', 404, 'text/html', '<html>', 'EPERM', 'final'],
    ['look', 404, json, '{"message":"no Route matched"}', 'EIO', 'final'],
    ['read', 403, 'text/html', '<!doctype html><title>Blocked</title>', 'EIO', 'final'],
    ['make folder', 409, json, said, 'EEXIST', 'look'],
    ['delete', 409, json, said, 'EBUSY', 'final'],
    ['move', 422, json, said, 'EINVAL', 'look'],
    ['upload', 413, json, said, 'EDQUOT', 'final'],
    ['upload', 413, 'text/html', '<html><h1>413</h1>', 'EFBIG', 'final'],
    ['upload', 507, json, said, 'EDQUOT', 'final'],
    ['delete', 423, json, said, 'EBUSY', 'final'],
    ['read', 423, json, said, 'EBUSY', 'final'],
    ['look', 423, json, said, 'EBUSY', 'wait'],
    ['list', 429, json, said, 'EBUSY', 'wait'],
    ['lock', 405, json, said, 'EPERM', 'final'],
    ['versions', 405, json, said, 'EOPNOTSUPP', 'final'],
    ['list', 500, json, said, 'EIO', 'unsure'],
    ['list', 502, 'text/html', '<html>', 'EIO', 'unsure'],
    ['list', 503, json, '', 'EIO', 'unsure'],
    ['list', 418, json, said, 'EIO', 'final'],
  ])('of %s with %i (%s, %j) is %s, %s', (operation, status, contentType, text, errno, then) => {
    const verdict = judge(operation, { status, contentType, sender: undefined, text, retryAfter: undefined }, '/a');
    expect({ errno: verdict.error.errno, then: verdict.then }).toEqual({ errno, then });
    expect(verdict.error.retryable).toBe(then === 'wait' || then === 'unsure');
  });

  it('shows the platform\'s sentence on one line', () => {
    const { error } = judge('look', { status: 404, contentType: json, sender: undefined, text: JSON.stringify({ error: 'Pas\ntrouvé' }), retryAfter: undefined }, '/a');
    expect(error.message).toBe('look: /a: Pas trouvé (404)');
  });

  it.each<readonly [Operation, number, boolean]>([
    ['upload', 403, true], ['upload', 500, true], ['make folder', 422, true], ['upload', 404, false], ['upload', 429, false], ['upload', 423, false], ['delete', 403, false], ['read', 403, false],
  ])('of %s with %i can come from a full quota: %j', (operation, status, full) => {
    expect(mayBeFull(operation, status)).toBe(full);
  });
});
