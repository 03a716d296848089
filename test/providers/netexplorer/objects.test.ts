/** What NetExplorer's objects are read as. (NetExplorer's page: objects) */
import { describe, expect, it } from 'vitest';
import { fileEntry, fileRights, folderRights, formatVersion, lockedBy, parseVersion, sameVersion } from '../../../src/providers/netexplorer/entries.js';
import { readEither, readFile, readFolder, readId, readLock, readTime } from '../../../src/providers/netexplorer/objects.js';

const md5 = '0123456789abcdef0123456789abcdef';

describe('an id', () => {
  it.each([
    [29628, '29628'], ['29628', '29628'], ['29628,', '29628'], [' 7 ', '7'], [0, '0'],
    ['3f0c-aa', '3f0c-aa'], ['', undefined], [null, undefined], [undefined, undefined], [-1, undefined], [1.5, undefined], [{}, undefined], ['a/b', undefined],
  ])('%j is %j', (value, id) => {
    expect(readId(value)).toBe(id);
  });
});

describe('a time', () => {
  const time = Date.parse('2024-02-14T09:30:15Z');
  it.each([
    ['2024-02-14T10:30:15+01:00', time], ['2024-02-14T10:30:15+0100', time], ['2024-02-14T09:30:15Z', time], ['2024-02-14T09:30:15.999Z', time],
    ['2024-02-14 10:30:15+01:00', time], ['1969-12-31T23:59:59Z', -1000],
    ['2024-02-14T09:30:15', undefined], ['14/02/2024', undefined], ['', undefined], [null, undefined], [1_700_000_000, undefined],
  ])('%j is %j', (value, read) => {
    expect(readTime(value)).toBe(read);
  });
});

describe('a File', () => {
  it('is read whole', () => {
    expect(readFile({
      id: 12, guid: 'g-1', name: 'a.txt', parent_id: 3, size: 5, hash: md5.toUpperCase(), creation: '2024-01-01T00:00:00Z', modification: '2024-02-01T00:00:00Z',
      can_download: true, can_write: false, can_edit: false, can_delete: true, can_share: true, lock: null, nb_versions: 2, owner: 'Ann',
    })).toMatchObject({
      kind: 'file', id: '12', guid: 'g-1', name: 'a.txt', parentId: '3', size: 5, md5, versions: 2, owner: 'Ann', lock: undefined,
      created: Date.parse('2024-01-01'), modified: Date.parse('2024-02-01'), permissions: { download: true, write: false, delete: true },
    });
  });

  it('is read with strings for numbers, `nom` for `name`, `md5` for `hash`, and without what is left out', () => {
    expect(readFile({ id: '12', nom: 'é', parent_id: '29628,', size: '5', md5 })).toMatchObject({
      id: '12', name: 'é', parentId: '29628', size: 5, md5, guid: undefined, modified: undefined, versions: undefined,
    });
    expect(readFile({ id: '12', name: 'x' })).toMatchObject({ size: undefined, md5: undefined });
  });

  it.each([[{}], [{ id: 1 }], [{ name: 'x' }], [null], ['x'], [[]]])('is not read of %j', (value) => {
    expect(readFile(value)).toBeUndefined();
    expect(readFolder(value)).toBeUndefined();
  });

  it('that does not say its size is unsure', () => {
    const showing = { name: 'x', observed: 1, self: undefined };
    const without = readFile({ id: 1, guid: 'g', name: 'x' });
    const withSize = readFile({ id: 1, guid: 'g', name: 'x', size: 0 });
    expect(without && fileEntry(without, showing)).toMatchObject({ size: undefined, unsure: true, id: 'g' });
    expect(withSize && fileEntry(withSize, showing).unsure).toBeUndefined();
  });
});

describe('a Folder', () => {
  it.each([[0, undefined], [-1, undefined], [30, 30], ['30', 30], [undefined, undefined]])('that purges %j', (purge_frequency, purgeDays) => {
    expect(readFolder({ id: 1, name: 'f', purge_frequency })?.purgeDays).toBe(purgeDays);
  });

  it('is told from a file in a mixed list by a document, a sum, or by its word', () => {
    expect(readEither({ id: 1, name: 'x', guid: 'g' })?.kind).toBe('file');
    expect(readEither({ id: 1, name: 'x', hash: md5 })?.kind).toBe('file');
    expect(readEither({ id: 1, name: 'x', is_file: 1 })?.kind).toBe('file');
    expect(readEither({ id: 1, name: 'x', can_read: true })?.kind).toBe('folder');
  });
});

describe('a lock', () => {
  it.each([
    [undefined, undefined], [null, undefined], [false, undefined], [{ locked: false, owner: 'Ann' }, undefined],
    [{ owner: 'Ann', owner_id: 8, locked: true }, 'Ann'], [{ owner: 'Ann', owner_id: 7 }, undefined], [{ owner_id: 8 }, '8'], [true, 'somebody'], ['Ann', 'Ann'],
  ])('%j is for user 7 that of %j', (value, who) => {
    expect(lockedBy(readLock(value), '7')).toBe(who);
  });
});

describe('rights', () => {
  const of = (fields: Record<string, boolean>) => readFile({ id: 1, name: 'x', ...fields })?.permissions ?? expect.fail();
  it.each([
    [{}, undefined],
    [{ can_read: true }, undefined],
    [{ can_download: false, can_write: false, can_edit: false, can_delete: false }, { read: false, write: false, remove: false }],
    [{ can_read: true, can_download: false }, { read: false, write: true, remove: true }],
    [{ can_download: true, can_write: true, can_edit: false, can_delete: false }, { read: true, write: true, remove: false }],
    [{ can_download: true, can_write: false, can_edit: true, can_delete: true }, { read: true, write: true, remove: true }],
    [{ can_write: false }, { read: true, write: false, remove: true }],
  ])('of a file %j are %j', (fields, rights) => {
    expect(fileRights(of(fields))).toEqual(rights);
  });
  it.each([
    [{}, undefined],
    [{ can_read: true, can_download: true, can_write: false, can_edit: true, can_delete: false }, { read: true, write: false, remove: false }],
    [{ can_read: false, can_download: false, can_write: true, can_delete: true }, { read: false, write: true, remove: true }],
    [{ can_read: true, can_download: false }, { read: true, write: true, remove: true }],
  ])('of a folder %j are %j', (fields, rights) => {
    expect(folderRights(of(fields))).toEqual(rights);
  });
});

describe('a version', () => {
  const parts = { id: '12', md5, size: 5, modified: -1000 };
  it('comes back from its text', () => {
    for (const each of [parts, { ...parts, md5: undefined }, { ...parts, size: undefined }, { ...parts, modified: undefined }]) {
      expect(parseVersion(formatVersion(each))).toEqual(each);
    }
    for (const text of ['', 'x', '1:2:3', '1:zz:3:4', '1::3:4:5']) expect(parseVersion(text)).toBeUndefined();
  });
  it.each([
    [{}, true], [{ md5: undefined }, true], [{ size: undefined }, true], [{ id: '13' }, false], [{ md5: md5.replace('0', '1') }, false], [{ size: 6 }, false], [{ modified: 0 }, false],
  ])('with %j is the same: %j', (change, same) => {
    expect(sameVersion(parts, { ...parts, ...change })).toBe(same);
  });
});
