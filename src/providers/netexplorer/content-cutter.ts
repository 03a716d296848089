/**
 * Reads folders with what is in them as they arrive: one, or a whole tree in one answer, which may be
 * tens of megabytes. Only the cuts are found here; each file or folder goes to JSON.parse by itself, and a
 * folder is given out, and forgotten, as soon as the last of its children has come. The folders inside it
 * come before it, since its list ends behind theirs. (NetExplorer's page: routes)
 */
import { FsError } from '../../errors.js';
import { readEither, readFile, readFolder, type FolderObject, type TreeObject } from './objects.js';

/** A folder that was listed. */
export interface ListedContent {
  /** The folders from the outermost down to this one; empty: the answer was a bare list, and this is it. */
  readonly chain: readonly FolderObject[];
  readonly children: readonly TreeObject[];
  /** Things without an id or a name. */
  readonly nameless: number;
}

interface ObjectFrame {
  readonly kind: 'object';
  readonly owner: ItemsFrame | undefined;
  /** Its own text, without its content. */
  text: string;
  readonly pieces: Uint8Array[];
  depth: number;
  atKey: boolean;
  key: string;
  children: TreeObject[];
  nameless: number;
  listed: boolean;
  self: FolderObject | undefined;
  /** Lists that wait until it is known what this folder is called. */
  waiting: Waiting[];
}

interface ContentFrame {
  readonly kind: 'content';
  readonly of: ObjectFrame;
  depth: number;
  atKey: boolean;
  key: string;
}

interface ItemsFrame {
  readonly kind: 'items';
  /** Whose children they are; undefined: the bare list that the answer is. */
  readonly of: ObjectFrame | undefined;
  readonly holds: 'files' | 'folders' | 'either';
  depth: number;
  readonly atKey: false;
  key: string;
}

type Frame = ObjectFrame | ContentFrame | ItemsFrame;

interface Waiting {
  readonly frames: readonly ObjectFrame[];
  readonly children: readonly TreeObject[];
  readonly nameless: number;
}

const quote = 0x22, backslash = 0x5c, comma = 0x2c, colon = 0x3a;
const openBracket = 0x5b, closeBracket = 0x5d, openBrace = 0x7b, closeBrace = 0x7d;
const longestKey = 64;

/** EIO: what arrived is not a folder with its content. */
function broken(why: string, retryable: boolean): FsError {
  return new FsError('EIO', `the listing that the platform sent ${why}`, { retryable });
}

export class ContentCutter {
  private readonly frames: Frame[] = [];
  private done = false;
  private inString = false;
  private escaped = false;
  private readingKey = false;
  private ready: ListedContent[] = [];
  /** The bare list's own children. */
  private readonly bare = { children: new Array<TreeObject>(), nameless: 0, is: false };

  /** Takes a piece; gives the folders that are whole with it. EIO where the text is something else. */
  push(piece: Uint8Array): readonly ListedContent[] {
    let from = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at] ?? 0;
      if (this.inString) {
        this.passString(byte);
        continue;
      }
      if (byte <= 0x20) continue;
      const frame = this.frames.at(-1);
      if (frame === undefined) {
        if (this.done) throw broken('goes on behind its end', false);
        if (byte === openBracket) {
          this.bare.is = true;
          this.frames.push({ kind: 'items', of: undefined, holds: 'either', depth: 0, atKey: false, key: '' });
        } else if (byte === openBrace) {
          this.frames.push(objectFrame(undefined));
          from = at;
        } else {
          throw broken('is no folder', false);
        }
        continue;
      }
      switch (byte) {
        case quote:
          this.inString = true;
          this.readingKey = frame.depth === 0 && frame.atKey;
          if (this.readingKey) frame.key = '';
          break;
        case colon:
          if (frame.depth === 0 && frame.kind !== 'items') frame.atKey = false;
          break;
        case comma:
          if (frame.depth === 0 && frame.kind !== 'items') frame.atKey = true;
          break;
        case openBrace: case openBracket:
          from = this.enter(frame, byte, piece, from, at);
          break;
        case closeBrace: case closeBracket:
          from = this.leave(frame, byte, piece, from, at);
          break;
      }
    }
    const last = this.frames.at(-1);
    if (last?.kind === 'object') last.pieces.push(piece.subarray(from));
    const { ready } = this;
    this.ready = [];
    return ready;
  }

  /** The text is over. EIO, retryable, where it broke off. `listed`: the outermost folder came with its content. */
  end(): { readonly listed: boolean; readonly folder: FolderObject | undefined } {
    if (!this.done) throw broken('broke off', true);
    return { listed: this.outermost.listed, folder: this.outermost.self };
  }

  /** The outermost folder, when it has ended. */
  private outermost: { readonly listed: boolean; readonly self: FolderObject | undefined } = { listed: false, self: undefined };

  private passString(byte: number): void {
    if (this.escaped) {
      this.escaped = false;
    } else if (byte === backslash) {
      this.escaped = true;
    } else if (byte === quote) {
      this.inString = false;
      this.readingKey = false;
      return;
    }
    const frame = this.frames.at(-1);
    if (this.readingKey && frame !== undefined && frame.key.length < longestKey) frame.key += String.fromCharCode(byte);
  }

  /** A brace or bracket opens. Returns from where the piece belongs to the frame on top. */
  private enter(frame: Frame, byte: number, piece: Uint8Array, from: number, at: number): number {
    if (frame.depth > 0) {
      frame.depth += 1;
      return from;
    }
    if (frame.kind === 'items') {
      if (byte !== openBrace) throw broken('holds something that is no file and no folder', false);
      this.frames.push(objectFrame(frame));
      return at;
    }
    if (frame.kind === 'object' && frame.key === 'content') {
      frame.pieces.push(piece.subarray(from, at));
      closeText(frame, 'null');
      frame.self ??= readEarly(frame.text);
      frame.listed = true;
      this.frames.push(byte === openBrace
        ? { kind: 'content', of: frame, depth: 0, atKey: true, key: '' }
        : { kind: 'items', of: frame, holds: 'either', depth: 0, atKey: false, key: '' });
      return at;
    }
    if (frame.kind === 'content' && (frame.key === 'files' || frame.key === 'folders')) {
      if (byte !== openBracket) throw broken('has a content that is not understood', false);
      this.frames.push({ kind: 'items', of: frame.of, holds: frame.key, depth: 0, atKey: false, key: '' });
      return at;
    }
    frame.depth += 1;
    return from;
  }

  private leave(frame: Frame, byte: number, piece: Uint8Array, from: number, at: number): number {
    if (frame.depth > 0) {
      frame.depth -= 1;
      return from;
    }
    if ((byte === closeBracket) !== (frame.kind === 'items')) throw broken('is not JSON', false);
    this.frames.pop();
    if (frame.kind === 'object') {
      frame.pieces.push(piece.subarray(from, at + 1));
      closeText(frame, '');
      this.close(frame);
    } else if (this.frames.length === 0) {
      this.ready.push({ chain: [], children: this.bare.children, nameless: this.bare.nameless });
      this.outermost = { listed: true, self: undefined };
    }
    if (this.frames.length === 0) this.done = true;
    return at + 1;
  }

  /** A file or folder is whole. */
  private close(frame: ObjectFrame): void {
    const { owner } = frame;
    const thing = readThing(parse(frame.text), owner?.holds ?? 'folders', frame.listed);
    frame.self = thing?.kind === 'folder' ? thing : undefined;
    if (owner !== undefined) {
      const of = owner.of ?? this.bare;
      if (thing === undefined) of.nameless += 1;
      else of.children.push(thing);
    } else {
      this.outermost = { listed: frame.listed, self: frame.self };
    }
    for (const waiting of frame.waiting) this.give(waiting);
    // Of a folder without a name nothing can be reached.
    if (frame.listed && frame.self !== undefined) this.give({ frames: [...this.above(), frame], children: frame.children, nameless: frame.nameless });
  }

  private above(): ObjectFrame[] {
    return this.frames.filter((frame) => frame.kind === 'object');
  }

  /** Gives a list out, or lets it wait for the name of a folder that is not whole yet. */
  private give(waiting: Waiting): void {
    const chain: FolderObject[] = [];
    for (const frame of waiting.frames) {
      if (frame.self === undefined) {
        if (this.frames.includes(frame)) frame.waiting.push(waiting);
        return;
      }
      chain.push(frame.self);
    }
    // Of a child that is not this folder's the whole branch is dropped.
    if (chain.some((folder, at) => at > 0 && !isChild(folder, chain[at - 1]))) return;
    const own = chain.at(-1);
    this.ready.push({ chain, children: waiting.children.filter((child) => isChild(child, own)), nameless: waiting.nameless });
  }
}

/** Whether a thing in a folder's list is that folder's: listings have been seen to hold others' children. */
export function isChild(child: TreeObject, folder: FolderObject | undefined): boolean {
  return folder === undefined || child.parentId === undefined || child.parentId === folder.id;
}

function objectFrame(owner: ItemsFrame | undefined): ObjectFrame {
  return {
    kind: 'object', owner, text: '', pieces: [], depth: 0, atKey: true, key: '',
    children: [], nameless: 0, listed: false, self: undefined, waiting: [],
  };
}

/** Takes the pieces into the text, and puts `behind` after them. */
function closeText(frame: ObjectFrame, behind: string): void {
  frame.text += Buffer.concat(frame.pieces.splice(0)).toString('utf8') + behind;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FsError('EIO', 'the listing that the platform sent is not JSON', { cause: error });
  }
}

/** A folder by what stood before its content, where that says all that tells it from others. */
function readEarly(text: string): FolderObject | undefined {
  const folder = readFolder(parse(`${text}}`));
  return folder?.parentId === undefined ? undefined : folder;
}

function readThing(value: unknown, holds: ItemsFrame['holds'], listed: boolean): TreeObject | undefined {
  if (holds === 'folders' || listed) return readFolder(value);
  return holds === 'files' ? readFile(value) : readEither(value);
}
