/** What random programs do to files that they open, and what must come of it by the model. */
import type { OpenFlags } from '../../src/filesystem/filesystem.js';
import { emptying, errnoOf, forReading, someone, type OpenedFile } from '../filesystem/harness.js';
import { changed, type ModelFile } from './tree-model.js';
import { errnos, type Handle, type World } from './tree-world.js';

export class FilePrograms {
  constructor(private readonly world: World) {}

  async open(): Promise<void> {
    const { chance, model } = this.world;
    const path = this.world.anyPath();
    if (model.folders.has(path)) return;
    const write = chance.chance(0.7);
    const truncate = write && chance.chance(0.3);
    const flags = { read: !write || chance.chance(0.7), write, truncate, append: write && !truncate && chance.chance(0.2), exclusive: write && chance.chance(0.1) };
    if (!write && !model.files.has(path)) {
      if (await this.world.attempt(`open ${path}`, () => this.world.m.open(path, forReading), ['ENOENT']) === undefined) throw new Error(`${path} is there`);
      return;
    }
    let opened: OpenedFile | undefined;
    const errno = await this.world.attempt(`open ${path} ${flagsText(flags)}`, async () => {
      if (flags.exclusive && model.files.has(path)) {
        // The kernel answers O_EXCL itself where it knows the name.
        const { parent, name } = await this.world.m.split(path);
        await this.world.m.fs.create(parent, name, flags, 0o644, someone);
        throw new Error('O_EXCL has opened what exists');
      }
      opened = await this.world.m.open(path, flags, { create: true });
    }, ['EEXIST']);
    if (errno !== undefined || opened === undefined) return;
    const file = model.files.get(path) ?? model.create(path);
    if (truncate) {
      file.due = false;
      changed(file, Buffer.alloc(0), false);
    }
    file.handles += 1;
    if (write) file.writers += 1;
    this.world.handles.push({ file, opened, flags, delivered: false, older: undefined, bound: undefined });
  }

  async write({ file, opened, flags }: Handle): Promise<void> {
    if (!flags.write) return;
    const { chance } = this.world;
    const bytes = Buffer.alloc(1 + chance.below(chance.chance(0.1) ? 300_000 : 2000), 1 + chance.below(255));
    const offset = flags.append ? file.content.length : chance.below(file.content.length + 500);
    const errno = await this.world.attempt(`write ${this.world.name(file)} ${offset}+${bytes.length}`, () => this.world.m.write(opened, offset, bytes), file.stale ? ['ESTALE'] : []);
    if (errno !== undefined) return;
    const content = Buffer.alloc(Math.max(file.content.length, offset + bytes.length));
    file.content.copy(content);
    bytes.copy(content, offset);
    changed(file, content, true);
  }

  /** `cp` within the drive, as far as its close: what is not taken for a copy is read and written, which is tried elsewhere. */
  async copy(): Promise<void> {
    const { chance, model } = this.world;
    const target = this.world.anyPath();
    const [path, source] = chance.pick([...model.files, ['', undefined]] as const);
    if (source === undefined || source.stale || source.content.length === 0 || path === target || model.folders.has(target)) return;
    let from: OpenedFile | undefined;
    await this.world.attempt(`open ${path} to copy`, async () => { from = await this.world.m.open(path, forReading); }, this.untold(source));
    const opened = from;
    if (opened === undefined) return;
    let to: OpenedFile | undefined;
    await this.world.attempt(`open ${target} to copy into`, async () => { to = await this.world.m.open(target, emptying, { create: true }); }, this.untold(model.files.get(target) ?? source));
    if (to !== undefined) {
      const file = model.files.get(target) ?? model.create(target);
      file.due = false;
      changed(file, Buffer.alloc(0), false);
      Object.assign(file, { borrowed: false, doubtful: false });
      file.handles += 1;
      file.writers += 1;
      const handle: Handle = { file, opened: to, flags: emptying, delivered: false, older: undefined, bound: undefined };
      this.world.handles.push(handle);
      const length = chance.chance(0.8) ? source.content.length : 1 + chance.below(source.content.length);
      const errno = await this.world.attempt(`copy ${path} ${target} ${length}`, () => this.world.m.copyRange(opened, handle.opened, length), ['EOPNOTSUPP', ...(file.stale ? ['ESTALE'] : [])]);
      if (errno === undefined) {
        changed(file, Buffer.from(source.content.subarray(0, length)), true);
        file.borrowed = true;
        this.world.copies += 1;
      }
    }
    await this.world.attempt(`close ${path}`, () => this.world.m.close(opened), this.untold(source));
  }

  async read(handle: Handle): Promise<void> {
    const { file, opened, flags, older, bound } = handle;
    if (!flags.read) return;
    const offset = this.world.chance.below(file.content.length + 10);
    const length = 1 + this.world.chance.below(50_000);
    let bytes: Buffer | undefined;
    // Of a replaced file only what is cached or staged is left.
    const gone = file.stale || file.doubtful || file.nameless === 'replaced' ? ['ESTALE'] : [];
    const errno = await this.world.attempt(`read ${this.world.name(file)} ${offset}+${length}`, async () => { bytes = await this.world.m.read(opened, offset, length); }, gone);
    const given = bytes;
    if (errno !== undefined || given === undefined) return;
    const is = (content: Buffer | undefined): boolean => content?.subarray(offset, offset + length).equals(given) === true;
    if (given.length > 0) handle.delivered = true;
    const seen = { older: is(older), newer: is(file.content) };
    if (seen.older !== seen.newer) {
      handle.bound = seen.older ? 'older' : 'newer';
      if (bound !== undefined && bound !== handle.bound) throw new Error(`${this.world.name(file)}: ${handle.bound} bytes behind ${bound} ones`);
    }
    if (!seen.older && !seen.newer) throw new Error(`${this.world.name(file)}: other bytes at ${offset}`);
  }

  async cut({ file, opened, flags }: Handle): Promise<void> {
    if (!flags.write) return;
    const size = this.world.chance.below(file.content.length + 1000);
    const errno = await this.world.attempt(`ftruncate ${this.world.name(file)} ${size}`, () => this.world.m.fs.setattr(opened.node, { size }, opened.handle, someone), file.stale ? ['ESTALE'] : []);
    if (errno === undefined) changed(file, resized(file.content, size), true);
  }

  async cutByPath(): Promise<void> {
    const path = this.world.anyPath();
    const file = this.world.model.files.get(path);
    if (file === undefined) return;
    const size = this.world.chance.below(file.content.length + 1000);
    const after = resized(file.content, size);
    if (file.writers > 0) {
      if (await this.world.attempt(`truncate ${path} ${size}`, () => this.world.m.set(path, { size })) === undefined) changed(file, after, true);
      return;
    }
    const before = file.content;
    file.content = after;
    const errno = await this.world.attempt(`truncate ${path} ${size}`, () => this.world.m.set(path, { size }));
    file.held = this.world.heldNow(path, [before, after]);
    if (errno === undefined && !file.held.equals(after)) throw new Error(`truncate of ${path} said yes`);
    file.content = file.held;
    if (errno === undefined) return;
    file.stale = true;
    for (const handle of this.world.handles) {
      if (handle.file === file) Object.assign(handle, { older: before, bound: handle.delivered ? 'older' : undefined });
    }
  }

  async flush({ file, opened, flags }: Handle): Promise<void> {
    const before = this.world.platform.calls.write;
    const sends = flags.write && file.due && file.nameless === 'no';
    const errno = await this.world.attempt(`flush ${this.world.name(file)}`, () => this.world.m.flush(opened), this.untold(file));
    if (!sends && this.world.platform.calls.write > before) throw new Error('a FLUSH has sent what nobody wrote');
    if (sends) this.sent(file, errno);
  }

  async fsync({ file, opened }: Handle): Promise<void> {
    const sends = file.dirty && file.nameless === 'no';
    const errno = await this.world.attempt(`fsync ${this.world.name(file)}`, () => this.world.m.fsync(opened), this.untold(file));
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
    const path = this.world.model.pathOf(file);
    if (path === undefined) throw new Error('a file without a name was sent');
    if (errno === undefined) {
      file.held = this.world.heldNow(path, [file.content]);
      Object.assign(file, { dirty: false, due: false, borrowed: false, doubtful: false });
      return;
    }
    file.told = true;
    const now = this.world.platform.get(path);
    if (now !== undefined || file.held !== undefined) file.held = this.world.heldNow(path, [file.content, ...(file.held === undefined ? [] : [file.held])]);
  }

  async close(handle: Handle): Promise<void> {
    await this.flush(handle);
    this.world.handles.splice(this.world.handles.indexOf(handle), 1);
    const { file, opened, flags } = handle;
    file.handles -= 1;
    if (flags.write) file.writers -= 1;
    const last = flags.write && file.writers === 0 && file.dirty && file.nameless === 'no';
    const errno = await this.world.attempt(`release ${this.world.name(file)}`, () => this.world.m.release(opened));
    if (errno !== undefined) throw new Error('RELEASE tells no errors');
    if (!last) return;
    const path = this.world.model.pathOf(file) ?? '';
    const arrived = this.world.platform.get(path);
    const came = arrived !== undefined && file.content.equals(arrived);
    if (!file.told && this.world.fault?.struck !== true) {
      if (!came) throw new Error(`${path} was not sent at RELEASE`);
      this.sent(file, undefined);
      return;
    }
    if (!file.told) await this.hearUntold(path, opened);
    this.giveUp(path, file);
  }

  /** An error at RELEASE is told by the next OPEN, if the file still has its name. */
  private async hearUntold(path: string, opened: OpenedFile): Promise<void> {
    if (this.world.platform.get(path) === undefined) {
      const file = this.world.model.files.get(path);
      if (file !== undefined) file.untold = true;
      return;
    }
    const fault = this.world.fault;
    this.world.fault = undefined;
    const errno = await errnoOf(this.world.m.fs.open(opened.node, forReading, someone).then((reply) => this.world.m.close({ node: opened.node, ...reply })));
    this.world.log.push(`open to hear of it: ${errno}`);
    this.world.fault = fault;
  }

  /** The close has failed: the drive shows what the platform has, and the content is kept. */
  private giveUp(path: string, file: ModelFile): void {
    this.world.lost.push({ path, content: file.content });
    const now = this.world.platform.get(path);
    file.dirty = false;
    file.due = false;
    file.told = false;
    file.stale = true;
    if (now === undefined) {
      this.world.model.files.delete(path);
      file.nameless = 'removed';
      return;
    }
    file.held = this.world.heldNow(path, [file.content, ...(file.held === undefined ? [] : [file.held])]);
    // Who has read of what was given up is refused; who has not, or opens it anew, reads this.
    for (const handle of this.world.handles) if (handle.file === file) Object.assign(handle, { older: file.held, bound: undefined });
    const fresh = this.world.model.create(path);
    Object.assign(fresh, { content: file.held, held: file.held, dirty: false });
    file.nameless = 'replaced';
  }
}

function resized(content: Buffer, size: number): Buffer {
  const next = Buffer.alloc(size);
  content.copy(next);
  return next;
}

function flagsText(flags: OpenFlags): string {
  return Object.entries(flags).filter(([, on]) => on === true).map(([name]) => name).join(' ');
}
