/** Names that a list tells: one for each of its objects, from a field of it. The list is a document like any other, and as old. */
import { z } from 'zod';
import { FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import { unsafeName } from '../paths.js';
import type { Documents } from './documents.js';
import type { NameSource } from './table.js';

export type RowSource = Extract<NameSource, { from: 'rows' }>;

const listSchema = z.array(z.looseObject({}));
const valueSchema = z.union([z.string().min(1), z.int().transform(String)]);

/** A list's names and the values that they stand for, in the list's order. */
export type RowNames = ReadonlyMap<string, string>;

/** Longest part of a name that a value may make, in bytes: what stands before and behind it fits beside it. */
const longest = 200;

export class Rows {
  readonly #read = new Map<string, { readonly version: string; readonly names: RowNames }>();

  constructor(private readonly documents: Documents, private readonly log: Log) {}

  /** The names of a list as it was at most a time to live ago. EIO where it is no list, or nothing in it has the field. */
  async names(source: RowSource, signal: AbortSignal): Promise<RowNames> {
    const document = await this.documents.get({ template: source.get }, signal).catch((thrown: unknown) => {
      // The folder is there; what is missing is the list of what is in it.
      if (thrown instanceof FsError && thrown.errno === 'ENOENT') throw new FsError('EIO', thrown.message, { cause: thrown });
      throw thrown;
    });
    const key = `${source.get} ${source.field}`;
    const known = this.#read.get(key);
    if (known?.version === document.version) return known.names;
    const names = this.#namesOf(source, document.bytes.toString());
    this.#read.set(key, { version: document.version, names });
    return names;
  }

  #namesOf({ get, field }: RowSource, text: string): RowNames {
    const list = listSchema.safeParse(JSON.parse(text));
    if (!list.success) throw new FsError('EIO', `GET ${get}: the answer is not a list of objects`);
    const names = new Map<string, string>();
    let left = 0;
    for (const row of list.data) {
      const value = valueSchema.safeParse(row[field]).data;
      const name = value === undefined ? undefined : nameFor(value);
      if (value === undefined || name === undefined || (names.has(name) && names.get(name) !== value)) left += 1;
      else names.set(name, value);
    }
    if (names.size === 0 && list.data.length > 0) throw new FsError('EIO', `GET ${get}: nothing in the list has a field "${field}" that could be a name`);
    if (left > 0) this.log.warn({ list: get, field, left }, 'some of a list have no field, or none that could be a name, and are not shown');
    return names;
  }
}

/** The part of a file's name for a value; undefined where it can be none. */
function nameFor(value: string): string | undefined {
  const name = value.replaceAll('/', '%2F').replaceAll('\0', '%00');
  return unsafeName(`${name}x`) !== undefined || Buffer.byteLength(name) > longest ? undefined : name;
}
