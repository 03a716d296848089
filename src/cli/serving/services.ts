/**
 * What a running mount does on its platform for a command: versions, trash, links, history, recognition.
 * The drive shows what came of it at once, and nothing is done behind the back of an unsent change.
 */
import { FsError } from '../../errors.js';
import type { RemoteFileSystem } from '../../filesystem/remote-filesystem.js';
import { joinPath, parentOf } from '../../providers/paths.js';
import type { Links, Services } from '../../providers/services.js';
import type { Location } from '../../providers/provider.js';
import type { LinkKind, ServiceRequest } from '../control/services.js';

export interface ServedMount {
  readonly services: Services | undefined;
  readonly fileSystem: Pick<RemoteFileSystem, 'report' | 'refresh'>;
  readonly readOnly: boolean;
}

/** Does what was asked. Resolves to what the answer's schema in the protocol says. */
export async function runService(mount: ServedMount, request: ServiceRequest, onProgress: (words: string) => void, signal: AbortSignal): Promise<unknown> {
  const { fileSystem } = mount;
  const services = mount.services ?? {};
  switch (request.ask) {
    case 'versions':
      return offered(services.versions, 'versions').list(at(request.path), signal);
    case 'restore version': {
      const versions = offered(services.versions, 'versions');
      mustBeWritable(mount);
      mustBeSent(mount, request.path);
      await versions.restore(at(request.path), request.number, signal);
      await fileSystem.refresh(request.path);
      return null;
    }
    case 'trash':
      return offered(services.trash, 'trash').list(signal);
    case 'restore from trash': {
      const trash = offered(services.trash, 'trash');
      mustBeWritable(mount);
      const entry = await trash.restore(request.id, at(request.folder), signal);
      await fileSystem.refresh(request.folder);
      return joinPath(request.folder, entry.name);
    }
    case 'empty trash': {
      const trash = offered(services.trash, 'trash');
      mustBeWritable(mount);
      return trash.empty(signal);
    }
    case 'links':
      return linksOf(services, request.kind).list(request.path === undefined ? undefined : at(request.path), signal);
    case 'make link': {
      const { kind, path, expires, password, downloads } = request;
      const links = linksOf(services, kind);
      mustBeSent(mount, path);
      return links.make(at(path), { expires, password, downloads }, signal);
    }
    case 'remove link':
      await linksOf(services, request.kind).remove(request.id, signal);
      return null;
    case 'history':
      return offered(services.history, 'history').list(at(request.path), signal);
    case 'recognize': {
      const recognition = offered(services.recognition, 'recognition of text');
      mustBeWritable(mount);
      mustBeSent(mount, request.path);
      const name = await recognition.run(at(request.path), onProgress, signal);
      const folder = parentOf(request.path);
      await fileSystem.refresh(folder);
      return joinPath(folder, name);
    }
  }
}

const at = (path: string): Location => ({ path });

function linksOf(services: Services, kind: LinkKind): Links {
  return kind === 'share' ? offered(services.shareLinks, 'links') : offered(services.depositLinks, 'deposit links');
}

function offered<T>(service: T | undefined, what: string): T {
  if (service === undefined) throw new FsError('EOPNOTSUPP', `this platform has no ${what}`);
  return service;
}

function mustBeWritable({ readOnly }: ServedMount): void {
  if (readOnly) throw new FsError('EROFS', 'the drive is mounted read-only');
}

/** The platform must have what the person sees: else another content than his would be restored over, shared or read. */
function mustBeSent({ fileSystem }: ServedMount, path: string): void {
  const prefix = path === '/' ? '/' : `${path}/`;
  const unsent = fileSystem.report().files.find((file) => file.state !== 'sent' && (file.path === path || file.path.startsWith(prefix)));
  if (unsent !== undefined) throw new FsError('EBUSY', `${unsent.path} has changes that are not sent yet: close it in the program that writes it, and try again`);
}
