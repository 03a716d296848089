/** The first contact: signs in and looks whether the base is a folder, with sentences for the person who mounts. */
import { FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import type { Api, Call } from './api.js';
import type { Looker } from './looking.js';
import type { Rights } from './rights.js';
import { sightError } from './sight-error.js';

export class Connector {
  constructor(private readonly api: Api, private readonly looker: Looker, private readonly rights: Rights, private readonly log: Log) {}

  /**
   * EACCES: the sign-in is refused. ENOENT, ENOTDIR: the base. EIO: nobody, or
   * no SFTPGo, answers.
   */
  async connect(base: string, signal: AbortSignal): Promise<void> {
    // A listing's head alone: it tells whether there is a folder and whether it may be listed, without its entries.
    const outcome = await this.api.attempt(listHead('HEAD', base), signal);
    if ('done' in outcome && outcome.done.kind === 'answer') {
      await outcome.done.answer.discard();
      return;
    }
    // A HEAD has no words, and of a file not even an answer.
    const sight = await this.looker.look(base, signal);
    if (sight.kind === 'file') throw new FsError('ENOTDIR', `${base} is a file on the server, not a folder`);
    if (sight.kind === 'nothing') throw new FsError('ENOENT', `there is no folder ${base} on the server`);
    if (sight.kind === 'through a file') throw sightError(base, sight);
    const reply = await this.api.call(listHead('GET', base), signal);
    if (reply.kind === 'answer') {
      await reply.answer.body.return();
      return;
    }
    if (reply.kind === 'refused' && reply.lacks === 'right') {
      // Signed in, and not let in to look: a letter box, into which files can be put.
      this.rights.learn('list', base, reply.error, 'right');
      this.log.warn({ folder: base }, 'the server does not let this user list the folder: files can be put there, and only those put there by this mount are shown');
      return;
    }
    throw reply.error;
  }
}

function listHead(method: 'HEAD' | 'GET', path: string): Call {
  return { operation: 'list', method, route: '/user/dirs', path, accept: [200], idempotent: true };
}
