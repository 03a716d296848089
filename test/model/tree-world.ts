/**
 * A drive whose platform fails at random, the programs that have files open on it, and the model of what
 * must come of what they do: what those who do it share.
 */
import { FsError, type Errno } from '../../src/errors.js';
import type { OpenFlags } from '../../src/filesystem/filesystem.js';
import { elapse, errnoOf, type Mount, type OpenedFile } from '../filesystem/harness.js';
import type { MemoryProvider, Member, Stage } from '../support/memory-provider.js';
import type { Random } from '../support/random.js';
import { TreeModel, type ModelFile } from './tree-model.js';

/** What a platform refuses with when it is made to fail. */
export const errnos = ['EIO', 'EACCES', 'EDQUOT', 'ETIMEDOUT'] as const;

export interface Handle {
  readonly file: ModelFile;
  readonly opened: OpenedFile;
  readonly flags: OpenFlags;
  /** Bytes were read through it. */
  delivered: boolean;
  /** What there was before a change came that was not acknowledged: what is cached is that still. */
  older: Buffer | undefined;
  /** Which of the two it has read: it must not read the other. */
  bound: 'older' | 'newer' | undefined;
}

/** What is made to fail, once, in the operation that is about to be tried. */
interface Fault {
  readonly member: Member;
  readonly stage: Stage;
  readonly errno: Errno;
  struck: boolean;
}

export class World {
  readonly model = new TreeModel();
  readonly handles: Handle[] = [];
  readonly log: string[] = [];
  /** What was given up, by path. */
  readonly lost: { readonly path: string; readonly content: Buffer }[] = [];
  fault: Fault | undefined;
  strikes = 0;
  /** Copies that were taken. */
  copies = 0;

  constructor(public m: Mount, readonly platform: MemoryProvider, readonly chance: Random) {
    platform.hook = (call) => {
      // Whatever arrives under a name is, to the last byte, what programs have made of that file.
      if ((call.member === 'write' || call.member === 'copy') && call.stage === 'end') this.checkArrival(call.to ?? call.path);
      const { fault } = this;
      if (fault === undefined || fault.struck || call.member !== fault.member || call.stage !== fault.stage) return;
      fault.struck = true;
      this.strikes += 1;
      throw new FsError(fault.errno, `${call.member} made to fail at its ${call.stage}`, { retryable: fault.errno === 'EIO' });
    };
  }

  private checkArrival(path: string): void {
    const file = this.model.files.get(path);
    const arrived = this.platform.get(path);
    if (file === undefined || arrived === undefined || !file.content.equals(arrived)) throw new Error(`what arrived at ${path} is nobody's content`);
  }

  pass(time: string): void {
    elapse(Number(time));
    this.log.push(`wait ${time}`);
  }

  /** Tries it; an error must be the fault's, or be expected. Returns the errno, or undefined. */
  async attempt(what: string, work: () => Promise<unknown>, expected: readonly string[] = []): Promise<string | undefined> {
    const fault = this.fault === undefined ? '' : ` [${this.fault.member}/${this.fault.stage}]`;
    const errno = await errnoOf(work());
    this.log.push(`${what}${fault}: ${errno}`);
    if (errno === 'none') return undefined;
    if (this.fault?.struck !== true && !expected.includes(errno)) throw new Error(`${what} failed: ${errno}`);
    return errno;
  }

  anyPath(): string {
    const folder = this.chance.pick([...this.model.folders]);
    return `${folder}/${this.chance.pick(['a', 'b', 'c', 'd'])}`;
  }

  /** What the platform has, which must be one of these. */
  heldNow(path: string, allowed: readonly Buffer[]): Buffer {
    const now = this.platform.get(path);
    const held = allowed.find((content) => now !== undefined && content.equals(now));
    if (held === undefined) throw new Error(`the platform has neither the old nor the new content of ${path}`);
    return held;
  }

  name(file: ModelFile): string {
    return this.model.pathOf(file) ?? `(${file.nameless})`;
  }
}
