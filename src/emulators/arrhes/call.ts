/** A request behind the key, as the handlers of the routes see it. */
import type { Exchange } from '../common/exchange.js';
import type { Database } from './database.js';
import { complaint } from './errors.js';
import { Fields } from './fields.js';
import type { ServerChoices } from './options.js';
import type { FileRow, FolderRow, YearRow } from './rows.js';
import type { ObjectStore } from './store.js';

/** What all requests of one emulator work on. */
export interface World {
  readonly choices: ServerChoices;
  readonly database: Database;
  readonly store: ObjectStore;
  /** The store's address, `http://127.0.0.1:PORT`. */
  readonly storeUrl: string;
  /** Who the key speaks for. */
  readonly user: string;
  readonly years: readonly YearRow[];
  /** Recognitions that are not over, with the moment at which they are. */
  readonly recognitions: Map<string, { readonly readyAt: number; readonly finish: () => void }>;
}

export interface Call {
  readonly world: World;
  readonly exchange: Exchange;
  /** The year of the URL, which no one looks at but those who make a row. */
  readonly year: string;
  /** The id of the URL; empty where the route has none. */
  readonly id: string;
}

/** What a handler answers: always with 200. */
export type Work = (call: Call) => Promise<unknown>;

/** The body, and the id that counts: one in the body wins over the URL's. */
export async function readFields(call: Call, idField: 'idFile' | 'idFolder'): Promise<{ fields: Fields; id: string }> {
  const fields = await Fields.read(call.exchange.body);
  if (call.world.choices.wantsIds && !fields.has(idField)) {
    throw complaint(idField, `Invalid key: Expected "${idField}" but received undefined`);
  }
  // In a PATCH of a document, `idFolder` is where it goes to, not what it is.
  return { fields, id: fields.has(idField) ? fields.text(idField) : call.id };
}

/** A row as it is after a change by the user of the key. */
export function touched<T extends FileRow | FolderRow>(world: World, row: T): T {
  return { ...row, lastUpdatedAt: world.choices.clock.now(), lastUpdatedBy: world.user };
}

/** A list in the order of the table, or in any other. */
export function inOrder<T>(world: World, rows: readonly T[], turn: number): readonly T[] {
  const { shuffle } = world.choices;
  if (shuffle === undefined) return rows;
  let state = shuffle + turn * 7919;
  const keyed = rows.map((row) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return [state, row] as const;
  });
  return keyed.sort(([a], [b]) => a - b).map(([, row]) => row);
}
