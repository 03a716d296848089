/**
 * Many programs at once in the same folders, each on names of its own, while answers of the platform
 * take their time: each finds what it left, whatever the others do, and so does who lists.
 */
import { expect, test } from 'vitest';
import { elapse, emptying, errnoOf, exclusively, forAppending, mount, settings, turns, type Mount } from '../filesystem/harness.js';
import { firstSeed, withSeed, type Random } from '../support/random.js';

const programs = 8;
const rounds = 120;

class Program {
  readonly files = new Map<string, string>();
  /** The name that is being changed now: nothing can be said of it. */
  busy = new Set<string>();
  #count = 0;

  constructor(readonly m: Mount, readonly chance: Random, readonly id: number, readonly folders: readonly string[]) {}

  async run(): Promise<void> {
    for (let i = 0; i < rounds; i += 1) {
      const [known] = this.files.size === 0 ? [] : [this.chance.pick([...this.files.keys()])];
      const kind = this.chance.below(100);
      if (known === undefined || kind < 25) await this.save(this.fresh());
      else if (kind < 40) await this.save(known);
      else if (kind < 50) await this.append(known);
      else if (kind < 70) await this.rename(known, this.chance.chance(0.5) ? this.fresh() : this.chance.pick([...this.files.keys()]));
      else if (kind < 80) await this.remove(known);
      else if (kind < 84) elapse(this.chance.below(settings.dirTtl));
      else await this.read(known);
    }
  }

  private fresh(): string {
    this.#count += 1;
    return `${this.chance.pick(this.folders)}/${this.id}-${this.#count}`;
  }

  private async change(names: string[], work: () => Promise<void>): Promise<void> {
    this.busy = new Set(names);
    await work();
    this.busy = new Set();
  }

  private async save(path: string): Promise<void> {
    const content = `${this.id} `.repeat(1 + this.chance.below(this.chance.chance(0.1) ? 100_000 : 50));
    await this.change([path], async () => {
      const how = this.files.has(path) ? emptying : exclusively;
      const file = await this.m.open(path, how, { create: true });
      await this.m.write(file, 0, content);
      await this.m.close(file);
      this.files.set(path, content);
    });
    this.check(path);
  }

  private async append(path: string): Promise<void> {
    await this.change([path], async () => {
      const content = this.files.get(path) ?? '';
      const file = await this.m.open(path, forAppending);
      await this.m.write(file, content.length, '+');
      await this.m.close(file);
      this.files.set(path, `${content}+`);
    });
    this.check(path);
  }

  private async rename(from: string, to: string): Promise<void> {
    if (from === to) return;
    await this.change([from, to], async () => {
      await this.m.rename(from, to);
      this.files.set(to, this.files.get(from) ?? '');
      this.files.delete(from);
    });
    this.check(to);
  }

  private async remove(path: string): Promise<void> {
    await this.change([path], async () => {
      await this.m.unlink(path);
      this.files.delete(path);
    });
    if (this.m.platform.get(path) !== undefined) throw new Error(`${path} is there after its unlink`);
  }

  private async read(path: string): Promise<void> {
    const content = await this.m.cat(path);
    if (content !== this.files.get(path)) throw new Error(`${path} holds other bytes than were written`);
    if ((await this.m.stat(path)).size !== content.length) throw new Error(`${path} shows another size`);
  }

  private check(path: string): void {
    if (this.m.platform.text(path) !== this.files.get(path)) throw new Error(`${path} was acknowledged and is not on the platform`);
  }
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** What stood before and after a listing without being touched is in it. */
async function watch(m: Mount, all: readonly Program[], folders: readonly string[], ended: () => boolean): Promise<void> {
  const stable = (folder: string): Set<string> => new Set(all.flatMap(({ files, busy }) =>
    [...files.keys()].filter((path) => folderOf(path) === folder && !busy.has(path))));
  while (!ended()) {
    for (const folder of folders) {
      const before = stable(folder);
      const listed = new Set((await m.names(folder)).map((name) => `${folder}/${name}`));
      const after = stable(folder);
      for (const path of before) if (after.has(path) && !listed.has(path)) throw new Error(`${path} was not listed`);
    }
    await turns();
  }
}

test.each([6, 30])(`${programs} programs at once do not disturb each other (answers take up to %d turns)`, async (slow) => {
  await withSeed(firstSeed(), async (chance) => {
    const m = await mount({ provider: { chunkSize: 30_000, batchSize: 4 } });
    const folders = ['/d', '/e', '/d/deep'];
    for (const folder of folders) m.platform.putFolder(folder);
    m.platform.hook = async () => {
      for (let i = chance.below(slow); i > 0; i -= 5) await new Promise((resolve) => setImmediate(resolve));
    };
    let running = true;
    try {
      const all = Array.from({ length: programs }, (_, id) => new Program(m, chance, id, folders));
      const watching = watch(m, all, folders, () => !running);
      await Promise.all([Promise.all(all.map((program) => program.run())).finally(() => { running = false; }), watching]);
      const expected = all.flatMap(({ files }) => [...files.keys()]);
      elapse(60_000);
      expect(m.platform.tree({ hidden: true }).filter((path) => !path.endsWith('/'))).toEqual([...expected].sort());
      for (const folder of folders) {
        const inFolder = expected.filter((path) => folderOf(path) === folder).map((path) => path.slice(folder.length + 1));
        expect((await m.names(folder)).filter((name) => name !== 'deep')).toEqual(inFolder.sort());
      }
      expect(await errnoOf(m.shutdown().then((unsent) => expect(unsent).toEqual([])))).toBe('none');
    } finally {
      running = false;
      await m.end();
    }
  });
}, 60_000);
