/**
 * What a tree of files is to programs, in memory and without a network: names, contents, which of them
 * the platform must hold. Random operations on a drive are compared with it.
 */

/** One file, under its name or open without one. */
export interface ModelFile {
  /** What programs read. */
  content: Buffer;
  /** What the platform has under the name; undefined: it never heard of the file. */
  held: Buffer | undefined;
  /** Something was changed that the platform does not have. */
  dirty: boolean;
  /** A FLUSH must send it. */
  due: boolean;
  /** An upload of this very content failed and its close was told: RELEASE tries no more. */
  told: boolean;
  /** RELEASE could not send it, and whoever has it open still is told once. */
  untold: boolean;
  /** It is a copy of another file, which the platform is to make; `doubtful`: something failed meanwhile, and it may be too late for that. */
  borrowed: boolean;
  doubtful: boolean;
  writers: number;
  handles: number;
  /** Its name went, or stands for another file. */
  nameless: 'no' | 'removed' | 'replaced';
  /** Reads may be ESTALE from now on: what was read before is not what there is. */
  stale: boolean;
}

export class TreeModel {
  readonly files = new Map<string, ModelFile>();
  readonly folders = new Set<string>(['']);

  /** Names of what is directly in a folder; `''` is the root. */
  names(folder: string): string[] {
    const inside = (path: string): boolean => path !== '' && path.slice(0, path.lastIndexOf('/')) === folder;
    return [...this.files.keys(), ...this.folders].filter(inside).map((path) => path.slice(path.lastIndexOf('/') + 1)).sort();
  }

  exists(path: string): boolean {
    return this.files.has(path) || this.folders.has(path);
  }

  create(path: string): ModelFile {
    const file: ModelFile = {
      content: Buffer.alloc(0), held: undefined, dirty: true, due: false, told: false, untold: false, borrowed: false, doubtful: false, writers: 0, handles: 0, nameless: 'no', stale: false,
    };
    this.files.set(path, file);
    return file;
  }

  pathOf(file: ModelFile): string | undefined {
    for (const [path, each] of this.files) if (each === file) return path;
    return undefined;
  }

  unlink(path: string): void {
    const file = this.files.get(path);
    if (file !== undefined) file.nameless = 'removed';
    this.files.delete(path);
  }

  rename(from: string, to: string): void {
    const file = this.files.get(from);
    if (file !== undefined) {
      const replaced = this.files.get(to);
      if (replaced !== undefined) replaced.nameless = 'replaced';
      this.files.delete(from);
      this.files.set(to, file);
      return;
    }
    this.folders.delete(to);
    for (const folder of [...this.folders]) {
      if (folder !== from && !folder.startsWith(`${from}/`)) continue;
      this.folders.delete(folder);
      this.folders.add(to + folder.slice(from.length));
    }
    for (const [path, each] of [...this.files]) {
      if (!path.startsWith(`${from}/`)) continue;
      this.files.delete(path);
      this.files.set(to + path.slice(from.length), each);
    }
  }
}

/** Whether a write, cut or emptying makes it due at the next FLUSH. */
export function changed(file: ModelFile, content: Buffer, due: boolean): void {
  file.content = content;
  file.dirty = true;
  file.due ||= due;
  file.told = false;
}
