/**
 * Programs that do at random what programs do, on a drive whose platform fails at random, and know from
 * a model what must come of it: nothing half, nothing acknowledged that is not there, nothing shown
 * that is not so.
 */
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { z } from 'zod';
import { FsError, type Errno } from '../../src/errors.js';
import type { OpenFlags } from '../../src/filesystem/filesystem.js';
import { elapse, emptying, errnoOf, forReading, someone, type Mount, type OpenedFile } from '../filesystem/harness.js';
import type { MemoryProvider, Member, Stage } from '../support/memory-provider.js';
import type { Random } from '../support/random.js';
import { changed, TreeModel, type ModelFile } from './tree-model.js';

const errnos = ['EIO', 'EACCES', 'EDQUOT', 'ETIMEDOUT'] as const;

const noteSchema = z.object({ missing: z.array(z.tuple([z.number(), z.number()])) });

interface Handle {
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

const stages: Partial<Record<Member, readonly Stage[]>> = {
  list: ['start', 'chunk', 'end'], stat: ['start', 'end'], read: ['start', 'chunk'], write: ['start', 'chunk', 'commit', 'end'],
  createFolder: ['start', 'end'], copy: ['start', 'commit', 'end'],
  removeFile: ['start', 'end'], removeFolder: ['start', 'end'], move: ['start', 'end'], park: ['start'],
};

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

  /** One operation. */
  async step(): Promise<void> {
    const { chance } = this;
    this.fault = undefined;
    if (chance.chance(0.5)) {
      const members = Object.keys(stages).filter(isMember);
      const member = chance.pick([...members, 'write', 'write', 'write', 'move', 'list'] as const);
      this.fault = { member, stage: chance.pick(stages[member] ?? ['start']), errno: chance.pick(errnos), struck: false };
    }
    const kind = chance.below(100);
    const handle = this.handles.length === 0 ? undefined : chance.pick(this.handles);
    if (kind < 18 && this.handles.length < 8) await this.open();
    else if (kind < 32 && handle !== undefined) await this.write(handle);
    else if (kind < 42 && handle !== undefined) await this.read(handle);
    else if (kind < 47 && handle !== undefined) await this.flush(handle);
    else if (kind < 50 && handle !== undefined) await this.fsync(handle);
    else if (kind < 54 && this.handles.length < 8) await this.copy();
    else if (kind < 63 && handle !== undefined) await this.close(handle);
    else if (kind < 67 && handle !== undefined) await this.cut(handle);
    else if (kind < 70) await this.cutByPath();
    else if (kind < 76) await this.unlink();
    else if (kind < 84) await this.rename();
    else if (kind < 88) await this.mkdir();
    else if (kind < 91) await this.rmdir();
    else if (kind < 94) this.pass(`${chance.below(15_000)}`);
    else if (kind < 96) await this.remount();
    else await this.compare(chance.pick([...this.model.folders]));
    if (this.fault?.struck !== true) return;
    for (const file of [...this.model.files.values(), ...this.handles.map((each) => each.file)]) if (file.borrowed) file.doubtful = true;
  }

  private pass(time: string): void {
    elapse(Number(time));
    this.log.push(`wait ${time}`);
  }

  /** Tries it; an error must be the fault's, or be expected. Returns the errno, or undefined. */
  private async attempt(what: string, work: () => Promise<unknown>, expected: readonly string[] = []): Promise<string | undefined> {
    const fault = this.fault === undefined ? '' : ` [${this.fault.member}/${this.fault.stage}]`;
    const errno = await errnoOf(work());
    this.log.push(`${what}${fault}: ${errno}`);
    if (errno === 'none') return undefined;
    if (this.fault?.struck !== true && !expected.includes(errno)) throw new Error(`${what} failed: ${errno}`);
    return errno;
  }

  private anyPath(): string {
    const folder = this.chance.pick([...this.model.folders]);
    return `${folder}/${this.chance.pick(['a', 'b', 'c', 'd'])}`;
  }

  private async open(): Promise<void> {
    const { chance, model } = this;
    const path = this.anyPath();
    if (model.folders.has(path)) return;
    const write = chance.chance(0.7);
    const truncate = write && chance.chance(0.3);
    const flags = { read: !write || chance.chance(0.7), write, truncate, append: write && !truncate && chance.chance(0.2), exclusive: write && chance.chance(0.1) };
    if (!write && !model.files.has(path)) {
      if (await this.attempt(`open ${path}`, () => this.m.open(path, forReading), ['ENOENT']) === undefined) throw new Error(`${path} is there`);
      return;
    }
    let opened: OpenedFile | undefined;
    const errno = await this.attempt(`open ${path} ${flagsText(flags)}`, async () => {
      if (flags.exclusive && model.files.has(path)) {
        // The kernel answers O_EXCL itself where it knows the name.
        const { parent, name } = await this.m.split(path);
        await this.m.fs.create(parent, name, flags, 0o644, someone);
        throw new Error('O_EXCL has opened what exists');
      }
      opened = await this.m.open(path, flags, { create: true });
    }, ['EEXIST']);
    if (errno !== undefined || opened === undefined) return;
    const file = model.files.get(path) ?? model.create(path);
    if (truncate) {
      file.due = false;
      changed(file, Buffer.alloc(0), false);
    }
    file.handles += 1;
    if (write) file.writers += 1;
    this.handles.push({ file, opened, flags, delivered: false, older: undefined, bound: undefined });
  }

  private async write({ file, opened, flags }: Handle): Promise<void> {
    if (!flags.write) return;
    const { chance } = this;
    const bytes = Buffer.alloc(1 + chance.below(chance.chance(0.1) ? 300_000 : 2000), 1 + chance.below(255));
    const offset = flags.append ? file.content.length : chance.below(file.content.length + 500);
    const errno = await this.attempt(`write ${this.name(file)} ${offset}+${bytes.length}`, () => this.m.write(opened, offset, bytes), file.stale ? ['ESTALE'] : []);
    if (errno !== undefined) return;
    const content = Buffer.alloc(Math.max(file.content.length, offset + bytes.length));
    file.content.copy(content);
    bytes.copy(content, offset);
    changed(file, content, true);
  }

  /** `cp` within the drive, as far as its close: what is not taken for a copy is read and written, which is tried elsewhere. */
  private async copy(): Promise<void> {
    const { chance, model } = this;
    const target = this.anyPath();
    const [path, source] = chance.pick([...model.files, ['', undefined]] as const);
    if (source === undefined || source.stale || source.content.length === 0 || path === target || model.folders.has(target)) return;
    let from: OpenedFile | undefined;
    await this.attempt(`open ${path} to copy`, async () => { from = await this.m.open(path, forReading); }, this.untold(source));
    const opened = from;
    if (opened === undefined) return;
    let to: OpenedFile | undefined;
    await this.attempt(`open ${target} to copy into`, async () => { to = await this.m.open(target, emptying, { create: true }); }, this.untold(model.files.get(target) ?? source));
    if (to !== undefined) {
      const file = model.files.get(target) ?? model.create(target);
      file.due = false;
      changed(file, Buffer.alloc(0), false);
      Object.assign(file, { borrowed: false, doubtful: false });
      file.handles += 1;
      file.writers += 1;
      const handle: Handle = { file, opened: to, flags: emptying, delivered: false, older: undefined, bound: undefined };
      this.handles.push(handle);
      const length = chance.chance(0.8) ? source.content.length : 1 + chance.below(source.content.length);
      const errno = await this.attempt(`copy ${path} ${target} ${length}`, () => this.m.copyRange(opened, handle.opened, length), ['EOPNOTSUPP', ...(file.stale ? ['ESTALE'] : [])]);
      if (errno === undefined) {
        changed(file, Buffer.from(source.content.subarray(0, length)), true);
        file.borrowed = true;
        this.copies += 1;
      }
    }
    await this.attempt(`close ${path}`, () => this.m.close(opened), this.untold(source));
  }

  private async read(handle: Handle): Promise<void> {
    const { file, opened, flags, older, bound } = handle;
    if (!flags.read) return;
    const offset = this.chance.below(file.content.length + 10);
    const length = 1 + this.chance.below(50_000);
    let bytes: Buffer | undefined;
    // Of a replaced file only what is cached or staged is left.
    const gone = file.stale || file.doubtful || file.nameless === 'replaced' ? ['ESTALE'] : [];
    const errno = await this.attempt(`read ${this.name(file)} ${offset}+${length}`, async () => { bytes = await this.m.read(opened, offset, length); }, gone);
    const given = bytes;
    if (errno !== undefined || given === undefined) return;
    const is = (content: Buffer | undefined): boolean => content?.subarray(offset, offset + length).equals(given) === true;
    if (given.length > 0) handle.delivered = true;
    const seen = { older: is(older), newer: is(file.content) };
    if (seen.older !== seen.newer) {
      handle.bound = seen.older ? 'older' : 'newer';
      if (bound !== undefined && bound !== handle.bound) throw new Error(`${this.name(file)}: ${handle.bound} bytes behind ${bound} ones`);
    }
    if (!seen.older && !seen.newer) throw new Error(`${this.name(file)}: other bytes at ${offset}`);
  }

  private async cut({ file, opened, flags }: Handle): Promise<void> {
    if (!flags.write) return;
    const size = this.chance.below(file.content.length + 1000);
    const errno = await this.attempt(`ftruncate ${this.name(file)} ${size}`, () => this.m.fs.setattr(opened.node, { size }, opened.handle, someone), file.stale ? ['ESTALE'] : []);
    if (errno === undefined) changed(file, resized(file.content, size), true);
  }

  private async cutByPath(): Promise<void> {
    const path = this.anyPath();
    const file = this.model.files.get(path);
    if (file === undefined) return;
    const size = this.chance.below(file.content.length + 1000);
    const after = resized(file.content, size);
    if (file.writers > 0) {
      if (await this.attempt(`truncate ${path} ${size}`, () => this.m.set(path, { size })) === undefined) changed(file, after, true);
      return;
    }
    const before = file.content;
    file.content = after;
    const errno = await this.attempt(`truncate ${path} ${size}`, () => this.m.set(path, { size }));
    file.held = this.heldNow(path, [before, after]);
    if (errno === undefined && !file.held.equals(after)) throw new Error(`truncate of ${path} said yes`);
    file.content = file.held;
    if (errno === undefined) return;
    file.stale = true;
    for (const handle of this.handles) {
      if (handle.file === file) Object.assign(handle, { older: before, bound: handle.delivered ? 'older' : undefined });
    }
  }

  private async flush({ file, opened, flags }: Handle): Promise<void> {
    const before = this.platform.calls.write;
    const sends = flags.write && file.due && file.nameless === 'no';
    const errno = await this.attempt(`flush ${this.name(file)}`, () => this.m.flush(opened), this.untold(file));
    if (!sends && this.platform.calls.write > before) throw new Error('a FLUSH has sent what nobody wrote');
    if (sends) this.sent(file, errno);
  }

  private async fsync({ file, opened }: Handle): Promise<void> {
    const sends = file.dirty && file.nameless === 'no';
    const errno = await this.attempt(`fsync ${this.name(file)}`, () => this.m.fsync(opened), this.untold(file));
    if (sends) this.sent(file, errno);
  }

  /** What is told once of a RELEASE that failed. */
  private untold(file: ModelFile): readonly string[] {
    const expected = [...(file.untold ? errnos : []), ...(file.doubtful ? ['ESTALE'] : [])];
    file.untold = false;
    return expected;
  }

  /** After an upload was tried: what was acknowledged is there, and what was not is whole, old or new. */
  private sent(file: ModelFile, errno: string | undefined): void {
    const path = this.model.pathOf(file);
    if (path === undefined) throw new Error('a file without a name was sent');
    if (errno === undefined) {
      file.held = this.heldNow(path, [file.content]);
      Object.assign(file, { dirty: false, due: false, borrowed: false, doubtful: false });
      return;
    }
    file.told = true;
    const now = this.platform.get(path);
    if (now !== undefined || file.held !== undefined) file.held = this.heldNow(path, [file.content, ...(file.held === undefined ? [] : [file.held])]);
  }

  /** What the platform has, which must be one of these. */
  private heldNow(path: string, allowed: readonly Buffer[]): Buffer {
    const now = this.platform.get(path);
    const held = allowed.find((content) => now !== undefined && content.equals(now));
    if (held === undefined) throw new Error(`the platform has neither the old nor the new content of ${path}`);
    return held;
  }

  private async close(handle: Handle): Promise<void> {
    await this.flush(handle);
    this.handles.splice(this.handles.indexOf(handle), 1);
    const { file, opened, flags } = handle;
    file.handles -= 1;
    if (flags.write) file.writers -= 1;
    const last = flags.write && file.writers === 0 && file.dirty && file.nameless === 'no';
    const errno = await this.attempt(`release ${this.name(file)}`, () => this.m.release(opened));
    if (errno !== undefined) throw new Error('RELEASE tells no errors');
    if (!last) return;
    const path = this.model.pathOf(file) ?? '';
    const arrived = this.platform.get(path);
    const came = arrived !== undefined && file.content.equals(arrived);
    if (!file.told && this.fault?.struck !== true) {
      if (!came) throw new Error(`${path} was not sent at RELEASE`);
      this.sent(file, undefined);
      return;
    }
    if (!file.told) await this.hearUntold(path, opened);
    this.giveUp(path, file);
  }

  /** An error at RELEASE is told by the next OPEN, if the file still has its name. */
  private async hearUntold(path: string, opened: OpenedFile): Promise<void> {
    if (this.platform.get(path) === undefined) {
      const file = this.model.files.get(path);
      if (file !== undefined) file.untold = true;
      return;
    }
    const fault = this.fault;
    this.fault = undefined;
    const errno = await errnoOf(this.m.fs.open(opened.node, forReading, someone).then((reply) => this.m.close({ node: opened.node, ...reply })));
    this.log.push(`open to hear of it: ${errno}`);
    this.fault = fault;
  }

  /** The close has failed: the drive shows what the platform has, and the content is kept. */
  private giveUp(path: string, file: ModelFile): void {
    this.lost.push({ path, content: file.content });
    const now = this.platform.get(path);
    file.dirty = false;
    file.due = false;
    file.told = false;
    file.stale = true;
    if (now === undefined) {
      this.model.files.delete(path);
      file.nameless = 'removed';
      return;
    }
    file.held = this.heldNow(path, [file.content, ...(file.held === undefined ? [] : [file.held])]);
    // Who has read of what was given up is refused; who has not, or opens it anew, reads this.
    for (const handle of this.handles) if (handle.file === file) Object.assign(handle, { older: file.held, bound: undefined });
    const fresh = this.model.create(path);
    Object.assign(fresh, { content: file.held, held: file.held, dirty: false });
    file.nameless = 'replaced';
  }

  private async unlink(): Promise<void> {
    const path = this.anyPath();
    const file = this.model.files.get(path);
    // A lost answer leaves open handles in doubt: not tried with them.
    if (file === undefined || (file.handles > 0 && this.fault?.stage === 'end')) return;
    const errno = await this.attempt(`unlink ${path}`, () => this.m.unlink(path));
    if (errno === undefined || (file.held !== undefined && this.platform.get(path) === undefined)) this.model.unlink(path);
    if (errno === undefined && this.platform.get(path) !== undefined) throw new Error(`${path} is there after its unlink`);
  }

  private async rename(): Promise<void> {
    const { chance, model } = this;
    const from = chance.chance(0.3) && model.folders.size > 1 ? chance.pick([...model.folders].slice(1)) : this.anyPath();
    const to = this.anyPath();
    // The kernel itself refuses a folder into itself, and over one that it is in.
    if (!model.exists(from) || to.startsWith(`${from}/`) || from.startsWith(`${to}/`) || from === to) return;
    const involved = [...model.files].filter(([path]) => [from, to].some((name) => path === name || path.startsWith(`${name}/`))).map(([, file]) => file);
    if (this.fault?.stage === 'end' && involved.some((file) => file.handles > 0)) return;
    const noReplace = chance.chance(0.2);
    const source = model.files.get(from);
    const wasDirty = source?.dirty === true;
    const expected = this.renameErrors(from, to, noReplace);
    const errno = await this.attempt(`rename ${from} ${to}${noReplace ? ' noreplace' : ''}`, () => this.m.rename(from, to, { noReplace }), source?.doubtful === true ? [...expected, 'ESTALE'] : expected);
    const moved = errno === undefined || (this.fault?.member === 'move' && this.fault.stage === 'end' && this.fault.struck);
    if (errno === undefined && expected.length > 0) throw new Error(`rename ${from} ${to}: expected ${expected.join()}`);
    if (source !== undefined && wasDirty) {
      const uploadFailed = errno === 'ESTALE' || ((this.fault?.member === 'write' || this.fault?.member === 'copy') && this.fault.struck);
      if (moved) Object.assign(source, { held: source.content, dirty: false, due: false, borrowed: false, doubtful: false });
      else this.sentBeforeRename(from, source, uploadFailed);
    }
    if (moved && expected.length === 0) model.rename(from, to);
  }

  private sentBeforeRename(path: string, file: ModelFile, uploadFailed: boolean): void {
    const now = this.platform.get(path);
    if (now === undefined) {
      if (uploadFailed) file.told = true;
      return;
    }
    file.held = this.heldNow(path, [file.content, ...(file.held === undefined ? [] : [file.held])]);
    if (uploadFailed) file.told = true;
    else if (file.held.equals(file.content) && this.fault?.struck !== true) Object.assign(file, { dirty: false, due: false });
    else if (this.fault?.struck === true && this.fault.member === 'move') Object.assign(file, { dirty: false, due: false });
  }

  /** What POSIX says of this rename, none where it is possible. */
  private renameErrors(from: string, to: string, noReplace: boolean): string[] {
    const { model } = this;
    if (!model.exists(to)) return [];
    if (noReplace) return ['EEXIST'];
    if (model.folders.has(from)) {
      if (model.files.has(to)) return ['ENOTDIR'];
      if (model.names(to).length > 0) return ['ENOTEMPTY'];
      return [];
    }
    return model.folders.has(to) ? ['EISDIR', 'ENOTEMPTY'] : [];
  }

  private async mkdir(): Promise<void> {
    const path = this.anyPath();
    if (path.split('/').length > 4) return;
    const errno = await this.attempt(`mkdir ${path}`, () => this.m.mkdir(path), this.model.exists(path) ? ['EEXIST'] : []);
    if (this.model.exists(path)) {
      if (errno === undefined) throw new Error(`mkdir over ${path}`);
      return;
    }
    if (this.platform.tree().includes(`${path}/`)) this.model.folders.add(path);
    else if (errno === undefined) throw new Error(`${path} was not made`);
  }

  private async rmdir(): Promise<void> {
    const { model } = this;
    if (model.folders.size < 2) return;
    const path = this.chance.pick([...model.folders].slice(1));
    const full = model.names(path).length > 0;
    const errno = await this.attempt(`rmdir ${path}`, () => this.m.rmdir(path), full ? ['ENOTEMPTY'] : []);
    if (full && errno === undefined) throw new Error(`${path} was removed with what was in it`);
    if (!this.platform.tree().includes(`${path}/`)) model.folders.delete(path);
    else if (errno === undefined) throw new Error(`${path} is there after its rmdir`);
  }

  /** A folder as programs see it is as the model says. */
  async compare(folder: string): Promise<void> {
    let names: string[] | undefined;
    const errno = await this.attempt(`ls ${folder}/`, async () => { names = await this.m.names(folder === '' ? '/' : folder); });
    if (errno !== undefined || names === undefined) return;
    expect(names).toEqual(this.model.names(folder));
    for (const name of names) {
      const path = `${folder}/${name}`;
      const file = this.model.files.get(path);
      await this.attempt(`stat ${path}`, async () => {
        const { size, kind } = await this.m.stat(path);
        expect([path, kind, kind === 'file' ? size : 0]).toEqual([path, file === undefined ? 'folder' : 'file', file?.content.length ?? 0]);
      });
    }
  }

  /** What has not changed looks unchanged at the next mount. */
  private async remount(): Promise<void> {
    if (this.handles.length > 0) return;
    this.fault = undefined;
    const paths = [...this.model.files.keys(), ...this.model.folders];
    const show = async (): Promise<unknown[]> => await Promise.all(paths.map(async (path) => {
      const { ino, size, mtime, ctime } = await this.m.stat(path);
      // A folder that was renamed or filled has its new time by this machine's guess until it is listed again.
      return this.model.folders.has(path) ? [path, ino] : [path, ino, size, mtime, ctime];
    }));
    elapse(60_000);
    const before = await show();
    const { next, unsent } = await this.m.remount();
    this.m = next;
    this.lists.push(...unsent);
    for (const [i, shown] of (await show()).entries()) {
      if (String(shown) !== String(before[i])) throw new Error(`remounted: ${String(before[i])} is ${String(shown)}`);
    }
    this.log.push('remount');
  }

  readonly lists: { readonly path: string; readonly kept: string }[] = [];

  /** Everything is closed, without faults: the platform's tree is the model's, and what was given up is kept. */
  async end(): Promise<void> {
    this.fault = undefined;
    for (const handle of [...this.handles]) {
      await this.close(handle);
    }
    elapse(60_000);
    for (const folder of this.model.folders) await this.compare(folder);
    const expected = [...this.model.files.keys(), ...[...this.model.folders].filter((path) => path !== '').map((path) => `${path}/`)].sort();
    expect(this.platform.tree()).toEqual(expected);
    for (const [path, file] of this.model.files) {
      if (!file.content.equals(this.platform.get(path) ?? Buffer.from('nothing'))) throw new Error(`${path} is not what was acknowledged`);
    }
    this.lists.push(...await this.m.shutdown());
    for (const { path, kept } of this.lists) {
      const content = await readFile(kept);
      const { missing } = noteSchema.parse(JSON.parse(await readFile(kept.replace(/data$/, 'json'), 'utf8')));
      if (!this.lost.some((each) => each.path === path && without(each.content, missing).equals(content))) throw new Error(`what is kept of ${path} was never given up`);
    }
  }

  private name(file: ModelFile): string {
    return this.model.pathOf(file) ?? `(${file.nameless})`;
  }
}

function resized(content: Buffer, size: number): Buffer {
  const next = Buffer.alloc(size);
  content.copy(next);
  return next;
}

/** What was never fetched is not in what is kept. */
function without(content: Buffer, missing: readonly (readonly [number, number])[]): Buffer {
  const rest = Buffer.from(content);
  for (const [start, end] of missing) rest.fill(0, Math.min(start, rest.length), Math.min(end, rest.length));
  return rest;
}

function flagsText(flags: OpenFlags): string {
  return Object.entries(flags).filter(([, on]) => on === true).map(([name]) => name).join(' ');
}

function isMember(name: string): name is Member {
  return name in stages;
}
