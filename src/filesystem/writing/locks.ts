/**
 * Locks on the platform: a file that a program has open for writing is locked there against other
 * users' changes, from the open to when its last writer has gone and all is sent. Between programs of
 * this machine the kernel's own locks (flock, fcntl) work, and have nothing to do with these.
 */
import { FsError, isErrno, toFsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import type { Location, Provider } from '../../providers/provider.js';
import type { LockRecord } from '../../storage/lock-records.js';
import type { Core } from '../core.js';
import { unsentVersion, type Inode } from '../inode.js';
import type { Knowledge } from '../knowledge.js';
import { SharedTask, untilAborted } from '../shared-task.js';
import type { Sender } from './sender.js';

/** How long giving one back may take, where nobody waits and where the mount ends. Milliseconds. */
const patience = 60_000;
const patienceAtTheEnd = 10_000;

/** One writer's share of a lock. */
export interface Lease {
  /** The writer has gone; the last one gives the lock back. Never throws. */
  end(): Promise<void>;
}

interface Held {
  /** Writers. */
  claims: number;
  /** The asking for it, whose result all writers share. */
  taking: SharedTask<void> | undefined;
  /** Where the platform has the lock, or may have: an answer can be lost. */
  where: Location | undefined;
  record: LockRecord | undefined;
  /** It is being given back. */
  ending: Promise<void> | undefined;
}

export class Locks {
  readonly #core: Core;
  readonly #knowledge: Knowledge;
  readonly #sender: Sender;
  readonly #held = new Map<Inode, Held>();
  /** The platform has said that it locks nothing. */
  #none = false;

  constructor(core: Core, knowledge: Knowledge, sender: Sender) {
    this.#core = core;
    this.#knowledge = knowledge;
    this.#sender = sender;
  }

  /**
   * Before a file is opened for writing: EBUSY where somebody else has it locked, who is named. Undefined
   * where there is nothing to give back. With `auto` what cannot be locked is written all the same.
   */
  async take(inode: Inode, signal: AbortSignal): Promise<Lease | undefined> {
    await this.mustBeFree(inode, signal);
    const { lockOnWrite } = this.#core.settings;
    if (lockOnWrite === 'off' || inode.entry.version === unsentVersion || inode.isDetached) return undefined;
    if (this.#none || this.#core.provider.lock === undefined) {
      if (lockOnWrite === 'on') throw new FsError('EOPNOTSUPP', `${inode.path} cannot be locked: this platform locks nothing; --lock-on-write auto goes on without`);
      return undefined;
    }
    const held = this.#held.get(inode) ?? { claims: 0, taking: undefined, where: undefined, record: undefined, ending: undefined };
    this.#held.set(inode, held);
    held.claims += 1;
    let out = true;
    const lease: Lease = {
      end: async () => {
        if (!out) return;
        out = false;
        await this.#leave(inode, held);
      },
    };
    try {
      await this.#ensure(inode, held, signal);
      return lease;
    } catch (thrown) {
      // Who was interrupted does not wait for it to be given back.
      void lease.end();
      throw thrown;
    }
  }

  /** EBUSY where a listing told that somebody else has it locked, and a look, where that is a while ago, still does. */
  async mustBeFree(inode: Inode, signal: AbortSignal): Promise<void> {
    if (holderOf(inode) === undefined || inode.draft?.dirty === true) return;
    if (inode.place !== undefined && performance.now() - inode.learnt > this.#core.settings.attrTtl) {
      const found = await this.#knowledge.look(inode.place.parent, inode.place.name, signal);
      if (found !== inode) {
        // The kernel looks the name up anew.
        if (found !== undefined) this.#core.table.dropIfUnused(found);
        throw new FsError('ESTALE', `${inode.path} was deleted or replaced on the platform`);
      }
    }
    const lockedBy = holderOf(inode);
    if (lockedBy === undefined) return;
    throw this.#refused(inode, new FsError('EBUSY', `${inode.path} is locked by ${lockedBy}`));
  }

  /** Before a file is deleted: a lock would stay on what is in a trash, or under a hidden name. */
  async giveUp(inode: Inode): Promise<void> {
    const held = this.#held.get(inode);
    if (held !== undefined) await this.#giveBack(inode, held, AbortSignal.timeout(patience));
  }

  /**
   * After a rename, before anything else may happen to either file. The lock of what was replaced is on what stands there now,
   * where the platform has made a new version of it: it goes, or becomes that of the file which was renamed and is open for writing itself.
   */
  async moved(inode: Inode, replaced: Inode | undefined): Promise<void> {
    const own = this.#held.get(inode);
    const others = replaced === undefined ? undefined : this.#held.get(replaced);
    if (others?.where !== undefined) {
      others.where = inode.isDetached ? others.where : this.#core.table.locate(inode);
      await this.#giveBack(inode, others, AbortSignal.timeout(patience));
    }
    // The last writer has gone, and waits to give it back where the file is now.
    if (own?.where === undefined || own.claims === 0 || inode.isDetached) return;
    const before = own.record;
    own.taking = new SharedTask((signal) => this.#lock(inode, own, signal));
    await own.taking.join(AbortSignal.timeout(patience)).catch((thrown: unknown) => {
      own.taking = undefined;
      this.#core.log.warn({ path: inode.path, err: thrown }, 'a file that is open for writing was renamed, and is not locked under its new name');
    });
    await before?.forget();
  }

  /** The mount ends: gives all back, as far as that goes. */
  async close(signal: AbortSignal): Promise<void> {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(patienceAtTheEnd)]);
    await Promise.all([...this.#held].map(([inode, held]) => this.#giveBack(inode, held, soon)));
    this.#held.clear();
  }

  async #ensure(inode: Inode, held: Held, signal: AbortSignal): Promise<void> {
    for (;;) {
      if (held.ending !== undefined) await untilAborted(held.ending, signal);
      else if (held.taking?.abandoned === true) {
        await untilAborted(held.taking.settled(), signal);
        held.taking = undefined;
      } else break;
    }
    held.taking ??= new SharedTask((own) => this.#lock(inode, held, own));
    await held.taking.join(signal);
  }

  async #lock(inode: Inode, held: Held, signal: AbortSignal): Promise<void> {
    const { provider, table, lockRecords, log, settings } = this.#core;
    const location = table.locate(inode);
    held.record = await lockRecords.keep({ path: location.path, ...(location.id === undefined ? {} : { id: location.id }) }).catch((thrown: unknown) => {
      log.warn({ path: inode.path, err: thrown }, 'a lock is not noted on this machine: should this mount die it stays on the platform');
      return undefined;
    });
    held.where = location;
    try {
      await provider.lock?.(location, signal);
    } catch (thrown) {
      const error = toFsError(thrown);
      const refused = error.errno === 'EBUSY' || error.errno === 'EOPNOTSUPP';
      if (refused) {
        held.where = undefined;
        await forget(held);
      }
      if (error.errno === 'EBUSY') throw this.#refused(inode, error);
      if (error.errno === 'EOPNOTSUPP') this.#none = true;
      if (signal.aborted || settings.lockOnWrite === 'on') throw error;
      if (!refused) log.warn({ path: inode.path, errno: error.errno, reason: error.message }, 'a file could not be locked on the platform, and is written without');
    }
  }

  async #leave(inode: Inode, held: Held): Promise<void> {
    held.claims -= 1;
    if (held.claims > 0) return;
    const ending = this.#giveBackQuietly(inode, held);
    held.ending = ending;
    await ending;
    if (held.ending === ending) held.ending = undefined;
    if (held.claims === 0 && this.#held.get(inode) === held) this.#held.delete(inode);
  }

  /** Gives it back while nobody renames the file: where a name leads elsewhere by then, the lock would stay. */
  async #giveBackQuietly(inode: Inode, held: Held): Promise<void> {
    const signal = AbortSignal.timeout(patience);
    await held.taking?.settled();
    if (held.where === undefined) return;
    const renaming = await this.#sender.whileQuiet([inode], signal, () => this.#giveBack(inode, held, signal)).then(() => undefined, toFsError);
    // It has waited for all its patience.
    if (renaming !== undefined) await this.#giveBack(inode, held, signal);
  }

  async #giveBack(inode: Inode, held: Held, signal: AbortSignal): Promise<void> {
    const { provider, table, log } = this.#core;
    // One that is still on its way would come behind what takes it away.
    if (held.taking !== undefined) await untilAborted(held.taking.settled(), signal).catch(() => undefined);
    const last = held.where;
    held.where = undefined;
    held.taking = undefined;
    if (last === undefined) return;
    const standing = (): Location => (inode.isDetached ? last : table.locate(inode));
    let where = standing();
    try {
      for (;;) {
        await provider.unlock?.(where, signal).catch((thrown: unknown) => {
          if (!isErrno(thrown, 'ENOENT')) throw thrown;
        });
        // A folder above it was renamed meanwhile: maybe nothing stood there any more.
        if (standing().path === where.path) break;
        where = standing();
      }
      await forget(held);
    } catch (thrown) {
      log.warn({ path: where.path, err: thrown }, 'a lock could not be given back to the platform; the next mount tries again');
    }
  }

  #refused(inode: Inode, error: FsError): FsError {
    this.#core.log.warn({ path: inode.path, lockedBy: inode.entry.lockedBy, reason: error.message }, 'somebody else has a file locked: it is not opened for writing');
    return error;
  }
}

/** Who else has it locked, by the last word on it. */
function holderOf(inode: Inode): string | undefined {
  return inode.entry.lockedBy;
}

async function forget(held: Held): Promise<void> {
  const { record } = held;
  held.record = undefined;
  await record?.forget();
}

/** At the start of a mount: gives back what mounts that died had locked. Never throws. */
export async function giveBackLeftLocks(provider: Provider, leftovers: readonly LockRecord[], log: Log, signal: AbortSignal): Promise<void> {
  for (const leftover of leftovers) {
    const { place } = leftover;
    try {
      await provider.unlock?.(place, signal).catch((thrown: unknown) => {
        if (!isErrno(thrown, 'ENOENT')) throw thrown;
      });
      await leftover.forget();
      log.info({ path: place.path }, 'a lock that a dead mount left was given back');
    } catch (thrown) {
      log.warn({ path: place.path, err: thrown }, 'a lock that a dead mount left could not be given back; the next mount tries again');
    }
  }
}
