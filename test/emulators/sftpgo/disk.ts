/** The server's disk in a replay: what was there before, and what is there after, in the record's form. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, lutimes, mkdir, readFile, readdir, readlink, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { pattern, type Given } from './record.js';

type OnDisk = Exclude<Given, { op: 'note' } | { op: 'request' }>;

/** Puts one thing on the disk. A socket lives as long as the server that is returned. */
export async function put(home: string, thing: OnDisk): Promise<Server | undefined> {
  const place = placeOf(home, thing.path);
  let socket: Server | undefined;
  switch (thing.op) {
    case 'write':
      await writeFile(place, contentOf(thing));
      await chmod(place, 0o644);
      break;
    case 'mkdir':
      await mkdir(place, { recursive: true });
      break;
    case 'symlink':
      await symlink(thing.target, place);
      break;
    case 'mkfifo':
      execFileSync('mkfifo', ['-m', '644', place.toString()]);
      break;
    case 'unix socket':
      socket = createServer().listen(place.toString());
      await once(socket, 'listening');
      break;
  }
  if ('mode' in thing && thing.mode !== undefined) await chmod(place, Number(thing.mode));
  if (thing.mtime_ms !== undefined) {
    const time = new Date(thing.mtime_ms);
    await (thing.op === 'symlink' ? lutimes(place, time, time) : utimes(place, time, time));
  }
  return socket;
}

function placeOf(home: string, path: OnDisk['path']): Buffer {
  const bytes = typeof path === 'string' ? Buffer.from(path) : Buffer.from(path.base64, 'base64');
  return Buffer.concat([Buffer.from(home), bytes]);
}

function contentOf({ content, size }: Extract<OnDisk, { op: 'write' }>): Buffer | string {
  if (size === undefined) return content ?? '';
  return content === undefined ? pattern(size) : unpackable(size);
}

/** Bytes that do not pack: the SHA-256 of the 32-bit numbers 0, 1, 2, ... one after the other. */
function unpackable(size: number): Buffer {
  const pieces: Buffer[] = [];
  for (let index = 0; index * 32 < size; index += 1) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(index);
    pieces.push(createHash('sha256').update(number).digest());
  }
  return Buffer.concat(pieces).subarray(0, size);
}

/** What is in a folder, sorted by path, with the bytes of each file. */
export async function found(folder: string): Promise<{ shown: Record<string, unknown>; content: Buffer | undefined }[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const all: { shown: Record<string, unknown>; content: Buffer | undefined }[] = [];
  for (const path of names.sort()) {
    const place = join(folder, path);
    const stats = await lstat(place, { bigint: true });
    const mtime_ms = Math.floor(Number(stats.mtimeNs / 1000n) / 1000);
    if (stats.isSymbolicLink()) {
      all.push({ shown: { path, type: 'symlink', target: await readlink(place) }, content: undefined });
    } else if (stats.isDirectory()) {
      all.push({ shown: { path, type: 'dir', mtime_ms }, content: undefined });
    } else {
      const mode = `0o${(Number(stats.mode) & 0o7777).toString(8)}`;
      all.push({ shown: { path, type: 'file', mode, mtime_ms }, content: await readFile(place) });
    }
  }
  return all;
}
