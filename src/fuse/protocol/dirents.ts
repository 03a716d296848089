/**
 * READDIR's and READDIRPLUS's records, packed into the room that the kernel gave. An entry that does
 * not fit is not looked up, for each lookup that is told counts, and the kernel would never forget it.
 */
import type { DirectoryEntry, EntryReply } from '../../filesystem/filesystem.js';
import { modeType } from './flags.js';
import { maxRequest } from './init.js';
import { entrySize, writeEntry } from './replies.js';
import { isEntryName, nameMax, writeU64 } from './wire.js';

const recordSize = 24;

/** Records of 8-byte units. */
function padded(size: number): number {
  return (size + 7) & ~7;
}

/** READDIR's body: as many entries as fit into `room` bytes. */
export function packEntries(entries: Iterable<DirectoryEntry>, room: number): Buffer {
  return pack(entries, room, 0, () => undefined);
}

/** READDIRPLUS's body, and the nodes whose lookup count it raises. */
export interface PackedPlus {
  readonly bytes: Buffer;
  readonly counted: readonly number[];
}

/** Packs entries with what a lookup of each says. An entry for which `lookup` says nothing goes without. */
export function packEntriesPlus(
  entries: Iterable<DirectoryEntry>, room: number, lookup: (entry: DirectoryEntry) => EntryReply | undefined,
): PackedPlus {
  const counted: number[] = [];
  const bytes = pack(entries, room, entrySize, (entry, into, at) => {
    const found = isDot(entry.name) ? undefined : lookup(entry);
    if (found === undefined) {
      into.fill(0, at, at + entrySize);
    } else {
      counted.push(found.node);
      writeEntry(into, found, at);
    }
  });
  return { bytes, counted };
}

function pack(
  entries: Iterable<DirectoryEntry>, room: number, prefix: number,
  writePrefix: (entry: DirectoryEntry, into: Buffer, at: number) => void,
): Buffer {
  const bytes = Buffer.allocUnsafe(Math.min(room, maxRequest));
  let at = 0;
  for (const entry of entries) {
    const nameSize = Buffer.byteLength(entry.name);
    // One such name would make the kernel refuse the whole folder.
    if (nameSize > nameMax || !(isEntryName(entry.name) || isDot(entry.name))) continue;
    const next = at + padded(prefix + recordSize + nameSize);
    if (next > bytes.length) break;
    writePrefix(entry, bytes, at);
    const record = at + prefix;
    bytes.writeBigUInt64LE(BigInt.asUintN(64, entry.ino), record);
    writeU64(bytes, entry.cookie, record + 8);
    bytes.writeUInt32LE(nameSize, record + 16);
    bytes.writeUInt32LE((entry.kind === 'folder' ? modeType.FOLDER : modeType.FILE) >>> 12, record + 20);
    bytes.write(entry.name, record + recordSize, 'utf8');
    bytes.fill(0, record + recordSize + nameSize, next);
    at = next;
  }
  return bytes.subarray(0, at);
}

function isDot(name: string): boolean {
  return name === '.' || name === '..';
}
