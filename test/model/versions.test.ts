/**
 * Promise 3 by chance: files are replaced on the platform between the reads of several programs, and
 * all that one open file has given is of one version, through the kernel's pages too.
 */
import { expect, test } from 'vitest';
import { elapse, forReading, mount, settings, turns, type Mount, type OpenedFile } from '../filesystem/harness.js';
import { firstSeed, withSeed, type Random } from '../support/random.js';
import { KernelPages } from './kernel-pages.js';

const unit = 16;
const steps = 1500;

interface Reader {
  readonly path: string;
  readonly file: OpenedFile;
  /** The version that the platform had when it was opened, where nothing older may be believed by then. */
  readonly atLeast: number;
  seen: number | undefined;
  ended: boolean;
}

/** Every 16 bytes tell the version and their place. */
function versionBytes(version: number, units: number): Buffer {
  const bytes = Buffer.alloc(units * unit);
  for (let i = 0; i < units; i += 1) {
    bytes.writeUInt32LE(version, i * unit);
    bytes.writeUInt32LE(i, i * unit + 4);
  }
  return bytes;
}

class World {
  readonly paths = ['/a', '/b'];
  readonly pages: KernelPages;
  readonly readers: Reader[] = [];
  readonly current = new Map<string, number>();
  versions = 0;
  delivered = 0;
  refused = 0;

  constructor(readonly m: Mount, readonly chance: Random) {
    this.pages = new KernelPages(m);
    for (const path of this.paths) this.replace(path);
  }

  /** Another version, by somebody else: in place, by a rename, or deleted and made anew. */
  replace(path: string): void {
    this.versions += 1;
    const bytes = versionBytes(this.versions, 1 + this.chance.below(this.chance.chance(0.2) ? 100 : 150_000));
    // Long ago, and never the same second twice: the platform tells the versions apart.
    const modified = 1_500_000_000_000 + this.versions * 1000;
    const how = this.chance.below(3);
    if (how === 0) {
      this.m.platform.put('/other', bytes, modified);
      this.m.platform.rename('/other', path);
    } else {
      if (how === 1) this.m.platform.remove(path);
      this.m.platform.put(path, bytes, modified);
    }
    this.current.set(path, this.versions);
  }

  async open(path: string): Promise<void> {
    const looked = this.chance.chance(0.5);
    if (looked) elapse(settings.dirTtl + 1000);
    const atLeast = looked ? this.current.get(path) ?? 0 : 0;
    const file = await this.m.open(path, forReading);
    this.pages.opened(file);
    this.readers.push({ path, file, atLeast, seen: undefined, ended: false });
  }

  async close(reader: Reader): Promise<void> {
    this.readers.splice(this.readers.indexOf(reader), 1);
    await this.m.close(reader.file);
  }

  async read(reader: Reader): Promise<void> {
    const first = this.chance.below(this.chance.chance(0.5) ? 20_000 : 150_000);
    const count = 1 + this.chance.below(this.chance.chance(0.3) ? 40_000 : 500);
    let bytes: Buffer;
    try {
      bytes = await this.pages.read(reader.file, first * unit, count * unit);
    } catch (thrown) {
      expect(thrown).toMatchObject({ errno: 'ESTALE' });
      this.refused += 1;
      return;
    }
    for (let i = 0; i * unit < bytes.length; i += 1) {
      const version = bytes.readUInt32LE(i * unit);
      reader.seen ??= version;
      if (version !== reader.seen) throw new Error(`${reader.path}: version ${version} behind version ${reader.seen}`);
      if (bytes.readUInt32LE(i * unit + 4) !== first + i) throw new Error(`${reader.path}: bytes of another place at ${first + i}`);
    }
    if (bytes.length > 0) this.delivered += 1;
    if (bytes.length > 0 && version(reader) < reader.atLeast) throw new Error(`${reader.path}: version ${version(reader)}, older than ${reader.atLeast}, which it was opened at`);
  }

  async step(): Promise<void> {
    const { chance } = this;
    const kind = chance.below(100);
    const reader = this.readers.length === 0 ? undefined : chance.pick(this.readers);
    if (reader === undefined || (kind < 15 && this.readers.length < 8)) await this.open(chance.pick(this.paths));
    else if (kind < 65) await this.read(reader);
    else if (kind < 75) await this.close(reader);
    else if (kind < 80) this.replace(chance.pick(this.paths));
    else if (kind < 86) elapse(chance.below(15_000));
    else if (kind < 90) this.pages.hearNotices();
    else if (kind < 94) this.pages.dropOne((limit) => chance.below(limit));
    else if (kind < 97) await Promise.all(this.readers.map((each) => this.read(each)));
    else await this.m.stat(chance.pick(this.paths));
  }
}

function version(reader: Reader): number {
  return reader.seen ?? 0;
}

test.each([false, true])('each open file gives bytes of one version, whatever is replaced meanwhile (ids: %s)', async (stableIds) => {
  await withSeed(firstSeed(), async (chance) => {
    const m = await mount({ settings: { memory: 16 * 2 ** 20 }, provider: { traits: { stableIds }, chunkSize: 40_000 } });
    try {
      const world = new World(m, chance);
      // Answers take some turns, so that replacements and reads come between them.
      m.platform.hook = async ({ stage }) => {
        if (stage !== 'start' && chance.chance(0.05)) await turns();
      };
      for (let i = 0; i < steps; i += 1) await world.step();
      for (const reader of [...world.readers]) await world.close(reader);
      expect(world.delivered).toBeGreaterThan(steps / 10);
      expect(world.refused).toBeGreaterThan(0);
    } finally {
      await m.end();
    }
  });
}, 60_000);

test('replacements while reads are under way', async () => {
  await withSeed(firstSeed(), async (chance) => {
    const m = await mount({ settings: { memory: 16 * 2 ** 20 }, provider: { chunkSize: 40_000 } });
    try {
      const world = new World(m, chance);
      m.platform.hook = async ({ member }) => {
        if (member === 'read' && chance.chance(0.02)) world.replace(chance.pick(world.paths));
        if (chance.chance(0.05)) await turns();
      };
      for (let i = 0; i < steps; i += 1) await world.step();
      for (const reader of [...world.readers]) await world.close(reader);
      expect(world.delivered).toBeGreaterThan(steps / 20);
    } finally {
      await m.end();
    }
  });
}, 60_000);
