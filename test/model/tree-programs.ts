/**
 * Programs that do at random what programs do, on a drive whose platform fails at random, and know from
 * a model what must come of it: nothing half, nothing acknowledged that is not there, nothing shown
 * that is not so.
 */
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { z } from 'zod';
import { elapse } from '../filesystem/harness.js';
import type { Member, Stage } from '../support/memory-provider.js';
import { FilePrograms } from './tree-files.js';
import type { ModelFile } from './tree-model.js';
import { errnos, type World } from './tree-world.js';

const noteSchema = z.object({ missing: z.array(z.tuple([z.number(), z.number()])) });

const stages: Partial<Record<Member, readonly Stage[]>> = {
  list: ['start', 'chunk', 'end'], stat: ['start', 'end'], read: ['start', 'chunk'], write: ['start', 'chunk', 'commit', 'end'],
  createFolder: ['start', 'end'], copy: ['start', 'commit', 'end'],
  removeFile: ['start', 'end'], removeFolder: ['start', 'end'], move: ['start', 'end'], park: ['start'],
};

export class Programs {
  private readonly files: FilePrograms;
  /** What the drive could not send, by its own word. */
  private readonly lists: { readonly path: string; readonly kept: string }[] = [];

  constructor(private readonly world: World) {
    this.files = new FilePrograms(world);
  }

  /** One operation. */
  async step(): Promise<void> {
    const { chance } = this.world;
    this.world.fault = undefined;
    if (chance.chance(0.5)) {
      const members = Object.keys(stages).filter(isMember);
      const member = chance.pick([...members, 'write', 'write', 'write', 'move', 'list'] as const);
      this.world.fault = { member, stage: chance.pick(stages[member] ?? ['start']), errno: chance.pick(errnos), struck: false };
    }
    const kind = chance.below(100);
    const handle = this.world.handles.length === 0 ? undefined : chance.pick(this.world.handles);
    if (kind < 18 && this.world.handles.length < 8) await this.files.open();
    else if (kind < 32 && handle !== undefined) await this.files.write(handle);
    else if (kind < 42 && handle !== undefined) await this.files.read(handle);
    else if (kind < 47 && handle !== undefined) await this.files.flush(handle);
    else if (kind < 50 && handle !== undefined) await this.files.fsync(handle);
    else if (kind < 54 && this.world.handles.length < 8) await this.files.copy();
    else if (kind < 63 && handle !== undefined) await this.files.close(handle);
    else if (kind < 67 && handle !== undefined) await this.files.cut(handle);
    else if (kind < 70) await this.files.cutByPath();
    else if (kind < 76) await this.unlink();
    else if (kind < 84) await this.rename();
    else if (kind < 88) await this.mkdir();
    else if (kind < 91) await this.rmdir();
    else if (kind < 94) this.world.pass(`${chance.below(15_000)}`);
    else if (kind < 96) await this.remount();
    else await this.compare(chance.pick([...this.world.model.folders]));
    if (this.world.fault?.struck !== true) return;
    for (const file of [...this.world.model.files.values(), ...this.world.handles.map((each) => each.file)]) if (file.borrowed) file.doubtful = true;
  }

  private async unlink(): Promise<void> {
    const path = this.world.anyPath();
    const file = this.world.model.files.get(path);
    // A lost answer leaves open handles in doubt: not tried with them.
    if (file === undefined || (file.handles > 0 && this.world.fault?.stage === 'end')) return;
    const errno = await this.world.attempt(`unlink ${path}`, () => this.world.m.unlink(path));
    if (errno === undefined || (file.held !== undefined && this.world.platform.get(path) === undefined)) this.world.model.unlink(path);
    if (errno === undefined && this.world.platform.get(path) !== undefined) throw new Error(`${path} is there after its unlink`);
  }

  private async rename(): Promise<void> {
    const { chance, model } = this.world;
    const from = chance.chance(0.3) && model.folders.size > 1 ? chance.pick([...model.folders].slice(1)) : this.world.anyPath();
    const to = this.world.anyPath();
    // The kernel itself refuses a folder into itself, and over one that it is in.
    if (!model.exists(from) || to.startsWith(`${from}/`) || from.startsWith(`${to}/`) || from === to) return;
    const involved = [...model.files].filter(([path]) => [from, to].some((name) => path === name || path.startsWith(`${name}/`))).map(([, file]) => file);
    if (this.world.fault?.stage === 'end' && involved.some((file) => file.handles > 0)) return;
    const noReplace = chance.chance(0.2);
    const source = model.files.get(from);
    const wasDirty = source?.dirty === true;
    const expected = this.renameErrors(from, to, noReplace);
    const errno = await this.world.attempt(`rename ${from} ${to}${noReplace ? ' noreplace' : ''}`, () => this.world.m.rename(from, to, { noReplace }), source?.doubtful === true ? [...expected, 'ESTALE'] : expected);
    const moved = errno === undefined || (this.world.fault?.member === 'move' && this.world.fault.stage === 'end' && this.world.fault.struck);
    if (errno === undefined && expected.length > 0) throw new Error(`rename ${from} ${to}: expected ${expected.join()}`);
    if (source !== undefined && wasDirty) {
      const uploadFailed = errno === 'ESTALE' || ((this.world.fault?.member === 'write' || this.world.fault?.member === 'copy') && this.world.fault.struck);
      if (moved) Object.assign(source, { held: source.content, dirty: false, due: false, borrowed: false, doubtful: false });
      else this.sentBeforeRename(from, source, uploadFailed);
    }
    if (moved && expected.length === 0) model.rename(from, to);
  }

  private sentBeforeRename(path: string, file: ModelFile, uploadFailed: boolean): void {
    const now = this.world.platform.get(path);
    if (now === undefined) {
      if (uploadFailed) file.told = true;
      return;
    }
    file.held = this.world.heldNow(path, [file.content, ...(file.held === undefined ? [] : [file.held])]);
    if (uploadFailed) file.told = true;
    else if (file.held.equals(file.content) && this.world.fault?.struck !== true) Object.assign(file, { dirty: false, due: false });
    else if (this.world.fault?.struck === true && this.world.fault.member === 'move') Object.assign(file, { dirty: false, due: false });
  }

  /** What POSIX says of this rename, none where it is possible. */
  private renameErrors(from: string, to: string, noReplace: boolean): string[] {
    const { model } = this.world;
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
    const path = this.world.anyPath();
    if (path.split('/').length > 4) return;
    const errno = await this.world.attempt(`mkdir ${path}`, () => this.world.m.mkdir(path), this.world.model.exists(path) ? ['EEXIST'] : []);
    if (this.world.model.exists(path)) {
      if (errno === undefined) throw new Error(`mkdir over ${path}`);
      return;
    }
    if (this.world.platform.tree().includes(`${path}/`)) this.world.model.folders.add(path);
    else if (errno === undefined) throw new Error(`${path} was not made`);
  }

  private async rmdir(): Promise<void> {
    const { model } = this.world;
    if (model.folders.size < 2) return;
    const path = this.world.chance.pick([...model.folders].slice(1));
    const full = model.names(path).length > 0;
    const errno = await this.world.attempt(`rmdir ${path}`, () => this.world.m.rmdir(path), full ? ['ENOTEMPTY'] : []);
    if (full && errno === undefined) throw new Error(`${path} was removed with what was in it`);
    if (!this.world.platform.tree().includes(`${path}/`)) model.folders.delete(path);
    else if (errno === undefined) throw new Error(`${path} is there after its rmdir`);
  }

  /** A folder as programs see it is as the model says. */
  async compare(folder: string): Promise<void> {
    let names: string[] | undefined;
    const errno = await this.world.attempt(`ls ${folder}/`, async () => { names = await this.world.m.names(folder === '' ? '/' : folder); });
    if (errno !== undefined || names === undefined) return;
    expect(names).toEqual(this.world.model.names(folder));
    for (const name of names) {
      const path = `${folder}/${name}`;
      const file = this.world.model.files.get(path);
      await this.world.attempt(`stat ${path}`, async () => {
        const { size, kind } = await this.world.m.stat(path);
        expect([path, kind, kind === 'file' ? size : 0]).toEqual([path, file === undefined ? 'folder' : 'file', file?.content.length ?? 0]);
      });
    }
  }

  /** What has not changed looks unchanged at the next mount. */
  private async remount(): Promise<void> {
    if (this.world.handles.length > 0) return;
    this.world.fault = undefined;
    const paths = [...this.world.model.files.keys(), ...this.world.model.folders];
    const show = async (): Promise<unknown[]> => await Promise.all(paths.map(async (path) => {
      const { ino, size, mtime, ctime } = await this.world.m.stat(path);
      // A folder that was renamed or filled has its new time by this machine's guess until it is listed again.
      return this.world.model.folders.has(path) ? [path, ino] : [path, ino, size, mtime, ctime];
    }));
    elapse(60_000);
    const before = await show();
    const { next, unsent } = await this.world.m.remount();
    this.world.m = next;
    this.lists.push(...unsent);
    for (const [i, shown] of (await show()).entries()) {
      if (String(shown) !== String(before[i])) throw new Error(`remounted: ${String(before[i])} is ${String(shown)}`);
    }
    this.world.log.push('remount');
  }

  /** Everything is closed, without faults: the platform's tree is the model's, and what was given up is kept. */
  async end(): Promise<void> {
    this.world.fault = undefined;
    for (const handle of [...this.world.handles]) {
      await this.files.close(handle);
    }
    elapse(60_000);
    for (const folder of this.world.model.folders) await this.compare(folder);
    const expected = [...this.world.model.files.keys(), ...[...this.world.model.folders].filter((path) => path !== '').map((path) => `${path}/`)].sort();
    expect(this.world.platform.tree()).toEqual(expected);
    for (const [path, file] of this.world.model.files) {
      if (!file.content.equals(this.world.platform.get(path) ?? Buffer.from('nothing'))) throw new Error(`${path} is not what was acknowledged`);
    }
    this.lists.push(...await this.world.m.shutdown());
    for (const { path, kept } of this.lists) {
      const content = await readFile(kept);
      const { missing } = noteSchema.parse(JSON.parse(await readFile(kept.replace(/data$/, 'json'), 'utf8')));
      if (!this.world.lost.some((each) => each.path === path && without(each.content, missing).equals(content))) throw new Error(`what is kept of ${path} was never given up`);
    }
  }
}

/** What was never fetched is not in what is kept. */
function without(content: Buffer, missing: readonly (readonly [number, number])[]): Buffer {
  const rest = Buffer.from(content);
  for (const [start, end] of missing) rest.fill(0, Math.min(start, rest.length), Math.min(end, rest.length));
  return rest;
}

function isMember(name: string): name is Member {
  return name in stages;
}
