/**
 * fsx's idea: random reads, writes, cuts and reopenings of one file, compared with a buffer after each
 * step, and with the platform after each close.
 */
import { expect, test } from 'vitest';
import { elapse, forAppending, forBoth, longAgo, mount, someone, type Mount, type OpenedFile } from '../filesystem/harness.js';
import { firstSeed, withSeed, type Random } from '../support/random.js';

const largest = 700_000;
const operations = 3000;

/** The file as a program knows it. */
class Subject {
  content = Buffer.alloc(0);
  file: OpenedFile | undefined;
  appending = false;
  readonly path = '/f';

  constructor(readonly m: Mount, readonly chance: Random) {}

  async step(): Promise<string> {
    const { chance } = this;
    if (this.file === undefined) return chance.chance(0.15) ? await this.cutByPath() : await this.open();
    const kind = chance.below(100);
    if (kind < 35) return await this.read(this.file);
    if (kind < 65) return await this.write(this.file);
    if (kind < 72) return await this.cut(this.file);
    if (kind < 75) return await this.grow(this.file);
    if (kind < 80) return await this.mapped(this.file);
    if (kind < 86) return await this.save(this.file);
    if (kind < 89) return await this.date(this.file);
    if (kind < 92) return await this.wait();
    return await this.close(this.file);
  }

  private async open(): Promise<string> {
    const truncate = this.chance.chance(0.1);
    this.appending = !truncate && this.chance.chance(0.2);
    const how = this.appending ? { ...forAppending, read: true } : { ...forBoth, truncate };
    this.file = await this.m.open(this.path, how, { create: true });
    if (truncate) this.content = Buffer.alloc(0);
    return `open ${truncate ? 'emptying' : ''}${this.appending ? 'appending' : ''}`;
  }

  private async read(file: OpenedFile): Promise<string> {
    const offset = this.chance.below(this.content.length + 1000);
    const length = 1 + this.chance.below(this.chance.chance(0.2) ? 400_000 : 5000);
    const bytes = await this.m.read(file, offset, length);
    if (!bytes.equals(this.content.subarray(offset, offset + length))) throw new Error(`wrong bytes at ${offset}, ${length}`);
    return `read ${offset} ${length}`;
  }

  private async write(file: OpenedFile): Promise<string> {
    const length = 1 + this.chance.below(this.chance.chance(0.1) ? 200_000 : 3000);
    const offset = this.appending ? this.content.length : this.chance.below(Math.min(largest - length, this.content.length + 20_000));
    if (offset + length > largest) return 'full';
    const bytes = Buffer.alloc(length, 1 + this.chance.below(255));
    await this.m.write(file, offset, bytes);
    this.put(offset, bytes);
    return `write ${offset} ${length}`;
  }

  /** Pages can be written where the file is, not beyond. */
  private async mapped(file: OpenedFile): Promise<string> {
    if (this.content.length === 0) return 'nothing to map';
    const offset = this.chance.below(this.content.length);
    const text = 'mapped'.slice(0, this.content.length - offset);
    await this.m.writePages(file, offset, text);
    this.put(offset, Buffer.from(text));
    return `mapped ${offset}`;
  }

  private async cut(file: OpenedFile): Promise<string> {
    const size = this.chance.below(this.chance.chance(0.5) ? this.content.length + 1 : Math.min(largest, this.content.length + 50_000));
    await this.m.fs.setattr(file.node, { size }, file.handle, someone);
    this.resize(size);
    return `cut ${size}`;
  }

  private async cutByPath(): Promise<string> {
    if (!await this.m.exists(this.path)) return 'nothing there';
    const size = this.chance.below(this.content.length + 1000);
    await this.m.set(this.path, { size });
    this.resize(size);
    this.check();
    return `truncate ${size}`;
  }

  private async grow(file: OpenedFile): Promise<string> {
    const end = Math.min(largest, this.chance.below(this.content.length + 10_000));
    await this.m.fs.fallocate(file.node, file.handle, 0, 0, end, someone);
    if (end > this.content.length) this.resize(end);
    return `fallocate ${end}`;
  }

  private async save(file: OpenedFile): Promise<string> {
    await this.m.fsync(file);
    this.check();
    return 'fsync';
  }

  private async date(file: OpenedFile): Promise<string> {
    const mtime = longAgo + this.chance.below(1_000_000_000);
    await this.m.set(this.path, { mtime }, this.chance.chance(0.5) ? file : undefined);
    expect((await this.m.attributes(file.node)).mtime).toBe(Math.floor(mtime / 1000) * 1000);
    return `date ${mtime}`;
  }

  private async wait(): Promise<string> {
    const time = this.chance.below(30_000);
    elapse(time);
    expect((await this.m.stat(this.path)).size).toBe(this.content.length);
    return `wait ${time}`;
  }

  async close(file: OpenedFile): Promise<string> {
    await this.m.close(file);
    this.file = undefined;
    this.check();
    return 'close';
  }

  /** What was acknowledged is what the platform holds. */
  private check(): void {
    const held = this.m.platform.get(this.path);
    if (held === undefined || !this.content.equals(held)) throw new Error('the platform holds other bytes');
  }

  private put(offset: number, bytes: Buffer): void {
    this.resize(Math.max(this.content.length, offset + bytes.length));
    bytes.copy(this.content, offset);
  }

  private resize(size: number): void {
    const next = Buffer.alloc(size);
    this.content.copy(next);
    this.content = next;
  }
}

test.each([64, 16])(`${operations} operations on one file are those on a buffer (%d MiB of memory)`, async (memory) => {
  await withSeed(firstSeed(), async (chance) => {
    const m = await mount({ settings: { memory: memory * 2 ** 20 }, provider: { chunkSize: 30_000 } });
    const subject = new Subject(m, chance);
    const steps: string[] = [];
    try {
      for (let i = 0; i < operations; i += 1) steps.push(await subject.step());
      if (subject.file !== undefined) await subject.close(subject.file);
      expect(await m.shutdown()).toEqual([]);
    } catch (thrown) {
      throw new Error(`after ${steps.slice(-12).join(', ')}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
    } finally {
      await m.end();
    }
  });
}, 60_000);
