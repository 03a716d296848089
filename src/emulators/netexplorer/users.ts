/**
 * Who may sign in and what he may do where. There are `u`, an ordinary user; `marie`, the colleague whose hands are
 * behind what a test changes on the disk; and `admin`, an administrator. All have the password `p`.
 */

export const rightNames = ['read', 'download', 'write', 'edit', 'delete', 'share', 'dlink', 'ulink'] as const;
export type Right = (typeof rightNames)[number];

/** A root folder as a user sees it. */
export interface RootSettings {
  /** The folder's path in the platform's tree. */
  readonly path: string;
  /** Default `common`. Those of `shared` are in `/roots` only. */
  readonly type?: 'common' | 'personal' | 'shared' | undefined;
  /** `/roots` tells no id of it. Default false. */
  readonly withoutId?: boolean | undefined;
}

/** A user as options describe him. */
export interface UserSettings {
  /** Default `p`. */
  readonly password?: string | undefined;
  /** How he is shown as an owner. Default: his login. */
  readonly name?: string | undefined;
  /** Default: `admin` is one. */
  readonly administrator?: boolean | undefined;
  /** Rights of folders and files by path, all of them; they hold below it, too. Default: every right everywhere. */
  readonly rights?: Readonly<Record<string, readonly string[]>> | undefined;
  /** His root folders; nothing else can he reach. Default: all folders at the top. */
  readonly roots?: readonly RootSettings[] | undefined;
  /** Bytes of what he owns; 0, the default, is none. */
  readonly quotaBytes?: number | undefined;
}

export class User {
  readonly id: number;
  readonly login: string;
  readonly name: string;
  readonly administrator: boolean;
  readonly roots: readonly RootSettings[] | undefined;
  password: string;
  quotaBytes: number;
  #rights: ReadonlyMap<string, ReadonlySet<Right>>;

  constructor(id: number, login: string, settings: UserSettings) {
    this.id = id;
    this.login = login;
    this.name = settings.name ?? login;
    this.password = settings.password ?? 'p';
    this.administrator = settings.administrator ?? login === 'admin';
    this.roots = settings.roots;
    this.quotaBytes = settings.quotaBytes ?? 0;
    this.#rights = new Map(Object.entries(settings.rights ?? {}).map(([path, names]) => [path, parseRights(names)]));
  }

  /** Whether rights were given at all: else all are everywhere, and no path need be made to ask. */
  get isLimited(): boolean {
    return this.#rights.size > 0;
  }

  /** All rights at this path: those of the nearest path for which there are any. */
  rightsAt(path: string): ReadonlySet<Right> {
    for (let at = path; this.isLimited; at = at.slice(0, at.lastIndexOf('/'))) {
      const given = this.#rights.get(at === '' ? '/' : at);
      if (given !== undefined) return given;
      if (at === '' || at === '/') break;
    }
    return everyRight;
  }

  /** Gives these rights at a path and below it, instead of any other. Throws for a name that is none. */
  setRights(path: string, names: readonly string[]): void {
    this.#rights = new Map([...this.#rights, [path, parseRights(names)]]);
  }
}

const everyRight: ReadonlySet<Right> = new Set(rightNames);

function parseRights(names: readonly string[]): ReadonlySet<Right> {
  const unknown = names.find((name) => !rightNames.some((right) => right === name));
  if (unknown !== undefined) throw new Error(`no such right: ${unknown}; there are: ${rightNames.join(', ')}`);
  return new Set(rightNames.filter((right) => names.includes(right)));
}

/** All users by login; their ids are as on the platform, numbers. */
export class Users {
  readonly #users: readonly User[];

  constructor(changes: Readonly<Record<string, UserSettings>>) {
    const known: Record<string, UserSettings> = { u: {}, marie: {}, admin: {} };
    for (const [login, change] of Object.entries(changes)) known[login] = { ...known[login], ...change };
    this.#users = Object.entries(known).map(([login, settings], index) => new User(7 + index, login, settings));
  }

  all(): readonly User[] {
    return this.#users;
  }

  byLogin(login: string): User | undefined {
    return this.#users.find((user) => user.login === login);
  }

  byId(id: number): User | undefined {
    return this.#users.find((user) => user.id === id);
  }

  /** The user of this login; a test's mistake if there is none. */
  known(login: string): User {
    const user = this.byLogin(login);
    if (user === undefined) throw new Error(`no such user: ${login}`);
    return user;
  }
}
