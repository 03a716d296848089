/** What a platform's things are called and what is known of them: the words that every member of the contract speaks. */

/**
 * Where a thing stands on the platform. `path` starts with `/`, has no `/` at its end (the root is
 * `/`) and is made of entry names, counted from the remote's base. `id` is what the platform's
 * last entry for it said; a platform that works by path ignores it.
 */
export interface Location {
  readonly path: string;
  readonly id?: string | undefined;
}

/**
 * What this account may do with one file or folder, where the platform says so beforehand. What is
 * not allowed is refused with EACCES before any data moves, and shows in the mode bits.
 */
export interface Rights {
  /** A file's content, a folder's list. */
  readonly read: boolean;
  /** A file: to change its content. A folder: to make something in it. */
  readonly write: boolean;
  /** To delete it, and to give it another name or place. */
  readonly remove: boolean;
}

/** What the platform says of one file or folder. */
export interface Entry {
  /** The last part of its path; the root's alone is `/`. */
  readonly name: string;
  readonly kind: 'file' | 'folder';
  /** Bytes; undefined where only reading tells (a folder, a feed). */
  readonly size: number | undefined;
  /** Milliseconds since the epoch, at the platform's precision; undefined where this answer did not say. */
  readonly modified: number | undefined;
  /** Two equal versions of one file are the same bytes, as far as the platform can tell. Opaque. */
  readonly version: string;
  /** The platform's lasting id of the document, through renames and new versions, where it has one. */
  readonly id?: string | undefined;
  /** A folder that is a symbolic link to one. Listings say so; a look may not. */
  readonly link?: true | undefined;
  /**
   * Size and version are those of the last time that it was read, or unknown (size undefined): only a look at
   * this one tells, which reads it where need be. Who opens such a file looks first, each time. A listing may say
   * so, a look never. Equal versions that looks at such a file tell are the same bytes for certain.
   */
  readonly unsure?: true | undefined;
  /** Undefined: the platform does not say, what it refuses shows. Shared by many entries. */
  readonly rights?: Rights | undefined;
  /** Who else has it locked against changes, for a person; undefined where nobody has. */
  readonly lockedBy?: string | undefined;
  /** When this was so: milliseconds since the epoch by the platform's own clock. */
  readonly observed: number;
}
