/** Deleting one file, moving, copying, setting a time: what changes files without their bytes passing the wire. */
import { mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { z } from 'zod';
import type { Answer } from '../common/delivery.js';
import { goQuote } from '../common/go-text.js';
import { makeParents } from './directories.js';
import { denied, done, noSpace, notFound, Refusal, telling, unsupported } from './errors.js';
import { cleanPath, statLink } from './home.js';
import { jsonBody } from './json-body.js';
import { copyContent } from './sparse-copy.js';
import { fromTo, type Session } from './session.js';
import { setTime } from './times.js';
import type { User } from './users.js';

export async function deleteFile(session: Session): Promise<Answer> {
  const { user, path } = session;
  await telling(`Unable to delete file ${goQuote(path)}`, async () => {
    const place = await user.home.resolve(path);
    const stats = await statLink(place);
    if (stats === undefined) throw notFound();
    if (stats.isDirectory()) throw new Refusal(400, `Unable delete ${goQuote(path)}, it is not a file/symlink`);
    user.needFor('delete', path);
    await unlink(place);
    if (stats.isFile()) user.use(-Number(stats.size));
  });
  return done(200, `File ${goQuote(path)} deleted`);
}

/** Moves a file, a link itself, or a folder; a file at the target is replaced (SFTPGo's page: files). */
export async function move(session: Session): Promise<Answer> {
  const { user, path } = session;
  const { target, text } = fromTo(session);
  await telling(`Unable to rename ${text}`, async () => {
    if (path === target) throw unsupported('the rename source and target cannot be the same');
    const from = await user.home.resolve(path);
    const to = await user.home.resolve(target);
    const source = await statLink(from);
    if (source === undefined) throw notFound();
    if (path === '/' || target === '/') throw denied();
    user.needFor('rename', path);
    user.needFor('rename', target);
    const old = await statLink(to);
    if (old?.isDirectory() === true) throw unsupported();
    if (old !== undefined) user.needFor('overwrite', target);
    if (source.isDirectory() && isBelow(target, path)) throw unsupported(`nested rename ${text} is not supported`);
    await rename(from, to);
    if (old?.isFile() === true) user.use(-Number(old.size));
  });
  return done(200, `${goQuote(path)} renamed to ${goQuote(target)}`);
}

/** Copies a file or all of a folder but its links; the copies' times are now (SFTPGo's page: files). */
export async function copy(session: Session): Promise<Answer> {
  const { user, path, query } = session;
  const { target, text } = fromTo(session);
  await telling(`Unable to copy ${text}`, async () => {
    if (path === target) throw unsupported('the copy source and target cannot be the same');
    const from = await user.home.resolve(path);
    const source = await statLink(from);
    if (source === undefined) throw notFound();
    if (source.isSymbolicLink()) throw unsupported('copying symlinks is not supported');
    const old = await statLink(await user.home.resolve(target));
    const goesInto = old?.isDirectory() === true || /[/\\]$/u.test(query.get('target') ?? '');
    const final = goesInto ? posix.join(target, posix.basename(path)) : target;
    if (source.isDirectory() && isBelow(final, path)) throw unsupported(`nested copy ${text} is not supported`);
    user.needFor('copy', path);
    user.needFor('copy', final);
    await makeParents(user, posix.dirname(final));
    await copyTree(user, from, final);
  });
  return done(200, `${goQuote(path)} copied to ${goQuote(target)}`);
}

async function copyTree(user: User, from: string, target: string): Promise<void> {
  const source = await statLink(from);
  const to = await user.home.resolve(target);
  const old = await statLink(to);
  if (source?.isDirectory() === true) {
    if (old !== undefined && !old.isDirectory()) throw unsupported(`cannot overwrite file ${goQuote(target)} with a dir`);
    if (old === undefined) {
      user.needFor('create_dirs', target);
      await mkdir(to, 0o755);
    }
    for (const name of await readdir(from)) await copyTree(user, join(from, name), posix.join(target, name));
    return;
  }
  if (source?.isFile() !== true) return;
  if (old?.isDirectory() === true) throw unsupported(`cannot overwrite dir ${goQuote(target)} with a file`);
  user.needFor(old === undefined ? 'upload' : 'overwrite', target);
  const bytes = Number(source.size) - (old?.isFile() === true ? Number(old.size) : 0);
  if (user.roomBytes <= 0 || bytes > user.roomBytes) throw noSpace();
  await copyContent(from, to);
  user.use(bytes);
}

/** Sets the time of a file, of a folder, or of what a link leads to. */
export async function setMetadata(session: Session): Promise<Answer> {
  const { user, path, query } = session;
  const time = milliseconds(await jsonBody(session));
  if (time === undefined || (query.get('path') ?? '') === '') {
    throw new Refusal(400, '', 'please set a modification_time and a path');
  }
  await telling(`Unable to set metadata for path ${goQuote(path)}`, async () => {
    user.needFor('chtimes', path);
    const place = await user.home.resolve(path);
    await stat(place);
    await setTime(place, time);
  });
  return done(200, 'OK');
}

/** The time in the body, which Go reads as a map of whole numbers; undefined where it has none. */
function milliseconds(body: unknown): number | undefined {
  const map = z.record(z.string(), z.unknown()).safeParse(body);
  if (!map.success) throw new Refusal(400, '', `json: cannot unmarshal ${goKind(body)} into Go value of type map[string]int64`);
  for (const value of Object.values(map.data)) {
    if (value === null || Number.isInteger(value)) continue;
    throw new Refusal(400, '', `json: cannot unmarshal ${goKind(value)} into Go value of type int64`);
  }
  const time = map.data['modification_time'];
  return typeof time === 'number' ? time : undefined;
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return `number ${value}`;
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** Whether a path lies below a folder. */
function isBelow(path: string, folder: string): boolean {
  return cleanPath(path).startsWith(folder === '/' ? '/' : `${folder}/`);
}
