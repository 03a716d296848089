/**
 * Many files and folders in one answer, the one way to read that GEREDIS documents: a zip with names from the home's
 * root. Links are left out in silence, and a path that is missing breaks the answer off (SFTPGo's page: files).
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { z } from 'zod';
import { ConnectionBroken } from '../common/broken.js';
import type { Answer } from '../common/delivery.js';
import { headerText } from '../common/go-text.js';
import { denied, notFound, Refusal, storageError } from './errors.js';
import { cleanPath, statLink } from './home.js';
import { jsonBody } from './json-body.js';
import type { Session } from './session.js';
import { wholeSeconds } from './times.js';
import type { User } from './users.js';
import { zip, type ZipEntry } from './zip.js';

export async function streamZip(session: Session): Promise<Answer> {
  const wanted = z.array(z.string()).safeParse(await jsonBody(session));
  if (!wanted.success) throw new Refusal(400, '', 'json: cannot unmarshal into Go value of type []string');
  const paths = [...new Set(wanted.data.map(cleanPath))];
  return {
    status: 200,
    headers: {
      'Accept-Ranges': 'none',
      'Content-Disposition': headerText(`attachment; filename="${archiveName(session.user.name, paths)}"`),
      'Content-Transfer-Encoding': 'binary',
      'Content-Type': 'application/zip',
    },
    body: breakingOff(zip(entries(session.user, paths))),
  };
}

function archiveName(user: string, paths: readonly string[]): string {
  const [only, ...others] = paths;
  if (only === undefined || others.length > 0) return `${user}-download.zip`;
  return `${user}-${posix.parse(only).name}.zip`;
}

async function* entries(user: User, paths: readonly string[]): AsyncGenerator<ZipEntry> {
  for (const path of paths) {
    if (!user.may('list', posix.dirname(path))) throw denied();
    const place = await user.home.resolve(path);
    const stats = await statLink(place);
    if (stats === undefined) throw notFound();
    const name = path.slice(1);
    const modifiedS = wholeSeconds(stats.mtimeNs);
    if (stats.isDirectory()) {
      user.need('list', path);
      if (name !== '') yield { name: `${name}/`, modifiedS, content: undefined };
      yield* entries(user, (await readdir(place)).map((child) => posix.join(path, child)));
    } else if (stats.isFile()) {
      user.needFor('download', path);
      yield { name, modifiedS, content: createReadStream(place, { highWaterMark: 1 << 18 }) };
    }
  }
}

/** What goes wrong inside a zip cannot be told any more: the connection breaks. */
async function* breakingOff(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* bytes;
  } catch (error) {
    const said = storageError(error);
    throw said === undefined ? error : new ConnectionBroken(said.message);
  }
}
