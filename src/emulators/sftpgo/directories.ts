/** Making and removing folders. Removing takes everything below, and takes a file, too (SFTPGo's page: directories). */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Answer } from '../common/delivery.js';
import { goQuote } from '../common/go-text.js';
import { denied, done, notFound, telling } from './errors.js';
import { statLink } from './home.js';
import { isTrue, type Session } from './session.js';
import type { User } from './users.js';

export async function makeFolder(session: Session): Promise<Answer> {
  const { user, path } = session;
  await telling(`Unable to create directory ${goQuote(path)}`, async () => {
    if (isTrue(session, 'mkdir_parents')) await makeParents(user, posix.dirname(path));
    user.needFor('create_dirs', path);
    await mkdir(await user.home.resolve(path), 0o755);
  });
  return done(201, `Directory ${goQuote(path)} created`);
}

/** Makes a folder and those above it that are missing. */
export async function makeParents(user: User, folder: string): Promise<void> {
  const place = await user.home.resolve(folder);
  if ((await statLink(place)) !== undefined) return;
  await makeParents(user, posix.dirname(folder));
  user.needFor('create_dirs', folder);
  await mkdir(place, 0o755);
}

export async function removeFolder(session: Session): Promise<Answer> {
  const { user, path } = session;
  await telling(`Unable to delete directory ${goQuote(path)}`, async () => {
    if (path === '/') throw denied();
    const place = await user.home.resolve(path);
    const stats = await statLink(place);
    if (stats === undefined) throw notFound();
    user.needFor('delete', path);
    if (stats.isDirectory()) user.need('delete', path);
    const bytes = user.quotaBytes === 0 ? 0 : await bytesBelow(place);
    await rm(place, { recursive: true });
    user.use(-bytes);
  });
  return done(200, `Directory ${goQuote(path)} deleted`);
}

/** Bytes of the files at and below a place, links not followed. */
async function bytesBelow(place: string): Promise<number> {
  const stats = await statLink(place);
  if (stats?.isFile() === true) return Number(stats.size);
  if (stats?.isDirectory() !== true) return 0;
  let bytes = 0;
  for (const entry of await readdir(place, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
