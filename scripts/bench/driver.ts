/**
 * How fast the drivers are by themselves: over a file system in memory that keeps no bytes. Needs root.
 *
 *     npx tsx scripts/bench/driver.ts [--repeat 5] [--read-ahead KIB] [--drivers kernel,fuse-native]
 *
 * The drivers take turns, round by round. Prints each figure's median, worst and best, and the ratio of the
 * times to the first driver's.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { threadPoolEnvironment } from '../../src/fuse/thread-pool.js';
import { eventually, succeed } from '../../test/support/programs.js';
import { mountsIn } from '../../test/support/mount-list.js';

const { values } = parseArgs({
  options: {
    repeat: { type: 'string', default: '5' },
    'read-ahead': { type: 'string', default: '1024' },
    drivers: { type: 'string', default: 'kernel' },
  },
});
const repeat = Number(values.repeat);
const entries = 10_000;
const gibibyte = 1024 ** 3;

/** Reads `count` blocks of 4 KiB at random places; prints the seconds. */
const randomReads = `import os, random, sys, time
d = os.open(sys.argv[1], os.O_RDONLY); os.posix_fadvise(d, 0, 0, os.POSIX_FADV_RANDOM)
places = random.sample(range(0, 2**30 // 4096), int(sys.argv[2])); start = time.monotonic()
for place in places: os.pread(d, 4096, place * 4096)
print(time.monotonic() - start)`;

interface Figure {
  readonly name: string;
  readonly unit: string;
  /** From the seconds that one run took. */
  readonly figure: (seconds: number) => number;
  /** Prepares, runs, and answers the seconds. */
  readonly run: (mountpoint: string) => Promise<number>;
}

const figures: readonly Figure[] = [
  {
    name: 'sequential write, 1 GiB, dd bs=1M', unit: 'GB/s', figure: (seconds) => gibibyte / 1e9 / seconds,
    run: (mountpoint) => timed(() => succeed('dd', ['if=/dev/zero', `of=${mountpoint}/large`, 'bs=1M', 'count=1024'])),
  },
  {
    name: 'sequential cold read, 1 GiB, dd bs=1M', unit: 'GB/s', figure: (seconds) => gibibyte / 1e9 / seconds,
    run: async (mountpoint) => {
      await dropCaches();
      return timed(() => succeed('dd', [`if=${mountpoint}/large`, 'of=/dev/null', 'bs=1M']));
    },
  },
  {
    name: '4 KiB random reads, one job', unit: '/s', figure: (seconds) => 20_000 / seconds,
    run: async (mountpoint) => {
      await dropCaches();
      return Number(await succeed('python3', ['-c', randomReads, join(mountpoint, 'large'), '20000']));
    },
  },
  {
    name: '4 KiB writes, dd bs=4k', unit: '/s', figure: (seconds) => 20_000 / seconds,
    run: (mountpoint) => timed(() => succeed('dd', ['if=/dev/zero', `of=${mountpoint}/small`, 'bs=4k', 'count=20000'])),
  },
  {
    name: `ls -l of ${entries} entries, cold`, unit: 's', figure: (seconds) => seconds,
    run: async (mountpoint) => {
      await dropCaches();
      return timed(() => succeed('ls', ['-l', mountpoint]));
    },
  },
];

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

async function dropCaches(): Promise<void> {
  await writeFile('/proc/sys/vm/drop_caches', '3');
}

interface Served {
  readonly driver: string;
  readonly mountpoint: string;
  end(): Promise<void>;
}

async function serve(driver: string): Promise<Served> {
  const mountpoint = await mkdtemp(join(tmpdir(), 'amarre-bench-'));
  const script = fileURLToPath(new URL('../../test/support/memory-mount.ts', import.meta.url));
  const options = { driver, discard: true, files: entries, ttl: 60_000, logLevel: 'info', readAheadKib: Number(values['read-ahead']) };
  const daemon = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, mountpoint, JSON.stringify(options)], {
    env: threadPoolEnvironment(process.env),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => daemon.on('exit', resolve));
  const end = async (): Promise<void> => {
    await succeed('umount', [mountpoint]).catch(() => daemon.kill('SIGKILL'));
    await ended;
    await rm(mountpoint, { recursive: true });
  };
  await eventually('the mount', async () => (await mountsIn(mountpoint)).length > 0).catch(async (error: unknown) => {
    daemon.kill('SIGKILL');
    await end();
    throw error;
  });
  return { driver, mountpoint, end };
}

/** The middle one, and the ends. */
function spread(numbers: readonly number[], show: (value: number) => string): string {
  const sorted = [...numbers].sort((a, b) => a - b);
  const [first = NaN, middle = NaN, last = NaN] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return `median ${show(middle)}, from ${show(last)} to ${show(first)}`;
}

const all: Served[] = [];
try {
  for (const driver of values.drivers.split(',')) all.push(await serve(driver));
  for (const { name, unit, figure, run } of figures) {
    const results = new Map(all.map(({ driver }) => [driver, new Array<number>()]));
    for (let round = 0; round < repeat; round += 1) {
      for (const { driver, mountpoint } of all) results.get(driver)?.push(await run(mountpoint));
    }
    console.log(name);
    const [first] = results.values();
    for (const [driver, seconds] of results) {
      console.log(`  ${driver}: ${spread(seconds, (value) => `${figure(value).toPrecision(3)} ${unit}`)}`);
      if (seconds !== first) console.log(`    takes, beside ${values.drivers.split(',')[0] ?? ''}: ${spread(seconds.map((value, round) => value / (first?.[round] ?? NaN)), (value) => value.toFixed(2))} times`);
    }
  }
} finally {
  for (const one of all) await one.end();
}
