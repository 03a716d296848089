/** Locks on documents, and the state in which a platform still moves what it was sent (NetExplorer's page: routes, objects). */
import { z } from 'zod';
import type { Answer } from '../common/delivery.js';
import { idOf, readBody, route, type Call, type PlatformRoute } from './call.js';
import { forbidden, json, lockedBy, nothing, notFound, Refusal } from './errors.js';
import { folderWith, may, need, sees, versionWith } from './rights.js';
import { shownList, shownLock } from './shown.js';
import { filesBelow, type FileNode } from './tree.js';

export const lockRoutes: readonly PlatformRoute[] = [
  route('lock', 'GET', '/api/lock/:id', 'files', readLock),
  route('take-lock', 'PUT', '/api/lock/:id', 'files', takeLock),
  route('release-lock', 'DELETE', '/api/lock/:id', 'files', releaseLock),
  route('locks', 'GET', '/api/locks', 'files', listLocks),
  route('locks', 'GET', '/api/locks/:id', 'files', listLocks),
];

/** Throws 423 where somebody else has locked the document, or its bytes are not in their place yet. */
export function mustBeFree({ world, user }: Call, file: FileNode): void {
  const { transferringMs, features } = world.switches.now;
  if (features.lock && file.lock !== undefined && file.lock.ownerId !== user.id && !file.lock.writeable) throw lockedBy(file.lock.owner);
  if (Date.now() < file.writtenAt + transferringMs) throw new Refusal(423, 'Ce fichier est en cours de transfert');
}

/** The same for a reader: a lock may forbid reading, too. */
export function mustBeReadable({ world, user }: Call, file: FileNode): void {
  const { transferringMs, features } = world.switches.now;
  const { lock } = file;
  if (features.lock && features.lock_read && lock !== undefined && lock.ownerId !== user.id && !lock.readable) throw lockedBy(lock.owner);
  if (Date.now() < file.writtenAt + transferringMs) throw new Refusal(423, 'Ce fichier est en cours de transfert');
}

function fileOf(call: Call): FileNode {
  if (!call.world.switches.now.features.lock) throw new Refusal(403, "Le verrouillage n'est pas activé sur cette plateforme");
  return versionWith(call, idOf(call)).file;
}

function readLock(call: Call): Answer {
  const file = fileOf(call);
  if (file.lock === undefined) throw notFound();
  return json(200, shownLock(call.world, file, file.lock));
}

const lockBody = z.object({ readable: z.boolean().optional(), writeable: z.boolean().optional() });

async function takeLock(call: Call): Promise<Answer> {
  const { world, user } = call;
  const file = fileOf(call);
  const { readable = true, writeable = false } = await readBody(call, lockBody);
  if (!may(user, 'write', file)) need(user, 'edit', file);
  if (file.lock !== undefined && file.lock.ownerId !== user.id) throw lockedBy(file.lock.owner);
  file.lock = { ownerId: user.id, owner: user.name, date: world.store.now(), readable, writeable };
  return json(200, shownLock(world, file, file.lock));
}

function releaseLock(call: Call): Answer {
  const file = fileOf(call);
  if (file.lock !== undefined && file.lock.ownerId !== call.user.id && !call.user.administrator) throw forbidden();
  file.lock = undefined;
  return nothing();
}

function listLocks(call: Call): Answer {
  const { world, user } = call;
  const { tree } = world.store;
  const folder = call.params['id'] === undefined ? tree.top : folderWith(call, idOf(call));
  const locked = [...filesBelow(folder)].filter((file) => sees(user, file));
  return json(200, shownList(world, locked.flatMap((file) => (file.lock === undefined ? [] : [shownLock(world, file, file.lock)]))));
}
