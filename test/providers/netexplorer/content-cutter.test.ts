/** Folders with their content, read as they arrive. (NetExplorer's page: routes, what surprises) */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ContentCutter, type ListedContent } from '../../../src/providers/netexplorer/content-cutter.js';

interface Folder {
  readonly name: string;
  readonly files: readonly string[];
  readonly folders: readonly Folder[];
}

/** `paths -> names`, as a listing of the tree should give them. */
type Shown = Record<string, string[]>;

function cut(text: string, pieces: readonly number[] = []): { readonly lists: ListedContent[]; readonly listed: boolean } {
  const cutter = new ContentCutter();
  const lists: ListedContent[] = [];
  const bytes = Buffer.from(text);
  let from = 0;
  for (const length of [...pieces, bytes.length]) {
    lists.push(...cutter.push(bytes.subarray(from, from + length)));
    from += length;
  }
  return { lists, listed: cutter.end().listed };
}

function shown(lists: readonly ListedContent[]): Shown {
  return Object.fromEntries(lists.map(({ chain, children }) => [
    chain.map(({ name }) => name).join('/'), children.map(({ name, kind }) => (kind === 'folder' ? `${name}/` : name)).sort(),
  ]));
}

const folder = (fields: object): string => JSON.stringify({ id: 1, name: 'top', parent_id: 0, ...fields });
const file = (id: number, more: object = {}): object => ({ id, guid: `g${id}`, name: `f${id}`, parent_id: 1, size: 1, ...more });

describe('one folder', () => {
  it('is read with files and folders apart, in one list, and as a bare list', () => {
    const sub = { id: 5, name: 'sub', parent_id: 1 };
    expect(shown(cut(folder({ content: { files: [file(2), file(3)], folders: [sub] } })).lists)).toEqual({ top: ['f2', 'f3', 'sub/'] });
    expect(shown(cut(folder({ content: [file(2), sub] })).lists)).toEqual({ top: ['f2', 'sub/'] });
    expect(shown(cut(JSON.stringify([file(2), sub])).lists)).toEqual({ '': ['f2', 'sub/'] });
    expect(shown(cut(folder({ content: { folders: [], files: [] } })).lists)).toEqual({ top: [] });
    expect(shown(cut(folder({ content: [] })).lists)).toEqual({ top: [] });
  });

  it('without content was not listed, and neither are those inside it', () => {
    for (const fields of [{}, { content: null }, { 'other': { content: { files: [] } } }]) expect(cut(folder(fields))).toEqual({ lists: [], listed: false });
    expect(shown(cut(folder({ content: { files: [], folders: [{ id: 5, name: 'sub', parent_id: 1 }] } })).lists)).toEqual({ top: ['sub/'] });
  });

  it('gives its own children alone, and counts what has no name', () => {
    const { lists } = cut(folder({ content: { files: [file(2), file(3, { parent_id: 9 }), file(4, { parent_id: '1,' }), { id: 6 }, { name: 'x' }], folders: [{ id: 7, name: 'other', parent_id: 9 }] } }));
    expect(shown(lists)).toEqual({ top: ['f2', 'f4'] });
    expect(lists[0]?.nameless).toBe(2);
  });

  it('leaves alone what else is in it', () => {
    const odd = { meta: { content: { files: [1, { a: '}' }] } }, list: [[{}], '"]}'], text: 'é\\"{[content', quota: null };
    expect(shown(cut(folder({ ...odd, content: { extra: [{ files: [] }], files: [file(2, odd)], more: {} }, behind: { content: [] } })).lists)).toEqual({ top: ['f2'] });
  });

  it.each(['', '{', '{"id":1', '{"id":1,"content":{"files":[', '{"id":1,"name":"x","content":{"files":[]}', '[', '[{"id":1}'])('that breaks off is EIO, to be asked for again: %j', (text) => {
    expect(() => cut(text)).toThrow(expect.objectContaining({ errno: 'EIO', retryable: true }));
  });

  it.each(['x', '"text"', '{]', '{"id":1,}x', '{} {}', '{"id":}', folder({ content: { files: {} } }), folder({ content: { files: [[]] } }), '{"a"1}'])('that is none is EIO: %j', (text) => {
    expect(() => cut(text)).toThrow(expect.objectContaining({ errno: 'EIO', retryable: false }));
  });
});

describe('a tree', () => {
  const name = fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }).filter((text) => !text.includes('/'));
  const { tree } = fc.letrec<{ tree: Folder }>((tie) => ({
    tree: fc.record({
      name,
      files: fc.array(name, { maxLength: 4 }),
      folders: fc.oneof({ maxDepth: 4 }, fc.constant([]), fc.array(tie('tree'), { maxLength: 3 })),
    }),
  }));

  /** As the platform would write it, with the fields in any order; numbers are given out in passing. */
  function write(top: Folder, late: boolean): { readonly text: string; readonly shown: [string, string[]][] } {
    let next = 1;
    const lists: [string, string[]][] = [];
    const build = (one: Folder, parent: number, above: string): object => {
      const id = next;
      next += 1;
      const path = above === '' ? one.name : `${above}/${one.name}`;
      lists.push([path, [...one.files, ...one.folders.map((each) => `${each.name}/`)].sort()]);
      const files = one.files.map((each) => {
        next += 1;
        return { id: next, guid: `g${next}`, name: each, parent_id: id };
      });
      const folders = one.folders.map((each) => build(each, id, path));
      const own = { id, name: one.name, parent_id: parent };
      return late ? { content: { folders, files }, ...own } : { ...own, content: { files, folders } };
    };
    return { text: JSON.stringify(build(top, 0, '')), shown: lists };
  }

  it('gives every folder once, however it is cut into pieces and in whatever order its fields come', () => {
    fc.assert(fc.property(tree, fc.boolean(), fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 60 }), (top, late, pieces) => {
      const written = write(top, late);
      const { lists } = cut(written.text, pieces);
      const given = lists.map(({ chain, children }) => [
        chain.map((each) => each.name).join('/'), children.map((each) => (each.kind === 'folder' ? `${each.name}/` : each.name)).sort(),
      ]);
      const sorted = (all: unknown[]): string[] => all.map((each) => JSON.stringify(each)).sort();
      expect(sorted(given)).toEqual(sorted(written.shown));
    }));
  });

  it('gives a folder as soon as its last child has come', () => {
    const text = JSON.stringify({
      id: 1, name: 'top', parent_id: 0,
      content: { files: [], folders: [{ id: 2, name: 'a', parent_id: 1, content: { files: [file(9, { parent_id: 2 })], folders: [] } }, { id: 3, name: 'b', parent_id: 1 }] },
    });
    const cutter = new ContentCutter();
    const first = cutter.push(Buffer.from(text.slice(0, text.indexOf('"b"'))));
    expect(shown(first)).toEqual({ 'top/a': ['f9'] });
  });

  it('drops the branch of another folder\'s child', () => {
    const text = JSON.stringify({
      id: 1, name: 'top', parent_id: 0,
      content: { files: [], folders: [{ id: 2, name: 'stray', parent_id: 8, content: { files: [file(9, { parent_id: 2 })], folders: [] } }] },
    });
    expect(shown(cut(text).lists)).toEqual({ top: [] });
  });
});
