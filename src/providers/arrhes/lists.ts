/**
 * The one picture of the organization's documents that a drive works from: both lists, fetched together and
 * once for however many wait, with every own change in it at once. Arrhes has no list of one folder, and no
 * word on whether a list has changed, so that how old this picture may be is what an operation says it bears.
 */
import { FsError } from '../../errors.js';
import { orAborted, throwIfAborted } from '../../http/waiting.js';
import type { Api } from './api.js';
import type { Row } from './rows.js';
import { Tree, type Found, type Node } from './tree.js';

interface Fetch {
  /** By the client's clock of elapsed time; undefined while nothing is sent: whoever asks in the same turn is served by it. */
  begun: number | undefined;
  readonly promise: Promise<Picture>;
}

interface Picture {
  readonly begun: number;
  /** Of the server's clock. */
  readonly date: number;
}

interface Change {
  readonly row: Row | undefined;
  readonly id: string;
}

export interface ListsSettings {
  readonly organization: string;
  readonly year: string;
  /** Milliseconds for which a picture may be used again where nobody asks for one of this moment. */
  readonly ttl: number;
}

/** An age that only a picture begun after the question has. */
export const fresh = 0;

export class Lists {
  private current: Tree | undefined;
  private picture: Picture | undefined;
  private fetching: Fetch | undefined;
  private next: Promise<Picture> | undefined;
  /** Own changes that a fetch under way may not have in it. */
  private changes: Change[] = [];
  private readonly lifetime = new AbortController();
  /** Some rows did not say of which year they are. */
  withoutYear = false;
  /** Told of each new picture. */
  onPicture: (tree: Tree) => void = () => undefined;

  constructor(private readonly api: Api, private readonly settings: ListsSettings) {}

  /** What is known now, however old; undefined before the first picture. */
  get known(): Tree | undefined {
    return this.current;
  }

  /** The server's clock at the last picture. */
  get date(): number {
    return this.picture?.date ?? this.api.http.clock.now();
  }

  /** The tree, no older than `age` milliseconds at the call. EINTR for an abort; the fetch's failure. */
  async tree(age: number, signal: AbortSignal): Promise<Tree> {
    throwIfAborted(signal);
    const asked = this.api.http.elapsed();
    const young = (begun: number): boolean => begun >= asked - (age === fresh ? 0 : Math.min(age, this.settings.ttl));
    if (this.current !== undefined && this.picture !== undefined && age !== fresh && young(this.picture.begun)) return this.current;
    const { fetching } = this;
    const serves = fetching !== undefined && (fetching.begun === undefined || (age !== fresh && young(fetching.begun)));
    await orAborted(serves ? fetching.promise : this.nextPicture(), signal);
    if (this.current === undefined) throw new FsError('EIO', 'the lists of documents are not there');
    return this.current;
  }

  /** The tree as a rule: as old as the settings allow. */
  usual(signal: AbortSignal): Promise<Tree> {
    return this.tree(this.settings.ttl, signal);
  }

  /**
   * Where a path leads, by a picture of the usual age; what is `wanted` decides whether that is believed:
   * where it answers no, the server is asked anew, so that no error comes from memory alone.
   */
  async find(path: string, wanted: (found: Found) => boolean, signal: AbortSignal): Promise<Found> {
    const before = this.api.http.elapsed();
    const found = (await this.usual(signal)).find(path);
    if (wanted(found) || (this.picture?.begun ?? -Infinity) >= before) return found;
    return (await this.tree(fresh, signal)).find(path);
  }

  /** Enters what the server said of a row. */
  note(row: Row): Node | undefined {
    if (this.current === undefined) return undefined;
    this.current = this.current.with(row);
    this.remember({ row, id: row.id });
    return this.current.node(row.id);
  }

  /** Gives a row its name anew, as if it had just come: it was shown by another, and a person has chosen. */
  rename(row: Row): Node {
    this.current = this.current?.with(row, true);
    return this.current?.node(row.id) ?? { row, name: row.name, folder: undefined };
  }

  /** A row is gone. */
  forget(id: string): void {
    this.current = this.current?.without(id);
    this.remember({ row: undefined, id });
  }

  /** A change failed, or its end is not known: whoever asks next gets a new picture. */
  distrust(): void {
    if (this.picture !== undefined) this.picture = { ...this.picture, begun: -Infinity };
  }

  close(): void {
    this.lifetime.abort();
  }

  /** A picture that is begun from now on: one for all who ask before it is. */
  private nextPicture(): Promise<Picture> {
    if (this.fetching === undefined) return this.begin().promise;
    this.next ??= this.fetching.promise.then(() => undefined, () => undefined).then(() => {
      this.next = undefined;
      return (this.fetching ?? this.begin()).promise;
    });
    return this.next;
  }

  private begin(): Fetch {
    const turn = new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
    const fetch: Fetch = {
      begun: undefined,
      promise: turn.then(() => {
        fetch.begun = this.api.http.elapsed();
        return this.fetch(fetch.begun);
      }).finally(() => {
        if (this.fetching === fetch) this.fetching = undefined;
      }),
    };
    fetch.promise.catch(() => undefined);
    this.fetching = fetch;
    return fetch;
  }

  private async fetch(begun: number): Promise<Picture> {
    const { signal } = this.lifetime;
    this.changes = [];
    const [files, folders] = await Promise.all([this.api.files(signal), this.api.folders(signal)]);
    const rows = [...folders.rows, ...files.rows];
    const { organization, year } = this.settings;
    const foreign = rows.find(({ idOrganization }) => idOrganization !== undefined && idOrganization !== organization);
    if (foreign !== undefined) throw new FsError('ENOENT', `the API key is of another organization (${foreign.idOrganization ?? ''}) than the remote names (${organization})`);
    this.withoutYear ||= rows.some(({ idYear }) => idYear === undefined);
    let tree = new Tree(rows.filter(({ idYear }) => idYear === undefined || idYear === year), this.current);
    // What was done while the lists were on their way may not be in them.
    for (const { row, id } of this.changes) tree = row === undefined ? tree.without(id) : tree.with(row);
    this.current = tree;
    this.picture = { begun, date: Math.min(files.date, folders.date) };
    this.onPicture(tree);
    return this.picture;
  }

  private remember(change: Change): void {
    if (this.fetching !== undefined) this.changes.push(change);
  }
}
