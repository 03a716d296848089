/**
 * The folders at the top: the account's own, and those that others share with it, which newer platforms list
 * apart. What others share may come without a number, by which nothing can be reached: that is left out, and
 * said. (NetExplorer's page: routes)
 */
import { z } from 'zod';
import { isErrno } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import type { Api } from './api.js';
import { askFolder, readList } from './calls.js';
import { readFolder, type FolderObject } from './objects.js';

const root = z.looseObject({ type: z.unknown().optional(), content: z.unknown().optional() });
const content = z.looseObject({ folders: z.array(z.unknown()) });

export interface RootFolders {
  readonly folders: readonly FolderObject[];
  /** When this was so: milliseconds since the epoch by the platform's clock. */
  readonly date: number;
}

interface SharedFolders {
  readonly folders: readonly FolderObject[];
  readonly leftOut: readonly string[];
}

export class Roots {
  private toldOf = '';
  /** An older platform, without the newer list. */
  private withoutShared = false;

  constructor(private readonly api: Api, private readonly log: Log) {}

  async list(about: string, signal: AbortSignal): Promise<RootFolders> {
    const [{ value: own, date }, shared] = await Promise.all([
      this.api.get({
        operation: 'list', method: 'GET', path: '/folders?depth=0&full=1', route: '/folders', about, idempotent: true,
      }, readRootFolders, signal),
      this.shared(about, signal),
    ]);
    const known = new Set(own.map(({ id }) => id));
    return { folders: [...own, ...shared.filter(({ id }) => !known.has(id))], date };
  }

  private async shared(about: string, signal: AbortSignal): Promise<readonly FolderObject[]> {
    if (this.withoutShared) return [];
    const told = await this.api.ask({ operation: 'list', method: 'GET', path: '/roots', route: '/roots', about, idempotent: true }, readShared, signal);
    if (told.kind !== 'told') {
      // What others share is left out rather than all of the drive; a platform that is not there fails the other request, too.
      this.withoutShared = told.kind === 'refused';
      this.log.info({ reason: told.error.message }, 'the platform does not list what others share apart');
      return [];
    }
    const { folders, leftOut } = told.value;
    const text = leftOut.join(', ');
    if (text !== '' && text !== this.toldOf) this.log.warn({ leftOut }, 'left out of the top folder: the platform gives no number for what others share there');
    this.toldOf = text;
    const whole = await Promise.all(folders.map((folder) => this.whole(folder, signal)));
    return whole.filter((folder) => folder !== undefined);
  }

  /** The list says little more than names; the folder itself says what may be done there. Undefined where it is not there. */
  private async whole(folder: FolderObject, signal: AbortSignal): Promise<FolderObject | undefined> {
    const told = await askFolder(this.api, folder.id, folder.name, signal);
    if (told.kind === 'told') return { ...told.value, name: folder.name };
    return isErrno(told.error, 'ENOENT') ? undefined : folder;
  }
}

function readRootFolders(value: unknown): readonly FolderObject[] | undefined {
  return readList(value)?.map(readFolder).filter((folder) => folder !== undefined);
}

/** Of the newer list, the folders that others share: such a root itself, or, where it is no folder, those in it. */
export function readShared(value: unknown): SharedFolders | undefined {
  const items = readList(value);
  if (items === undefined) return undefined;
  const folders: FolderObject[] = [];
  const leftOut: string[] = [];
  const take = (item: unknown): void => {
    const folder = readFolder(item);
    if (folder !== undefined && folder.id !== '0') folders.push(folder);
    else leftOut.push(nameOf(item));
  };
  for (const item of items) {
    const parsed = root.safeParse(item);
    if (!parsed.success || parsed.data.type !== 'shared') continue;
    const inside = Array.isArray(parsed.data.content) ? z.array(z.unknown()).parse(parsed.data.content) : content.safeParse(parsed.data.content).data?.folders ?? [];
    if (readFolder(item) === undefined && inside.length > 0) inside.forEach(take);
    else take(item);
  }
  return { folders, leftOut };
}

function nameOf(item: unknown): string {
  const named = z.looseObject({ name: z.string() }).safeParse(item);
  return named.success ? named.data.name : '(without a name)';
}
