/** The drive's tree out of two flat lists: names that stay, circles, orphans, and any list whatever (Arrhes' page: names). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unsafeName } from '../../../src/providers/paths.js';
import { nameWithId } from '../../../src/providers/arrhes/names.js';
import type { FileRow, FolderRow, Row } from '../../../src/providers/arrhes/rows.js';
import { Tree } from '../../../src/providers/arrhes/tree.js';
import { firstSeed } from '../../support/random.js';

const common = { idOrganization: 'org', idYear: undefined, lastUpdatedAt: undefined };

function file(id: string, name: string, idFolder?: string, createdAt = 0): FileRow {
  return { ...common, kind: 'file', id, name, idFolder, createdAt, idFileParent: undefined, reference: undefined, hash: undefined, date: undefined, storageKey: undefined, type: undefined, size: undefined };
}

function folder(id: string, name: string, idFolderParent?: string, createdAt = 0): FolderRow {
  return { ...common, kind: 'folder', id, name, idFolderParent, createdAt };
}

/** All paths, with the id that each leads to. */
function paths(tree: Tree): Record<string, string> {
  return Object.fromEntries([...tree.nodes()].map((node): [string, string] => [tree.pathOf(node), node.row.id]).sort());
}

describe('names', () => {
  it.each<[string, readonly Row[], Record<string, string>]>([
    ['each by its own', [file('a', 'x.pdf'), folder('d', 'D'), file('b', 'x.pdf', 'd')], { '/x.pdf': 'a', '/D': 'd', '/D/x.pdf': 'b' }],
    ['the first made of doubles keeps it', [file('b', 'x.pdf', undefined, 2), file('a', 'x.pdf', undefined, 3), file('c', 'x.pdf', undefined, 1)],
      { '/x.pdf': 'c', '/x~a.pdf': 'a', '/x~b.pdf': 'b' }],
    ['of the same second: the first by id', [file('b', 'x'), file('a', 'x')], { '/x': 'a', '/x~b': 'b' }],
    ['a folder and a document are doubles, too', [folder('a', 'x', undefined, 2), file('b', 'x', undefined, 1)], { '/x': 'b', '/x~a': 'a' }],
    ['empty, dots, slashes, NUL', [file('a', ''), file('b', '.'), file('c', '..'), file('d', 'a/b.pdf'), file('e', 'a\0b')],
      { '/~a': 'a', '/_~b': 'b', '/__~c': 'c', '/a_b~d.pdf': 'd', '/a_b~e': 'e' }],
    ['line ends, accents of both kinds and spaces are names', [file('a', 'a\nb'), file('b', '\u00e9'), file('c', 'e\u0301'), file('d', ' x ')],
      { '/a\nb': 'a', '/\u00e9': 'b', '/e\u0301': 'c', '/ x ': 'd' }],
    ['half a character', [file('a', 'a\ud800b')], { '/a\ufffdb~a': 'a' }],
    ['only an ending', [file('a', '.pdf', undefined, 1), file('b', '.pdf', undefined, 2)], { '/.pdf': 'a', '/.pdf~b': 'b' }],
    ['a name that is another\'s with its id gives way', [file('a', 'x', undefined, 1), file('b', 'x', undefined, 2), file('c', 'x~b', undefined, 0)], { '/x': 'a', '/x~b': 'b', '/x~b~c': 'c' }],
    ['an id of another form', [file('a', 'x', undefined, 1), file('B/b', 'x', undefined, 2)], { '/x': 'a', '/x~7b2bd1e90ca28b61': 'B/b' }],
  ])('%s', (_name, rows, wanted) => {
    const found = paths(new Tree(rows));
    expect(found).toEqual(Object.fromEntries(Object.entries(wanted).sort()));
    expect(paths(new Tree(rows.toReversed()))).toEqual(found);
  });

  it('too long are cut at a character, with the ending kept', () => {
    const name = nameWithId(`${'é'.repeat(256)}.pdf`, '0123456789abcdef');
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name).toMatch(/^é+~0123456789abcdef\.pdf$/u);
    expect(paths(new Tree([file('a', 'é'.repeat(128))]))).toEqual({ [`/${nameWithId('é'.repeat(128), 'a')}`]: 'a' });
  });

  it('a new double leaves the older name, here and at a new mount', () => {
    const older = file('z', 'x.pdf', undefined, 1);
    const newer = file('a', 'x.pdf', undefined, 2);
    expect(paths(new Tree([older]).with(newer))).toEqual({ '/x.pdf': 'z', '/x~a.pdf': 'a' });
    expect(paths(new Tree([newer, older], new Tree([older])))).toEqual({ '/x.pdf': 'z', '/x~a.pdf': 'a' });
    expect(paths(new Tree([newer, older]))).toEqual({ '/x.pdf': 'z', '/x~a.pdf': 'a' });
  });

  it('no name goes to another document while it is mounted: the first is deleted', () => {
    const rows = [file('a', 'x', undefined, 1), file('b', 'x', undefined, 2), file('c', 'x', undefined, 3)];
    const before = new Tree(rows);
    expect(paths(new Tree(rows.slice(1), before))).toEqual({ '/x~b': 'b', '/x~c': 'c' });
    expect(paths(before.without('a'))).toEqual({ '/x~b': 'b', '/x~c': 'c' });
  });

  it('a free name goes to who is given it: a new document, or one that a person renames', () => {
    const before = new Tree([file('a', 'x', undefined, 1), file('b', 'x', undefined, 2)]).without('a');
    expect(paths(before.with(file('c', 'x', undefined, 3)))).toEqual({ '/x': 'c', '/x~b': 'b' });
    const again = new Tree([file('a', 'x', undefined, 1), file('b', 'x', undefined, 2)]).without('a');
    expect(paths(again.with(file('b', 'x', undefined, 2), true))).toEqual({ '/x': 'b' });
  });
});

describe('folders', () => {
  it.each<[string, readonly Row[], Record<string, string>]>([
    ['in folders', [folder('a', 'A'), folder('b', 'B', 'a'), file('f', 'f', 'b')], { '/A': 'a', '/A/B': 'b', '/A/B/f': 'f' }],
    ['that are not there: under the root', [folder('b', 'B', 'gone'), file('f', 'f', 'gone'), file('g', 'g', 'b')], { '/B': 'b', '/B/g': 'g', '/f': 'f' }],
    ['in themselves', [folder('a', 'A', 'a'), file('f', 'f', 'a')], { '/A': 'a', '/A/f': 'f' }],
    ['in a circle: the first made is under the root, with the others below', [folder('a', 'A', 'c', 3), folder('b', 'B', 'a', 1), folder('c', 'C', 'b', 2), file('f', 'f', 'a')],
      { '/B': 'b', '/B/C': 'c', '/B/C/A': 'a', '/B/C/A/f': 'f' }],
    ['below a circle', [folder('a', 'A', 'b', 1), folder('b', 'B', 'a', 2), folder('c', 'C', 'b')], { '/A': 'a', '/A/B': 'b', '/A/B/C': 'c' }],
    ['two circles', [folder('a', 'A', 'a'), folder('b', 'B', 'c', 2), folder('c', 'C', 'b', 1)], { '/A': 'a', '/C': 'c', '/C/B': 'b' }],
  ])('%s', (_name, rows, wanted) => {
    expect(paths(new Tree(rows))).toEqual(Object.fromEntries(Object.entries(wanted).sort()));
    expect(paths(new Tree(rows.toReversed()))).toEqual(paths(new Tree(rows)));
  });

  it('a path leads to its thing, to nothing, or nowhere', () => {
    const tree = new Tree([folder('a', 'A'), file('f', 'f', 'a')]);
    expect(tree.find('/')).toEqual({ kind: 'root' });
    expect(tree.find('/A/f')).toMatchObject({ kind: 'node', node: { row: { id: 'f' } } });
    expect(tree.find('/A/g')).toEqual({ kind: 'nothing', folder: 'a' });
    expect(tree.find('/g')).toEqual({ kind: 'nothing', folder: undefined });
    expect(tree.find('/B/g')).toEqual({ kind: 'no way' });
    expect(tree.find('/A/f/g')).toEqual({ kind: 'through a file' });
  });

  it('temporary documents are found, and take nobody\'s name', () => {
    const hidden = '.amarre-someinstance-000000000001-000001';
    const tree = new Tree([file('a', hidden), file('b', 'x')]);
    expect(tree.find(`/${hidden}`)).toMatchObject({ kind: 'node', node: { row: { id: 'a' } } });
  });
});

describe('any two lists', () => {
  const names = fc.constantFrom('', '.', '..', 'x', 'x', 'x.pdf', 'x~a', 'x~b.pdf', 'a/b', 'é'.repeat(200), 'y');
  const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  const rows = fc.uniqueArray(fc.record({ id: ids, name: names, parent: fc.option(ids, { nil: undefined }), isFolder: fc.boolean(), createdAt: fc.integer({ min: 0, max: 3 }) }), { selector: ({ id }) => id })
    .map((all) => all.map(({ id, name, parent, isFolder, createdAt }) => (isFolder ? folder(id, name, parent, createdAt) : file(id, name, parent, createdAt))));

  /** What holds of every tree: all is there once, by a legal path that leads back to it. */
  function mustBeWhole(tree: Tree, all: readonly Row[]): void {
    const found = paths(tree);
    expect(Object.values(found).sort()).toEqual(all.map(({ id }) => id).sort());
    for (const [path, id] of Object.entries(found)) {
      expect(tree.find(path)).toMatchObject({ kind: 'node', node: { row: { id } } });
      for (const name of path.slice(1).split('/')) expect(unsafeName(name)).toBeUndefined();
    }
  }

  it('show every row once, by the same names in every order', () => {
    fc.assert(fc.property(rows, fc.array(fc.nat(), { minLength: 8, maxLength: 8 }), (all, places) => {
      const tree = new Tree(all);
      mustBeWhole(tree, all);
      const shuffled = all.map((row, at) => ({ row, at: places[at] ?? 0 })).sort((a, b) => a.at - b.at).map(({ row }) => row);
      expect(paths(new Tree(shuffled))).toEqual(paths(tree));
      expect(paths(new Tree(shuffled, tree))).toEqual(paths(tree));
    }), { seed: firstSeed() });
  });

  it('change by own doing without moving anybody else\'s name', () => {
    fc.assert(fc.property(rows, rows, (all, later) => {
      let tree = new Tree(all);
      const held = new Map(all.map((row) => [row.id, row]));
      for (const row of later) {
        // A document does not become a folder.
        if (held.get(row.id)?.kind !== undefined && held.get(row.id)?.kind !== row.kind) continue;
        const before = row.kind === 'file' ? paths(tree) : undefined;
        tree = tree.with(row);
        held.set(row.id, row);
        mustBeWhole(tree, [...held.values()]);
        if (before === undefined) continue;
        const after = paths(tree);
        // What is called as another one with its id gives way to that: nobody else does.
        for (const [path, id] of Object.entries(before)) if (id !== row.id && !path.includes('~')) expect(after[path]).toBe(id);
      }
    }), { seed: firstSeed() });
  });
});
